import math

import numpy as np
import pytest
import SimpleITK as sitk
from benchmarks.overlap_golden import random_pairs
from tests.unit.imaging.mask_builders import GRID, box, cube, empty

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError, SettingsError
from oncotrace.imaging.overlap import dice, voxel_overlap

# 8 voxels against 12, of which 4 are shared.
EIGHT = box(slice(0, 4), slice(0, 2), slice(0, 1))
TWELVE = box(slice(2, 8), slice(0, 2), slice(0, 1))
FULL = cube(0, 4)


def test_shares_are_those_of_their_definitions() -> None:
    found = voxel_overlap(EIGHT, TWELVE)
    assert found.dice == dice(EIGHT, TWELVE) == pytest.approx(2 * 4 / (8 + 12))
    assert found.jaccard == pytest.approx(4 / 16)
    assert found.sensitivity == pytest.approx(4 / 12)
    assert found.precision == pytest.approx(4 / 8)
    assert found.volume_similarity == pytest.approx(1 - 4 / 20)


def test_disjoint_masks_share_nothing_and_equal_masks_all() -> None:
    same = voxel_overlap(FULL, FULL)
    apart = voxel_overlap(FULL, box(slice(4, 8), slice(0, 4), slice(0, 4)))
    for name, nothing in (("dice", 0), ("jaccard", 0), ("sensitivity", 0), ("precision", 0)):
        assert getattr(same, name) == 1
        assert getattr(apart, name) == nothing
    assert (same.f_beta(2), apart.f_beta(2)) == (1, 0)
    assert apart.volume_similarity == 1  # of equal size, wherever they are


def test_f_beta_is_the_weighted_harmonic_mean_of_precision_and_sensitivity() -> None:
    there, back = voxel_overlap(EIGHT, TWELVE), voxel_overlap(TWELVE, EIGHT)
    assert there.f_beta(2) == pytest.approx(5 / (1 / (1 / 2) + 4 / (1 / 3)))
    assert there.f_beta(1) == pytest.approx(there.dice)
    assert back.f_beta(2) > there.f_beta(2)  # too much is better than too little
    assert there.f_beta(1e-6) == pytest.approx(there.precision)
    assert there.f_beta(1e6) == pytest.approx(there.sensitivity)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_a_beta_that_is_not_positive_is_refused(beta: float) -> None:
    with pytest.raises(SettingsError, match="beta must be a positive number"):
        voxel_overlap(FULL, FULL).f_beta(beta)


def test_only_two_empty_masks_agree_when_one_is_empty() -> None:
    for pair, share in (((empty(), empty()), 1), ((FULL, empty()), 0), ((empty(), FULL), 0)):
        found = voxel_overlap(*pair)
        assert {
            found.dice,
            found.jaccard,
            found.sensitivity,
            found.precision,
            found.f_beta(2),
            found.volume_similarity,
        } == {share}


def test_volume_error_is_mask_minus_reference() -> None:
    found = voxel_overlap(EIGHT, TWELVE)
    assert found.volume_error_ml == pytest.approx(-4 * 0.5 * 1.0 * 3.0 / 1000)
    assert found.volume_error_ml == pytest.approx(found.volume_ml - found.reference_volume_ml)
    assert found.volume_error_percent == pytest.approx(-100 / 3)
    assert voxel_overlap(TWELVE, EIGHT).volume_error_percent == pytest.approx(50)


def test_volume_error_in_percent_is_infinite_against_nothing() -> None:
    assert voxel_overlap(empty(), FULL).volume_error_percent == -100
    assert voxel_overlap(empty(), empty()).volume_error_percent == 0
    assert math.isinf(voxel_overlap(FULL, empty()).volume_error_percent)


def test_masks_on_different_grids_are_refused() -> None:
    other = Geometry(GRID.size_xyz, (0.5, 1.0, 3.1))
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        dice(FULL, cube(0, 4, other))


def test_two_hundred_random_pairs_agree_with_itk() -> None:
    measure = sitk.LabelOverlapMeasuresImageFilter()
    for pair in random_pairs(200):
        geometry = Geometry(pair.mask.shape[::-1], pair.spacing_zyx_mm[::-1])
        found = voxel_overlap(Mask(pair.mask, geometry), Mask(pair.reference, geometry))
        of_reference, of_mask = (
            sitk.GetImageFromArray(voxels.astype(np.uint8))
            for voxels in (pair.reference, pair.mask)
        )
        measure.Execute(of_mask, of_reference)  # the second one counts as true
        assert found.dice == pytest.approx(measure.GetDiceCoefficient())
        assert found.jaccard == pytest.approx(measure.GetJaccardCoefficient())
        assert found.volume_similarity == pytest.approx(1 - abs(measure.GetVolumeSimilarity()) / 2)
        assert found.sensitivity == pytest.approx(1 - measure.GetFalseNegativeError())
        measure.Execute(of_reference, of_mask)
        assert found.precision == pytest.approx(1 - measure.GetFalseNegativeError())
