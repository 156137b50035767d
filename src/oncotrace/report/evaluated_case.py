"""What is measured on one case of an evaluation, and how people call it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One figure of a case: its name in ``result.json``, how people call it, and its unit.

    ``is_absolute``: the size of the entry ``source`` without its sign. ``is_compared``: two methods
    are tested on it.
    """

    name: str
    label: str
    unit: str
    decimals: int
    source: str = ""
    is_compared: bool = False

    def of(self, result: Mapping[str, object]) -> float:
        """Value in a case's result; infinite where the result says so, NaN where there is none."""
        entry = self.source or self.name
        value = result.get(entry)
        if isinstance(value, int | float):
            return abs(value) if self.source else float(value)
        is_infinite = entry in str(result.get("infinite_measures") or "").split()
        return math.inf if is_infinite else math.nan


MEASURES = (
    Measure("dice", "Dice", "", 3, is_compared=True),
    Measure("jaccard", "Jaccard (IoU)", "", 3),
    Measure("f2", "F2", "", 3),
    Measure("sensitivity", "sensitivity", "", 3, is_compared=True),
    Measure("precision", "precision", "", 3, is_compared=True),
    Measure("surface_dice", "surface Dice, 2 mm", "", 3, is_compared=True),
    Measure("hausdorff95_mm", "HD95", "mm", 2, is_compared=True),
    Measure("assd_mm", "ASSD", "mm", 2, is_compared=True),
    Measure("added_path_length_mm", "added path length", "mm", 0),
    Measure("volume_error_percent", "volume error", "%", 1),
    Measure(
        "absolute_volume_error_percent",
        "|volume error|",
        "%",
        1,
        source="volume_error_percent",
        is_compared=True,
    ),
    Measure("longest_axial_diameter_error_mm", "diameter error", "mm", 1),
    Measure(
        "absolute_longest_axial_diameter_error_mm",
        "|diameter error|",
        "mm",
        1,
        source="longest_axial_diameter_error_mm",
        is_compared=True,
    ),
    Measure("click_to_mask_s", "click to mask", "s", 2),
)


@dataclass(frozen=True, eq=False)
class EvaluatedCase:
    """One case with its measures, the patient it is of and the group it is counted in."""

    case_id: str
    patient_id: str
    result: Mapping[str, object]
    group: str = ""

    def value(self, name: str) -> float:
        """Entry of the result that must be a number, such as a volume; NaN where it is not."""
        value = self.result.get(name)
        return float(value) if isinstance(value, int | float) else math.nan
