import math

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.report.reader_agreement import measured_agreement
from oncotrace.report.reader_bland_altman import bland_altman_drawing
from oncotrace.report.reader_categories import category_agreement
from oncotrace.report.reader_intervals import NamedValue, intervals_drawing
from oncotrace.report.reader_loam import loam_drawing
from oncotrace.report.reader_readings import Readings
from oncotrace.report.reader_tables import measured_result, measured_tables
from oncotrace.report.reader_text import category_text, measured_text


def readings(values: NDArray[np.float64], categories: tuple[str, ...] = ()) -> Readings:
    cases, readers, repeats = values.shape
    return Readings(
        quantity="diameter (mm)",
        cases=tuple(f"case{place}" for place in range(cases)),
        readers=tuple("ABCDEFGH"[:readers]),
        repeats=tuple(f"reading {place + 1}" for place in range(repeats)),
        values=values,
        categories=categories,
    )


def diameters(cases: int = 12, readers: int = 3, repeats: int = 1) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    truth = rng.uniform(10, 60, (cases, 1, 1))
    return truth + rng.normal(size=(1, readers, 1)) + rng.normal(size=(cases, readers, repeats))


def test_every_unordered_pair_of_readers_is_compared_once() -> None:
    found = measured_agreement(readings(diameters(readers=4)))
    names = [(pair.first, pair.second) for pair in found.pairs]
    assert names == [("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D")]


def test_a_missing_reading_costs_what_needs_complete_cases_one_case_and_pairs_nothing() -> None:
    values = diameters()
    values[4, 2, 0] = math.nan
    found = measured_agreement(readings(values))
    assert found.limits is not None
    assert found.limits.cases == 11
    assert found.alpha is not None
    assert (found.alpha.cases, found.alpha.readings) == (12, 35)
    cases = {(pair.first, pair.second): len(pair.cases) for pair in found.pairs}
    assert cases == {("A", "B"): 12, ("A", "C"): 11, ("B", "C"): 11}
    text = measured_text(found)
    assert "Missing: 1 (case case4 by C)." in text
    assert "11 for the ICC" in text
    assert "without case4" in text


def test_the_bias_of_readers_is_from_the_mean_of_all_and_adds_up_to_zero() -> None:
    values = diameters()
    values[:, 0] += 5
    found = measured_agreement(readings(values))
    biases = [reader.bias for reader in found.readers]
    assert sum(bias or 0 for bias in biases) == pytest.approx(0, abs=1e-9)
    assert biases[0] is not None
    assert biases[0] > 2


def test_readings_that_never_differ_are_said_to_have_no_icc() -> None:
    found = measured_agreement(readings(np.full((5, 3, 1), 20.0)))
    assert found.undefined["icc"].startswith("all readings are the same")
    assert "No ICC: all readings are the same" in measured_text(found)
    result = measured_result(found)
    icc = result["icc"]
    assert isinstance(icc, list)
    assert all(one["value"] is None for one in icc)
    assert "not defined" in measured_text(found)  # the correlations of the pairs


def test_one_case_has_no_statistic_and_says_why() -> None:
    found = measured_agreement(readings(diameters(cases=1)))
    assert set(found.undefined) == {"icc", "limits_with_mean", "alpha"}
    text = measured_text(found)
    assert "No ICC: an ICC needs at least two cases" in text
    assert "No two readers have three cases in common" in text


def test_a_negative_variance_is_said_to_be_one() -> None:
    values = np.array([[1.0, 2.0], [2.0, 1.0], [5.0, 6.0], [6.0, 5.0]])[:, :, None]
    text = measured_text(measured_agreement(readings(values)))
    assert "between readers 0 (its estimated variance is negative)" in text


def test_repeats_tell_how_far_one_reader_differs_from_themselves() -> None:
    values = diameters(repeats=2)
    found = measured_agreement(readings(values))
    assert found.repeatability is not None
    within = np.diff(values[:, :, :], axis=2)
    assert found.repeatability.sd_within == pytest.approx(math.sqrt((within**2).mean() / 2))
    assert all(reader.repeatability is not None for reader in found.readers)
    assert all(reader.icc_of_repeats is not None for reader in found.readers)
    assert "first readings (reading 1)" in measured_text(found)
    assert [(pair.first, pair.second) for pair in found.repeats] == [
        (f"{reader}, reading 1", f"{reader}, reading 2") for reader in "ABC"
    ]
    # The inter-observer figures are those of the first readings alone.
    first = measured_agreement(readings(values[:, :, :1]))
    assert found.icc == first.icc
    assert [pair.difference for pair in found.pairs] == [pair.difference for pair in first.pairs]


def test_negative_readings_have_no_difference_in_percent() -> None:
    found = measured_agreement(readings(diameters(readers=2) - 100))
    assert found.pairs[0].difference is not None
    assert found.pairs[0].percent is None
    assert bland_altman_drawing(found, percent=True) is None
    assert "not all means are positive" in measured_text(found)
    assert measured_tables(found)["pairs"][0]["percent_bias"] is None


def test_categories_without_an_order_have_no_weighted_kappa() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 3, (20, 2, 1)).astype(float)
    nominal = category_agreement(readings(values, ("bone", "fat", "muscle")), scale="nominal")
    assert nominal.pairs[0].linear is None
    ordinal = category_agreement(readings(values, ("none", "some", "much")), scale="ordinal")
    assert ordinal.pairs[0].linear is not None
    assert "Categories: none, some, much." in category_text(ordinal)


def test_readers_who_use_one_category_are_said_to_have_no_kappa() -> None:
    found = category_agreement(readings(np.zeros((4, 3, 1)), ("ill", "well")), scale="nominal")
    assert "No Fleiss' kappa: all readings are of one category" in category_text(found)
    assert "Cohen's kappa is not defined for A and B, A and C, B and C." in category_text(found)


def test_readers_without_a_common_case_have_no_kappa() -> None:
    values = np.full((4, 2, 1), np.nan)
    values[:2, 0], values[2:, 1] = 1, 0
    found = category_agreement(readings(values, ("ill", "well")), scale="nominal")
    assert found.pairs[0].kappa is None
    assert "Fleiss' kappa needs two cases and one read twice" in category_text(found)


@pytest.mark.slow
def test_pictures_are_the_same_every_time() -> None:
    found = measured_agreement(readings(diameters(readers=5)))
    assert found.limits is not None
    loam = loam_drawing(found.readings, found.limits, title="Differences")
    pairs = bland_altman_drawing(found, percent=False)
    assert pairs is not None
    kappas = intervals_drawing(
        [NamedValue("A and B", 0.5, (0.2, 0.8)), NamedValue("A and C", 0.7, None)],
        quantity="kappa",
        title="Pairs",
    )
    assert kappas is not None
    for drawing in (loam, pairs, kappas):
        assert drawing.rendered("png").startswith(b"\x89PNG")
        assert drawing.rendered("svg") == drawing.rendered("svg")


def test_more_than_six_pairs_show_the_widest() -> None:
    values = diameters(cases=20, readers=5)
    values[:, 4] += np.random.default_rng(5).normal(scale=20, size=(20, 1))
    found = measured_agreement(readings(values))
    drawing = bland_altman_drawing(found, percent=False)
    assert drawing is not None
    picture = drawing.rendered("svg").decode()
    assert "The 6 of 10 pairs with the widest limits" in picture
    assert all(f"{reader} \N{MINUS SIGN} E" in picture for reader in "ABCD")
