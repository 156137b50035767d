"""From somebody's table to readings: who has read what, refused where it is not clear."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import SettingsError, TableError
from oncotrace.io.value_table import ValueTable, is_missing
from oncotrace.report.reader_readings import Readings
from oncotrace.stats.krippendorff import Scale


@dataclass(frozen=True)
class ReadingColumns:
    """Columns of a table with one reading in each row; without ``repeat`` each is read once."""

    case: str
    reader: str
    value: str
    repeat: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that must be there."""
        return tuple(
            name for name in (self.case, self.reader, self.value, self.repeat) if name is not None
        )


@dataclass(frozen=True)
class Reading:
    """A row of the table: who read which case, and where it stands."""

    case: str
    reader: str
    repeat: str
    line: int


def listed_readings(table: ValueTable, columns: ReadingColumns) -> list[Reading]:
    """Rows as readings, in their order.

    Raises
    ------
    TableError
        A row names no case or no reader, or one reader has read a case twice and no column tells
        these readings apart.
    """
    repeats = table.labels(columns.repeat) if columns.repeat else [""] * len(table.rows)
    found = [
        Reading(case, reader, repeat, line)
        for case, reader, repeat, line in zip(
            table.texts(columns.case),
            table.labels(columns.reader),
            repeats,
            table.lines,
            strict=True,
        )
    ]
    for reading in found:
        for name, text in ((columns.case, reading.case), (columns.reader, reading.reader)):
            if is_missing(text):
                raise TableError(
                    f"{table.name}, line {reading.line}: the column {name!r} is empty.",
                    hint="Name the case and the reader of every reading.",
                    code="missing-id",
                )
    _refuse_repeated(found, table.name, columns.repeat)
    return found


def readings_of_rows(
    table: ValueTable,
    columns: ReadingColumns,
    *,
    scale: Scale,
    categories: Sequence[str] = (),
) -> Readings:
    """Return the readings of a table with one of them in each row.

    Parameters
    ----------
    categories
        Of a nominal or ordinal scale, in their order; those that the table names if none are given.

    Raises
    ------
    TableError
        See `listed_readings`; or a value is no number, or none of the categories.
    SettingsError
        Categories of an ordinal scale are words whose order nobody has given.
    """
    listed = listed_readings(table, columns)
    coded = _coded_columns(table, [columns.value], scale, categories)
    return _readings(columns.value, listed, coded.values[0], coded.names)


def readings_of_columns(
    table: ValueTable,
    case: str,
    patterns: Sequence[str],
    *,
    scale: Scale,
    categories: Sequence[str] = (),
) -> Readings:
    """Return the readings of a table with one case in each row and one reader in each column.

    Parameters
    ----------
    patterns
        Columns of the readers; ``*`` stands for any text.

    Raises
    ------
    TableError
        Fewer than two columns fit, a case stands twice, or see `readings_of_rows`.
    SettingsError
        See `readings_of_rows`.
    """
    others = [name for name in table.rows[0] if name != case]
    readers = [name for name in others if any(fnmatchcase(name, one) for one in patterns)]
    if len(readers) < 2:
        raise TableError(
            f"{table.name} has {len(readers)} columns like {', '.join(patterns)}; agreement needs "
            "two readers.",
            hint=f"It has the columns {', '.join(table.rows[0])}.",
            code="missing-column",
        )
    coded = _coded_columns(table, readers, scale, categories)
    listed, values = [], []
    for reader, column in zip(readers, coded.values, strict=True):
        listed += [
            Reading(name, reader, "", line)
            for name, line in zip(table.texts(case), table.lines, strict=True)
        ]
        values.append(column)
    _refuse_repeated(listed, table.name, None)
    return _readings("value", listed, np.concatenate(values), coded.names)


@dataclass(frozen=True, eq=False)
class _Coded:
    """Values of columns as numbers; of categories their places in ``names``."""

    values: list[NDArray[np.float64]]
    names: tuple[str, ...]


def _coded_columns(
    table: ValueTable, columns: Sequence[str], scale: Scale, categories: Sequence[str]
) -> _Coded:
    if scale in {"interval", "ratio"}:
        return _Coded([_numbers(table, column) for column in columns], ())
    labels = {column: table.labels(column) for column in columns}
    names = tuple(categories) or _ordered(
        {label for of_column in labels.values() for label in of_column if label}, scale
    )
    place = {name: index for index, name in enumerate(names)}
    for column, texts in labels.items():
        for text, line in zip(texts, table.lines, strict=True):
            if text and text not in place:
                raise TableError(
                    f"{table.name}, line {line}, column {column!r}: {text!r} is none of the "
                    "categories.",
                    hint=f"They are {', '.join(names)}.",
                    code="unknown-category",
                )
    return _Coded(
        [
            np.array([float(place[text]) if text else np.nan for text in texts])
            for texts in labels.values()
        ],
        names,
    )


def _numbers(table: ValueTable, column: str) -> NDArray[np.float64]:
    try:
        return table.numbers(column)
    except TableError as error:
        error.hint = f"{error.hint} Give --scale nominal or ordinal if these are categories."
        raise


def _ordered(labels: set[str], scale: Scale) -> tuple[str, ...]:
    """Categories in the order of their numbers, or of the alphabet where order means nothing."""
    try:
        return tuple(sorted(labels, key=float))
    except ValueError:
        if scale == "ordinal":
            raise SettingsError(
                f"nobody can tell the order of {', '.join(sorted(labels)[:6])}.",
                hint="Give --categories with their names from the lowest to the highest.",
                code="categories-without-order",
            ) from None
        return tuple(sorted(labels))


def _readings(
    quantity: str,
    listed: Sequence[Reading],
    values: NDArray[np.float64],
    categories: tuple[str, ...],
) -> Readings:
    cases = tuple(dict.fromkeys(one.case for one in listed))
    readers = tuple(dict.fromkeys(one.reader for one in listed))
    repeats = ordered_repeats([one.repeat for one in listed])
    place_of: tuple[Callable[[str], int], ...] = (cases.index, readers.index, repeats.index)
    places = [
        tuple(place(name) for place, name in zip(place_of, named, strict=True))
        for named in ((one.case, one.reader, one.repeat) for one in listed)
    ]
    table = np.full((len(cases), len(readers), len(repeats)), np.nan)
    for place, value in zip(places, values.tolist(), strict=True):
        table[place] = value
    infinite = np.argwhere(np.isinf(table)).tolist()
    table[np.isinf(table)] = np.nan
    found = Readings(quantity, cases, readers, repeats, table, (), categories)
    named = tuple(found.name_of(*place) for place in infinite)
    return Readings(quantity, cases, readers, repeats, table, named, categories)


def ordered_repeats(repeats: Sequence[str]) -> tuple[str, ...]:
    """Names of repeats in the order of their numbers, else as they first appear."""
    names = tuple(dict.fromkeys(repeats))
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return names


def _refuse_repeated(listed: Sequence[Reading], name: str, repeat: str | None) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for one in listed:
        key = (one.case, one.reader, one.repeat)
        if key in seen:
            what = f", {one.repeat}" if repeat else ""
            raise TableError(
                f"{name} has two readings of case {one.case} by {one.reader}{what}, in lines "
                f"{seen[key]} and {one.line}.",
                hint="If the case was read again, name the column that says which reading it is "
                "with --repeat; otherwise remove one of the lines."
                if repeat is None
                else "Keep one of the lines.",
                code="repeated-reading",
            )
        seen[key] = one.line
