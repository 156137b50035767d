"""Links between structure sets and images, and how they were found."""

from oncotrace.curate.inventory_links import NumberedSeries, linked
from oncotrace.curate.series import Series


def image(number: int, uid: str, **values: object) -> NumberedSeries:
    given = {"patient_id": "P1", "study_uid": "S1", "modality": "MR", "rows": 4, **values}
    return NumberedSeries(number, Series(series_uid=uid, **given))


def regions(number: int, *, images: tuple[str, ...] = (), **values: object) -> NumberedSeries:
    given = {"patient_id": "P1", "study_uid": "S1", "modality": "RTSTRUCT", **values}
    return NumberedSeries(number, Series(series_uid=f"R{number}", **given), images)


def by_uid(*rows: NumberedSeries, there: bool = True) -> dict[str, Series]:
    return {row.series_uid: row for row in linked(rows, lambda _number, _images: there)}


def test_a_series_that_is_named_is_linked_both_ways() -> None:
    found = by_uid(image(1, "A"), image(2, "B"), regions(3, refers_to_series=("A",)))
    assert found["R3"].refers_to_series == ("A",)
    assert found["R3"].link == "series"
    assert found["A"].referred_by == ("R3",)
    assert found["B"].referred_by == ()
    assert found["R3"].notes == ()


def test_images_that_do_not_exist_are_noted() -> None:
    rows = (image(1, "A"), regions(3, refers_to_series=("A",), images=("1.2",)))
    assert "do not exist" in by_uid(*rows, there=False)["R3"].notes[0]


def test_the_frame_of_reference_links_where_the_series_is_not_here() -> None:
    found = by_uid(
        image(1, "A", frame_of_reference_uid="F"),
        image(2, "B", frame_of_reference_uid="G"),
        regions(3, refers_to_series=("gone",), frame_of_reference_uid="F"),
    )
    assert found["R3"].refers_to_series == ("A",)
    assert found["R3"].link == "frame-of-reference"
    assert len(found["R3"].notes) == 2


def test_the_study_is_the_last_resort_and_of_the_same_patient() -> None:
    found = by_uid(image(1, "A"), image(2, "B", patient_id="P2"), regions(3))
    assert (found["R3"].refers_to_series, found["R3"].link) == (("A",), "study")


def test_an_orphan_says_so() -> None:
    found = by_uid(regions(3))
    assert found["R3"].link == ""
    assert found["R3"].notes == ("no images that it could refer to are here",)
