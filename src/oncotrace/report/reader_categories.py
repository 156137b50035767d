"""How several readers agree on categories: kappa of all, pair by pair, and with weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import InputError
from oncotrace.report.reader_agreement import SEED
from oncotrace.report.reader_readings import Reading, Readings
from oncotrace.stats.kappa import Kappa, Weights, cohen_kappa, fleiss_kappa
from oncotrace.stats.krippendorff import Alpha, Scale, krippendorff_alpha


@dataclass(frozen=True, eq=False)
class PairKappa:
    """Cohen's kappa of two readers, or of two readings of one reader.

    ``linear`` and ``quadratic`` are weighted; nothing where categories have no order. Without a
    common case all is nothing.
    """

    first: str
    second: str
    cases: int
    kappa: Kappa | None
    linear: Kappa | None
    quadratic: Kappa | None


@dataclass(frozen=True, eq=False)
class CategoryAgreement:
    """Agreement on categories; ``undefined`` says of what is nothing why."""

    readings: Readings
    fleiss: Kappa | None
    alpha: Alpha | None
    pairs: tuple[PairKappa, ...]
    repeats: tuple[PairKappa, ...]
    undefined: Mapping[str, str]


def category_agreement(readings: Readings, *, scale: Scale) -> CategoryAgreement:
    """Every statistic of agreement that these readings of categories allow.

    Fleiss' kappa and Krippendorff's alpha take all cases read twice, Cohen's those that both
    readers have read. All are about each reader's first reading, and ``repeats`` about every two
    readings of one reader.

    Parameters
    ----------
    scale
        ``ordinal`` if the categories have an order, which the weighted kappas need.
    """
    undefined: dict[str, str] = {}
    fleiss, alpha = None, None
    try:
        fleiss = fleiss_kappa(_counts(readings))
        alpha = krippendorff_alpha(readings.first, scale, seed=SEED)
    except InputError as error:
        undefined |= dict.fromkeys(("fleiss_kappa", "alpha"), error.message)
    if fleiss is not None and fleiss.value is None:
        same = "all readings are of one category: nothing is left to agree on."
        undefined |= dict.fromkeys(("fleiss_kappa", "alpha"), same)
    return CategoryAgreement(
        readings=readings,
        fleiss=fleiss,
        alpha=alpha,
        pairs=tuple(_pair(readings, (a, 0), (b, 0), scale) for a, b in readings.pairs()),
        repeats=tuple(_pair(readings, *pair, scale) for pair in readings.pairs_of_repeats()),
        undefined=undefined,
    )


def _counts(readings: Readings) -> NDArray[np.float64]:
    """How many readers gave each category, [case, category]."""
    return np.stack(
        [(readings.first == place).sum(axis=1) for place in range(len(readings.categories))],
        axis=1,
    ).astype(np.float64)


def _pair(readings: Readings, one: Reading, other: Reading, scale: Scale) -> PairKappa:
    cases = readings.common_cases(one, other)
    names = readings.pair_names(one, other)
    if not len(cases):
        return PairKappa(*names, 0, None, None, None)
    first, second = (
        readings.values[cases, reader, repeat].astype(int).tolist()
        for reader, repeat in (one, other)
    )
    places = range(len(readings.categories))
    weights: tuple[Weights, ...] = ("none", "linear", "quadratic")
    plain, linear, quadratic = (
        cohen_kappa(first, second, categories=places, weights=weight)
        if weight == "none" or scale == "ordinal"
        else None
        for weight in weights
    )
    return PairKappa(*names, len(cases), plain, linear, quadratic)
