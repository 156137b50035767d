import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError, InputError
from oncotrace.imaging.contour_interpolation import interpolated
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.partial_mask import outlined_slices
from oncotrace.segment.propagate import propagated

GRID = Geometry((70, 64, 25), (1.0, 1.0, 4.0), (10.0, -20.0, 300.0))


def waist() -> Mask:
    """A tumour with a waist in the middle slice, where nobody has outlined it."""
    z, y, x = np.indices(GRID.shape_zyx)
    radius = 9 + 7 * np.abs(z - 12) / 10
    inside = ((x - 34.5) ** 2 + (y - 31.5) ** 2 <= radius**2) & (np.abs(z - 12) <= 10)
    return Mask(inside, GRID)


def partly(whole: Mask, *numbers: int) -> Mask:
    partial = np.zeros_like(whole.voxels)
    partial[list(numbers)] = whole.voxels[list(numbers)]
    return Mask(partial, whole.geometry)


def seen(tumour: Mask, *, contrast: float, offset: float = 0.0, scale: float = 1.0) -> Scan:
    noise = np.random.default_rng(3).normal(scale=10.0, size=tumour.voxels.shape)
    voxels = offset + scale * (100 + contrast * tumour.voxels + noise)
    return Scan(voxels.astype(np.float32), tumour.geometry)


def shape_alone(partial: Mask) -> Mask:
    outlined = outlined_slices(partial.voxels)
    spacing_mm = partial.geometry.spacing_zyx_mm
    return Mask(interpolated(partial.voxels, outlined, spacing_mm), partial.geometry)


def test_the_image_shows_a_waist_that_the_outlines_do_not() -> None:
    partial = partly(waist(), 2, 22)
    made = propagated(partial, seen(waist(), contrast=60)).mask
    plain = dice(shape_alone(partial), waist())
    assert dice(made, waist()) > plain + 0.05


@pytest.mark.parametrize("contrast", [60, -60])
def test_bright_and_dark_tumours_are_followed_alike_on_any_scale(contrast: float) -> None:
    partial = partly(waist(), 2, 22)
    made = propagated(partial, seen(waist(), contrast=contrast)).mask
    scaled = propagated(partial, seen(waist(), contrast=contrast, offset=-1024, scale=4)).mask
    assert dice(made, scaled) > 0.99
    assert dice(made, waist()) > dice(shape_alone(partial), waist()) + 0.05


def test_an_image_without_anything_in_it_leaves_the_shape() -> None:
    partial = partly(waist(), 2, 9, 22)
    blank = Scan(np.full(GRID.shape_zyx, 7.0, dtype=np.float32), GRID)
    made = propagated(partial, blank)
    np.testing.assert_array_equal(made.mask.voxels, shape_alone(partial).voxels)
    assert made.outlined.numbers == (2, 9, 22)


def test_outlined_slices_are_kept_and_nothing_lies_beyond_them() -> None:
    partial = partly(waist(), 5, 6, 11, 17)
    made = propagated(partial, seen(waist(), contrast=60)).mask
    for number in (5, 6, 11, 17):
        np.testing.assert_array_equal(made.voxels[number], partial.voxels[number])
    assert not made.voxels[:5].any()
    assert not made.voxels[18:].any()
    assert made.voxels[5:18].any(axis=(1, 2)).all()


def test_a_bright_neighbour_is_not_taken_in_as_a_speck() -> None:
    tumour = waist()
    voxels = seen(tumour, contrast=60).voxels.copy()
    voxels[9:16, 28:34, 50:56] += 60
    made = propagated(partly(tumour, 2, 22), Scan(voxels, GRID)).mask
    assert not made.voxels[:, 29:33, 52:56].any()


def test_an_image_on_another_grid_is_refused() -> None:
    other = Geometry(GRID.size_xyz, (1.0, 1.0, 4.1), GRID.origin_mm)
    image = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), other)
    with pytest.raises(GeometryMismatchError, match="mask and the image"):
        propagated(partly(waist(), 2, 22), image)


def test_an_image_that_is_not_finite_near_the_outlines_is_refused() -> None:
    voxels: NDArray[np.float32] = seen(waist(), contrast=60).voxels.copy()
    voxels[10, 30, 30] = np.nan
    with pytest.raises(InputError, match="1 voxels around the outlines"):
        propagated(partly(waist(), 2, 22), Scan(voxels, GRID))


def test_a_mask_with_all_slices_outlined_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to fill"):
        propagated(waist(), seen(waist(), contrast=60))
