"""Slices and ends are named where error is to be expected."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation
from oncotrace.imaging.crop import Box
from oncotrace.segment.quality_places import (
    ends_to_check,
    error_at_ends,
    places_to_check,
    slices_to_check,
)

GRID = Geometry((20, 20, 20), (1.0, 1.0, 6.0))
BLOCK = (slice(4, 16), slice(4, 16), slice(4, 16))


def certain(geometry=GRID):
    """Return a block that is certain: 1 inside, 0 outside."""
    probability = np.zeros(geometry.shape_zyx, dtype=np.float32)
    probability[BLOCK] = 1.0
    return probability


def mask_of(probability, geometry=GRID):
    return Mask(probability >= 0.5, geometry)


def test_slices_are_named_from_the_least_certain_on():
    probability = certain()
    probability[9, 5:15, 5:15] = 0.6
    probability[6, 5:9, 5:9] = 0.6
    probability[12, 5:8, 5:9] = 0.4
    probability[14, 5, 5] = 0.55
    assert slices_to_check(probability, mask_of(probability)) == (9, 6, 12, 14)


def test_at_most_five_slices_are_named():
    probability = certain()
    probability[BLOCK] = 0.7
    assert len(slices_to_check(probability, mask_of(probability))) == 5


def test_thin_slices_that_show_the_same_error_are_named_once():
    thin = Geometry((20, 20, 20), (1.0, 1.0, 1.5))
    probability = certain(thin)
    probability[8:11, 4:16, 4:16] = 0.6
    probability[9, 3, 4:16] = 0.4
    probability[14, 4, 4:16] = 0.6
    assert slices_to_check(probability, mask_of(probability, thin)) == (9, 14)


def test_a_certain_mask_has_nowhere_to_look():
    assert slices_to_check(certain(), mask_of(certain())) == ()
    assert ends_to_check(certain(), mask_of(certain())) == ()


def test_what_is_almost_certain_does_not_count_however_much_there_is():
    probability = np.clip(certain(), 0.04, 0.96)
    probability[9, 5, 5] = 0.6
    assert slices_to_check(probability, mask_of(probability)) == (9,)


@pytest.mark.parametrize(
    ("place", "end"),
    [
        ((slice(3, 6), slice(4, 16), slice(4, 16)), "inferior"),
        ((slice(14, 17), slice(4, 16), slice(4, 16)), "superior"),
        ((slice(4, 16), slice(3, 6), slice(4, 16)), "anterior"),
        ((slice(4, 16), slice(14, 17), slice(4, 16)), "posterior"),
        ((slice(4, 16), slice(4, 16), slice(3, 6)), "right"),
        ((slice(4, 16), slice(4, 16), slice(14, 17)), "left"),
    ],
)
def test_the_end_with_the_most_doubt_is_named_first(place, end):
    probability = certain()
    probability[place] = 0.6
    assert ends_to_check(probability, mask_of(probability))[0] == end


def test_ends_are_the_patients_however_the_grid_is_stored():
    probability = certain()
    probability[14:17, 4:16, 4:16] = 0.6
    upside_down = Geometry((20, 20, 20), direction=(1, 0, 0, 0, -1, 0, 0, 0, -1))
    assert ends_to_check(probability, mask_of(probability, upside_down))[0] == "inferior"
    sagittal = Geometry((20, 20, 20), direction=(0, 0, 1, 1, 0, 0, 0, -1, 0))  # z runs to the left
    assert ends_to_check(probability, mask_of(probability, sagittal))[0] == "left"


def test_a_mask_against_the_probabilities_is_doubtful_where_they_disagree():
    probability = np.full(GRID.shape_zyx, 0.04, dtype=np.float32)
    mask = Mask(certain() > 0, GRID)  # as where pieces are kept, or holes filled, afterwards
    assert len(slices_to_check(probability, mask)) == 5
    assert len(ends_to_check(probability, mask)) == 2


def test_error_beyond_the_mask_belongs_to_the_end_that_it_lies_at():
    error = np.zeros(GRID.shape_zyx)
    error[18] = 1.0
    found = error_at_ends(error, mask_of(certain()))
    assert found["superior"] == 400.0
    assert found["inferior"] == 0.0


def test_slices_are_counted_in_the_source_grid():
    probability = certain()
    probability[9, 5:15, 5:15] = 0.6
    made = Segmentation(mask_of(probability), maker="test", probability=probability)
    slices, ends = places_to_check(made, Box((2, 2, 3), (16, 16, 15)))
    assert slices == (9,)
    assert 0 < len(ends) <= 2


def test_without_probabilities_no_place_is_named():
    made = Segmentation(mask_of(certain()), maker="test")
    assert places_to_check(made, Box((0, 0, 0), (20, 20, 20))) == ((), ())
