import csv
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.stats.golden import rows

from oncotrace.errors import InputError
from oncotrace.stats.icc import icc
from oncotrace.stats.limits_of_agreement_with_mean import limits_of_agreement_with_mean


def long_readings(path: Path) -> NDArray[np.float64]:
    """Readings [case, reader, repeat] of a table with one of them in each row."""
    with path.open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    names = [sorted({row.get(of, "") for row in table}) for of in ("subject", "observer")]
    repeats = sorted({row.get("measurement", "") for row in table})
    values = np.full((len(names[0]), len(names[1]), len(repeats)), math.nan)
    for row in table:
        place = (
            names[0].index(row["subject"]),
            names[1].index(row["observer"]),
            repeats.index(row.get("measurement", "")),
        )
        values[place] = float(row["value"])
    return values


@pytest.mark.parametrize(
    "row", rows("christensen_2020_aorta.csv"), ids=lambda row: f"{row['data']} {row['quantity']}"
)
def test_aortas_agree_as_the_authors_published(row: dict[str, str], shared_data: Path) -> None:
    readings = long_readings(shared_data / "tables" / "reader_agreement" / row["data"])
    found = limits_of_agreement_with_mean(readings)
    assert found.interval is not None
    assert found.symmetric_interval is not None
    values: dict[str, float | None] = {
        "limit": found.limit,
        "low": found.interval[0],
        "high": found.interval[1],
        "symmetric_low": found.symmetric_interval[0],
        "symmetric_high": found.symmetric_interval[1],
    }
    if row["quantity"].startswith("icc"):
        agreement = icc(readings[:, :, 0])[1]
        assert agreement.interval is not None
        values["icc"] = agreement.value
        values["icc_low"], values["icc_high"] = agreement.interval
    expected = pytest.approx(float(row["value"]), abs=float(row["tolerance"]))
    assert values[row["quantity"]] == expected


def test_the_limit_is_that_of_readings_about_the_mean_of_their_case() -> None:
    readings = np.array([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])
    from_mean = readings - readings.mean(axis=1, keepdims=True)
    found = limits_of_agreement_with_mean(readings)
    assert found.limit == pytest.approx(1.959964 * math.sqrt((from_mean**2).mean()))


def test_a_case_much_larger_than_the_others_changes_no_limit() -> None:
    readings = np.random.default_rng(1).normal(size=(10, 4))
    moved = readings.copy()
    moved[3] += 100
    here, there = map(limits_of_agreement_with_mean, (readings, moved))
    assert here.limit == pytest.approx(there.limit)
    assert here.interval == pytest.approx(there.interval)


def test_readers_who_never_differ_have_a_limit_of_zero_without_interval() -> None:
    found = limits_of_agreement_with_mean([[1.0, 1.0], [2.0, 2.0], [5.0, 5.0]])
    assert found.limit == 0
    assert found.interval is None
    assert found.sd_readers == found.sd_error == 0


def test_a_negative_variance_is_no_standard_deviation() -> None:
    found = limits_of_agreement_with_mean([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0]])
    assert found.sd_readers is None
    assert found.sd_cases is None


def test_a_missing_reading_is_refused() -> None:
    with pytest.raises(InputError, match="1 are missing"):
        limits_of_agreement_with_mean([[1.0, 2.0], [3.0, math.nan]])


@pytest.mark.slow
def test_the_interval_holds_the_true_limit_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    trials, held = 600, 0
    true = 1.959964 * math.sqrt((1 - 1 / 8) * 0.25 + (1 - 1 / 8) * 1.0)
    for _ in range(trials):
        readings = rng.normal(size=(40, 8)) + rng.normal(scale=0.5, size=(1, 8))
        found = limits_of_agreement_with_mean(readings)
        assert found.interval is not None
        held += found.interval[0] <= true <= found.interval[1]
    assert held / trials == pytest.approx(0.95, abs=0.03)
