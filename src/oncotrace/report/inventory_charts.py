"""Pictures of an inventory: series by sequence, and how they were made, by centre."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from oncotrace.report.chart import ACCENT, INK, QUIET, chart, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, object]

_MOST_GROUPS = 8
_OTHERS = "others"
_PANELS = {
    "CT": (
        ("slice_thickness_mm", "slice thickness (mm)"),
        ("slice_distance_mm", "distance of slices (mm)"),
        ("spacing_x_mm", "pixel spacing (mm)"),
        ("tube_voltage_kv", "tube voltage (kV)"),
        ("largest_tube_current_ma", "largest tube current (mA)"),
        ("largest_exposure_mas", "largest exposure (mAs)"),
    ),
    "MR": (
        ("slice_thickness_mm", "slice thickness (mm)"),
        ("slice_distance_mm", "distance of slices (mm)"),
        ("spacing_x_mm", "pixel spacing (mm)"),
        ("field_strength_t", "field strength (T)"),
        ("repetition_time_ms", "repetition time (ms)"),
        ("echo_time_ms", "echo time (ms)"),
    ),
    "PT": (
        ("slice_thickness_mm", "slice thickness (mm)"),
        ("spacing_x_mm", "pixel spacing (mm)"),
        ("injected_dose_bq", "injected dose (Bq)"),
        ("patient_weight_kg", "patient's weight (kg)"),
    ),
}
_FILES = {"CT": "ct.png", "MR": "mr.png", "PT": "pet.png"}
_COLUMNS = 2


def inventory_pictures(rows: Sequence[Row]) -> dict[str, bytes]:
    """Return PNGs by file name: series by sequence, and for CT, MR and PET the parameters.

    Parameters
    ----------
    rows
        Series by column, see `oncotrace.curate.series.Series`. Scouts are left out of the
        parameters. A centre is what the institution calls itself or, where it says nothing,
        manufacturer and model.
    """
    pictures = {}
    if rows:
        pictures["sequences.png"] = sequences_picture(rows)
    for modality, name in _FILES.items():
        of_modality = [row for row in rows if row["modality"] == modality and not _is_scout(row)]
        if of_modality:
            pictures[name] = parameters_picture(of_modality, modality)
    return pictures


def sequences_picture(rows: Sequence[Row]) -> bytes:
    """Return a PNG with a bar for each sequence, dark where it was recognised with some doubt."""
    counts = Counter(str(row["sequence"]) for row in rows)
    doubtful = Counter(str(row["sequence"]) for row in rows if _is_doubtful(row))
    names = [name for name, _ in counts.most_common()][::-1]

    def draw(figure: "Figure") -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.add_subplot()
        axes.barh(names, [counts[name] for name in names], color=ACCENT, label="series")
        axes.barh(
            names, [doubtful[name] for name in names], color=INK, label="confidence below 0.7"
        )
        for place, name in enumerate(names):
            axes.annotate(
                str(counts[name]),
                (counts[name], place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=QUIET,
            )
        axes.set(title=f"Series by sequence (n = {len(rows)})", xlabel="series")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(x=0.1)
        if doubtful:
            axes.legend(loc="lower right")

    return chart(draw, width_in=6.0, height_in=1.4 + 0.24 * len(names))


def parameters_picture(rows: Sequence[Row], modality: str) -> bytes:
    """Return a PNG: every parameter of a modality in a panel, a point for each series, by centre.

    The line is the median of the centre. At most eight centres stand apart, the largest.
    """
    centres = _centres(rows)
    panels = _PANELS[modality]
    lines = -(-len(panels) // _COLUMNS)

    def draw(figure: "Figure") -> None:
        grid = figure.subplots(lines, _COLUMNS, squeeze=False, sharey=True)
        for place, axes in enumerate(grid.ravel()):
            if place >= len(panels):
                axes.set_axis_off()
                continue
            column, label = panels[place]
            _draw_panel(axes, centres, column, label)
        figure.suptitle(
            f"{modality}: {len(rows)} series by centre", x=0.01, ha="left", weight="bold"
        )

    return chart(draw, width_in=8.0, height_in=0.8 + lines * (0.9 + 0.26 * len(centres)))


def _draw_panel(
    axes: "Axes", centres: Mapping[str, Sequence[Row]], column: str, label: str
) -> None:
    names = list(centres)
    for place, name in enumerate(names):
        # Headers repeat decimals of binary fractions; a thousandth is finer than any of these.
        values = [round(v, 3) for row in centres[name] if isinstance(v := row[column], int | float)]
        if not values:
            continue
        # Equal values lie side by side rather than on top of each other; no chance in it.
        offsets = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else np.zeros(1)
        axes.scatter(sorted(values), place + offsets, s=9, color=ACCENT, alpha=0.5, linewidths=0)
        median = float(np.median(values))
        axes.plot([median, median], [place - 0.38, place + 0.38], color=INK, linewidth=1.2)
    axes.set_yticks(range(len(names)), [f"{printable(n)} ({len(centres[n])})" for n in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.grid(visible=True, axis="x")
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    if not axes.collections:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "not stated", transform=axes.transAxes, ha="center", color=QUIET)


def _centres(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by centre, the largest first, the smallest together as others."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_centre(row)].append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    shown = dict(ordered[:_MOST_GROUPS])
    if rest := [row for _, members in ordered[_MOST_GROUPS:] for row in members]:
        shown[_OTHERS] = rest
    return shown


def _centre(row: Row) -> str:
    maker = " ".join(str(row[name]) for name in ("manufacturer", "model")).strip()
    return str(row["institution"]) or maker or "not known"


def _is_scout(row: Row) -> bool:
    return row["sequence"] in ("ct-scout", "mr-localiser", "localiser", "secondary-capture")


def _is_doubtful(row: Row) -> bool:
    confidence = row["sequence_confidence"]
    return isinstance(confidence, float) and confidence < 0.7
