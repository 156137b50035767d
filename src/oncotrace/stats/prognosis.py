"""What one measured value says about the time to an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.domain.outcome import Survival
from oncotrace.stats.c_index import Concordance, c_index
from oncotrace.stats.cox import CoxModel, NoFiniteRatio, cox
from oncotrace.stats.cut_off import CutRule, Split, split_at
from oncotrace.stats.log_rank import LogRank, log_rank
from oncotrace.stats.proportional_hazards import ProportionalityTest, proportionality
from oncotrace.stats.samples import finite_sample
from oncotrace.stats.survival_curve import MedianTime, SurvivalCurve, kaplan_meier, median_time


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A Cox model with the test of its proportional hazards; no test where no ratio is finite."""

    model: CoxModel | NoFiniteRatio
    proportionality: tuple[ProportionalityTest, ...]


@dataclass(frozen=True, eq=False)
class GroupSurvival:
    """Survival of one group of a split."""

    label: str
    n: int
    events: int
    curve: SurvivalCurve
    median: MedianTime


@dataclass(frozen=True, eq=False)
class ValuePrognosis:
    """Prognosis by one value: split into groups, and as it is.

    ``by_group`` compares each group with the lowest, ``by_unit`` is per unit of the value, and
    ``adjusted``, if there are covariates, per unit with these in the same model.
    """

    name: str
    split: Split
    groups: tuple[GroupSurvival, ...]
    log_rank: LogRank
    by_group: FittedModel
    by_unit: FittedModel
    adjusted: FittedModel | None
    concordance: Concordance


def value_prognosis(
    survival: Survival,
    values: ArrayLike,
    *,
    name: str,
    cuts: Sequence[CutRule],
    covariates: Mapping[str, NDArray[np.float64]] | None = None,
) -> ValuePrognosis:
    """Prognosis by one value.

    Parameters
    ----------
    values
        Shape (n,), finite.
    name
        What they are called.
    covariates
        Other values of the same patients, by name, for the adjusted model.

    Raises
    ------
    InputError
        Nobody had the event, all values are equal, a group has no member, or covariates that
        cannot be fitted; see `oncotrace.stats.cox.cox`.
    """
    sample = finite_sample(values, least=2, of=f"the prognosis by {name}")
    by_unit = fitted(survival, {name: sample})
    split = split_at(sample, cuts, of=name)
    labels = [split.labels[group] for group in split.group]
    higher = {
        label: (split.group == number).astype(np.float64)
        for number, label in enumerate(split.labels)
        if number
    }
    return ValuePrognosis(
        name=name,
        split=split,
        groups=tuple(
            _group(label, survival.of(split.group == number))
            for number, label in enumerate(split.labels)
        ),
        log_rank=log_rank(survival, labels, groups=split.labels),
        by_group=fitted(survival, higher),
        by_unit=by_unit,
        adjusted=fitted(survival, {name: sample, **covariates}) if covariates else None,
        concordance=c_index(survival, sample),
    )


def fitted(survival: Survival, covariates: Mapping[str, NDArray[np.float64]]) -> FittedModel:
    """Cox model of some covariates, each of shape (n,), with the test of its assumption.

    Raises
    ------
    InputError
        See `oncotrace.stats.cox.cox`.
    """
    values = np.column_stack(list(covariates.values()))
    model = cox(survival, values, names=tuple(covariates))
    tests = () if isinstance(model, NoFiniteRatio) else proportionality(survival, values, model)
    return FittedModel(model, tests)


def _group(label: str, survival: Survival) -> GroupSurvival:
    curve = kaplan_meier(survival)
    return GroupSurvival(label, len(survival), survival.events, curve, median_time(curve))
