"""Whether the published groups of lung tumours differ in how well they are outlined.

Pairs of groups of one factor (slice thickness, size, location) by Mann-Whitney's test, two-sided;
for each measure the p values are multiplied by the number of pairs of that factor that were tested
(Bonferroni). Cases of one patient and group are averaged first. A pair of which one group has fewer
than `LEAST_PATIENTS` is listed without a test; cases whose group is not known are in none.

References
----------
Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from oncotrace.report.evaluated_case import MEASURES, EvaluatedCase, Measure
from oncotrace.report.lung_strata import GROUPS, NOT_KNOWN, STRATA
from oncotrace.stats.compare import bonferroni, mean_by_group
from oncotrace.stats.rank_sum import RankSum, rank_sum

LEAST_PATIENTS = 3
"""In each of two groups, for a test between them: two patients do not show how a group spreads."""

_ByPatient = Mapping[str, float]


@dataclass(frozen=True)
class StratumComparison:
    """One measure in two groups of a factor.

    Parameters
    ----------
    first, second
        The groups; a positive shift says that the first lies higher.
    patients
        With the measure, in the first and in the second.
    in_both
        Patients that have cases in both: as far as there are any, the groups are not independent.
    test
        None where a group has fewer than `LEAST_PATIENTS`.
    comparisons
        Pairs of this factor that were tested on this measure.
    p_bonferroni
        The p value times ``comparisons``, at most 1; none without a test.
    """

    by: str
    measure: Measure
    first: str
    second: str
    patients: tuple[int, int]
    in_both: int
    test: RankSum | None = None
    comparisons: int = 0
    p_bonferroni: float | None = None

    @property
    def why_not(self) -> str:
        """Say why there is no test; empty if there is one."""
        if self.test is not None:
            return ""
        few = zip((self.first, self.second), self.patients, strict=True)
        named = " and ".join(f"{group}: {n}" for group, n in few if n < LEAST_PATIENTS)
        return f"fewer than {LEAST_PATIENTS} patients ({named})"

    def cells(self) -> dict[str, object]:
        """Row of ``strata_comparison.csv``."""
        test = self.test
        return {
            "by": self.by,
            "measure": self.measure.name,
            "unit": self.measure.unit,
            "first": self.first,
            "second": self.second,
            "patients_first": self.patients[0],
            "patients_second": self.patients[1],
            "patients_in_both": self.in_both,
            "hodges_lehmann": test.shift if test else None,
            "mann_whitney_u": test.statistic if test else None,
            "p_value": test.p_value if test else None,
            "p_method": test.method if test else None,
            "comparisons": self.comparisons,
            "p_bonferroni": self.p_bonferroni,
            "not_tested": self.why_not,
        }


def stratum_comparisons(cases: Sequence[EvaluatedCase]) -> list[StratumComparison]:
    """Compare every pair of groups that have cases, on every measure that methods are compared by.

    Cases without a tumour have no overlap to measure and are left out. An infinite distance, of a
    tumour that was not found, ranks last.
    """
    ill = [case for case in cases if case.result.get("has_tumour")]
    return [
        row
        for by, group in STRATA.items()
        for measure in MEASURES
        if measure.is_compared
        for row in _adjusted(_pairs(by, measure, [replace(c, group=group(c)) for c in ill]))
    ]


def _pairs(by: str, measure: Measure, cases: Sequence[EvaluatedCase]) -> list[StratumComparison]:
    values = {group: _by_patient(measure, cases, group) for group in _groups(by, cases)}
    return [
        _compared(by, measure, (first, second), (values[first], values[second]))
        for first, second in combinations(values, 2)
    ]


def _groups(by: str, cases: Sequence[EvaluatedCase]) -> list[str]:
    """Return the groups with cases in their published order, then others, by name."""
    there = {case.group for case in cases} - {NOT_KNOWN}
    return [*(g for g in GROUPS[by] if g in there), *sorted(there - set(GROUPS[by]))]


def _by_patient(measure: Measure, cases: Sequence[EvaluatedCase], group: str) -> _ByPatient:
    members = [(measure.of(c.result), c.patient_id) for c in cases if c.group == group]
    kept = [(value, patient) for value, patient in members if not math.isnan(value)]
    means = mean_by_group([value for value, _ in kept], [patient for _, patient in kept])
    return {str(patient): mean for patient, mean in means.items()}


def _compared(
    by: str, measure: Measure, groups: tuple[str, str], values: tuple[_ByPatient, _ByPatient]
) -> StratumComparison:
    first, second = values
    is_tested = min(len(first), len(second)) >= LEAST_PATIENTS
    return StratumComparison(
        by=by,
        measure=measure,
        first=groups[0],
        second=groups[1],
        patients=(len(first), len(second)),
        in_both=len(first.keys() & second.keys()),
        test=rank_sum([*first.values()], [*second.values()]) if is_tested else None,
    )


def _adjusted(rows: Sequence[StratumComparison]) -> list[StratumComparison]:
    p_values = [row.test.p_value for row in rows if row.test is not None]
    adjusted = iter(bonferroni(p_values) if p_values else [])
    return [
        replace(
            row,
            comparisons=len(p_values),
            p_bonferroni=None if row.test is None else next(adjusted),
        )
        for row in rows
    ]
