"""Tables from elsewhere as rows by column."""

from collections.abc import Sequence
from pathlib import Path

from oncotrace.errors import TableError
from oncotrace.io.csv_cells import read_rows, text_of
from oncotrace.io.text_file import read_text

_LIMIT_MIB = 1024


def read_named_rows(path: Path, *, required: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a comma-separated table, each as texts by column.

    Parameters
    ----------
    required
        Columns that must be there; others may be.

    Raises
    ------
    TableError
        The table cannot be read, lacks a column, or a row has other cells than the header.
    """
    text = read_text(path, limit_mib=_LIMIT_MIB, error=TableError)
    rows = read_rows(text, name=path.name, error=TableError)
    _, header = next(rows, (1, []))
    if missing := [name for name in required if name not in header]:
        raise TableError(
            f"{path.name} has no column {missing[0]!r}.",
            hint=f"It needs the columns {', '.join(required)}.",
            code="missing-column",
        )
    found = []
    for line, cells in rows:
        if len(cells) != len(header):
            raise TableError(
                f"{path.name}, line {line}: {len(cells)} cells under {len(header)} columns.",
                hint="Put text with a comma in double quotes.",
                code="ragged-row",
            )
        found.append(dict(zip(header, map(text_of, cells), strict=True)))
    return found
