"""The tables of an evaluation: every measure summarised, and compared with another method's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.evaluated_case import MEASURES, EvaluatedCase, Measure
from oncotrace.stats.agreement import Interval
from oncotrace.stats.bootstrap import bootstrap_interval
from oncotrace.stats.compare import SignedRank, holm, mean_by_group, signed_rank
from oncotrace.stats.summary import Summary, summarise

_SEED = 20  # of the bootstrap; fixed, so that the same cases give the same intervals


@dataclass(frozen=True)
class SummaryRow:
    """One measure over the cases of one group, or over all (``group`` is then empty).

    ``mean_interval`` is the 95 % bootstrap interval (BCa) of the mean, patients drawn whole.
    """

    measure: Measure
    group: str
    summary: Summary
    mean_interval: Interval | None

    def cells(self, by: str) -> dict[str, object]:
        """Row of ``summary.csv``."""
        low, high = self.mean_interval or (None, None)
        return {
            "by": by if self.group else "",
            "group": self.group or "all",
            "measure": self.measure.name,
            "unit": self.measure.unit,
            **asdict(self.summary),
            "mean_low": low,
            "mean_high": high,
        }


@dataclass(frozen=True)
class ComparisonRow:
    """One measure of two methods on the same patients: this one minus the other.

    Cases of a patient are averaged first, so that patients are independent. ``left_out`` counts
    cases whose measure is not finite in one of the two.
    """

    measure: Measure
    left_out: int
    mean_difference: float
    mean_interval: Interval | None
    test: SignedRank
    p_holm: float

    def cells(self) -> dict[str, object]:
        """Row of ``comparison.csv``."""
        low, high = self.mean_interval or (None, None)
        return {
            "measure": self.measure.name,
            "unit": self.measure.unit,
            "patients": self.test.n,
            "cases_left_out": self.left_out,
            "mean_difference": self.mean_difference,
            "mean_low": low,
            "mean_high": high,
            "hodges_lehmann": self.test.shift,
            "signed_rank_v": self.test.statistic,
            "zeros": self.test.zeros,
            "p_value": self.test.p_value,
            "p_method": self.test.method,
            "p_holm": self.p_holm,
        }


def summary_rows(cases: Sequence[EvaluatedCase]) -> list[SummaryRow]:
    """Every measure over all cases, then over each group, the largest group first.

    A measure that no case has, such as the time of masks from elsewhere, gets no row.
    """
    sets = {"": list(cases)} | {
        group: [case for case in cases if case.group == group] for group in groups_of(cases)
    }
    return [
        _summary_row(measure, group, members)
        for group, members in sets.items()
        for measure in MEASURES
        if not all(math.isnan(measure.of(case.result)) for case in members)
    ]


def groups_of(cases: Sequence[EvaluatedCase]) -> list[str]:
    """Return the groups, the largest first, equals by name; none if no case has one."""
    names = [case.group for case in cases if case.group]
    return sorted(set(names), key=lambda name: (-names.count(name), name))


def comparison_rows(
    cases: Sequence[EvaluatedCase], others: Mapping[str, Mapping[str, object]]
) -> list[ComparisonRow]:
    """Differences from another evaluation of the same cases, with p values adjusted together.

    Parameters
    ----------
    others
        Results of the other evaluation by case id; cases that it lacks are not compared.
    """
    shared = [case for case in cases if case.case_id in others]
    tested = []
    for measure in (measure for measure in MEASURES if measure.is_compared):
        pairs = [
            (m.of(case.result), m.of(others[case.case_id])) for m in (measure,) for case in shared
        ]
        is_finite = [math.isfinite(ours) and math.isfinite(theirs) for ours, theirs in pairs]
        differences = [a - b for (a, b), kept in zip(pairs, is_finite, strict=True) if kept]
        patients = [c.patient_id for c, kept in zip(shared, is_finite, strict=True) if kept]
        if differences:
            by_patient = list(mean_by_group(differences, patients).values())
            tested.append((measure, len(pairs) - len(differences), by_patient))
    tests = [signed_rank(differences) for _, _, differences in tested]
    adjusted = holm([test.p_value for test in tests]) if tests else []
    return [
        ComparisonRow(
            measure=measure,
            left_out=left_out,
            mean_difference=float(np.mean(differences)),
            mean_interval=_mean_interval(differences, range(len(differences))),
            test=test,
            p_holm=p_holm,
        )
        for (measure, left_out, differences), test, p_holm in zip(
            tested, tests, adjusted, strict=True
        )
    ]


def _summary_row(measure: Measure, group: str, cases: Sequence[EvaluatedCase]) -> SummaryRow:
    values = [measure.of(case.result) for case in cases]
    kept = [(v, c.patient_id) for v, c in zip(values, cases, strict=True) if math.isfinite(v)]
    return SummaryRow(
        measure=measure,
        group=group,
        summary=summarise(values),
        mean_interval=_mean_interval([v for v, _ in kept], [patient for _, patient in kept]),
    )


def _mean_interval(values: Sequence[float], patients: Sequence[object]) -> Interval | None:
    if not values:
        return None
    return bootstrap_interval(values, _mean, groups=list(map(str, patients)), seed=_SEED)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())
