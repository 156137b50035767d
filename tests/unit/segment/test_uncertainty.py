"""How sure a probability is, where it is not, and whether it may be believed."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation
from oncotrace.errors import InputError
from oncotrace.segment.uncertainty import (
    calibration_counts,
    expected_calibration_error,
    extents,
)

GRID = Geometry((4, 3, 3), (2.0, 3.0, 5.0))


def made(probability):
    return Segmentation(Mask(probability >= 0.5, GRID), "test", probability)


def test_extents_lie_within_each_other_and_the_middle_one_is_the_mask():
    probability = np.random.default_rng(0).random(GRID.shape_zyx, dtype=np.float32)
    segmentation = made(probability)
    large, mask, small = extents(segmentation).values()
    assert (small.voxels <= mask.voxels).all()
    assert (mask.voxels <= large.voxels).all()
    np.testing.assert_array_equal(mask.voxels, segmentation.mask.voxels)


def test_probabilities_that_come_true_have_no_calibration_error():
    rng = np.random.default_rng(0)
    probability = rng.random((40, 100, 100), dtype=np.float32)
    tumour = rng.random(probability.shape) < probability
    assert expected_calibration_error(calibration_counts(probability, tumour)) < 0.01
    sure = np.where(probability > 0.5, np.float32(1), np.float32(0.1))
    assert expected_calibration_error(calibration_counts(sure, tumour)) > 0.15


def test_counts_hold_every_voxel():
    probability = np.array([0.0, 0.04, 0.5, 0.99, 1.0], np.float32)
    counts = calibration_counts(probability, np.array([False, False, True, True, True]))
    assert counts["voxels"].sum() == 5
    assert counts["voxels"][-1] == counts["tumour"][-1] == 2


def test_without_a_probability_nothing_can_be_said():
    mask = Mask(np.ones(GRID.shape_zyx, bool), GRID)
    with pytest.raises(InputError, match="gives no probability"):
        extents(Segmentation(mask, "reader"))
