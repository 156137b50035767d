"""A table of lesions over time that any reader may have made: one row per lesion and time point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import numpy as np

from oncotrace.domain.lesion import (
    LESION_KINDS,
    LESION_STATES,
    LesionKind,
    LesionReading,
    LesionRow,
    LesionState,
)
from oncotrace.errors import TableError
from oncotrace.io.csv_cells import number_in
from oncotrace.io.value_table import ValueTable, is_missing, read_value_table
from oncotrace.stats.usable import listed

SIZE_COLUMNS = ("longest_diameter_mm", "short_axis_mm", "volume_ml")
LESION_COLUMNS = (
    "patient_id",
    "time_point",
    "lesion",
    "kind",
    "node",
    "organ",
    "state",
    *SIZE_COLUMNS,
    "slice_thickness_mm",
    "split_from",
    "merged_into",
    "reader",
)
"""All columns of a table of lesions; patient_id (or case_id), time_point and lesion must be there,
and a size or the state."""

_Word = TypeVar("_Word")

_PATIENT_COLUMNS = ("patient_id", "case_id")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_STATES: dict[str, LesionState] = {state: state for state in LESION_STATES} | {
    "measured": "present",
    "not-seen": "absent",
    "disappeared": "absent",
    "too-small-to-measure": "too-small",
    "ne": "not-evaluable",
    "progression": "progressed",
    "unequivocal-progression": "progressed",
}
_KINDS: dict[str, LesionKind] = {kind: kind for kind in LESION_KINDS} | {"nontarget": "non-target"}


@dataclass(frozen=True)
class LesionTable:
    """Rows of a table of lesions, and what could not be used of it.

    Parameters
    ----------
    without_time
        Places of the rows that have no time point and are left out.
    without_size
        Lesions that count as not evaluable because nothing is said of them, or an infinite size.
    """

    rows: tuple[LesionRow, ...]
    without_time: tuple[str, ...]
    without_size: tuple[str, ...]
    infinite: tuple[str, ...]

    def sentences(self) -> tuple[str, ...]:
        """Say what was left out, in words; none where everything was used."""
        not_evaluable = "as not evaluable"
        said = (
            (
                self.without_time,
                "has no time point and is",
                "have no time point and are",
                "left out",
            ),
            (self.without_size, "says nothing and counts", "say nothing and count", not_evaluable),
            (self.infinite, "is infinite and counts", "are infinite and count", not_evaluable),
        )
        return tuple(
            f"1 row {one} {so} ({where[0]})."
            if len(where) == 1
            else f"{len(where)} rows {many} {so} ({listed(where)})."
            for where, one, many, so in said
            if where
        )


def read_lesion_table(path: Path, *, separator: str = ",", decimal: str = ".") -> LesionTable:
    """Read a table of lesions; see `LESION_COLUMNS`.

    Parameters
    ----------
    separator, decimal
        See `oncotrace.io.value_table.read_value_table`.

    Raises
    ------
    TableError
        It cannot be read, lacks a column, or a cell cannot be what its column says; the message
        names the line.
    """
    table = read_value_table(
        path, required=["time_point", "lesion"], separator=separator, decimal=decimal
    )
    patient = _patient_column(table)
    cells = _Cells(table)
    has_time = [not is_missing(text) for text in table.texts("time_point")]
    times = _times(table, table.texts(patient), has_time)
    rows: list[LesionRow] = []
    empty: list[str] = []
    infinite: list[str] = []
    for place in np.flatnonzero(has_time).tolist():
        reading = cells.reading(place)
        if reading is None:
            (infinite if cells.is_infinite(place) else empty).append(cells.where(place))
            reading = LesionReading("not-evaluable")
        rows.append(
            LesionRow(
                where=cells.where(place),
                patient_id=cells.required(patient, place),
                time_point=cells.text("time_point", place),
                time=times[place],
                lesion=cells.required("lesion", place),
                reading=reading,
                kind=cells.kind(place),
                is_node=cells.is_node(place),
                organ=cells.text("organ", place),
                reader=cells.text("reader", place),
                split_from=cells.text("split_from", place),
                merged_into=cells.text("merged_into", place),
                slice_thickness_mm=cells.size("slice_thickness_mm", place),
            )
        )
    if not rows:
        raise TableError(f"{path.name} has no row with a time point.", code="empty-table")
    without_time = [cells.where(place) for place, there in enumerate(has_time) if not there]
    return LesionTable(tuple(rows), tuple(without_time), tuple(empty), tuple(infinite))


def _patient_column(table: ValueTable) -> str:
    columns = table.rows[0]
    for column in _PATIENT_COLUMNS:
        if column in columns:
            return column
    raise TableError(
        f"{table.name} has no column 'patient_id'.",
        hint=f"It has the columns {', '.join(columns)}; a table of lesions has "
        f"{', '.join(LESION_COLUMNS)}.",
        code="missing-column",
    )


class _Cells:
    """Cells of a table of lesions as what their columns mean."""

    def __init__(self, table: ValueTable) -> None:
        self._table = table
        columns = table.rows[0]
        self._numbers = {
            column: table.numbers(column)
            for column in (*SIZE_COLUMNS, "slice_thickness_mm")
            if column in columns
        }
        if not self._numbers and "state" not in columns:
            raise TableError(
                f"{table.name} has no column with a size and no column 'state'.",
                hint=f"It needs one of {', '.join((*SIZE_COLUMNS, 'state'))}.",
                code="missing-column",
            )

    def where(self, place: int) -> str:
        return f"line {self._table.lines[place]}"

    def text(self, column: str, place: int) -> str:
        text = self._table.rows[place].get(column, "")
        return "" if is_missing(text) else text

    def required(self, column: str, place: int) -> str:
        text = self.text(column, place)
        if not text:
            raise TableError(
                f"{self._table.name}, {self.where(place)}: {column} is empty.", code="empty-cell"
            )
        return text

    def size(self, column: str, place: int) -> float | None:
        value = self._numbers[column][place] if column in self._numbers else math.nan
        if value < 0:
            raise TableError(
                f"{self._table.name}, {self.where(place)}: {column} is {value:g}, a size cannot be "
                "negative.",
                code="not-a-number",
            )
        return float(value) if math.isfinite(value) else None

    def is_infinite(self, place: int) -> bool:
        return any(bool(np.isinf(self._numbers[c][place])) for c in self._sizes())

    def _sizes(self) -> list[str]:
        return [column for column in SIZE_COLUMNS if column in self._numbers]

    def reading(self, place: int) -> LesionReading | None:
        """Return what the row says of the lesion; none if nothing or an infinite size."""
        state = self._word("state", place, _STATES)
        if self.text("merged_into", place):
            state = "merged"
        sizes = {column: self.size(column, place) for column in SIZE_COLUMNS}
        has_size = any(size is not None for size in sizes.values())
        if self.is_infinite(place) or (state is None and not has_size):
            return None
        if has_size and state in ("not-evaluable", "absent", "merged") and any(sizes.values()):
            raise TableError(
                f"{self._table.name}, {self.where(place)}: the lesion is {state} and has a size.",
                hint="Leave either the sizes or the state (or merged_into) empty.",
                code="contradictory-lesion",
            )
        if state is None and not any(sizes.values()):
            return LesionReading("absent")  # sizes of nought
        return LesionReading(state or "present", **sizes)

    def kind(self, place: int) -> LesionKind | None:
        return self._word("kind", place, _KINDS)

    def is_node(self, place: int) -> bool | None:
        return self._word("node", place, _YES_NO)

    def _word(self, column: str, place: int, known: Mapping[str, _Word]) -> _Word | None:
        text = self.text(column, place)
        if not text:
            return None
        word = "-".join(text.lower().replace("_", " ").replace("-", " ").split())
        if word not in known:
            nearest = get_close_matches(word, known, n=1)
            raise TableError(
                f"{self._table.name}, {self.where(place)}: {column} is {text!r}, which is unknown.",
                hint=f"Did you mean {nearest[0]!r}?"
                if nearest
                else f"Known are {', '.join(known)}.",
                code="unknown-word",
            )
        return known[word]


def _times(table: ValueTable, patients: Sequence[str], has_time: Sequence[bool]) -> list[float]:
    """Return times in days, from any origin; either dates or numbers for all rows of a patient."""
    times: list[float] = []
    sorts: dict[str, bool] = {}
    for text, patient, there, line in zip(
        table.texts("time_point"), patients, has_time, table.lines, strict=True
    ):
        if not there:
            times.append(math.nan)
            continue
        point = text.replace(",", ".") if table.decimal == "," else text
        days, is_date = days_of(point, where=f"{table.name}, line {line}")
        if sorts.setdefault(patient, is_date) != is_date:
            raise TableError(
                f"{table.name}, line {line}: time_point {text!r} of a patient who has both dates "
                "and days.",
                hint="Give dates or days for all rows of a patient.",
                code="time-point",
            )
        times.append(days)
    return times


def days_of(time_point: str, *, where: str) -> tuple[float, bool]:
    """Return the days that a time point stands for, from any origin, and whether it is a date.

    Raises
    ------
    TableError
        It is neither a date (year-month-day) nor a number of days.
    """
    days = number_in(time_point)
    if days is not None:
        return days, False
    try:
        return float(date.fromisoformat(time_point).toordinal()), True
    except ValueError as error:
        raise TableError(
            f"{where}: time_point {time_point!r} is neither a date nor a number of days.",
            hint="Write 2024-03-05, or the days since the baseline.",
            code="time-point",
        ) from error
