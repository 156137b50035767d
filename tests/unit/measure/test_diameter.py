import csv
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter
from oncotrace.errors import EmptyMaskError
from oncotrace.io.volume_file import read_mask
from oncotrace.measure.diameter import axial_diameters, longest_3d_diameter

SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # x runs to P, y to S, z to L
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0)  # x runs to L, y to S, z to A


def mask_of(
    *voxels_zyx: tuple[int, int, int],
    shape: tuple[int, int, int] = (6, 24, 24),
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
) -> Mask:
    voxels: NDArray[np.bool_] = np.zeros(shape, dtype=bool)
    for index in voxels_zyx:
        voxels[index] = True
    z, y, x = shape
    return Mask(voxels, Geometry((x, y, z), spacing_mm, (-7.0, 11.0, 30.0), direction))


def disk(radius_voxels: float, spacing_mm: float = 1.0) -> Mask:
    y, x = np.mgrid[:61, :61] - 30
    voxels = np.zeros((3, 61, 61), dtype=bool)
    voxels[1] = x**2 + y**2 <= radius_voxels**2
    return Mask(voxels, Geometry((61, 61, 3), (spacing_mm, spacing_mm, 5.0)))


def distance_mm(diameter: Diameter) -> float:
    return float(np.linalg.norm(np.subtract(diameter.end_mm, diameter.start_mm)))


def test_empty_mask_has_no_diameter() -> None:
    empty = mask_of()
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        axial_diameters(empty)
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        longest_3d_diameter(empty)


def test_one_voxel_has_its_own_size() -> None:
    one = mask_of((2, 3, 4), spacing_mm=(0.8, 0.6, 3.0))
    axial = axial_diameters(one)
    assert axial.longest.length_mm == pytest.approx(0.8)
    assert axial.perpendicular.length_mm == pytest.approx(0.6)
    assert axial.slice_index == 2
    assert longest_3d_diameter(one).length_mm == pytest.approx(3.0)


@pytest.mark.parametrize("n", [2, 3, 17])
def test_row_of_voxels_is_as_long_as_its_voxels_together(n: int) -> None:
    row = mask_of(*((1, 5, x) for x in range(2, 2 + n)), spacing_mm=(0.7, 0.7, 4.0))
    axial = axial_diameters(row)
    assert axial.longest.length_mm == pytest.approx(n * 0.7)
    assert axial.perpendicular.length_mm == pytest.approx(0.7)


def test_ends_lie_on_the_outer_edges_of_the_last_voxels() -> None:
    row = mask_of(*((1, 5, x) for x in range(2, 12)))
    longest = axial_diameters(row).longest
    to_index = row.geometry.to_index
    np.testing.assert_allclose(to_index(longest.start_mm), (1.5, 5, 1), atol=1e-9)
    np.testing.assert_allclose(to_index(longest.end_mm), (11.5, 5, 1), atol=1e-9)


def test_diagonal_row_lies_between_its_centres_and_its_corners() -> None:
    diagonal = mask_of(*((1, i, i) for i in range(2, 12)))
    # From the outer middle of the first voxel's edge to that of the last one's: (10, 9) voxels.
    length_mm = axial_diameters(diagonal).longest.length_mm
    assert length_mm == pytest.approx(np.hypot(10, 9))
    assert 9 * np.sqrt(2) < length_mm < 10 * np.sqrt(2)


def test_column_through_slices_is_measured_in_3d_only() -> None:
    column = mask_of(*((z, 5, 5) for z in range(1, 5)), spacing_mm=(1.0, 1.0, 3.0))
    assert longest_3d_diameter(column).length_mm == pytest.approx(12.0)
    assert axial_diameters(column).longest.length_mm == pytest.approx(1.0)


def test_rectangle_is_measured_from_edge_to_edge() -> None:
    rectangle = mask_of(*((1, y, x) for y in range(4, 10) for x in range(3, 19)))
    axial = axial_diameters(rectangle)
    # 16 x 6 voxels, corners cut at the middles of their voxels' edges.
    assert axial.longest.length_mm == pytest.approx(np.hypot(16, 5))


def test_cross_has_both_arms() -> None:
    arms = [(1, 10, x) for x in range(2, 19)] + [(1, y, 8) for y in range(6, 15)]
    axial = axial_diameters(mask_of(*arms))
    assert axial.longest.length_mm == pytest.approx(17)
    assert axial.perpendicular.length_mm == pytest.approx(9)
    assert axial.perpendicular.start_mm[0] == pytest.approx(-7 + 8)
    assert axial.perpendicular.end_mm[0] == pytest.approx(-7 + 8)


@pytest.mark.parametrize("radius", [4.0, 11.3, 25.0])
def test_disk_has_its_diameter_both_ways(radius: float) -> None:
    axial = axial_diameters(disk(radius, spacing_mm=0.5))
    assert axial.longest.length_mm == pytest.approx(radius, abs=0.5)  # 2 r voxels of 0.5 mm
    assert axial.perpendicular.length_mm == pytest.approx(radius, abs=0.75)


