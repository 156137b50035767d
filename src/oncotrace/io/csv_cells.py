"""Cells of CSV files: strict rows in, safe cells out."""

import csv
import io
import math
import re
from collections.abc import Iterator

import numpy as np

from oncotrace.errors import InputError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Spreadsheets run a cell that begins like this as a formula, the full-width forms included; the
# apostrophes before it are matched too, so that escaping can be undone without loss.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def read_rows(
    text: str, *, name: str, error: type[InputError], separator: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Rows of separated text that hold anything, each with the line it begins on.

    Cells come without surrounding blanks.

    Raises
    ------
    InputError
        Quotes are not balanced or a cell is longer than 128 KiB; the message names the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as refusal:
        raise error(
            f"{name}, line {line}: the row cannot be read ({refusal}).",
            hint="Check the quotes of this row.",
            code="malformed-row",
        ) from refusal


def number_in(text: str) -> float | None:
    """Return the finite decimal number that the text is, or nothing if it is another text."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def cell_of(value: object) -> str:
    """Text of one cell, which no spreadsheet takes for a formula.

    Nothing and numbers that are not finite give an empty cell. Floats have the shortest text that
    reads back as the same number. Text that begins like a formula gets a leading apostrophe, unless
    it is a number.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) and number_in(value) is None else value
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"a cell holds text or a number, not {type(value).__name__}.")


def text_of(cell: str) -> str:
    """Text that `cell_of` wrote into a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
