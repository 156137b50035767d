"""Several groups: every two of them, all together, and an adjustment for just those tests."""

import numpy as np
import pytest

from oncotrace.errors import InputError
from oncotrace.stats.compare import holm
from oncotrace.stats.group_comparison import compare_groups
from oncotrace.stats.level_comparison import compare_levels
from oncotrace.stats.made_tests import adjust_tests, made_of_levels, made_of_values
from oncotrace.stats.two_groups import Resampling, Sample

HOW = Resampling(seed=0, resamples=200)


def samples(*sizes: int, is_paired: bool = False) -> dict[str, Sample]:
    rng = np.random.default_rng(3)
    return {
        name: Sample(
            rng.normal(place, size=size),
            tuple(f"{'' if is_paired else name}{k}" for k in range(size)),
        )
        for place, (name, size) in enumerate(zip("ABCD", sizes, strict=False))
    }


def compared(of: dict[str, Sample], kind="rank", *, is_paired: bool = False):
    return compare_groups("volume", of, kind=kind, is_paired=is_paired, how=HOW)


def test_every_two_groups_are_tested_and_three_together() -> None:
    found = compared(samples(8, 9, 10))
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("A", "B"), ("A", "C"), ("B", "C"),
    ]  # fmt: skip
    assert found.overall is not None
    assert found.overall.test == "Kruskal-Wallis"
    assert compared(samples(8, 9)).overall is None
    assert compared(samples(8, 9, 10), "t").overall is None


def test_paired_groups_have_friedmans_test() -> None:
    found = compared(samples(8, 8, 8, is_paired=True), is_paired=True)
    assert found.overall is not None
    assert found.overall.test == "Friedman"
    assert {pair.result.test for pair in found.pairs if pair.result} == {"Wilcoxon signed rank"}


def test_an_empty_group_is_an_error_and_never_a_p_value() -> None:
    empty = samples(4, 4) | {"C": Sample(np.array([]), ())}
    with pytest.raises(InputError, match="group 'C' has no value") as refusal:
        compared(empty)
    assert refusal.value.code == "empty-group"
    with pytest.raises(InputError, match="two groups"):
        compared(samples(4))
    with pytest.raises(InputError, match="'B' has no case"):
        compare_levels({"A": ["x"], "B": []}, test="auto", seed=0)


def test_only_tests_that_were_made_are_adjusted_for() -> None:
    one = samples(8, 9, 10) | {"D": Sample(np.array([5.0]), ("D0",))}
    tests = adjust_tests(list(made_of_values(compared(one, "t"))), "holm")
    made = [test for test in tests if test.p_value is not None]
    assert len(tests) == 6
    assert [test.among for test in made] == [3, 3, 3]
    assert [test.p_adjusted for test in made] == holm([test.p_value for test in made])
    notes = [test.note for test in tests if test.p_value is None]
    assert notes == ["a t test needs at least 2 values, found 1."] * 3


def test_tests_of_two_and_of_all_groups_are_adjusted_apart() -> None:
    first, second = compared(samples(8, 9, 10)), compared(samples(7, 7, 7))
    tests = adjust_tests([*made_of_values(first), *made_of_values(second)], "bonferroni")
    assert sorted({(test.family, test.among) for test in tests}) == [
        ("all groups", 2), ("two groups", 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "name"), [("auto", "Fisher"), ("chi-square", "chi-square"), ("fisher", "Fisher")]
)
def test_categories_are_counted_and_tested(wanted, name) -> None:
    found = compare_levels(
        {"A": ["yes"] * 3 + ["no"], "B": ["yes"] + ["no"] * 3}, test=wanted, seed=0
    )
    assert (found.levels, found.counts) == (("no", "yes"), ((1, 3), (3, 1)))
    assert found.test == name
    assert found.proportions is not None
    assert found.proportions.difference == pytest.approx(0.5)
    test = made_of_levels("cured", found)
    assert (test.n_first, test.n_second, test.family) == (4, 4, "two groups")


def test_a_z_test_needs_two_levels_in_two_groups() -> None:
    found = compare_levels({"A": ["0", "1"], "B": ["1", "1"]}, test="z", seed=0)
    assert found.test == "two-proportion z"
    with pytest.raises(InputError, match="found 3 levels in 2 groups"):
        compare_levels({"A": ["x", "y"], "B": ["z"]}, test="z", seed=0)


def test_one_level_has_no_test() -> None:
    test = made_of_levels("sex", compare_levels({"A": ["f"], "B": ["f"]}, test="auto", seed=0))
    assert test.p_value is None
    assert adjust_tests([test], "holm") == [test]
