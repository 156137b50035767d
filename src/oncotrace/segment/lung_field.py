"""The part of the chest that the tumour network is shown.

The lungs' own outline leaves out what has no air: a collapsed lobe, a tumour on the chest wall. The
other lung tells where that is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.axial_slices import axial_slices, axial_slices_grid, mask_on
from oncotrace.imaging.body import only_within
from oncotrace.imaging.ct_window import LUNG_WINDOW
from oncotrace.imaging.morphology import closed, dilated, filled_slices
from oncotrace.segment.spine_axis import SpineAxis, spine_axis

_GAP_XYZ = (15, 15, 0)
_DISC_XYZ = (5, 5, 0)


@dataclass(frozen=True, eq=False)
class LungField:
    """Slices for the network with air outside the lung field.

    Parameters
    ----------
    slices
        Hounsfield units on axial slices of 512 x 512 pixels of 1 mm
        (`oncotrace.imaging.axial_slices`), -1024 HU outside the field.
    field
        Lungs, mirrored about the spine and dilated, on the same grid.
    axis
        Spine in the lung slices.
    source
        Grid of the CT that the slices were made of.
    """

    slices: Scan
    field: Mask
    axis: SpineAxis
    source: Geometry

    @property
    def grey_levels(self) -> NDArray[np.uint8]:
        """Slices in the published lung window, 256 grey levels."""
        return LUNG_WINDOW.grey_levels(self.slices.voxels)

    def on_source(self, mask: Mask) -> Mask:
        """Mask drawn on the slices, on the CT's grid.

        Raises
        ------
        GeometryMismatchError
            The mask does not lie on the slices' grid.
        """
        mask.geometry.require_match(self.slices.geometry, this="mask", that="slices")
        return mask_on(mask, self.source)


def lung_field(ct: Scan, lungs: Mask) -> LungField:
    """Slices of a CT with air outside its lung field.

    The lungs are mirrored slice by slice about the sagittal line through the spine, united with
    their mirror image, and dilated by a disc of radius 5 pixels of 1 mm. Before that, and other
    than published, gaps of less than 30 mm in the union are closed and holes filled: the two halves
    of a chest are not the same, and a tumour may lie between the end of one lung and the image of
    the other, or in what they enclose.

    Parameters
    ----------
    lungs
        Both lungs, undilated, on the CT's grid.

    Raises
    ------
    GeometryMismatchError
        Lungs and CT lie on different grids.
    EmptyMaskError
        There are no lungs.

    References
    ----------
    Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
    """
    lungs.geometry.require_match(ct.geometry, this="lungs", that="image")
    on_slices = mask_on(lungs, axial_slices_grid(ct.geometry))
    if on_slices.is_empty:
        raise EmptyMaskError(
            "there are no lungs in the middle 512 mm of the slices, so there is no lung field.",
            hint="Give a CT of the chest.",
            code="no-lungs",
        )
    whole = axial_slices(ct)
    along, _, _ = on_slices.box_zyx()
    axis = spine_axis(whole, along.start, along.stop - 1)
    united = on_slices.voxels | mirrored(on_slices.voxels, axis)
    field = Mask(_grown(united), whole.geometry)
    return LungField(only_within(whole, field), field, axis, ct.geometry)


def _grown(united: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Union with its gaps closed, its holes filled, dilated; worked on in the box around it."""
    grown = np.zeros_like(united)
    box = tuple(
        slice(max(0, int(set_[0]) - margin), int(set_[-1]) + margin + 1)
        for set_, margin in zip(
            (np.flatnonzero(united.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))),
            reversed(_DISC_XYZ),
            strict=True,
        )
    )
    grown[box] = dilated(filled_slices(closed(united[box], _GAP_XYZ)), _DISC_XYZ)
    return grown


def mirrored(voxels: NDArray[np.bool_], axis: SpineAxis) -> NDArray[np.bool_]:
    """Voxels [z, y, x] reflected in every slice about the column of the spine, to whole columns."""
    image = np.zeros_like(voxels)
    width = voxels.shape[2]
    for z in np.flatnonzero(voxels.any(axis=(1, 2))):
        columns = round(2 * float(axis.column_in(int(z)))) - np.arange(width)
        within = (columns >= 0) & (columns < width)
        image[z][:, within] = voxels[z][:, columns[within]]
    return image
