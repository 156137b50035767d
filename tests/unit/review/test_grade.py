import pytest

from oncotrace.errors import SettingsError
from oncotrace.review.grade import GRADES, deciding_grade, grade_named, grade_of_dice, is_accepted


@pytest.mark.parametrize(
    ("dice", "grade"),
    [
        (1.0, "Excellent"), (0.90, "Excellent"), (0.8999, "Sufficient"), (0.80, "Sufficient"),
        (0.7999, "Insufficient"), (0.50, "Insufficient"), (0.4999, "Incorrect"), (0, "Incorrect"),
    ],
)  # fmt: skip
def test_a_simulated_reader_grades_by_dice(dice, grade):
    assert grade_of_dice(dice) == grade


def test_excellent_and_sufficient_masks_are_accepted_and_no_others():
    assert [g for g in GRADES if is_accepted(g)] == ["Excellent", "Sufficient"]


@pytest.mark.parametrize("typed", ["Excellent", "excellent", " EXCELLENT "])
def test_a_grade_may_be_typed_in_any_case(typed):
    assert grade_named(typed) == "Excellent"


def test_an_unknown_grade_is_refused_and_the_known_are_listed():
    with pytest.raises(SettingsError, match=r"'good'.*Excellent, Sufficient, uncertain"):
        grade_named("good")


@pytest.mark.parametrize(
    ("first", "second", "deciding"),
    [
        ("uncertain", "Excellent", "Excellent"),
        ("uncertain", "Incorrect", "Incorrect"),
        ("uncertain", "uncertain", "uncertain"),
        ("Excellent", "Sufficient", "Sufficient"),
        ("Sufficient", "Excellent", "Sufficient"),
        ("Excellent", "Incorrect", "Incorrect"),
        ("Excellent", "uncertain", "uncertain"),
    ],
)
def test_of_two_grades_the_more_critical_counts_unless_the_first_was_uncertain(
    first, second, deciding
):
    assert deciding_grade([first, second]) == deciding


def test_one_grade_decides_alone():
    assert [deciding_grade([grade]) for grade in GRADES] == list(GRADES)
