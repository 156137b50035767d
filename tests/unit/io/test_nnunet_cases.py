"""Every case keeps or gets a name that nnU-Net can take, and is found again by it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import TableError
from oncotrace.io.cohort_table import write_table
from oncotrace.io.nnunet_cases import nnunet_ids, read_nnunet_names

CASE_IDS = st.lists(
    st.from_regex(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,12}[A-Za-z0-9_-])?", fullmatch=True),
    min_size=1,
    max_size=8,
    unique_by=str.casefold,
)


@given(CASE_IDS)
def test_names_differ_even_where_case_does_not_count_and_end_like_none_of_its_own(case_ids):
    names = nnunet_ids(case_ids)
    assert list(names) == case_ids
    assert len({name.casefold() for name in names.values()}) == len(case_ids)
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name)
        assert not re.search(r"(_seg|_\d{4})$", name, re.IGNORECASE)


@pytest.mark.parametrize("case_id", ["STS_001", "a", "patient-7", "x_123"])
def test_a_name_that_can_be_taken_is_kept(case_id):
    assert nnunet_ids([case_id]) == {case_id: case_id}


@pytest.mark.parametrize("case_id", ["a.b", "STS_seg", "STS_0001", "_a", "-a", "x_SEG"])
def test_a_name_that_cannot_be_taken_is_replaced(case_id):
    assert nnunet_ids([case_id, "case-0001"]) == {case_id: "case-0002", "case-0001": "case-0001"}


def test_names_that_were_written_are_read_again(tmp_path):
    names = nnunet_ids(["a.b", "-c", "d"])
    rows = [{"nnunet_id": name, "case_id": case_id} for case_id, name in names.items()]
    write_table(rows, tmp_path / "cases.csv")
    assert read_nnunet_names(tmp_path / "cases.csv") == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nnunet_id\na\n", "needs the columns nnunet_id and case_id"),
        ("nnunet_id,case_id\na,b\na,c\n", "line 3: a name or case is missing, unusable or"),
        ("nnunet_id,case_id\n../a,b\n", "line 2: a name or case is missing, unusable or"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, text, message):
    (tmp_path / "cases.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_nnunet_names(tmp_path / "cases.csv")
