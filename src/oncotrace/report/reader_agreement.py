"""How several readers agree on what they have measured: all of it, pair by pair, and each alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from oncotrace.errors import InputError
from oncotrace.report.reader_readings import Reading, Readings
from oncotrace.stats.agreement import (
    BlandAltman,
    Correlation,
    bland_altman,
    pearson,
    percent_differences,
)
from oncotrace.stats.concordance import Concordance, concordance
from oncotrace.stats.icc import Icc, icc
from oncotrace.stats.krippendorff import Alpha, Scale, krippendorff_alpha
from oncotrace.stats.limits_of_agreement_with_mean import (
    LimitsWithMean,
    limits_of_agreement_with_mean,
)
from oncotrace.stats.repeatability import Repeatability, repeatability

SEED = 20
"""Of the bootstrap; fixed, so that the same readings give the same intervals."""

_LEAST_CASES = 3  # of a pair
_Found = TypeVar("_Found")


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """How two readers agree, or two readings of one reader, by the cases that were read both times.

    Differences are the first value minus the second. ``percent`` is in percent of the
    mean of both; nothing where a mean is not positive. Without three common cases all is nothing.
    """

    first: str
    second: str
    cases: tuple[int, ...]
    difference: BlandAltman | None
    percent: BlandAltman | None
    correlation: Correlation | None
    concordance: Concordance | None


@dataclass(frozen=True, eq=False)
class OneReader:
    """How a reader agrees with the mean of all and with their own repeated readings.

    ``bias`` is the mean difference from the mean of all readers, over the cases that all have
    read; nothing where there is none. Without repeats the others are nothing.
    """

    name: str
    readings: int
    bias: float | None
    repeatability: Repeatability | None
    icc_of_repeats: Icc | None


@dataclass(frozen=True, eq=False)
class MeasuredAgreement:
    """Agreement on measured values; ``undefined`` says of what is nothing why.

    ``pairs`` are first readings of two readers, ``repeats`` every two readings of one reader.
    """

    readings: Readings
    icc: tuple[Icc, ...]
    limits: LimitsWithMean | None
    alpha: Alpha | None
    pairs: tuple[PairAgreement, ...]
    repeats: tuple[PairAgreement, ...]
    readers: tuple[OneReader, ...]
    repeatability: Repeatability | None
    undefined: Mapping[str, str]


def measured_agreement(readings: Readings, *, scale: Scale = "interval") -> MeasuredAgreement:
    """Every statistic of agreement that these readings allow.

    ICC and limits of agreement with the mean take the cases that every reader has read (the limits
    with all repeats); a pair those that both have read; Krippendorff's alpha all that were read
    twice. ICC, alpha and pairs are about each reader's first reading.
    """
    undefined: dict[str, str] = {}
    complete = readings.complete_cases()
    every = readings.complete_cases(every_repeat=True)
    forms = _unless(undefined, "icc", lambda: icc(readings.first[complete])) or ()
    if forms and forms[0].value is None:
        undefined["icc"] = "all readings are the same: there is no spread to divide."
    alpha = _unless(
        undefined, "alpha", lambda: krippendorff_alpha(readings.first, scale, seed=SEED)
    )
    if alpha is not None and alpha.value is None:
        undefined["alpha"] = "all readings are the same: there is no spread to divide."
    return MeasuredAgreement(
        readings=readings,
        icc=forms,
        limits=_unless(
            undefined,
            "limits_with_mean",
            lambda: limits_of_agreement_with_mean(readings.values[every]),
        ),
        alpha=alpha,
        pairs=tuple(_pair(readings, (a, 0), (b, 0)) for a, b in readings.pairs()),
        repeats=tuple(_pair(readings, *pair) for pair in readings.pairs_of_repeats()),
        readers=tuple(_one_reader(readings, reader) for reader in range(len(readings.readers))),
        repeatability=_repeatability(readings, range(len(readings.readers))),
        undefined=undefined,
    )


def _unless(undefined: dict[str, str], name: str, compute: Callable[[], _Found]) -> _Found | None:
    """Return what is computed, or nothing and note why there is none."""
    try:
        return compute()
    except InputError as error:
        undefined[name] = error.message
        return None


def _pair(readings: Readings, one: Reading, other: Reading) -> PairAgreement:
    cases = readings.common_cases(one, other)
    a, b = (readings.values[cases, reader, repeat] for reader, repeat in (one, other))
    names = readings.pair_names(one, other)
    if len(cases) < _LEAST_CASES:
        return PairAgreement(*names, tuple(cases.tolist()), None, None, None, None)
    means = (a + b) / 2
    percent = bland_altman(*percent_differences(a, b)) if (means > 0).all() else None
    return PairAgreement(
        *names,
        cases=tuple(cases.tolist()),
        difference=bland_altman(a - b, means),
        percent=percent,
        correlation=pearson(a, b),
        concordance=concordance(a, b),
    )


def _one_reader(readings: Readings, reader: int) -> OneReader:
    complete = readings.complete_cases()
    of_all = readings.first[complete]
    bias = float((of_all[:, reader] - of_all.mean(axis=1)).mean()) if len(complete) else None
    return OneReader(
        name=readings.readers[reader],
        readings=int(np.isfinite(readings.values[:, reader]).sum()),
        bias=bias,
        repeatability=_repeatability(readings, [reader]),
        icc_of_repeats=_icc_of_repeats(readings, reader),
    )


def _repeatability(readings: Readings, readers: "range | list[int]") -> Repeatability | None:
    """Repeatability of the readings of one case by one reader, over these readers."""
    samples = [values[np.isfinite(values)] for r in readers for values in readings.values[:, r]]
    if not any(len(sample) > 1 for sample in samples):
        return None
    return repeatability(samples)


def _icc_of_repeats(readings: Readings, reader: int) -> Icc | None:
    """Absolute agreement of a reader's repeats, ICC(2,1), over the cases with all of them."""
    repeats = readings.values[:, reader]
    complete = repeats[np.isfinite(repeats).all(axis=1)]
    if repeats.shape[1] < 2 or len(complete) < 2:
        return None
    return icc(complete)[1]
