from dataclasses import fields

import pytest
from tests.unit.review.workflow_events import failed, graded, history, mask

from oncotrace.errors import SettingsError
from oncotrace.review.second_reading import second_reader_sample
from oncotrace.review.worklist import WorklistEntry, entries_for, worklist


def to_grade(case_id: str, dice: float | None):
    return history(mask("automatic", case_id=case_id, dice=dice), case_id=case_id)


def test_failures_come_first_then_refused_masks_then_the_least_certain():
    cases = [
        to_grade("sure", 0.95),
        to_grade("unsure", 0.4),
        history(
            mask("automatic", case_id="refused", dice=0.9),
            graded("Incorrect", case_id="refused"),
            case_id="refused",
        ),
        to_grade("unknown", None),
        history(failed("automatic", case_id="failed"), case_id="failed"),
        history(case_id="not begun"),
        history(
            mask("automatic", case_id="done"), graded("Excellent", case_id="done"), case_id="done"
        ),
    ]
    entries = worklist(cases)
    assert [entry.case_id for entry in entries] == [
        "failed", "refused", "unknown", "unsure", "sure",
    ]  # fmt: skip
    assert [entry.because for entry in entries[:3]] == ["nothing-found", "not accepted", ""]
    assert [entry.task for entry in entries[:3]] == ["six clicks", "six clicks", "grade"]


def test_equally_urgent_cases_stay_in_the_order_of_the_table():
    cases = [to_grade(case_id, 0.5) for case_id in "cab"]
    assert [entry.case_id for entry in worklist(cases)] == ["c", "a", "b"]


def test_an_entry_cannot_hold_diagnosis_centre_outcome_or_grade():
    assert {field.name for field in fields(WorklistEntry)} == {
        "case_id", "task", "step", "folder", "predicted_dice", "because", "not_by",
    }  # fmt: skip


@pytest.mark.parametrize("first", ["uncertain", "Excellent", "Sufficient"])
def test_a_second_reader_sees_neither_grade_nor_prediction_nor_that_he_is_the_second(first):
    twice = history(mask("automatic", dice=0.7), graded(first, "Anna"), is_sampled=True)
    once = history(mask("automatic", dice=0.7))
    [second] = entries_for(worklist([twice]), "Bob")
    [alone] = entries_for(worklist([once]), "Bob")
    assert second == alone
    assert second.predicted_dice is None
    assert "Anna" not in repr(second)


@pytest.mark.parametrize("name", ["Anna", "anna", "  ANNA"])
def test_a_reader_is_not_offered_what_he_has_graded(name):
    case = history(mask("automatic"), graded("uncertain", "Anna"))
    assert entries_for(worklist([case]), name) == []


def test_the_list_of_all_says_who_must_not_read_again():
    case = history(mask("automatic"), graded("uncertain", "Anna"))
    [entry] = worklist([case])
    assert (entry.task, entry.not_by, entry.because) == ("second reading", "Anna", "")


def test_the_sample_is_the_share_rounded_up_and_depends_on_the_seed_alone():
    ids = [f"case-{n}" for n in range(30)]
    sample = second_reader_sample(ids, 0.1, seed=1)
    assert len(sample) == 3
    assert second_reader_sample(ids[::-1], 0.1, seed=1) == sample
    assert second_reader_sample(ids, 0.1, seed=2) != sample
    assert second_reader_sample(ids, 0.01, seed=1) < sample


def test_all_or_none_may_be_read_twice():
    assert second_reader_sample(["a", "b"], 0, seed=0) == frozenset()
    assert second_reader_sample(["a", "b"], 1, seed=0) == {"a", "b"}


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(SettingsError, match="between 0 and 1"):
        second_reader_sample(["a"], share, seed=0)
