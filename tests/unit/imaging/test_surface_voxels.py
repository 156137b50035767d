import math

import numpy as np
import pytest
import SimpleITK as sitk
from benchmarks.overlap_golden import random_pairs
from scipy.ndimage import binary_erosion
from tests.unit.imaging.mask_builders import GRID, box, cube, empty

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError
from oncotrace.imaging.surface_voxels import VoxelDistances, voxel_distances

LINE = box(slice(0, 20), slice(0, 1), slice(0, 1))
VOXEL = box(slice(0, 1), slice(0, 1), slice(0, 1))


@pytest.mark.parametrize(("axis", "spacing_mm"), [(0, 0.5), (1, 1.0), (2, 3.0)])
def test_two_single_voxels_are_as_far_as_their_centres(axis: int, spacing_mm: float) -> None:
    first, second = [3, 3, 3], [3, 3, 3]
    second[axis] = 8
    a, b = (box(*(slice(i, i + 1) for i in index)) for index in (first, second))
    apart_mm = pytest.approx(5 * spacing_mm)
    assert voxel_distances(a, b) == VoxelDistances(apart_mm, apart_mm, apart_mm)


def test_percentile_forgives_a_few_far_voxels_of_a_large_surface() -> None:
    a = box(slice(2, 14), slice(2, 14), slice(2, 8))
    voxels = a.voxels.copy()
    voxels[11, 15, 19] = True
    found = voxel_distances(Mask(voxels, GRID), a)
    assert found.hd95_mm == 0
    assert found.hd_mm > 10


def test_larger_direction_counts() -> None:
    # A line of 20 voxels against its first voxel: seen from the voxel the distance is 0, seen
    # from the line it runs 0, 0.5, ... 9.5 mm; 95 % of the way along 20 ranks is 9.025 mm.
    for found in (voxel_distances(LINE, VOXEL), voxel_distances(VOXEL, LINE)):
        assert (found.hd_mm, found.hd95_mm) == pytest.approx((9.5, 9.5 * 0.95))


def test_the_mean_counts_every_surface_voxel_of_both_masks_once() -> None:
    # The line's distances sum to 95 mm, the voxel's is 0; there are 21.
    assert voxel_distances(LINE, VOXEL).assd_mm == pytest.approx(95 / 21)


def test_voxels_at_the_edge_of_the_grid_are_surface() -> None:
    whole = Mask(np.ones(GRID.shape_zyx, dtype=bool), GRID)
    assert voxel_distances(whole, box(slice(2, 18), slice(2, 14), slice(0, 12))).hd95_mm > 0


def test_one_empty_mask_is_infinitely_far_and_two_are_the_same() -> None:
    assert voxel_distances(empty(), empty()) == VoxelDistances(0, 0, 0)
    for pair in ((VOXEL, empty()), (empty(), VOXEL)):
        assert voxel_distances(*pair) == VoxelDistances(math.inf, math.inf, math.inf)


def test_masks_on_different_grids_are_refused() -> None:
    other = Geometry(GRID.size_xyz, (0.5, 1.0, 3.1))
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        voxel_distances(VOXEL, cube(0, 4, other))


def test_two_hundred_random_pairs_are_as_far_as_itk_finds_their_surface_voxels() -> None:
    measure = sitk.HausdorffDistanceImageFilter()
    for pair in random_pairs(200):
        geometry = Geometry(pair.mask.shape[::-1], pair.spacing_zyx_mm[::-1])
        surfaces = []
        for voxels in (pair.mask, pair.reference):
            surface = voxels & ~binary_erosion(voxels)
            # Within a margin: what touches the border of the image, ITK measures to elsewhere.
            image = sitk.GetImageFromArray(np.pad(surface, 1).astype(np.uint8))
            image.SetSpacing(geometry.spacing_mm)
            surfaces.append(image)
        measure.Execute(*surfaces)
        found = voxel_distances(Mask(pair.mask, geometry), Mask(pair.reference, geometry))
        assert found.hd_mm == pytest.approx(measure.GetHausdorffDistance(), rel=1e-6)
