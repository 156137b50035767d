"""Intensities made comparable."""

import numpy as np
import pytest

from oncotrace.imaging.intensity import clipped, log_likelihood_ratio, standardised


def test_hounsfield_units_are_clipped_to_soft_tissue():
    voxels = np.array([[[-1000.0, -100.0, 50.0, 3000.0]]], dtype=np.float32)
    np.testing.assert_array_equal(clipped(voxels, "ct")[0, 0], [-160, -100, 50, 240])


def test_other_modalities_are_clipped_to_their_own_percentiles():
    voxels = np.arange(10_000, dtype=np.float32).reshape(10, 100, 10)
    voxels[0, 0, 0] = -1e6
    found = clipped(voxels, "mr-t1")
    assert found.min() == pytest.approx(50, abs=1)
    assert found.max() == pytest.approx(9949, abs=1)
    assert found.dtype == np.float32


def test_standardised_intensities_have_mean_zero_and_deviation_one():
    voxels = np.random.default_rng(0).normal(1e4, 30, (10, 10, 10)).astype(np.float32)
    even = standardised(voxels)
    assert even.mean() == pytest.approx(0, abs=1e-3)
    assert even.std() == pytest.approx(1, abs=1e-3)


def test_a_constant_image_is_standardised_to_zero():
    assert not standardised(np.full((2, 2, 2), 1e6, dtype=np.float32)).any()


def test_the_ratio_is_positive_for_intensities_that_occur_inside():
    rng = np.random.default_rng(0)
    inside = np.zeros((10, 20, 20), dtype=bool)
    inside[:, :10] = True
    voxels = np.where(inside, rng.normal(100, 5, inside.shape), rng.normal(0, 5, inside.shape))
    ratio = log_likelihood_ratio(voxels.astype(np.float32), inside, ~inside)
    assert ratio[inside].min() > 0.5
    assert ratio[~inside].max() < -0.5


def test_the_ratio_does_not_depend_on_the_sizes_of_the_regions():
    voxels = np.random.default_rng(0).normal(0, 1, (20, 20, 20)).astype(np.float32)
    inside = np.zeros(voxels.shape, dtype=bool)
    inside[:4] = True
    assert abs(log_likelihood_ratio(voxels, inside, ~inside).mean()) < 0.1


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_a_constant_image_decides_nothing(level):
    voxels = np.full((3, 3, 3), level, dtype=np.float32)
    inside = np.zeros(voxels.shape, dtype=bool)
    inside[0] = True
    assert not log_likelihood_ratio(voxels, inside, ~inside).any()


def test_an_empty_region_decides_nothing():
    voxels = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    everywhere = np.ones(voxels.shape, dtype=bool)
    assert not log_likelihood_ratio(voxels, everywhere, ~everywhere).any()
