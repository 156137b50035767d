"""Everything that is measured on one mask."""

from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.imaging.planes import tilt_deg
from oncotrace.measure.diameter import axial_diameters, longest_3d_diameter
from oncotrace.measure.volume import volume_ml


def tumour_size(mask: Mask) -> TumourSize:
    """Volume and diameters of the mask; see `volume_ml`, `axial_diameters`, `longest_3d_diameter`.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    """
    axial = axial_diameters(mask)
    return TumourSize(
        volume_ml=volume_ml(mask),
        longest_axial=axial.longest,
        perpendicular=axial.perpendicular,
        longest_3d=longest_3d_diameter(mask),
        axial_slice=axial.slice_index,
        axial_axis=axial.axis,
        axial_tilt_deg=tilt_deg(mask.geometry, plane=2),
    )
