import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stats.golden import rows

from oncotrace.errors import InputError
from oncotrace.stats.kappa import (
    agreement_weights,
    cohen_kappa,
    fleiss_kappa,
    kappa_of_table,
)

NAMED = ("none", "linear", "quadratic")


def matrix(text: str) -> np.ndarray:
    return np.array([[float(cell) for cell in line.split()] for line in text.split("/")])


def counts_of(name: str) -> np.ndarray:
    """Cases by category, from counts or from the categories that readers gave."""
    table = rows(name)
    if "depression" in table[0]:
        return np.array([[float(cell) for cell in list(row.values())[1:]] for row in table])
    return np.array(
        [[list(row.values())[1:].count(str(category)) for category in range(1, 6)] for row in table]
    )


@pytest.mark.parametrize(
    "row",
    rows("kappa_examples.csv"),
    ids=lambda row: f"{row['example']} {row['weights']} {row['quantity']}",
)
def test_kappas_are_the_published_ones(row: dict[str, str]) -> None:
    table = matrix(row["counts"])
    name = row["weights"]
    weights = agreement_weights(len(table), name) if name in NAMED else matrix(name)
    found = kappa_of_table(table, weights)
    assert found.interval is not None
    assert found.standard_error is not None
    values = {
        "kappa": found.value,
        "standard_error": found.standard_error,
        "variance": found.standard_error**2,
        "low": found.interval[0],
        "high": found.interval[1],
    }
    assert values[row["quantity"]] == pytest.approx(
        float(row["value"]), abs=float(row["tolerance"])
    )


@pytest.mark.parametrize(
    "row",
    [row for row in rows("many_reader_results.csv") if row["statistic"] == "fleiss_kappa"],
    ids=lambda row: f"{row['data']} {row['quantity']}",
)
def test_kappas_of_many_readers_are_the_published_ones(row: dict[str, str]) -> None:
    found = fleiss_kappa(counts_of(row["data"]))
    assert getattr(found, row["quantity"]) == pytest.approx(
        float(row["value"]), abs=float(row["tolerance"])
    )


def test_quadratic_weights_make_kappa_an_intraclass_correlation() -> None:
    # Fleiss and Cohen 1973: ICC(A,1) with the denominators n, for numbered categories.
    rng = np.random.default_rng(1)
    first = rng.integers(0, 4, 40)
    second = np.clip(first + rng.integers(-1, 2, 40), 0, 3)
    found = cohen_kappa(first.tolist(), second.tolist(), categories=range(4), weights="quadratic")
    covariance = np.mean((first - first.mean()) * (second - second.mean()))
    whole = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    assert found.value == pytest.approx(2 * covariance / whole)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=30))
def test_kappa_does_not_ask_who_comes_first(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    here = cohen_kappa(first, second, categories=range(3), weights="linear")
    there = cohen_kappa(second, first, categories=range(3), weights="linear")
    if here.value is None:
        assert there.value is None
    else:
        assert here.value == pytest.approx(there.value)
        assert -1 <= here.value <= 1


def test_readers_who_use_one_category_have_no_kappa() -> None:
    found = cohen_kappa(["ill", "ill"], ["ill", "ill"], categories=["ill", "well"])
    assert (found.value, found.interval) == (None, None)
    assert fleiss_kappa([[3, 0], [3, 0]]).value is None


def test_complete_agreement_on_several_categories_is_one() -> None:
    assert cohen_kappa("aab", "aab", categories="ab").value == 1
    found = fleiss_kappa([[3, 0], [0, 3], [3, 0]])
    assert found.value == pytest.approx(1)


def test_cases_nobody_has_read_do_not_count() -> None:
    counts = [[3, 0], [0, 3], [1, 2]]
    assert fleiss_kappa([*counts, [0, 0]]) == fleiss_kappa(counts)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("ab", "a", "found 2 and 1"),
        ("", "", "found 0 and 0"),
        ("ac", "ab", "'c' is none of the categories"),
    ],
)
def test_readings_that_do_not_fit_are_refused(first: str, second: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cohen_kappa(first, second, categories="ab")


def test_a_case_read_once_shows_no_agreement() -> None:
    with pytest.raises(InputError, match="0 read twice"):
        fleiss_kappa([[1, 0], [0, 1]])
    with pytest.raises(InputError, match="square table"):
        kappa_of_table([[1, 2, 3]])


@pytest.mark.slow
def test_the_interval_of_fleiss_kappa_holds_the_true_value() -> None:
    # Each of five readers copies the truth with probability p, else guesses: kappa = p^2.
    rng = np.random.default_rng(2)
    trials, held = 400, 0
    for _ in range(trials):
        truth = rng.integers(0, 3, (60, 1))
        guesses = rng.integers(0, 3, (60, 5))
        readings = np.where(rng.random((60, 5)) < 0.7, truth, guesses)
        counts = np.stack([(readings == category).sum(axis=1) for category in range(3)], axis=1)
        low, high = fleiss_kappa(counts).interval or (1, -1)
        held += low <= 0.49 <= high
    assert held / trials == pytest.approx(0.95, abs=0.035)
