"""What is left out of a statistic is named and counted."""

import math

import pytest

from oncotrace.errors import InputError
from oncotrace.stats.usable import LeftOut, listed, refuse_repeated, usable


def test_values_that_cannot_be_used_are_named() -> None:
    kept, left_out = usable([1.0, math.nan, math.inf, 2.0, math.nan], list("ABCDE"))
    assert kept.tolist() == [0, 3]
    assert left_out == LeftOut(missing=("B", "E"), infinite=("C",))
    assert left_out.count == 3
    assert left_out.sentence() == "2 cases have no value (B, E); 1 is infinite (C)."


def test_names_that_stand_twice_are_named_and_kept() -> None:
    kept, left_out = usable([1.0, 2.0, 3.0, 4.0], ["A", "B", "A", "A"])
    assert len(kept) == 4
    assert left_out.duplicate == ("A",)
    assert left_out.sentence("row") == "1 row stands more than once (A)."


def test_nothing_left_out_is_said_too() -> None:
    assert usable([1.0], ["A"])[1].sentence() == "Every value is there and finite."


def test_long_lists_say_how_many_more_there_are() -> None:
    assert listed([str(n) for n in range(15)]).endswith("10, 11 and 3 more")
    assert listed(["A", "B"]) == "A, B"


def test_rows_that_stand_twice_are_refused_by_name() -> None:
    refuse_repeated(["A", "B"], of="case")
    with pytest.raises(InputError, match="in 2 places: A, C") as refusal:
        refuse_repeated(["A", "B", "A", "C", "C"], of="case and reader")
    assert refusal.value.code == "duplicate-rows"


def test_a_value_without_name_is_refused() -> None:
    with pytest.raises(InputError, match="1 values and 2 names"):
        usable([1.0], ["A", "B"])
