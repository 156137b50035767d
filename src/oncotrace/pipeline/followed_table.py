"""Patients whose outcome a table tells: read, checked, and whoever is left out named."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.outcome import Survival
from oncotrace.errors import TableError
from oncotrace.io.csv_cells import number_in
from oncotrace.io.value_table import ValueTable, read_value_table
from oncotrace.stats.usable import LeftOut, listed, refuse_repeated, usable

CASE_COLUMN = "case_id"

_EVENTS = dict.fromkeys(("1", "true", "yes", "dead"), True)
_EVENTS |= dict.fromkeys(("0", "false", "no", "alive"), False)


@dataclass(frozen=True)
class FollowedColumns:
    """Which columns of the table hold what; ``case`` names the rows, else their lines do."""

    time: str
    event: str
    values: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    case: str | None = None

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that the table must have."""
        case = () if self.case is None else (self.case,)
        return (*case, self.time, self.event, *self.values, *self.covariates)


@dataclass(frozen=True, eq=False)
class Followed:
    """Patients who have everything that the analysis needs, in the order of the table.

    ``values`` and ``covariates`` hold arrays (n,) by name; a covariate of categories has become an
    indicator for each but the first. ``left_out`` says for every column with gaps whose they are,
    ``rows`` how many rows the table has, and ``twins`` which rows are equal in all but their name.
    ``censored_without_time`` counts the rows without the event that have no time: tables that tell
    the time of events alone leave out just those who fared well.
    """

    names: tuple[str, ...]
    survival: Survival
    values: Mapping[str, NDArray[np.float64]]
    covariates: Mapping[str, NDArray[np.float64]]
    left_out: Mapping[str, LeftOut]
    rows: int
    censored_without_time: int
    twins: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class _Covariate:
    """A covariate's numbers (n,), or the places of its categories in ``levels``; NaN if missing."""

    name: str
    codes: NDArray[np.float64]
    levels: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: ValueTable, name: str) -> "_Covariate":
        """Read a column; one that is mostly numbers must be so in every row."""
        labels = table.labels(name)
        levels = tuple(sorted({label for label in labels if label}))
        numeric = sum(number_in(level.replace(",", ".")) is not None for level in levels)
        if 2 * numeric >= len(levels):
            return cls(name, table.numbers(name))
        codes = [levels.index(label) if label else np.nan for label in labels]
        return cls(name, np.asarray(codes, dtype=np.float64), levels)

    def terms(self, kept: NDArray[np.intp]) -> dict[str, NDArray[np.float64]]:
        """Values of some patients: as they are, or an indicator for each category but the first."""
        codes = self.codes[kept]
        if not self.levels:
            return {self.name: codes}
        first, *others = np.unique(codes).astype(int).tolist()
        return {
            f"{self.name}: {self.levels[level]} against {self.levels[first]}": np.asarray(
                codes == level, dtype=np.float64
            )
            for level in others or [first]
        }


def read_followed(
    path: Path, columns: FollowedColumns, *, separator: str, decimal: str
) -> Followed:
    """Patients of a table with time, event and values.

    Who lacks one of these, or has an infinite one, is left out of everything, so that all values
    are seen on the same patients.

    Raises
    ------
    TableError
        The table cannot be read or lacks a column, a time is negative, an event is neither 0 nor
        1 (nor true, false, yes, no, dead, alive), or nobody has everything.
    InputError
        A case stands in two rows.
    """
    table = read_value_table(path, required=columns.required, separator=separator, decimal=decimal)
    case = columns.case
    if case is None and CASE_COLUMN in table.rows[0]:
        case = CASE_COLUMN
    names = table.names(case)
    if case is not None:
        refuse_repeated(names, of=case)
    numbers = {
        columns.time: _times(table, columns.time, names),
        columns.event: _events(table, columns.event, names),
        **{name: table.numbers(name) for name in columns.values},
    }
    covariates = {name: _Covariate.of(table, name) for name in columns.covariates}
    numbers |= {name: covariate.codes for name, covariate in covariates.items()}
    kept, left_out = _complete(numbers, names)
    if not len(kept):
        raise TableError(
            f"no row of {table.name} has a finite value in all of the columns "
            f"{', '.join(numbers)}.",
            code="no-complete-row",
        )
    return Followed(
        names=tuple(names[place] for place in kept),
        survival=Survival(numbers[columns.time][kept], numbers[columns.event][kept] == 1),
        values={name: numbers[name][kept] for name in columns.values},
        covariates={
            term: values
            for covariate in covariates.values()
            for term, values in covariate.terms(kept).items()
        },
        left_out=left_out,
        rows=len(names),
        censored_without_time=int(
            np.count_nonzero(np.isnan(numbers[columns.time]) & (numbers[columns.event] == 0))
        ),
        twins=_twins(table, case, names),
    )


def _times(table: ValueTable, column: str, names: Sequence[str]) -> NDArray[np.float64]:
    times = table.numbers(column)
    _refuse(
        table,
        column,
        (name for name, time in zip(names, times, strict=True) if time < 0),
        wrong="a negative time",
        hint="Count from the start of observation; who had the event before it cannot be used.",
        code="negative-time",
    )
    return times


def _events(table: ValueTable, column: str, names: Sequence[str]) -> NDArray[np.float64]:
    """1, 0, or NaN where it is missing."""
    labels = [label.lower() for label in table.labels(column)]
    _refuse(
        table,
        column,
        (
            f"{name}: {label!r}"
            for name, label in zip(names, labels, strict=True)
            if label and label not in _EVENTS
        ),
        wrong="neither an event nor none",
        hint="Write 1, true, yes or dead for an event seen, and 0, false, no or alive for none.",
        code="not-an-event",
    )
    known = [float(_EVENTS[label]) if label else np.nan for label in labels]
    return np.asarray(known, dtype=np.float64)


def _refuse(
    table: ValueTable, column: str, found: Iterable[str], *, wrong: str, hint: str, code: str
) -> None:
    names = list(found)
    if names:
        rows = "row holds" if len(names) == 1 else "rows hold"
        raise TableError(
            f"{table.name}, column {column!r}: {len(names)} {rows} {wrong} ({listed(names)}).",
            hint=hint,
            code=code,
        )


def _complete(
    numbers: Mapping[str, NDArray[np.float64]], names: Sequence[str]
) -> tuple[NDArray[np.intp], dict[str, LeftOut]]:
    """Rows with a finite number in every column, and for each column with gaps whose they are."""
    kept = np.ones(len(names), dtype=np.bool_)
    left_out = {}
    for column, values in numbers.items():
        places, gaps = usable(values, names)
        if gaps.count:
            left_out[column] = LeftOut(gaps.missing, gaps.infinite)
        kept &= np.isin(np.arange(len(names)), places)
    return np.flatnonzero(kept), left_out


def _twins(
    table: ValueTable, case: str | None, names: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Rows that are equal in every column but the one that names them."""
    same: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row, name in zip(table.rows, names, strict=True):
        same[tuple(text for column, text in row.items() if column != case)].append(name)
    return tuple(tuple(alike) for alike in same.values() if len(alike) > 1)
