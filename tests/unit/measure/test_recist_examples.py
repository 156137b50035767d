"""Worked examples of RECIST 1.1, clause by clause, written from the guideline."""

from pathlib import Path

import pytest
from tests.unit.stats.golden import GOLDEN, rows

from oncotrace.domain.lesion import LesionCourse, TimePoint
from oncotrace.io.lesion_table import read_lesion_table
from oncotrace.measure.best_response import ResponseRules, patient_response
from oncotrace.measure.lesion_courses import lesion_courses
from oncotrace.measure.recist import Burden
from oncotrace.measure.recist_baseline import departures, with_chosen_targets
from oncotrace.measure.response import (
    Response,
    TimePointResponse,
    overall_response,
    time_point_responses,
)

TABLES = rows("recist_1_1_tables_1_and_2.csv")
EXPECTED = rows("recist_1_1_responses.csv")
BEST = rows("recist_1_1_best_response.csv")


@pytest.fixture(scope="module")
def courses() -> dict[str, LesionCourse]:
    table = read_lesion_table(Path(GOLDEN / "recist_1_1_lesions.csv"))
    return {one.patient_id: with_chosen_targets(one) for one in lesion_courses(table.rows)}


@pytest.mark.parametrize("row", TABLES, ids=lambda row: "/".join(row.values()))
def test_overall_response_is_that_of_tables_1_and_2(row: dict[str, str]) -> None:
    assert row["table"] == ("1" if row["target"] else "2")
    found = overall_response(
        row["target"] or None,  # type: ignore[arg-type]
        row["non_target"] or None,  # type: ignore[arg-type]
        is_new=row["new"] == "yes",
    )
    assert found == row["overall"]


@pytest.mark.parametrize(
    "row", EXPECTED, ids=lambda row: f"{row['patient_id']}-{row['day']}-{row['clause']}"
)
def test_example_is_classified_as_its_clause_says(
    row: dict[str, str], courses: dict[str, LesionCourse]
) -> None:
    course = courses[row["patient_id"]]
    (found,) = (
        one for one in time_point_responses(course) if one.time_point.day == float(row["day"])
    )
    assert (found.target or "") == row["target"]
    assert (found.non_target or "") == row["non_target"]
    assert found.overall == row["overall"]
    if row["sum_mm"]:
        assert found.burden.is_complete
        assert found.burden.measured == pytest.approx(float(row["sum_mm"]))


def test_every_time_point_of_every_example_is_checked(courses: dict[str, LesionCourse]) -> None:
    checked = {(row["patient_id"], float(row["day"])) for row in EXPECTED}
    assert checked == {
        (name, point.day) for name, course in courses.items() for point in course.time_points[1:]
    }


def test_the_examples_depart_nowhere_from_the_guideline(courses: dict[str, LesionCourse]) -> None:
    assert [said for course in courses.values() for said in departures(course)] == []


def responses(days: str, words: str) -> list[TimePointResponse]:
    found = []
    for day, word in zip(days.split(), words.split(), strict=True):
        overall: Response = word  # type: ignore[assignment]
        is_non_target = "non-CR" in words
        found.append(
            TimePointResponse(
                time_point=TimePoint(day, float(day)),
                burden=Burden(0.0, ()),
                nadir=None,
                change_from_baseline_percent=None,
                change_from_nadir_percent=None,
                target=None if is_non_target else "SD",
                non_target="non-CR/non-PD" if is_non_target else None,
                new_lesions=(),
                returned=(),
                overall=overall,
            )
        )
    return found


@pytest.mark.parametrize("row", BEST, ids=lambda row: f"{row['clause']}: {row['responses']}")
def test_best_overall_response_is_that_of_section_4_4_3(row: dict[str, str]) -> None:
    rules = ResponseRules(must_confirm=row["confirmation"] == "yes")
    found = patient_response(responses(row["days"], row["responses"]), rules)
    assert found.best == row["best"]


def test_response_lasts_from_its_first_day_to_progression() -> None:
    found = patient_response(responses("56 112 168 224", "SD PR PR PD"), ResponseRules())
    assert found.response_day == 112
    assert found.duration_of_response_days == 112
    assert found.has_ended
    assert (found.time_to_progression_days, found.has_progressed) == (224, True)


def test_response_that_goes_on_is_censored_at_the_last_evaluable_day() -> None:
    found = patient_response(responses("56 112 168 224", "PR CR CR NE"), ResponseRules())
    assert found.duration_of_response_days == 112
    assert found.duration_of_complete_response_days == 56
    assert not found.has_ended
    assert (found.time_to_progression_days, found.has_progressed) == (168, False)


def test_confirmed_response_begins_when_it_was_first_seen() -> None:
    found = patient_response(
        responses("56 112 168 196", "PR SD PR PR"), ResponseRules(must_confirm=True)
    )
    assert found.response_day == 168


def test_nothing_after_the_first_progression_counts() -> None:
    found = patient_response(responses("56 112 168", "SD PD PR"), ResponseRules())
    assert found.best == "SD"
    assert found.time_to_progression_days == 112


def test_patient_without_follow_up_cannot_be_evaluated() -> None:
    found = patient_response([], ResponseRules())
    assert found.best == "NE"
    assert found.time_to_progression_days is None
    assert not found.has_progressed
