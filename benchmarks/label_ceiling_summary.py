"""The tables of ``label_ceiling.py`` in Markdown."""

import numpy as np
import pandas as pd

from boundary_edges import LARGEST_SHIFT_MM, STEPS_MM
from markdown_table import markdown
from oncotrace.stats.agreement import pearson, spearman

AGREEING_MM = 2.0
LIMITS = {"dice_shifted": "shift", "invisible_share": "invisible boundary", "volume_ml": "volume"}
FIGURES = {
    "shift_mm": ("shift onto the nearest edges (mm)", 1),
    "halves_apart_mm": ("two halves' shifts apart (mm)", 1),
    "dice_shifted": ("Dice, outline against the shifted outline", 3),
    "invisible_share": ("share of the boundary without an edge", 2),
    "dice_blurred": ("Dice, outline against itself blurred by a voxel", 3),
    "dice_1mm_in": ("Dice, outline against 1 mm further in", 3),
    "dice_1mm_out": ("Dice, outline against 1 mm further out", 3),
    "dice_other_image": ("Dice, outline against the other image's", 3),
}
WORST = 10
_SHIFTS = [f"shift_{axis}_mm" for axis in "xyz"]


def summary(table: pd.DataFrame) -> str:
    """All tables, from one row per image."""
    parts = [
        [
            "# What the reference outlines allow",
            "",
            "An estimate and not a bound: see `label_ceiling.py` for what was measured. Mean ± SD "
            "(median; least to greatest) over patients.",
        ],
        _figures(table),
        ["## Is the shift real?", "", *_halves(table)],
        ["## Our out-of-fold masks", "", *_ours(table)],
        ["## Where edges would cost most", "", *_worst(table)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _figures(table: pd.DataFrame) -> list[str]:
    by_image = dict(list(table.groupby("modality", sort=False)))
    rows = [
        [label, *(_spread(of[name], digits) for of in by_image.values())]
        for name, (label, digits) in FIGURES.items()
    ]
    at_limit = [
        int((of["shift_mm"] > LARGEST_SHIFT_MM - STEPS_MM[0]).sum()) for of in by_image.values()
    ]
    rows.append([f"shifts within {STEPS_MM[0]:.0f} mm of the search's limit", *at_limit])
    return markdown(["", *by_image], rows)


def _halves(table: pd.DataFrame) -> list[str]:
    """Rows of whether two halves of a surface, and two images, ask for the same shift."""
    rows = []
    for image, of in table.groupby("modality", sort=False):
        agreeing = of[of["halves_apart_mm"] <= AGREEING_MM]
        cells = [
            _correlation(of[f"first_{axis}_mm"], of[f"second_{axis}_mm"])
            for axis in ("x", "y", "z")
        ]
        agreed = f"{agreeing['dice_shifted'].mean():.3f}" if len(agreeing) else ""
        rows.append([image, *cells, f"{len(agreeing)} of {len(of)}", agreed])
    rows.append(["both images", *_between_images(table), "", ""])
    names = ["image", "r along x", "r along y", "r along z", f"halves within {AGREEING_MM:.0f} mm"]
    return markdown([*names, "Dice of these with the shifted outline"], rows)


def _between_images(table: pd.DataFrame) -> list[str]:
    """Correlation of the shifts that a patient's two images ask for, along x, y and z."""
    shifts = table.pivot_table(index="patient", columns="modality", values=_SHIFTS)
    return [_correlation(shifts[name]["mr-t1"], shifts[name]["ct"]) for name in _SHIFTS]


def _ours(table: pd.DataFrame) -> list[str]:
    """Rows of our Dice with both outlines, and of what goes with it over patients."""
    rows = []
    for image, of in table.dropna(subset="dice_ours").groupby("modality", sort=False):
        gain = of["dice_ours_shifted"] - of["dice_ours"]
        ranks = [spearman(of["dice_ours"], of[name]) if len(of) > 2 else None for name in LIMITS]
        rows.append(
            (
                image,
                len(of),
                f"{of['dice_ours'].mean():.3f}",
                f"{of['dice_ours_shifted'].mean():.3f}",
                int((gain > 0).sum()),
                *("" if rank is None else f"{rank:+.2f}" for rank in ranks),
            )
        )
    if not rows:
        return ["No masks yet."]
    names = ["image", "n", "Dice with the outline", "with the shifted one", "better with it"]
    ranked = [f"Spearman of Dice with {name}" for name in LIMITS.values()]
    return markdown([*names, *ranked], rows)


def _worst(table: pd.DataFrame) -> list[str]:
    worst = table.sort_values("dice_shifted").head(WORST)
    rows = [
        (
            row["patient"],
            row["modality"],
            f"{row['volume_ml']:.0f}",
            f"{row['shift_mm']:.1f}",
            f"{row['halves_apart_mm']:.1f}",
            f"{row['dice_shifted']:.3f}",
            f"{row['invisible_share']:.2f}",
            "" if np.isnan(row["dice_ours"]) else f"{row['dice_ours']:.3f}",
        )
        for _, row in worst.iterrows()
    ]
    names = ["patient", "image", "volume (ml)", "shift (mm)", "halves apart (mm)"]
    return markdown([*names, "Dice shifted", "without an edge", "our Dice"], rows)


def _spread(values: pd.Series, digits: int) -> str:
    mean, sd, median, least, greatest = (
        f"{v:.{digits}f}"
        for v in (values.mean(), values.std(), values.median(), values.min(), values.max())
    )
    return f"{mean} ± {sd} ({median}; {least} to {greatest})"


def _correlation(first: pd.Series, second: pd.Series) -> str:
    r = pearson(first, second).r if len(first) > 2 else None
    return "" if r is None else f"{r:.2f}"
