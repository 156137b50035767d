import numpy as np
import pytest

from oncotrace.errors import InputError, SettingsError
from oncotrace.stats.cut_off import parse_cut, split_at


def groups(values: list[float], *rules: str) -> list[int]:
    return split_at(values, [parse_cut(rule) for rule in rules], of="volume_ml").group.tolist()


def test_what_equals_the_cut_off_is_low_and_counted() -> None:
    found = split_at([1.0, 2, 2, 3], [parse_cut("median")], of="volume_ml")
    assert found.group.tolist() == [0, 0, 0, 1]
    assert (found.cuts, found.at_cut, found.is_from_data) == ((2.0,), (2,), True)
    assert found.labels == ("≤ 2", "> 2")


def test_a_quantile_is_taken_between_ranks() -> None:
    found = split_at([0.0, 10, 20, 30, 40], [parse_cut("75%")], of="volume_ml")
    assert (found.cuts, found.rules) == ((30.0,), ("75%",))
    assert found.group.tolist() == [0, 0, 0, 0, 1]


def test_a_number_is_taken_as_it_is() -> None:
    found = split_at([1.0, 5, 9], [parse_cut("5.5")], of="volume_ml")
    assert found.group.tolist() == [0, 0, 1]
    assert not found.is_from_data


def test_several_cut_offs_in_any_order_make_several_groups() -> None:
    assert groups([1.0, 5, 9], "7", "3") == groups([1.0, 5, 9], "3", "7") == [0, 1, 2]
    found = split_at([1.0, 5, 9], [parse_cut("3"), parse_cut("7")], of="volume_ml")
    assert found.labels == ("≤ 3", "> 3 to 7", "> 7")


def test_a_cut_off_beyond_all_values_leaves_a_group_empty() -> None:
    with pytest.raises(InputError, match=r"no patient has volume_ml > 50: .* 1 to 9") as refusal:
        groups([1.0, 5, 9], "50")
    assert refusal.value.code == "empty-group"


def test_a_median_that_is_the_greatest_value_leaves_a_group_empty() -> None:
    with pytest.raises(InputError, match="no patient has volume_ml > 9"):
        groups([1.0, 9, 9], "median")


@pytest.mark.parametrize("text", ["mean", "0%", "100%", "1e999", "", "nan", "5 ml"])
def test_other_words_are_no_cut_off(text: str) -> None:
    with pytest.raises(SettingsError, match="no cut-off"):
        parse_cut(text)


def test_too_many_cut_offs_are_refused() -> None:
    with pytest.raises(SettingsError, match="one to 5"):
        groups(list(np.arange(20.0)), *map(str, range(2, 9)))
