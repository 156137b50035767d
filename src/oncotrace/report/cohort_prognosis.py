"""What several values of the same patients say about their outcome, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

from oncotrace.stats.c_index import ConcordanceDifference
from oncotrace.stats.horizon import Truncation
from oncotrace.stats.prognosis import FittedModel, ValuePrognosis
from oncotrace.stats.survival_curve import MedianTime
from oncotrace.stats.usable import LeftOut

LEAST_EVENTS_PER_VARIABLE = 10.0


@dataclass(frozen=True)
class IndexComparison:
    """C-index of one value minus that of another, and how many both put into the same group."""

    first: str
    second: str
    found: ConcordanceDifference
    same_group: int


@dataclass(frozen=True, eq=False)
class CohortPrognosis:
    """Prognosis by some values of the same patients.

    ``time`` and ``event`` are the columns' names. ``rows`` counts the rows of the table, ``n``
    those that have everything; ``left_out`` names the others by column. ``twins`` are rows that
    are equal in all but their name, ``censored_without_time`` counts rows without event and time.
    ``truncation`` is nothing without a horizon.
    """

    time: str
    event: str
    rows: int
    n: int
    events: int
    follow_up: MedianTime
    truncation: Truncation | None
    left_out: Mapping[str, LeftOut]
    twins: tuple[tuple[str, ...], ...]
    censored_without_time: int
    values: tuple[ValuePrognosis, ...]
    comparisons: tuple[IndexComparison, ...]


def models(found: ValuePrognosis) -> dict[str, FittedModel]:
    """Return the Cox models of a value by what they are called in tables."""
    named = {"groups": found.by_group, "continuous": found.by_unit}
    return named if found.adjusted is None else {**named, "adjusted": found.adjusted}
