"""Krippendorff's alpha: agreement of any number of readers on any scale, some readings missing."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import InputError
from oncotrace.stats.agreement import Interval
from oncotrace.stats.bootstrap import bootstrap_interval

Scale = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha: 1 is agreement, 0 what chance gives.

    ``cases`` are those read at least twice, ``readings`` theirs; the others tell nothing about
    agreement and are left out. The value is nothing where all readings are the same.
    """

    scale: Scale
    cases: int
    readings: int
    value: float | None
    interval: Interval | None


def krippendorff_alpha(
    readings: ArrayLike,
    scale: Scale,
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Alpha:
    """Alpha of readings of cases, with a bootstrap interval over whole cases (BCa).

    Parameters
    ----------
    readings
        Shape (cases, readers), NaN where a reader has not read a case. Categories are numbers, for
        an ordinal scale in their order.
    scale
        How far two readings are apart: ``nominal`` different or not, ``ordinal`` by the number of
        readings between them, ``interval`` by their difference, ``ratio`` by their difference as a
        share of their sum.

    Raises
    ------
    InputError
        Fewer than two cases were read twice, a reading is infinite, or one of a ratio scale is
        negative.

    References
    ----------
    Krippendorff, Computing Krippendorff's alpha-reliability, 2011,
    https://repository.upenn.edu/asc_papers/43; Hayes and Krippendorff, Commun Methods Meas
    2007;1:77-89, doi:10.1080/19312450709336664. Their bootstrap draws pairs of readings and takes
    percentiles; drawing cases keeps the readings of one together, and with 20 cases BCa holds the
    true value in some 95 % of simulations, percentiles in 91 %.
    """
    counts, values = _counts(readings)
    if scale == "ratio" and values[0] < 0:
        raise InputError("a ratio scale has no negative readings.", code="not-positive")
    units = _Units(counts, values, scale)
    everyone = np.arange(len(counts), dtype=np.float64)
    alpha = units.alpha(everyone)
    interval = None
    if np.isfinite(alpha):
        interval = bootstrap_interval(
            everyone,
            units.alpha,
            groups=range(len(counts)),
            seed=seed,
            method="bca",
            confidence=confidence,
            resamples=resamples,
        )
    return Alpha(
        scale=scale,
        cases=len(counts),
        readings=int(counts.sum()),
        value=alpha if np.isfinite(alpha) else None,
        interval=interval,
    )


class _Units:
    """Counts of values by case, from which alpha of any choice of cases is quickly found."""

    def __init__(
        self, counts: NDArray[np.float64], values: NDArray[np.float64], scale: Scale
    ) -> None:
        self._counts = counts
        self._readers = counts.sum(axis=1)
        # Distances of an ordinal scale depend on all readings, those of the others do not.
        self._apart = None if scale == "ordinal" else _squared_distances(values, scale)
        self._within = None if self._apart is None else _within_cases(counts, self._apart)

    def alpha(self, chosen: NDArray[np.float64]) -> float:
        """Alpha of the cases of these numbers, NaN if all of their readings are the same."""
        places = chosen.astype(np.intp)
        counts, readers = self._counts[places], self._readers[places]
        totals = counts.sum(axis=0)
        n = totals.sum()
        if self._apart is None or self._within is None:
            apart = _ordinal_distances(totals)
            within = _within_cases(counts, apart)
        else:
            apart, within = self._apart, self._within[places]
        observed = float((within / (readers - 1)).sum() / n)
        expected = float(totals @ apart @ totals / (n * (n - 1)))
        return 1 - observed / expected if expected > 0 else float("nan")


def _counts(readings: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each value was read, shape (cases read twice, values), and the values in order."""
    table = np.asarray(readings, dtype=np.float64)
    if table.ndim != 2 or np.isinf(table).any():
        raise InputError(
            "alpha takes a table of finite or missing readings, cases by readers.",
            code="not-finite-values",
        )
    table = table[np.isfinite(table).sum(axis=1) > 1]
    if len(table) < 2:
        raise InputError(
            f"alpha needs two cases that were read by two readers, found {len(table)}.",
            code="too-few-readings",
        )
    values = np.unique(table[np.isfinite(table)])
    counts = np.stack([(table == value).sum(axis=1) for value in values], axis=1)
    return counts.astype(np.float64), values


def _within_cases(counts: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of all pairs of readings of each case, each pair in both orders, shape (cases,)."""
    return np.asarray(np.einsum("uv,uv->u", counts @ apart, counts), dtype=np.float64)


def _squared_distances(values: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Squared distance of each two values, shape (values, values)."""
    apart = values[:, None] - values[None, :]
    if scale == "nominal":
        return np.asarray(apart != 0, dtype=np.float64)
    if scale == "ratio":
        whole = values[:, None] + values[None, :]
        apart = np.divide(apart, whole, out=np.zeros_like(apart), where=whole > 0)
    return np.asarray(apart**2, dtype=np.float64)


def _ordinal_distances(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared number of readings from one value to another, half of those of both ends."""
    middle = np.cumsum(totals) - totals / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2, dtype=np.float64)
