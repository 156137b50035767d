"""Outcomes of the checks of a cohort: counted, and every failure by name."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from oncotrace.report.cohort_content import CheckOutcome, PreparedCase, sequence_name


@dataclass(frozen=True)
class CheckCount:
    """How many images passed a check, failed it, or could not be told."""

    check: str
    passed: int
    failed: int
    unknown: int

    @property
    def images(self) -> int:
        """How many images it was made of."""
        return self.passed + self.failed + self.unknown


@dataclass(frozen=True)
class FailedCheck:
    """A check that an image failed."""

    case_id: str
    sequence: str
    outcome: CheckOutcome


def check_counts(cases: Iterable[PreparedCase]) -> list[CheckCount]:
    """Outcomes of every check, those with most failures first, then by name."""
    counts = Counter((one.check, one.passed) for _, _, one in _outcomes(cases))
    rows = [
        CheckCount(name, counts[name, True], counts[name, False], counts[name, None])
        for name in sorted({name for name, _ in counts})
    ]
    return sorted(rows, key=lambda row: -row.failed)


def failed_checks(cases: Iterable[PreparedCase]) -> list[FailedCheck]:
    """Every check that failed, in the order of the cases."""
    return [
        FailedCheck(case_id, sequence, outcome)
        for case_id, sequence, outcome in _outcomes(cases)
        if outcome.passed is False
    ]


def _outcomes(cases: Iterable[PreparedCase]) -> Iterable[tuple[str, str, CheckOutcome]]:
    for case in cases:
        for image in case.images:
            for outcome in image.checks:
                yield case.case_id, sequence_name(image.sequence), outcome
