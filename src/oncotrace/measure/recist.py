"""Sizes by which RECIST 1.1 follows lesions, and what it asks of them at baseline.

References
----------
Eisenhauer et al., New response evaluation criteria in solid tumours: revised RECIST guideline
(version 1.1), Eur J Cancer 2009;45:228-247, doi:10.1016/j.ejca.2008.10.026. "Section" below means
a section of it.
"""

from dataclasses import dataclass
from typing import Literal

from oncotrace.domain.lesion import Lesion, LesionReading
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter
from oncotrace.measure.diameter import axial_diameters
from oncotrace.measure.equivalent_sphere import sphere_diameter_mm, sphere_volume_ml

Quantity = Literal["diameter", "volume", "sphere-diameter"]

MEASURABLE_MM = 10.0  # section 3.1.1, by CT
MEASURABLE_NODE_MM = 15.0  # section 3.1.1, short axis
PATHOLOGICAL_NODE_MM = 10.0  # sections 3.1.1 and 4.3.1: a smaller node is normal
THIN_SLICE_MM = 5.0  # section 3.1.1; thicker ones double what is measurable, appendix II
TOO_SMALL_MM = 5.0  # section 4.3.2: there, too faint to measure
MOST_TARGETS = 5  # section 4.2
MOST_TARGETS_PER_ORGAN = 2  # section 4.2


def recist_diameter(mask: Mask, *, is_node: bool) -> Diameter:
    """Line that RECIST 1.1 measures: the short axis of a node, else the longest axial diameter.

    The short axis is the longest line at right angles to the longest diameter, in its slice.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    Sections 3.1.1 and 4.2; nodes: Schwartz et al., Eur J Cancer 2009;45:261-267,
    doi:10.1016/j.ejca.2008.10.028.
    """
    axial = axial_diameters(mask)
    return axial.perpendicular if is_node else axial.longest


def least_measurable_mm(*, is_node: bool, slice_thickness_mm: float | None) -> float:
    """Least size at which a lesion can be a target: longest diameter, or a node's short axis.

    On slices thicker than 5 mm it is at least twice their thickness. The guideline says so of
    lesions; nodes are treated alike here. An unknown thickness counts as thin.

    References
    ----------
    Section 3.1.1 and appendix II.
    """
    least_mm = MEASURABLE_NODE_MM if is_node else MEASURABLE_MM
    if slice_thickness_mm is not None and slice_thickness_mm > THIN_SLICE_MM:
        return max(least_mm, 2 * slice_thickness_mm)
    return least_mm


def recist_size(lesion: Lesion, reading: LesionReading | None, quantity: Quantity) -> float | None:
    """Size with which a lesion enters a sum: mm for diameters, ml for volumes.

    What is absent, or merged into another lesion, counts nothing. What is too small to measure
    counts 5 mm (as a volume, that of a sphere of 5 mm), unless it was measured after all. None
    where the lesion was not evaluated or the size is not given.

    References
    ----------
    Sections 4.2 (nodes by their short axis) and 4.3.2 (too small to measure).
    """
    if reading is None or reading.state == "not-evaluable":
        return None
    if reading.state in ("absent", "merged"):
        return 0.0
    if quantity == "diameter":
        given = reading.short_axis_mm if lesion.is_node else reading.longest_diameter_mm
        return TOO_SMALL_MM if given is None and reading.state == "too-small" else given
    volume_ml = reading.volume_ml
    if volume_ml is None and reading.state == "too-small":
        volume_ml = sphere_volume_ml(TOO_SMALL_MM)
    if volume_ml is None or quantity == "volume":
        return volume_ml
    return sphere_diameter_mm(volume_ml)


def is_gone(lesion: Lesion, reading: LesionReading | None) -> bool:
    """Whether a lesion has disappeared; a node has when its short axis is under 10 mm.

    References
    ----------
    Section 4.3.1, complete response, and 4.3.2, lymph nodes.
    """
    if reading is None or reading.state == "not-evaluable":
        return False
    if reading.state in ("absent", "merged"):
        return True
    size_mm = recist_size(lesion, reading, "diameter")
    if size_mm is None:
        return reading.volume_ml == 0
    return size_mm < PATHOLOGICAL_NODE_MM if lesion.is_node else size_mm == 0


def is_measurable(lesion: Lesion, reading: LesionReading | None) -> bool:
    """Whether a lesion is large enough to be a target.

    References
    ----------
    Section 3.1.1.
    """
    size_mm = recist_size(lesion, reading, "diameter")
    least_mm = least_measurable_mm(
        is_node=lesion.is_node, slice_thickness_mm=lesion.slice_thickness_mm
    )
    return size_mm is not None and size_mm >= least_mm


@dataclass(frozen=True)
class Burden:
    """Sum of what was measured of the target lesions, and the names of those not evaluated."""

    measured: float
    missing: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every target lesion is in the sum."""
        return not self.missing


def burden(targets: tuple[Lesion, ...], at: int, quantity: Quantity) -> Burden:
    """Sum of diameters (mm), volumes (ml) or diameters of spheres (mm) at a time point.

    References
    ----------
    Section 4.2, the sum of the diameters: longest for lesions, short axis for nodes.
    """
    sizes = {lesion.name: recist_size(lesion, lesion.readings[at], quantity) for lesion in targets}
    return Burden(
        measured=sum(size for size in sizes.values() if size is not None),
        missing=tuple(name for name, size in sizes.items() if size is None),
    )
