"""How well a score tells ill from well."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import InputError
from oncotrace.stats.detection import auc, detection


def test_the_area_counts_pairs_in_the_right_order() -> None:
    assert auc([0.9, 0.8, 0.7, 0.1], [1, 1, 0, 0]) == 1
    assert auc([0.9, 0.2, 0.7, 0.1], [1, 1, 0, 0]) == 0.75
    assert auc([0.5, 0.5], [1, 0]) == 0.5


def test_without_both_kinds_there_is_no_area() -> None:
    assert auc([0.1, 0.2], [1, 1]) is None
    assert auc([0.1, 0.2], [0, 0]) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=40))
def test_a_monotone_map_changes_nothing_and_negation_turns_it_round(pairs) -> None:
    scores, truth = (np.array(values, dtype=float) for values in zip(*pairs, strict=True))
    area = auc(scores, truth)
    if area is None:
        assert len(set(truth)) == 1
        return
    assert auc(np.exp(scores / 10), truth) == pytest.approx(area)
    assert auc(-scores, truth) == pytest.approx(1 - area)


def test_a_threshold_gives_shares_of_ill_and_well() -> None:
    found = detection(
        [0.9, 0.4, 0.5, 0.1, 0.2, 0.6],
        [1, 1, 1, 0, 0, 0],
        groups=["a", "b", "c", "d", "e", "f"],
        threshold=0.5,
        seed=0,
    )
    assert (found.n, found.positives) == (6, 3)
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.specificity == pytest.approx(2 / 3)
    assert found.auc == pytest.approx(7 / 9)
    low, high = found.auc_interval or (None, None)
    assert low is not None
    assert 0 <= low <= 7 / 9 <= high <= 1


def test_two_patients_have_no_interval() -> None:
    found = detection(
        [0.9, 0.1, 0.8, 0.2], [1, 0, 1, 0], groups=["a", "a", "b", "b"], threshold=0.5, seed=0
    )
    assert found.auc == 1
    assert found.auc_interval is None


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 40)
    scores = truth + rng.normal(size=40)
    one, two = (detection(scores, truth, groups=range(40), threshold=0.5, seed=3) for _ in range(2))
    assert one == two


def test_a_truth_of_other_values_is_refused() -> None:
    with pytest.raises(InputError, match="0 or 1") as caught:
        detection([0.1], [2], groups=[0], threshold=0.5, seed=0)
    assert caught.value.code == "not-a-truth"
