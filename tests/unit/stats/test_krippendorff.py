import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.stats.golden import rows

from oncotrace.errors import InputError
from oncotrace.stats.kappa import fleiss_kappa
from oncotrace.stats.krippendorff import Scale, krippendorff_alpha

EXAMPLE = np.array(
    [
        [float(row[reader]) if row[reader] else math.nan for reader in "ABCD"]
        for row in rows("krippendorff_2011_example.csv")
    ]
)
readings = st.lists(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, math.nan]), min_size=4, max_size=4),
    min_size=3,
    max_size=10,
).map(np.array)


@pytest.mark.parametrize(
    "row",
    [row for row in rows("many_reader_results.csv") if row["statistic"] == "alpha"],
    ids=lambda row: row["quantity"],
)
def test_alpha_of_each_scale_is_the_published_one(row) -> None:
    found = krippendorff_alpha(EXAMPLE, row["quantity"], seed=1)
    assert found.value == pytest.approx(float(row["value"]), abs=float(row["tolerance"]))
    assert (found.cases, found.readings) == (11, 40)
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1] <= 1


def test_one_seed_gives_one_interval() -> None:
    assert krippendorff_alpha(EXAMPLE, "ordinal", seed=4) == krippendorff_alpha(
        EXAMPLE, "ordinal", seed=4
    )


def test_many_complete_nominal_readings_give_nearly_fleiss_kappa() -> None:
    table = np.random.default_rng(1).integers(0, 3, (2000, 4)).astype(float)
    table[:, 1:3] = table[:, :1]
    counts = np.stack([(table == category).sum(axis=1) for category in range(3)], axis=1)
    alpha = krippendorff_alpha(table, "nominal", seed=1, resamples=10).value
    assert alpha == pytest.approx(fleiss_kappa(counts).value, abs=1e-3)


@settings(deadline=None)
@given(readings, st.sampled_from(get_args(Scale)))
def test_the_order_of_readers_does_not_matter(table: np.ndarray, scale: Scale) -> None:
    if (np.isfinite(table).sum(axis=1) > 1).sum() < 2:
        return
    here = krippendorff_alpha(table, scale, seed=1, resamples=20)
    there = krippendorff_alpha(table[:, ::-1], scale, seed=1, resamples=20)
    assert here == there
    assert here.value is None or here.value <= 1


def test_equal_readings_have_no_alpha() -> None:
    found = krippendorff_alpha([[2.0, 2.0], [2.0, 2.0]], "nominal", seed=1)
    assert (found.value, found.interval) == (None, None)


@pytest.mark.parametrize(
    ("table", "scale", "message"),
    [
        ([[1.0, math.nan], [math.nan, 2.0]], "nominal", "two readers, found 0"),
        ([[1.0, 2.0], [math.nan, 2.0]], "ordinal", "two readers, found 1"),
        ([[1.0, math.inf]], "interval", "finite or missing"),
        ([[-1.0, 2.0], [1.0, 2.0]], "ratio", "no negative readings"),
    ],
)
def test_readings_without_an_alpha_are_refused(table, scale: Scale, message: str) -> None:
    with pytest.raises(InputError, match=message):
        krippendorff_alpha(table, scale, seed=1)
