"""Laws of volume and diameters, and a slow second opinion."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial.transform import Rotation

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter
from oncotrace.imaging.outline import outline_segments
from oncotrace.measure.diameter import axial_diameters, longest_3d_diameter
from oncotrace.measure.tumour_size import tumour_size

SHAPE = (4, 5, 6)
voxels = arrays(np.bool_, SHAPE).filter(np.any)
spacings = st.tuples(*[st.floats(0.3, 5)] * 3)
Spacing = tuple[float, float, float]


def on_grid(array: NDArray[np.bool_], spacing_mm: Spacing) -> Mask:
    z, y, x = array.shape
    return Mask(array, Geometry((x, y, z), spacing_mm, (12.5, -40.0, 7.0)))


def edge_points_mm(index_zyx: NDArray[np.int64], mask: Mask, axes: str) -> NDArray[np.float64]:
    """Where the axes leave each voxel, computed for all voxels of the region."""
    points = []
    for z, y, x in index_zyx:
        for axis, sign in product(axes, (-0.5, 0.5)):
            step = np.array([axis == "x", axis == "y", axis == "z"]) * sign
            points.append(np.array([x, y, z]) + step)
    return mask.geometry.to_point_mm(points)


def brute_force_mm(mask: Mask, *, in_slice: bool) -> float:
    longest = 0.0
    touching = np.ones((3, 3, 3), dtype=bool)
    if in_slice:
        touching[[0, 2]] = False
    labels, count = label(mask.voxels, touching)
    for number in range(1, count + 1):
        region = np.argwhere(labels == number)
        points = edge_points_mm(region, mask, "xy" if in_slice else "xyz")
        gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
        longest = max(longest, float(gaps.max()))
    return longest


def lengths(mask: Mask) -> list[float]:
    size = tumour_size(mask)
    lines = (size.longest_axial, size.perpendicular, size.longest_3d)
    return [size.volume_ml, *(line.length_mm for line in lines)]


def ends(diameter: Diameter) -> list[tuple[float, float, float]]:
    return [diameter.start_mm, diameter.end_mm]


@settings(max_examples=60)
@given(voxels, spacings)
def test_hull_diameters_equal_brute_force_over_all_voxels(
    array: NDArray[np.bool_], spacing_mm: Spacing
) -> None:
    mask = on_grid(array, spacing_mm)
    assert longest_3d_diameter(mask).length_mm == pytest.approx(
        brute_force_mm(mask, in_slice=False)
    )
    assert axial_diameters(mask).longest.length_mm == pytest.approx(
        brute_force_mm(mask, in_slice=True)
    )


@given(voxels, spacings)
def test_perpendicular_is_not_longer_than_longest_and_axial_not_than_3d(
    array: NDArray[np.bool_], spacing_mm: Spacing
) -> None:
    _, longest, perpendicular, longest_3d = lengths(on_grid(array, spacing_mm))
    assert 0 < perpendicular <= longest + 1e-6
    assert longest <= longest_3d + 1e-6
    assert longest >= max(spacing_mm[:2]) - 1e-6


@given(voxels, voxels, spacings)
def test_diameters_grow_with_the_mask(
    array: NDArray[np.bool_], more: NDArray[np.bool_], spacing_mm: Spacing
) -> None:
    small, large = on_grid(array, spacing_mm), on_grid(array | more, spacing_mm)
    assert (
        axial_diameters(large).longest.length_mm >= axial_diameters(small).longest.length_mm - 1e-6
    )
    assert longest_3d_diameter(large).length_mm >= longest_3d_diameter(small).length_mm - 1e-6


@given(voxels, spacings, st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
def test_size_does_not_change_with_the_order_in_which_voxels_are_stored(
    array: NDArray[np.bool_],
    spacing_mm: Spacing,
    order: list[int],
    flips: tuple[bool, bool, bool],
) -> None:
    mask = on_grid(array, spacing_mm)
    stored = restored(mask, order, flips)
    np.testing.assert_allclose(lengths(stored), lengths(mask), atol=1e-5)
    one, other = tumour_size(mask), tumour_size(stored)
    for name in ("longest_axial", "perpendicular", "longest_3d"):
        np.testing.assert_allclose(ends(getattr(one, name)), ends(getattr(other, name)), atol=1e-4)


def restored(mask: Mask, order: list[int], flips: tuple[bool, bool, bool]) -> Mask:
    """Return the same mask with its array axes reordered and flipped, and the grid to match."""
    array = np.flip(mask.voxels.transpose(order), [axis for axis in range(3) if flips[axis]])
    grid = mask.geometry
    axes_xyz = [2 - axis for axis in reversed(order)]
    signs = np.array([-1.0 if flip else 1.0 for flip in reversed(flips)])
    direction = grid.axes[:, axes_xyz] * signs
    size = np.asarray(grid.size_xyz)
    first_voxel = np.zeros(3)
    for new, old in enumerate(axes_xyz):
        first_voxel[old] = size[old] - 1 if signs[new] < 0 else 0
    x, y, z = (float(value) for value in grid.to_point_mm(first_voxel))
    sx, sy, sz = (grid.spacing_mm[axis] for axis in axes_xyz)
    nz, ny, nx = array.shape
    return Mask(
        array,
        Geometry((nx, ny, nz), (sx, sy, sz), (x, y, z), tuple(float(v) for v in direction.ravel())),
    )


@given(voxels, spacings, st.integers(0, 2**32 - 1))
def test_volume_and_3d_diameter_do_not_change_with_the_pose_of_the_grid(
    array: NDArray[np.bool_], spacing_mm: Spacing, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pose = Rotation.random(rng=rng).as_matrix()
    z, y, x = array.shape
    ox, oy, oz = (float(v) for v in rng.uniform(-500, 500, 3))
    posed = Mask(
        array,
        Geometry((x, y, z), spacing_mm, (ox, oy, oz), tuple(float(v) for v in pose.ravel())),
    )
    straight = on_grid(array, spacing_mm)
    assert longest_3d_diameter(posed).length_mm == pytest.approx(
        longest_3d_diameter(straight).length_mm
    )
    assert lengths(posed)[0] == lengths(straight)[0]


@given(voxels, spacings, st.floats(-180, 180), st.floats(-40, 40))
def test_axial_diameters_do_not_change_when_the_patient_turns_or_tilts(
    array: NDArray[np.bool_], spacing_mm: Spacing, turn_deg: float, tilt_deg: float
) -> None:
    pose = Rotation.from_euler("zx", [turn_deg, tilt_deg], degrees=True).as_matrix()
    z, y, x = array.shape
    posed = Mask(
        array,
        Geometry((x, y, z), spacing_mm, direction=tuple(float(v) for v in pose.ravel())),
    )
    if axial_diameters(posed).axis == 2:
        np.testing.assert_allclose(
            axial_diameters(posed).longest.length_mm,
            axial_diameters(on_grid(array, spacing_mm)).longest.length_mm,
        )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_largest_of_equal_lines_is_chosen_by_place_not_by_order(order: tuple[int, ...]) -> None:
    cube = on_grid(np.ones((3, 3, 3), dtype=bool), (1.0, 1.0, 1.0))
    stored = restored(cube, list(order), (True, False, True))
    np.testing.assert_allclose(
        ends(tumour_size(stored).longest_3d), ends(tumour_size(cube).longest_3d), atol=1e-9
    )


@settings(max_examples=60)
@given(arrays(np.bool_, (1, 7, 8)).filter(np.any), st.tuples(*[st.floats(0.3, 3)] * 2))
def test_perpendicular_ends_on_the_outline_and_no_other_is_longer(
    array: NDArray[np.bool_], in_plane_mm: tuple[float, float]
) -> None:
    areas, _ = label(array[0], np.ones((3, 3)))
    if areas.max() > 1:
        array = (areas == 1)[None]  # one area, so that the outline is the measured one
    mask = on_grid(array, (*in_plane_mm, 2.0))
    axial = axial_diameters(mask)
    start, along = np.array(axial.longest.start_mm), unit(axial.longest)
    across = unit(axial.perpendicular)
    assert along @ across == pytest.approx(0, abs=1e-6)

    rows_columns = outline_segments(array[0])
    outline = mask.geometry.to_point_mm(
        np.concatenate([rows_columns[..., ::-1], np.zeros((*rows_columns.shape[:2], 1))], axis=-1)
    )
    t, s = (outline - start) @ along, (outline - start) @ across
    for end_mm in ends(axial.perpendicular):
        offset = np.array(end_mm) - start
        assert distance_to_segments(np.array([offset @ along, offset @ across]), t, s) < 1e-5
    for at in np.linspace(t.min(), t.max(), 61)[1:-1]:
        assert width_at(at, t, s) <= axial.perpendicular.length_mm + 1e-5


def unit(line: Diameter) -> NDArray[np.float64]:
    return np.subtract(line.end_mm, line.start_mm) / line.length_mm


def width_at(at: float, t: NDArray[np.float64], s: NDArray[np.float64]) -> float:
    """Distance between the outermost crossings of the line t = at, one segment at a time."""
    crossings = []
    for (t0, t1), (s0, s1) in zip(t, s, strict=True):
        if min(t0, t1) <= at <= max(t0, t1) and abs(t1 - t0) > 1e-9:
            crossings.append(s0 + (at - t0) / (t1 - t0) * (s1 - s0))
    return max(crossings) - min(crossings) if crossings else 0.0


def distance_to_segments(
    point: NDArray[np.float64], t: NDArray[np.float64], s: NDArray[np.float64]
) -> float:
    one, other = np.stack([t[:, 0], s[:, 0]], axis=1), np.stack([t[:, 1], s[:, 1]], axis=1)
    way = other - one
    share = np.clip(((point - one) * way).sum(axis=1) / (way**2).sum(axis=1), 0, 1)
    return float(np.linalg.norm(one + share[:, None] * way - point, axis=1).min())
