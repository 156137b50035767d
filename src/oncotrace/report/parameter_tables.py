"""How the images of a cohort were made: a table for each sequence, a row for each centre."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from oncotrace.report.cohort_content import PreparedCase, sequence_name, sequences_of

Parameters = Mapping[str, str | float]
"""How an image was made, by column."""

MOST_TEXTS = 5
_SCANNER = "scanner"
COLUMNS: Mapping[str, str] = {  # what is shown, and what people call it
    _SCANNER: "Scanners",
    "field_strength_t": "Field (T)",
    "tube_voltage_kv": "Tube voltage (kV)",
    "largest_tube_current_ma": "Largest tube current (mA)",
    "largest_exposure_mas": "Largest exposure (mAs)",
    "kernel": "Kernel",
    "plane": "Plane",
    "slice_thickness_mm": "Slice thickness (mm)",
    "slice_distance_mm": "Slice distance (mm)",
    "spacing_x_mm": "Pixel spacing (mm)",
    "slices": "Slices",
    "repetition_time_ms": "TR (ms)",
    "echo_time_ms": "TE (ms)",
    "inversion_time_ms": "TI (ms)",
    "flip_angle_deg": "Flip angle (°)",
    "echo_train_length": "Echo train",
    "mr_acquisition_type": "Acquisition",
    "fat_suppression": "Fat suppression",
    "contrast_agent": "Contrast agent",
    "tracer": "Tracer",
    "radionuclide": "Radionuclide",
    "injected_dose_bq": "Injected dose (MBq)",
    "patient_weight_kg": "Weight (kg)",
    "reconstruction": "Reconstruction",
    "attenuation_correction": "Attenuation correction",
    "decay_correction": "Decay correction",
}
_SCALES = {"injected_dose_bq": 1e-6}


@dataclass(frozen=True)
class ParameterCell:
    """Summary of a parameter, line by line; empty where no image has a value."""

    lines: tuple[str, ...] = ()
    is_number: bool = False


@dataclass(frozen=True)
class ParameterRow:
    """Parameters of the images of one centre: how many images, then a cell for each column."""

    centre: str
    images: int
    cells: tuple[ParameterCell, ...]


@dataclass(frozen=True)
class ParameterTable:
    """Parameters of one sequence; ``whole`` is there if there are several centres."""

    sequence: str
    columns: tuple[str, ...]
    rows: tuple[ParameterRow, ...]
    whole: ParameterRow | None

    @property
    def name(self) -> str:
        """What people call the sequence."""
        return sequence_name(self.sequence)

    @property
    def images(self) -> int:
        """How many images the sequence has."""
        return sum(row.images for row in self.rows)


def parameters_by_centre(
    cases: tuple[PreparedCase, ...],
) -> dict[str, dict[str, list[Parameters]]]:
    """Parameters of all images, as they are shown, by sequence and centre.

    The sequences are in their usual order, the centres in that of their names; images of no given
    centre come last.
    """
    found: dict[str, dict[str, list[Parameters]]] = {name: {} for name in sequences_of(cases)}
    for case in sorted(cases, key=lambda case: (not case.centre, case.centre)):
        for image in case.images:
            found[image.sequence].setdefault(case.group, []).append(_shown(image.parameters))
    return found


def parameter_table(sequence: str, by_centre: Mapping[str, Sequence[Parameters]]) -> ParameterTable:
    """Return the table of a sequence; its columns are those that any image has a value for.

    Numbers are median [smallest to largest], texts are counted.
    """
    every = [image for images in by_centre.values() for image in images]
    columns = [name for name in COLUMNS if any(name in image for image in every)]
    rows = tuple(_row(centre, images, columns) for centre, images in by_centre.items())
    whole = _row("All", every, columns) if len(rows) > 1 else None
    return ParameterTable(sequence, tuple(COLUMNS[name] for name in columns), rows, whole)


def summary_of_numbers(values: Sequence[float]) -> tuple[str, ...]:
    """Return the median and [smallest to largest], or the one number that all are."""
    low, middle, high = (short_number(v) for v in (min(values), median(values), max(values)))
    return (low,) if low == high else (middle, f"[{low} to {high}]")


def summary_of_texts(values: Iterable[str]) -> tuple[str, ...]:
    """Return every text with how often it is there, the commonest first; at most five."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{text}\N{NO-BREAK SPACE}({count})" for text, count in counts[:MOST_TEXTS]]
    if rest := counts[MOST_TEXTS:]:
        shown.append(f"{len(rest)} others\N{NO-BREAK SPACE}({sum(count for _, count in rest)})")
    return tuple(shown)


def short_number(value: float) -> str:
    """Return the number as exactly as a header means it: three decimals, fewer from 10 on."""
    size = abs(value)
    if value != 0 and not 1e-3 <= size < 1e9:
        text = f"{value:.3g}"
    else:
        decimals = 3 if size < 10 else 2 if size < 100 else 1
        text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return text.replace("-", "\N{MINUS SIGN}", 1) if value < 0 else text


def _shown(parameters: Parameters) -> dict[str, str | float]:
    """Parameters of an image as they are shown: make and model in one, doses in MBq."""
    shown = {
        name: value if isinstance(value, str) else value * _SCALES.get(name, 1.0)
        for name, value in parameters.items()
        if name in COLUMNS and (isinstance(value, str) or math.isfinite(value))
    }
    maker, model = (str(parameters.get(name, "")) for name in ("manufacturer", "model"))
    if scanner := f"{maker} {model}".strip():
        shown[_SCANNER] = scanner
    return shown


def _row(centre: str, images: Sequence[Parameters], columns: Sequence[str]) -> ParameterRow:
    return ParameterRow(centre, len(images), tuple(_cell(images, name) for name in columns))


def _cell(images: Sequence[Parameters], name: str) -> ParameterCell:
    """Summary of a column; where not every image has a number, of how many it is."""
    values = [image[name] for image in images if name in image]
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        texts = (v if isinstance(v, str) else short_number(v) for v in values)
        return ParameterCell(summary_of_texts(texts))
    if not numbers:
        return ParameterCell()
    of_how_many = () if len(values) == len(images) else (f"n = {len(values)}",)
    return ParameterCell((*summary_of_numbers(numbers), *of_how_many), is_number=True)
