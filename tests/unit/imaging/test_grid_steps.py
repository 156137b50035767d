"""Masks resampled apart, grids cropped and padded, noise taken out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.property.strategies import masks
from tests.unit.imaging.limb_phantom import GRID, body, limb, tissues

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.denoise import curvature_flowed, median_filtered
from oncotrace.imaging.grid_size import (
    box_of_size,
    centre_of_box,
    centre_of_grid,
    mask_in_box,
    scan_in_box,
)
from oncotrace.imaging.morphology import eroded
from oncotrace.imaging.resample import with_spacing
from oncotrace.imaging.resample_mask import resample_mask

SIZES = st.tuples(*[st.integers(1, 12)] * 3)


@given(masks(), st.sampled_from(["nearest", "linear"]))
def test_a_mask_on_its_own_grid_stays_as_it_is(mask: Mask, interpolation: str) -> None:
    same = resample_mask(mask, mask.geometry, interpolation=interpolation, threshold=0.5)
    np.testing.assert_array_equal(same.voxels, mask.voxels)


def test_a_finer_grid_keeps_the_volume_of_the_mask() -> None:
    fine = resample_mask(
        body(), with_spacing(GRID, (1.0, 1.0, 1.0)), interpolation="linear", threshold=0.5
    )
    before = body().voxels.sum() * GRID.voxel_volume_mm3
    assert float(fine.voxels.sum()) == pytest.approx(before, rel=0.02)


def test_a_higher_threshold_gives_a_smaller_mask() -> None:
    fine = with_spacing(GRID, (1.0, 1.0, 1.0))
    sizes = [
        int(resample_mask(body(), fine, interpolation="linear", threshold=t).voxels.sum())
        for t in (0.2, 0.5, 0.8)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


@given(SIZES)
def test_cropped_and_padded_voxels_stay_where_they_are_in_the_patient(
    size: tuple[int, int, int],
) -> None:
    scan = limb()
    box = box_of_size(size, centre_of_grid(GRID))
    result = scan_in_box(scan, box, fill=-7)
    assert result.geometry.size_xyz == size
    index = np.array([n // 2 for n in size])
    place = GRID.to_index(result.geometry.to_point_mm(index)).round().astype(int)
    x, y, z = place
    assert result.voxels[index[2], index[1], index[0]] == scan.voxels[z, y, x]


def test_what_lies_beyond_the_image_is_filled() -> None:
    box = box_of_size((60, 36, 20), centre_of_grid(GRID))
    padded = scan_in_box(limb(), box, fill=-7)
    assert int((padded.voxels != -7).sum()) == limb().voxels.size
    mask = mask_in_box(body(), box)
    assert mask.voxels.sum() == body().voxels.sum()
    mask.geometry.require_match(padded.geometry, this="mask", that="image")


def test_a_box_may_lie_around_the_mask_and_beyond_the_grid_altogether() -> None:
    core = Mask(tissues() == 620.0, GRID)
    box = box_of_size((9, 9, 7), centre_of_box(core))
    assert mask_in_box(core, box).voxels.sum() == core.voxels.sum()
    far = box_of_size((4, 4, 4), (500.0, -500.0, 3.0))
    assert (scan_in_box(limb(), far, fill=2).voxels == 2).all()


@pytest.mark.parametrize(
    "denoised",
    [
        lambda scan: median_filtered(scan, (1, 1, 1)),
        lambda scan: curvature_flowed(scan, iterations=5, time_step=0.0625),
    ],
)
def test_noise_goes_and_edges_stay(denoised) -> None:  # type: ignore[no-untyped-def]
    result = denoised(limb())
    muscle = eroded(tissues() == 300.0, (2, 2, 1))
    assert result.voxels[muscle].std() < 0.8 * limb().voxels[muscle].std()
    assert abs(float(np.median(result.voxels[muscle])) - 300) < 10
    assert result.geometry == GRID
    assert result.voxels.dtype == np.float32
    fat = eroded(tissues() == 950.0, (1, 1, 0))
    assert abs(float(np.median(result.voxels[fat])) - 950) < 25
    flat = Scan(np.full(GRID.shape_zyx, 5, np.float32), GRID)
    np.testing.assert_allclose(denoised(flat).voxels, 5, atol=1e-5)
