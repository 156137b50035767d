"""Shifted dates and safe words."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.curate.deid_values import safe_words, shifted

DATES = st.dates(date(1900, 1, 1), date(2100, 1, 1))
DAYS = st.integers(1, 3650)


@given(first=DATES, second=DATES, days=DAYS)
def test_intervals_survive_the_shift(first: date, second: date, days: int) -> None:
    moved = [shifted(day.strftime("%Y%m%d"), "DA", days) for day in (first, second)]
    back = [date(int(m[:4]), int(m[4:6]), int(m[6:])) for m in moved if m is not None]
    assert back[1] - back[0] == second - first
    assert back[0] == first - timedelta(days)


@pytest.mark.parametrize(
    ("text", "vr", "expected"),
    [
        ("20140310", "DA", "20140309"),
        ("2014.03.01", "DA", "20140228"),
        ("20140301-20140310", "DA", "20140228-20140309"),
        ("-20140310", "DA", "-20140309"),
        ("20140301000000.123456+0100", "DT", "20140228000000.123456+0100"),
        ("20140301-0500", "DT", "20140228-0500"),
        ("2014", "DT", "2014"),
        ("201403", "DT", "201403"),
        ("20140301-20140310", "DT", "20140228-20140309"),
    ],
)
def test_dates_times_and_ranges_move_by_a_day(text: str, vr: str, expected: str) -> None:
    assert shifted(text, vr, 1) == expected


@pytest.mark.parametrize("text", ["20141340", "Miller", "2014", "20140310 Miller", "00000000"])
def test_what_is_no_date_is_not_shifted(text: str) -> None:
    assert shifted(text, "DA", 1) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("T1 AX FS +C", "T1 AX FS +C"),
        ("GTV_Mass", "GTV_Mass"),
        ("CT Chest 3mm B30f", "CT Chest 3mm"),
        ("CT chest 1.25mm Dr. Miller", "CT chest 1.25mm"),
        ("Miller, Anna", ""),
        ("MR knee 12.03.61", "MR knee"),
        ("MR knee 12/03/1961", "MR knee"),
        ("MR knee 1961-03-12", "MR knee"),
        ("MR knee 19610312", "MR knee"),
        ("Series 4 of 12", "Series 4 of"),
        ("Brain\u0301 Müller", "Brain"),
    ],
)
def test_descriptions_keep_words_of_imaging(text: str, kept: str) -> None:
    assert safe_words(text) == kept


@given(text=st.text(max_size=60))
def test_safe_words_are_all_there_is_to_keep(text: str) -> None:
    once = safe_words(text)
    assert safe_words(once) == once
