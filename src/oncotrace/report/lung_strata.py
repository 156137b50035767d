"""The published groups of lung tumours, and how well each lung's score tells ill from well.

References
----------
Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3: slice thickness 0 to 2.5,
2.5 to 5 and above 5 mm; volume below 20, 20 to 150 and above 150 ml; parenchyma, mediastinum and
chest wall; detection by lung.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.evaluation_tables import SummaryRow, summary_rows
from oncotrace.stats.detection import Detection, detection

SIDES = ("left", "right")
THICKNESS, SIZE, LOCATION = "slice_thickness", "size", "location"
NOT_KNOWN = "not known"
GROUPS: dict[str, tuple[str, ...]] = {
    THICKNESS: ("0-2.5 mm", "2.5-5 mm", ">5 mm"),
    SIZE: ("<20 ml", "20-150 ml", ">150 ml"),
    LOCATION: ("parenchyma", "mediastinum", "chest wall"),
}
"""The published groups; locations that a cohort names may be others."""

_SEED = 20  # of the bootstrap; fixed, so that the same cases give the same intervals


def thickness_group(case: EvaluatedCase) -> str:
    """Group of the distance of slices; an end belongs to the group below it."""
    return _group(case.value("slice_spacing_mm"), (2.5, 5.0), GROUPS[THICKNESS])


def size_group(case: EvaluatedCase) -> str:
    """Group of the reference's volume; 20 and 150 ml belong to the middle."""
    volume = case.value("reference_volume_ml")
    below = volume if volume >= 20 else math.nextafter(volume, 0)
    return _group(below, (math.nextafter(20, 0), 150.0), GROUPS[SIZE])


def location_group(case: EvaluatedCase) -> str:
    """Where the reference lies, as the cohort says or as was derived."""
    named = case.result.get("location")
    return str(named) if named else NOT_KNOWN


STRATA: dict[str, Callable[[EvaluatedCase], str]] = {
    THICKNESS: thickness_group,
    SIZE: size_group,
    LOCATION: location_group,
}


def stratified_rows(cases: Sequence[EvaluatedCase]) -> dict[str, list[SummaryRow]]:
    """Every measure over all cases, and by each way to group them; the first without any.

    Cases without a tumour have no overlap to measure and are left out.
    """
    ill = [case for case in cases if case.result.get("has_tumour")]
    rows = {"": summary_rows(ill)}
    for name, group in STRATA.items():
        grouped = [replace(case, group=group(case)) for case in ill]
        rows[name] = [row for row in summary_rows(grouped) if row.group]
    return rows


def lung_detection(cases: Sequence[EvaluatedCase], threshold: float) -> Detection | None:
    """Judge the lungs, two of every case, patients drawn whole; nothing without a case."""
    lungs = [
        (case.value(f"{side}_lung_score"), bool(case.result.get(f"{side}_lung_ill")), case)
        for case in cases
        for side in SIDES
    ]
    if not lungs:
        return None
    return detection(
        [score for score, _, _ in lungs],
        [float(ill) for _, ill, _ in lungs],
        groups=[case.patient_id for _, _, case in lungs],
        threshold=threshold,
        seed=_SEED,
    )


def detection_json(found: Detection | None) -> dict[str, object] | None:
    """Return a detection as plain JSON values, with what one observation is."""
    return None if found is None else {"observation": "lung", **asdict(found)}


def _group(value: float, ends: tuple[float, float], names: Sequence[str]) -> str:
    if math.isnan(value):
        return NOT_KNOWN
    return names[sum(value > end for end in ends)]
