"""Laws of filling slices between outlined ones."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.contour_interpolation import interpolated
from oncotrace.imaging.partial_mask import outlined_slices
from oncotrace.segment.propagate import propagated

SHAPE = (13, 22, 26)
SPACING_ZYX_MM = (3.0, 1.1, 0.9)


@st.composite
def partial_masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Lumps, in several pieces and with holes, on some slices along z."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    smooth = gaussian_filter(rng.normal(size=SHAPE), draw(st.sampled_from([1.5, 2.5, 4.0])))
    lumps = smooth > np.quantile(smooth, draw(st.sampled_from([0.5, 0.7, 0.85])))
    kept = sorted(draw(st.sets(st.integers(0, SHAPE[0] - 1), min_size=2, max_size=6)))
    partial = np.zeros(SHAPE, dtype=np.bool_)
    partial[kept] = lumps[kept]
    try:
        assume(outlined_slices(partial).axis == 0)
    except InputError:
        assume(False)
    return partial


def scan_of(seed: int) -> Scan:
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    z, y, x = SHAPE
    dz, dy, dx = SPACING_ZYX_MM
    voxels = gaussian_filter(noise, 1.5).astype(np.float32)
    return Scan(voxels, Geometry((x, y, z), (dx, dy, dz)))


def turned(scan: Scan, mask: NDArray[np.bool_], order: tuple[int, ...], flips: tuple[int, ...]):
    """Scan and mask with their axes permuted and flipped."""
    voxels = np.flip(scan.voxels.transpose(order), flips)
    spacing = [SPACING_ZYX_MM[axis] for axis in order]
    z, y, x = voxels.shape
    grid = Geometry((x, y, z), (spacing[2], spacing[1], spacing[0]))
    return Scan(voxels, grid), Mask(np.flip(mask.transpose(order), flips), grid)


@settings(max_examples=30, deadline=None)
@given(partial_masks(), st.integers(0, 1000))
def test_outlined_slices_come_back_voxel_by_voxel(partial: NDArray[np.bool_], seed: int) -> None:
    scan = scan_of(seed)
    made = propagated(Mask(partial, scan.geometry), scan).mask.voxels
    outlined = list(outlined_slices(partial).numbers)
    np.testing.assert_array_equal(made[outlined], partial[outlined])
    assert not made[: outlined[0]].any()
    assert not made[outlined[-1] + 1 :].any()


@settings(max_examples=30, deadline=None)
@given(
    partial_masks(),
    st.integers(0, 1000),
    st.permutations(range(3)),
    st.sets(st.sampled_from([0, 1, 2])),
)
def test_how_the_grid_is_stored_changes_nothing(
    partial: NDArray[np.bool_], seed: int, order: list[int], flips: set[int]
) -> None:
    scan = scan_of(seed)
    straight = propagated(Mask(partial, scan.geometry), scan).mask.voxels
    axes = tuple(sorted(flips))
    turned_scan, turned_mask = turned(scan, partial, tuple(order), axes)
    made = propagated(turned_mask, turned_scan).mask.voxels
    np.testing.assert_array_equal(made, np.flip(straight.transpose(order), axes))


@settings(max_examples=30, deadline=None)
@given(partial_masks(), st.permutations(range(3)), st.sets(st.sampled_from([0, 1, 2])))
def test_how_the_grid_is_stored_does_not_change_the_shape(
    partial: NDArray[np.bool_], order: list[int], flips: set[int]
) -> None:
    straight = interpolated(partial, outlined_slices(partial), SPACING_ZYX_MM)
    axes = tuple(sorted(flips))
    there = np.flip(partial.transpose(order), axes)
    z, y, x = (SPACING_ZYX_MM[axis] for axis in order)
    made = interpolated(there, outlined_slices(there), (z, y, x))
    np.testing.assert_array_equal(made, np.flip(straight.transpose(order), axes))
