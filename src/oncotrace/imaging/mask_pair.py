"""Two masks on one grid, cut to the box that holds them both."""

from oncotrace.domain.mask import Mask


def cropped_pair(mask: Mask, reference: Mask) -> tuple[Mask, Mask]:
    """Both masks on the smallest box that holds every voxel of either; one voxel if both are empty.

    What compares them takes the rest for background, so that the grid's size changes neither the
    result nor the time that it takes.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    mask.geometry.require_match(reference.geometry, this="mask", that="reference mask")
    either = Mask(mask.voxels | reference.voxels, mask.geometry)
    box = (slice(0, 1),) * 3 if either.is_empty else either.box_zyx()
    z, y, x = ((int(axis.start), int(axis.stop - axis.start)) for axis in box)
    geometry = mask.geometry.crop((x[0], y[0], z[0]), (x[1], y[1], z[1]))
    return Mask(mask.voxels[box], geometry), Mask(reference.voxels[box], geometry)
