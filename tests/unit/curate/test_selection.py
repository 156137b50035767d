"""A query takes one series per case and role, says why, and lists what was left out."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.curate.check_rules import AllowedRule, RangeRule
from oncotrace.curate.flag import Flag
from oncotrace.curate.select_query import Preference, Query, Role, Timing, read_query
from oncotrace.curate.selection import Selection, select
from oncotrace.curate.series import Series
from oncotrace.errors import SettingsError

T1 = Series(
    patient_id="p1",
    study_uid="1",
    series_uid="1.1",
    study_date="20200110",
    series_number=3,
    modality="MR",
    modality_name="mr-t1",
    sequence_confidence=0.9,
    rows=256,
    images=30,
    slices=30,
    plane="axial",
)
CORONAL = replace(T1, series_uid="1.2", plane="coronal", slices=60)
T2FS = replace(T1, series_uid="1.3", modality_name="mr-t2fs")
LATER = replace(T1, series_uid="2.1", study_uid="2", study_date="20200301")
OUTLINES = Series(
    patient_id="p1",
    study_uid="1",
    series_uid="1.9",
    modality="RTSTRUCT",
    structures=("GTV_Mass", "GTV_Edema"),
    series_date="20200111",
)


def selected(*series: Series, query: Query | None = None, **others: object) -> Selection:
    """Selection of a few series."""
    return select(series, query or Query(), flags={}, **others)  # type: ignore[arg-type]


def taken(selection: Selection) -> list[dict[str, str]]:
    """Series UIDs by role of every case."""
    return [{one.role: one.series.series_uid for one in case.chosen} for case in selection.cases]


def test_without_a_query_a_study_gives_one_series_of_each_modality() -> None:
    assert taken(selected(T1, CORONAL, T2FS, LATER)) == [
        {"mr-t1": "1.1", "mr-t2fs": "1.3"},
        {"mr-t1": "2.1"},
    ]


def test_it_says_why_one_series_was_taken_and_not_another() -> None:
    selection = selected(T1, CORONAL)
    assert selection.cases[0].chosen[0].why == "best of 2 by plane: axial, not coronal"
    assert [(gone.series_uid, gone.reason) for gone in selection.left_out] == [
        ("1.2", "another series is preferred: 1.1")
    ]


def test_the_users_preferences_come_first() -> None:
    role = Role(name="mr-t1", prefer=(Preference(column="slices", order="largest"),))
    assert taken(selected(T1, CORONAL, query=Query(role=(role,)))) == [{"mr-t1": "1.2"}]


def test_a_case_without_a_required_image_is_left_out_and_counted() -> None:
    query = Query(role=(Role(name="mr-t1"), Role(name="mr-t2fs")))
    selection = selected(T1, T2FS, LATER, query=query)
    assert [case.name for case in selection.cases] == ["1"]
    assert selection.excluded_cases == {"no mr-t2fs": 1}
    assert selection.considered == 2


def test_the_study_nearest_before_an_event_is_taken() -> None:
    role = Role(name="mr-t1", timing=Timing(event="biopsy"))
    query = Query(case="patient", role=(role,))
    dates = {"p1": {"biopsy": date(2020, 3, 2)}}
    selection = selected(T1, LATER, query=query, dates=dates)
    assert taken(selection) == [{"mr-t1": "2.1"}]
    assert selection.cases[0].chosen[0].why == "best of 2 by days from biopsy: -1, not -52"
    early = selected(T1, LATER, query=query, dates={"p1": {"biopsy": date(2020, 2, 1)}})
    assert taken(early) == [{"mr-t1": "1.1"}]
    assert [gone.reason for gone in early.left_out] == ["29 days after biopsy"]


def test_what_lies_too_far_from_the_event_or_has_no_date_is_left_out() -> None:
    role = Role(name="mr-t1", timing=Timing(event="biopsy", when="either", within_days=10))
    query = Query(case="patient", role=(role,))
    far = selected(T1, query=query, dates={"p1": {"biopsy": date(2020, 3, 2)}})
    unknown = selected(T1, query=query)
    assert far.left_out[0].reason == "52 days from biopsy, more than 10"
    assert unknown.left_out[0].reason == "no date of study or biopsy"
    assert not far.cases
    assert not unknown.cases


def test_rules_confidence_and_checks_keep_series_out() -> None:
    role = Role(
        name="mr-t1",
        allowed=(AllowedRule(column="plane", values=("axial",)),),
        range=(RangeRule(column="slices", smallest=20),),
    )
    few, unsure = replace(T1, series_uid="a", slices=5), replace(T1, series_uid="b")
    unsure = replace(unsure, sequence_confidence=0.4)
    bad = replace(T1, series_uid="c")
    flags = {"c": [Flag("slice-count", False, "2 slices", ">= 3")]}
    selection = select(
        [T1, CORONAL, few, unsure, bad], Query(role=(role,)), flags=flags, dates=None
    )
    assert {gone.series_uid: gone.reason for gone in selection.left_out} == {
        "1.2": "not plane is axial: coronal",
        "a": "not slices >= 20: 5",
        "b": "recognised with a confidence of 0.40 only",
        "c": "fails slice-count: 2 slices",
    }


def test_outlines_go_with_the_series_that_they_refer_to() -> None:
    outlined = replace(T1, referred_by=("1.9",))
    role = Role(name="mr-t1", structures=("GTV_Mass", "*"))
    chosen = selected(outlined, OUTLINES, query=Query(role=(role,))).cases[0].chosen[0]
    assert (chosen.outlines, chosen.structure) == (OUTLINES, "GTV_Mass")


@pytest.mark.parametrize(
    ("structures", "chosen"),
    [
        (("GTV_Mass", "GTV_Edema"), "GTV_Mass"),
        (("GTV-1", "GTV-2", "Heart"), "GTV-1"),
        (("GTV", "GTVn"), "GTV"),
        (("Heart", "Tumor left"), "Tumor left"),
        (("Heart", "lesion 1"), "lesion 1"),
        (("anything",), "anything"),
        (("Heart", "Liver"), ""),
        (("GTVp", "GTVn"), ""),
        (("tumour 1", "tumour 2"), ""),
    ],
)
def test_a_structure_that_is_called_like_a_tumour_is_taken_and_none_is_guessed(
    structures: tuple[str, ...], chosen: str
) -> None:
    outlines = replace(OUTLINES, structures=structures)
    found = selected(replace(T1, referred_by=("1.9",)), outlines).cases[0].chosen[0]
    assert (found.outlines, found.structure) == (outlines, chosen)


_SERIES = st.builds(
    lambda number, plane, slices, study: replace(
        T1, series_uid=f"9.{number}", plane=plane, slices=slices, study_uid=study
    ),
    st.integers(0, 10**6),
    st.sampled_from(["axial", "coronal"]),
    st.integers(3, 60),
    st.sampled_from(["1", "2"]),
)


@given(st.lists(_SERIES, unique_by=lambda series: series.series_uid), st.randoms())
def test_every_series_is_taken_or_left_out_whatever_their_order(series, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(series, len(series))
    one, other = selected(*series), selected(*shuffled)
    assert taken(one) == taken(other)
    seen = Counter(uid for case in taken(one) for uid in case.values())
    seen.update(gone.series_uid for gone in one.left_out)
    assert seen == Counter(one.series_uid for one in series)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[role]]\nname = "t1"', "none of"),
        ('[[role]]\nname = "ct"\n[[role]]\nname = "ct"', "same name"),
        ('[[role]]\nname = "ct"\n[[role.prefer]]\ncolumn = "slices"', "values or order"),
        ('case = "visit"', "case"),
        ("[", "cannot be read as a query"),
    ],
)
def test_a_wrong_query_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "query.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        read_query(file)
