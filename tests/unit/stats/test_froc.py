"""How many lesions are found at how many false positives per case."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import InputError
from oncotrace.stats.froc import SCORED_RATES, Candidate, froc, froc_score_interval

LESIONS = {"a": 2, "b": 1, "c": 0, "d": 0}
MARKS = [
    Candidate("a", 0.9, lesion=1),
    Candidate("c", 0.8),
    Candidate("b", 0.7, lesion=1),
    Candidate("a", 0.6, lesion=1),  # again: neither found nor false
    Candidate("d", 0.5),
    Candidate("d", 0.5),
    Candidate("a", 0.4, lesion=2),
]


def test_the_curve_counts_lesions_and_false_positives_from_the_surest_down() -> None:
    found = froc(MARKS, LESIONS)
    assert (found.lesions, found.cases) == (3, 4)
    assert found.thresholds.tolist() == [math.inf, 0.9, 0.8, 0.7, 0.5, 0.4]
    assert found.false_positives_per_case.tolist() == [0, 0, 0.25, 0.25, 0.75, 0.75]
    assert found.sensitivity.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])


def test_the_score_is_the_mean_sensitivity_at_the_published_rates() -> None:
    found = froc(MARKS, LESIONS)
    at = {0.125: 1 / 3, 0.25: 2 / 3, 0.5: 2 / 3, 1: 1, 2: 1, 4: 1, 8: 1}
    assert {rate: found.sensitivity_at(rate) for rate in SCORED_RATES} == pytest.approx(at)
    assert found.score == pytest.approx(sum(at.values()) / 7)


def test_a_method_that_marks_nothing_finds_nothing() -> None:
    found = froc([], LESIONS)
    assert found.score == 0
    assert found.sensitivity_at(8) == 0


def test_a_perfect_method_scores_one_whatever_is_drawn() -> None:
    marks = [Candidate("a", 1, 1), Candidate("a", 1, 2), Candidate("b", 1, 1)]
    assert froc(marks, LESIONS).score == 1
    patients = {case: case for case in LESIONS}
    assert froc_score_interval(marks, LESIONS, groups=patients, seed=0) == (1, 1)


def test_the_interval_draws_whole_patients_and_is_the_same_for_a_seed() -> None:
    lesions = {f"case-{n}": n % 3 for n in range(30)}
    marks = [
        Candidate(case, (n * 7 % 10) / 10, lesion=0 if n % 2 and count else None)
        for n, (case, count) in enumerate(lesions.items())
    ]
    patients = {case: int(case[5:]) // 2 for case in lesions}
    first, again = (froc_score_interval(marks, lesions, groups=patients, seed=4) for _ in range(2))
    assert first == again
    low, high = first or (1, 0)
    assert low <= froc(marks, lesions).score <= high
    halves = {case: patient > 7 for case, patient in patients.items()}
    assert froc_score_interval(marks, lesions, groups=halves, seed=4) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd"), st.booleans()), max_size=30))
def test_the_curve_rises_and_a_monotone_map_of_scores_changes_nothing(marks) -> None:
    def candidates(power: float) -> list[Candidate]:
        return [
            Candidate(case, score**power, lesion=0 if is_hit and LESIONS[case] else None)
            for score, case, is_hit in marks
        ]

    plain, mapped = (froc(candidates(power), LESIONS) for power in (1.0, 3.0))
    assert (plain.sensitivity[1:] >= plain.sensitivity[:-1]).all()
    rates = plain.false_positives_per_case
    assert (rates[1:] >= rates[:-1]).all()
    assert 0 <= plain.score <= 1
    assert plain.score == mapped.score


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(InputError, match="needs a case with a lesion"):
        froc([], {"a": 0})
    with pytest.raises(InputError, match="not among the 4 cases") as caught:
        froc([Candidate("e", 1.0)], LESIONS)
    assert caught.value.code == "unlisted-case"
    with pytest.raises(InputError, match="not a finite number"):
        froc([Candidate("a", math.nan)], LESIONS)
    with pytest.raises(InputError, match="hit 2 lesions, the case has 1") as caught:
        froc([Candidate("b", 1.0, 1), Candidate("b", 1.0, 2)], LESIONS)
    assert (caught.value.code, caught.value.case_id) == ("too-many-lesions", "b")
