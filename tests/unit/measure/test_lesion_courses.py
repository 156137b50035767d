import pytest
from tests.unit.measure.lesions import row

from oncotrace.domain.lesion import LesionRow
from oncotrace.errors import TableError
from oncotrace.measure.lesion_courses import lesion_courses
from oncotrace.measure.recist import recist_size


def sizes(*rows: LesionRow) -> dict[str, list[float | None]]:
    (course,) = lesion_courses(rows)
    return {
        lesion.name: [recist_size(lesion, reading, "diameter") for reading in lesion.readings]
        for lesion in course.lesions
    }


def test_days_count_from_the_first_time_point_whatever_the_order_of_rows() -> None:
    (course,) = lesion_courses([row("A", 70, 5.0), row("A", -14, 9.0), row("A", 28, 7.0)])
    assert [point.day for point in course.time_points] == [0, 42, 84]
    assert [point.label for point in course.time_points] == ["-14", "28", "70"]


def test_each_patient_and_reader_has_a_course_of_its_own() -> None:
    courses = lesion_courses(
        [row("A", 0, 9.0, reader="one"), row("A", 0, 8.0, reader="two"), row("A", 0, 7.0)]
    )
    assert [course.title for course in courses] == ["P1 (one)", "P1 (two)", "P1"]


def test_fragments_are_added_together() -> None:
    assert sizes(
        row("A", 0, 30.0),
        row("A", 56, 12.0),
        row("A2", 56, 9.0, split_from="A"),
        row("A3", 56, "too-small", split_from="A"),
        row("A", 112, "absent"),
        row("A2", 112, 6.0, split_from="A"),
    ) == {"A": [30.0, 26.0, 6.0]}


def test_fragments_without_the_first_one_are_the_lesion() -> None:
    assert sizes(
        row("A", 0, 30.0), row("A1", 56, 4.0, split_from="A"), row("A2", 56, 3.0, split_from="A")
    ) == {"A": [30.0, 7.0]}


def test_fragment_that_was_not_evaluated_leaves_the_sum_open() -> None:
    assert sizes(
        row("A", 0, 30.0), row("A", 56, 12.0), row("B", 56, "not-evaluable", split_from="A")
    ) == {"A": [30.0, None]}


def test_merged_lesion_counts_nothing_from_then_on() -> None:
    assert sizes(
        row("A", 0, 30.0),
        row("B", 0, 20.0),
        row("A", 56, 55.0),
        row("B", 56, "merged", merged_into="A"),
        row("A", 112, 50.0),
    ) == {"A": [30.0, 55.0, 50.0], "B": [20.0, 0.0, 0.0]}


def test_lesion_without_a_row_was_not_evaluated() -> None:
    assert sizes(row("A", 0, 30.0), row("B", 0, 20.0), row("A", 56, 30.0)) == {
        "A": [30.0, 30.0],
        "B": [20.0, None],
    }


@pytest.mark.parametrize(
    ("rows", "match", "code"),
    [
        (
            [row("A", 0, 9.0, where="line 2"), row("A", 0, 8.0, where="line 3")],
            r"lesion A \(line 2\): line 2 and line 3 are both of time point 0",
            "duplicate-rows",
        ),
        (
            [row("A", 0, 9.0, kind="target"), row("A", 56, 9.0, kind="non-target")],
            "kind is 'target' in line of A at 0 and 'non-target' in line of A at 56",
            "contradictory-lesion",
        ),
        (
            [row("A", 0, 9.0, kind="new")],
            "called new and was there at baseline",
            "lesion-kind",
        ),
        (
            [row("A", 0, 9.0), row("B", 56, 9.0, kind="target")],
            "called target and has no row at the patient's earliest time point",
            "lesion-kind",
        ),
        (
            [row("A", 0, 9.0, kind="target"), row("A", 56, "progressed", kind="target")],
            "only a non-target lesion can have the state progressed",
            "lesion-kind",
        ),
        (
            [row("A", 0, 9.0), row("B", 0, 3.0, split_from="C")],
            "split_from is 'C', which is no other lesion",
            "unknown-lesion",
        ),
        (
            [row("A", 0, 9.0, merged_into="A")],
            "merged_into is 'A', which is no other lesion",
            "unknown-lesion",
        ),
        (
            [
                row("A", 0, 9.0, kind="target"),
                row("B", 0, 9.0, kind="non-target"),
                row("A", 56, "merged", merged_into="B", kind="target"),
                row("B", 56, 19.0, kind="non-target"),
            ],
            "a target has merged into 'B', which is none",
            "unknown-lesion",
        ),
    ],
)
def test_contradictions_are_refused(rows: list[LesionRow], match: str, code: str) -> None:
    with pytest.raises(TableError, match=match) as caught:
        lesion_courses(rows)
    assert caught.value.code == code
