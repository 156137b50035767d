"""Structures exclude each other, whatever a network says and however they are tidied up."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.learning.label_shares import labels_by_log_odds
from oncotrace.segment.label_finish import tidied_labels, tumour_log_odds
from oncotrace.segment.published_finish import EVERY_POST_PROCESSING

SHAPE = (4, 5, 3)
LABELS = st.integers(2, 4)
odds = LABELS.flatmap(
    lambda labels: npst.arrays(np.float32, (labels, *SHAPE), elements=st.floats(-5, 5, width=16))
)


@settings(deadline=None)
@given(log_odds=odds, data=st.data())
def test_no_voxel_has_two_labels_and_no_label_loses_one_to_another(
    log_odds: NDArray[np.float32], data: st.DataObject
) -> None:
    kind = st.sampled_from(EVERY_POST_PROCESSING)
    kinds = data.draw(st.lists(kind, min_size=len(log_odds), max_size=len(log_odds)))
    before, after = labels_by_log_odds(log_odds), tidied_labels(log_odds, kinds)
    assert (before.sum(axis=0) <= 1).all()
    assert (after.sum(axis=0) <= 1).all()
    for place, named in enumerate(kinds):
        if named in ("none", "fill"):  # a piece that another drops may still be filled
            assert (after[place] >= before[place]).all()
        if named in ("none", "largest"):
            assert (after[place] <= before[place]).all()
    np.testing.assert_array_equal(tidied_labels(log_odds, ["none"] * len(log_odds)), before)


@settings(deadline=None)
@given(log_odds=odds)
def test_every_voxel_above_one_half_has_its_most_probable_label(
    log_odds: NDArray[np.float32],
) -> None:
    found = labels_by_log_odds(log_odds)
    np.testing.assert_array_equal(found.any(axis=0), log_odds.max(axis=0) >= 0)
    chosen = np.where(found, log_odds, -np.inf).max(axis=0)
    there = found.any(axis=0)
    np.testing.assert_array_equal(chosen[there], log_odds.max(axis=0)[there])
    np.testing.assert_array_equal(tumour_log_odds(log_odds) >= 0, found[0])


@settings(deadline=None)
@given(
    inside=npst.arrays(np.bool_, (3, *SHAPE)),
    tumour=npst.arrays(np.bool_, SHAPE),
    values=st.lists(st.integers(1, 255), min_size=3, max_size=3, unique=True),
)
def test_a_volume_of_labels_keeps_its_structures_and_lets_the_tumour_go_first(
    inside: NDArray[np.bool_], tumour: NDArray[np.bool_], values: list[int]
) -> None:
    geometry = Geometry(SHAPE[::-1])
    named = dict(zip("abc", values, strict=True))
    volume = LabelVolume.from_stack(inside, geometry, named)
    stack = volume.stack()
    np.testing.assert_array_equal(stack[0], inside[0])
    np.testing.assert_array_equal(stack[1], inside[1] & ~inside[0])
    np.testing.assert_array_equal(stack.any(axis=0), inside.any(axis=0))
    changed = volume.with_tumour(Mask(tumour, geometry))
    np.testing.assert_array_equal(changed.tumour.voxels, tumour)
    np.testing.assert_array_equal(changed.mask("b").voxels, volume.mask("b").voxels & ~tumour)
