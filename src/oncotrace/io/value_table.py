"""A table of values that somebody else made: read by column, nothing dropped in silence."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import SettingsError, TableError
from oncotrace.io.csv_cells import number_in, read_rows, text_of
from oncotrace.io.text_file import read_text

MISSING = frozenset({"", "na", "n/a", "nan", "null", "missing", "."})
"""What stands for a value that is not there, in small letters."""

_INFINITE = re.compile(r"([+-]?)(inf|infinity|∞)", re.IGNORECASE)
_SEPARATORS = {"tab": "\t", "\\t": "\t"}
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LIMIT_MIB = 1024


@dataclass(frozen=True)
class ValueTable:
    """Rows of a table as texts by column, with the line that each begins on.

    ``name`` is that of the file, for messages; ``decimal`` the decimal sign of its numbers.
    ``ambiguous`` names the columns that stand twice and cannot be asked for; they and columns
    without a name are not in the rows.
    """

    name: str
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]
    decimal: str
    ambiguous: tuple[str, ...] = ()

    def texts(self, column: str) -> list[str]:
        """Return the cells of a column as they are, without surrounding blanks."""
        return [row[column] for row in self.rows]

    def names(self, column: str | None = None) -> list[str]:
        """Return what rows are called in messages: a column's text, or ``line 7`` without one."""
        lines = [f"line {line}" for line in self.lines]
        if column is None:
            return lines
        return [text or line for text, line in zip(self.texts(column), lines, strict=True)]

    def labels(self, column: str) -> list[str]:
        """Group labels; empty where the cell is empty or says that the value is missing.

        Where every label is a number, ``0.0`` and ``0`` are the same label ``0``.
        """
        texts = ["" if is_missing(text) else text for text in self.texts(column)]
        numbers = {text: self._finite(text) for text in texts if text}
        known = {text: number for text, number in numbers.items() if number is not None}
        if len(known) < len(numbers):
            return texts
        return ["" if not text else _shortest(known[text]) for text in texts]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Values of a column, shape (n,): NaN where missing, infinite where the cell says so.

        Raises
        ------
        TableError
            A cell is text that is no number; the message names line and column.
        """
        values = [
            self._number(text, column, line)
            for text, line in zip(self.texts(column), self.lines, strict=True)
        ]
        return np.asarray(values, dtype=np.float64)

    def is_number(self, text: str) -> bool:
        """Whether a cell is a number, be it infinite."""
        return self._finite(text) is not None or _INFINITE.fullmatch(text) is not None

    def _number(self, text: str, column: str, line: int) -> float:
        if is_missing(text):
            return math.nan
        if infinite := _INFINITE.fullmatch(text):
            return -math.inf if infinite[1] == "-" else math.inf
        number = self._finite(text)
        if number is None:
            raise TableError(
                f"{self.name}, line {line}, column {column!r}: {text!r} is no number.",
                hint=_number_hint(text, self.decimal),
                code="not-a-number",
            )
        return number

    def _finite(self, text: str) -> float | None:
        if self.decimal == ".":
            return number_in(text)
        # A point would be taken for the decimal sign that it is not here.
        return None if "." in text else number_in(text.replace(self.decimal, "."))


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in MISSING


def read_value_table(
    path: Path, *, required: Sequence[str], separator: str = ",", decimal: str = "."
) -> ValueTable:
    """Read a table whose columns somebody else named.

    Parameters
    ----------
    required
        Columns that must be there; others may be.
    separator
        One character between cells, or ``tab``.
    decimal
        Decimal sign of the numbers, ``.`` or ``,``.

    Raises
    ------
    SettingsError
        The separator or the decimal sign cannot be one.
    TableError
        The table cannot be read, is empty, lacks a required column or has it twice, clearly has
        another separator, or a row has other cells than the header.
    """
    mark = _checked_separator(separator, decimal)
    text = read_text(path, limit_mib=_LIMIT_MIB, error=TableError)
    found = list(read_rows(text, name=path.name, error=TableError, separator=mark))
    if not found:
        raise TableError(f"{path.name} is empty.", code="empty-table")
    (_, header), *body = found
    columns = [text_of(name) for name in header]
    twice = tuple(sorted({name for name in columns if name and columns.count(name) > 1}))
    _check_columns(columns, path.name, required, mark, twice)
    if not body:
        raise TableError(f"{path.name} has a header and no row below it.", code="empty-table")
    for line, cells in body:
        if len(cells) != len(columns):
            raise TableError(
                f"{path.name}, line {line}: {len(cells)} cells under {len(columns)} columns.",
                hint="Put text that holds the separator in double quotes; say --sep and --decimal "
                "if they are not , and the point.",
                code="ragged-row",
            )
    return ValueTable(
        name=path.name,
        rows=tuple(
            {
                name: text_of(cell)
                for name, cell in zip(columns, cells, strict=True)
                if name and name not in twice
            }
            for _, cells in body
        ),
        lines=tuple(line for line, _ in body),
        decimal=decimal,
        ambiguous=twice,
    )


def _checked_separator(separator: str, decimal: str) -> str:
    mark = _SEPARATORS.get(separator.lower(), separator)
    if len(mark) != 1 or mark.isalnum() or mark in "\"'\r\n":
        raise SettingsError(
            f"{separator!r} cannot separate cells.",
            hint="Give one character as --sep, such as ';', or the word tab.",
            code="unknown-separator",
        )
    if decimal not in {".", ","}:
        raise SettingsError(
            f"{decimal!r} is no decimal sign.",
            hint="Give . or , as --decimal.",
            code="unknown-separator",
        )
    if decimal == mark:
        raise SettingsError(
            f"{decimal!r} cannot be the decimal sign and separate cells.",
            hint="Tables with decimal commas mostly have --sep ';'.",
            code="unknown-separator",
        )
    return mark


def _check_columns(
    columns: Sequence[str],
    name: str,
    required: Sequence[str],
    separator: str,
    twice: Sequence[str],
) -> None:
    other = [mark for mark in _NAMES if mark != separator and mark in columns[0]]
    if len(columns) == 1 and other:
        raise TableError(
            f"{name} separates its columns by {_NAMES[other[0]]}, not by "
            f"{_NAMES.get(separator, repr(separator))}.",
            hint=f"Give --sep {'tab' if other[0] == chr(9) else repr(other[0])}.",
            code="other-separator",
        )
    for column in required:
        if column in twice:
            raise TableError(
                f"{name} has two columns {column!r}.",
                hint="Give each a name of its own.",
                code="duplicate-column",
            )
        if column not in columns:
            raise TableError(
                f"{name} has no column {column!r}.",
                hint=_column_hint(column, columns),
                code="missing-column",
            )


def _column_hint(column: str, columns: Sequence[str]) -> str:
    there = f"It has the columns {', '.join(columns)}."
    known = {name.lower(): name for name in columns}
    nearest = get_close_matches(column.lower(), known, n=1)
    return f"Did you mean {known[nearest[0]]!r}? {there}" if nearest else there


def _number_hint(text: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    if number_in(text.replace(other, ".")) is not None:
        signs = "commas" if other == "," else "points"
        return f"If the numbers have decimal {signs}, give --decimal {other!r}."
    return "Correct the cell, or leave it empty if there is no value."


def _shortest(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
