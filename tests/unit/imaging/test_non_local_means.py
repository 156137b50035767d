"""Non-local means: noise falls, edges stay, and the weights are those of their formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.non_local_means import noise_deviation, without_noise

SIGMA = 20.0
SHAPE_ZYX = (12, 32, 32)


def step_edge() -> NDArray[np.float64]:
    """100 to the left of the middle, 400 to the right."""
    return np.where(np.indices(SHAPE_ZYX)[2] < 16, 100.0, 400.0)


def noisy(clean: NDArray[np.float64], seed: int = 0) -> Scan:
    return scan_of(clean + np.random.default_rng(seed).normal(0, SIGMA, clean.shape))


def scan_of(voxels: NDArray[np.float64]) -> Scan:
    z, y, x = voxels.shape
    return Scan(voxels.astype(np.float32), Geometry((x, y, z), (1.0, 1.0, 3.0)), "mr-t1")


def denoised(scan: Scan, search: tuple[int, int, int] = (3, 3, 1)) -> Scan:
    return without_noise(scan, patch_radius_xyz=(1, 1, 1), search_radius_xyz=search, strength=1.0)


def test_the_noise_is_told_in_spite_of_an_edge_and_of_blank_surroundings() -> None:
    assert noise_deviation(noisy(step_edge())) == pytest.approx(SIGMA, rel=0.05)
    blank = np.zeros((12, 32, 96))
    blank[:, :, :32] = noisy(step_edge()).voxels
    assert noise_deviation(scan_of(blank)) == pytest.approx(
        SIGMA, rel=0.15
    )  # its own border is in it


def test_noise_falls_to_less_than_a_quarter_and_the_edge_stays_as_steep() -> None:
    clean = step_edge()
    result = denoised(noisy(clean)).voxels
    flat = np.abs(np.indices(SHAPE_ZYX)[2] - 15.5) > 4
    assert np.std((result - clean)[flat]) < SIGMA / 4
    left, right = result[:, :, 15].mean(), result[:, :, 16].mean()
    assert right - left == pytest.approx(300, abs=6)  # 2 % of the step


def test_an_image_without_noise_stays_as_it_is() -> None:
    flat = scan_of(np.full(SHAPE_ZYX, 7.0))
    np.testing.assert_array_equal(denoised(flat).voxels, flat.voxels)


def test_repeated_runs_are_identical() -> None:
    scan = noisy(step_edge())
    assert denoised(scan).voxels.tobytes() == denoised(scan).voxels.tobytes()


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 100), st.floats(-1000, 1000))
def test_scale_and_offset_of_the_intensities_do_not_matter(scale: float, offset: float) -> None:
    scan = noisy(step_edge()[:6, :16, 8:24])
    moved = scan_of(scan.voxels.astype(np.float64) * scale + offset)
    expected = denoised(scan).voxels.astype(np.float64) * scale + offset
    tolerance = 1e-3 * scale * SIGMA + 1e-5 * abs(offset)
    np.testing.assert_allclose(denoised(moved).voxels, expected, atol=tolerance)


def test_a_voxel_is_the_mean_that_its_formula_gives() -> None:
    """By sums over the patches, as the paper writes them, for a voxel far from every side."""
    scan = noisy(np.zeros((9, 9, 9)))
    voxels, variance = scan.voxels.astype(np.float64), noise_deviation(scan) ** 2
    centre = np.array([4, 4, 4])

    def patch(at: NDArray[np.int64]) -> NDArray[np.float64]:
        return voxels[tuple(slice(i - 1, i + 2) for i in at)]

    weights, values = [], []
    for shift in np.ndindex(3, 3, 3):
        other = centre + np.array(shift) - 1
        if (other != centre).any():
            distance = np.mean(np.square(patch(centre) - patch(other)))
            weights.append(np.exp(-distance / (2 * variance)))
            values.append(voxels[tuple(other)])
    weights.append(max(weights))
    values.append(voxels[4, 4, 4])
    found = denoised(scan, (1, 1, 1)).voxels[4, 4, 4]
    assert found == pytest.approx(np.average(values, weights=weights), rel=1e-4)


@pytest.mark.parametrize("shape_zyx", [(1, 8, 8), (2, 3, 1), (1, 1, 1)])
def test_images_smaller_than_the_search_are_averaged_over_what_there_is(
    shape_zyx: tuple[int, int, int],
) -> None:
    scan = noisy(np.zeros(shape_zyx))
    result = denoised(scan, (3, 3, 3))
    assert result.geometry == scan.geometry
    assert np.isfinite(result.voxels).all()
    assert result.voxels.min() >= scan.voxels.min()
    assert result.voxels.max() <= scan.voxels.max()
