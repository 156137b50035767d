"""Names of cases: after their patient, unique, fit for a folder, in the order of time."""

import re

from hypothesis import given
from hypothesis import strategies as st

from oncotrace.curate.case_names import named_cases
from oncotrace.curate.selection import SelectedCase


def case(patient: str, day: str = "2024-01-05", name: str = "1.2.3") -> SelectedCase:
    return SelectedCase(name, patient, day, ())


def ids(*cases: SelectedCase, pseudonyms: dict[str, str] | None = None) -> list[str]:
    return [named.case_id for named in named_cases(cases, pseudonyms)]


def test_an_only_case_has_the_name_of_its_patient_and_no_time_point() -> None:
    (named,) = named_cases([case("STS_001")])
    assert (named.case_id, named.patient_id, named.time_point) == ("STS_001", "STS_001", "")
    assert named.days_from_first == 0


def test_several_cases_are_numbered_by_date() -> None:
    later, first = case("P", "2024-03-01", "1.1"), case("P", "2023-12-31", "1.2")
    named = named_cases([later, first])
    assert [(n.case_id, n.case, n.time_point, n.days_from_first) for n in named] == [
        ("P_1", first, "1", 0),
        ("P_2", later, "2", 61),
    ]


def test_days_are_not_guessed() -> None:
    named = named_cases([case("P", ""), case("P", "2024-03-01")])
    assert [n.days_from_first for n in named] == [None, None]


def test_ids_that_no_folder_can_have_are_made_fit() -> None:
    assert ids(case("../etc/passwd"), case("Müller, A"), case(""), case("a/b"), case("a b")) == [
        "patient",
        "etc-passwd",
        "M-ller-A",
        "a-b",
        "a-b-2",
    ]


def test_patients_whose_names_would_meet_are_kept_apart() -> None:
    both = [case("A", "2024-01-01", "1"), case("A", "2024-02-01", "2"), case("A_1"), case("a_2")]
    assert ids(*both) == ["A_1", "A_2", "A_1-2", "a_2-2"]


def test_pseudonyms_take_the_place_of_ids_and_of_their_order() -> None:
    named = named_cases([case("Anna"), case("Berta")], {"Anna": "P-Z", "Berta": "P-A"})
    assert [(n.case_id, n.patient_id) for n in named] == [("P-A", "P-A"), ("P-Z", "P-Z")]


@given(st.lists(st.text(max_size=8), max_size=12))
def test_names_are_safe_and_unique_whatever_patients_are_called(patients: list[str]) -> None:
    made = ids(*(case(patient, name=str(n)) for n, patient in enumerate(patients)))
    assert len({one.casefold() for one in made}) == len(patients)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", one) for one in made)