def test_sphere_has_its_diameter_within_a_voxel() -> None:
    z, y, x = np.indices((41, 61, 61)) - np.array([20, 30, 30])[:, None, None, None]
    ball = Mask(
        np.hypot(np.hypot(x * 0.7, y * 0.7), z * 1.1) <= 20.0,
        Geometry((61, 61, 41), (0.7, 0.7, 1.1)),
    )
    assert longest_3d_diameter(ball).length_mm == pytest.approx(40.0, abs=1.1)
    assert axial_diameters(ball).longest.length_mm == pytest.approx(40.0, abs=0.7)


def test_longest_slice_is_chosen_not_the_largest() -> None:
    block = [(1, y, x) for y in range(2, 10) for x in range(2, 10)]
    row = [(2, 5, x) for x in range(2, 22)]
    assert axial_diameters(mask_of(*block, *row)).slice_index == 2


def test_perpendicular_runs_through_the_middle_when_all_are_equal() -> None:
    row = mask_of(*((1, 5, x) for x in range(2, 12)))
    perpendicular = axial_diameters(row).perpendicular
    middle = (np.asarray(perpendicular.start_mm) + perpendicular.end_mm) / 2
    np.testing.assert_allclose(row.geometry.to_index(middle), (6.5, 5, 1), atol=1e-5)


def test_perpendicular_spans_the_outermost_crossings() -> None:
    # A ring: the line across meets the outline four times.
    y, x = np.mgrid[:24, :24] - 11
    ring = (np.hypot(x, y) <= 10) & (np.hypot(x, y) >= 8)
    ring[:, 22] = False
    ring[11, 20:23] = True
    mask = mask_of(*((1, int(r), int(c)) for r, c in np.argwhere(ring)))
    assert axial_diameters(mask).perpendicular.length_mm == pytest.approx(21, abs=1)


def test_diameter_does_not_jump_to_an_island() -> None:
    tumour = [(1, y, x) for y in range(2, 6) for x in range(2, 8)]
    island = (1, 20, 22)
    assert axial_diameters(mask_of(*tumour, island)) == axial_diameters(mask_of(*tumour))
    assert longest_3d_diameter(mask_of(*tumour, island)) == longest_3d_diameter(mask_of(*tumour))


def test_voxels_that_touch_at_corners_are_one_tumour() -> None:
    assert longest_3d_diameter(mask_of((1, 5, 5), (2, 6, 6))).length_mm == pytest.approx(
        np.sqrt(2**2 + 1 + 1)
    )


def test_areas_of_one_slice_joined_through_another_are_measured_apart() -> None:
    horseshoe = [(1, 5, x) for x in range(2, 6)] + [(1, 5, x) for x in range(14, 20)]
    bridge = [(2, 4, x) for x in range(2, 3)] + [(2, 5, 3)]
    assert axial_diameters(mask_of(*horseshoe, *bridge)).longest.length_mm == pytest.approx(6)


@pytest.mark.parametrize(("direction", "axis"), [(SAGITTAL, 1), (CORONAL, 1)])
def test_axial_means_axial_of_the_patient(direction: tuple[float, ...], axis: int) -> None:
    # 4 voxels along S, 7 along the acquired slices, 3 along the other in-plane axis.
    block = [(z, y, x) for z in range(7) for y in range(4) for x in range(3)]
    mask = mask_of(*block, shape=(9, 9, 9), direction=direction)
    axial = axial_diameters(mask)
    assert axial.axis == axis
    assert axial.longest.length_mm == pytest.approx(np.hypot(7, 2))
    assert axial.longest.start_mm[2] == pytest.approx(axial.longest.end_mm[2])


def test_lengths_are_distances_between_the_ends() -> None:
    rng = np.random.default_rng(4)
    mask = Mask(rng.random((5, 20, 20)) < 0.6, Geometry((20, 20, 5), (0.6, 0.9, 3.0)))
    axial = axial_diameters(mask)
    for line in (axial.longest, axial.perpendicular, longest_3d_diameter(mask)):
        assert line.length_mm == pytest.approx(distance_mm(line), abs=1e-9)
    along, across = (
        np.subtract(line.end_mm, line.start_mm) for line in (axial.longest, axial.perpendicular)
    )
    assert along @ across == pytest.approx(0, abs=1e-6)


def test_maximum_3d_diameter_agrees_with_ibsi_digital_phantom(shared_data: Path) -> None:
    with (shared_data / "reference" / "ibsi1_reference.csv").open() as file:
        rows = list(csv.DictReader(file))
    (row,) = (
        row for row in rows if row["ibsi_code"] == "L0JK" and row["config"] == "digital_phantom"
    )
    mask = read_mask(shared_data / "ibsi" / "digital_phantom" / "mask" / "mask.nii.gz")
    assert longest_3d_diameter(mask).length_mm == pytest.approx(
        float(row["value"]), abs=float(row["tolerance"])
    )


def test_a_million_voxels_are_measured_at_once() -> None:
    z, y, x = np.indices((126, 126, 126)) - 63
    ball = Mask(x**2 + y**2 + z**2 <= 62.5**2, Geometry((126, 126, 126)))
    assert ball.voxels.sum() > 1_000_000
    start_s = time.process_time()
    axial_diameters(ball)
    longest_3d_diameter(ball)
    assert time.process_time() - start_s < 1.0  # 0.1 s on an idle core; brute force takes hours
