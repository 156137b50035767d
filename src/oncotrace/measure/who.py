"""The World Health Organization's bidimensional size of a tumour."""

from dataclasses import dataclass

from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter
from oncotrace.measure.diameter import axial_diameters


@dataclass(frozen=True)
class WhoProduct:
    """Product of the longest axial diameter and its longest perpendicular, and both lines."""

    product_mm2: float
    longest: Diameter
    perpendicular: Diameter


def who_product(mask: Mask) -> WhoProduct:
    """Product of the two largest perpendicular diameters in the slice of the longest one.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    Miller et al., Reporting results of cancer treatment, Cancer 1981;47:207-214.
    """
    axial = axial_diameters(mask)
    product_mm2 = axial.longest.length_mm * axial.perpendicular.length_mm
    return WhoProduct(product_mm2, axial.longest, axial.perpendicular)
