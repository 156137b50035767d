"""Tables of patients in, tables of results out: ``cohort.csv`` and the CSV files of a run."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from oncotrace.atomic import write_text
from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import MODALITIES, Modality
from oncotrace.errors import TableError
from oncotrace.io.csv_cells import cell_of, read_rows, text_of
from oncotrace.io.text_file import read_text

_LIMIT_MIB = 64
_PLAIN_COLUMNS = ("case_id", "patient_id", "time_point", "centre", "split", "clicks")
_IMAGE_COLUMNS: dict[str, Modality] = {f"image_{name}": name for name in MODALITIES}
_MASK_COLUMNS: dict[str, Modality] = {f"mask_{name}": name for name in MODALITIES}
_KNOWN_COLUMNS = (*_PLAIN_COLUMNS, *_IMAGE_COLUMNS, *_MASK_COLUMNS)
_FREE_PREFIXES = ("outcome_", "clinical_")
# A case's id is the name of its folder, on every file system.
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")

_Row = Mapping[str, str]


def read_cohort(path: Path) -> Cohort:
    """Cases of a ``cohort.csv``, in its order; paths in it are relative to the table.

    Ids stay text, so that "001" is not 1. Whether the files exist is not looked at here: a missing
    one concerns its case alone.

    Raises
    ------
    TableError
        The table is missing or malformed, has a column that is not known, or a case without a
        usable, unique id or without image and mask; the message names the line or the column.
    """
    text = read_text(path, limit_mib=_LIMIT_MIB, error=TableError)
    rows = read_rows(text, name=path.name, error=TableError)
    _, header = next(rows, (1, []))
    _check_header(header, path.name)
    seen: dict[str, int] = {}
    cases = []
    for line, row in _records(rows, header, path.name):
        where = f"{path.name}, line {line}"
        case = _case(row, path.parent, where)
        _check_id(case.case_id, line, seen, where)
        cases.append(case)
    if not cases:
        raise TableError(f"{path.name} has a header and no case below it.", code="empty-table")
    return Cohort(tuple(cases))


def write_table(
    rows: Sequence[Mapping[str, object]],
    path: Path,
    *,
    columns: Sequence[str] = (),
    replace: bool = False,
) -> None:
    """Write rows as CSV (UTF-8, comma), whole or not at all.

    Parameters
    ----------
    rows
        Values by column. Columns appear in the order in which the rows first name them; what a row
        does not name stays empty. See `oncotrace.io.csv_cells.cell_of` for the cells.
    columns
        Columns that come first and are there even if no row names them.
    replace
        Whether an existing table may be replaced; see `oncotrace.atomic.write_atomically`.

    Raises
    ------
    OutputError
        The file exists and may not be replaced, or it cannot be written.
    """
    names = tuple(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    if names:
        writer.writerow([cell_of(name) for name in names])
    writer.writerows([cell_of(row.get(name)) for name in names] for row in rows)
    write_text(path, stream.getvalue(), replace=replace)


def _check_header(header: Sequence[str], name: str) -> None:
    if not header:
        raise TableError(f"{name} is empty.", code="empty-table")
    if len(header) == 1 and re.search("[;\t]", header[0]):
        raise TableError(
            f"{name} separates its columns by semicolons or tabs, a cohort table by commas.",
            hint='Save it with commas (in Excel "CSV UTF-8 (comma delimited)").',
            code="not-comma-separated",
        )
    for position, column in enumerate(header, start=1):
        if not column:
            raise TableError(
                f"{name}: column {position} has no name.",
                hint="Name it or delete it.",
                code="unnamed-column",
            )
        if column in header[: position - 1]:
            raise TableError(f"{name} has two columns {column!r}.", code="duplicate-column")
        _check_column(column, name)
    if "case_id" not in header:
        raise TableError(f"{name} has no column 'case_id'.", code="missing-column")


def _check_column(column: str, name: str) -> None:
    if column in _KNOWN_COLUMNS or any(
        column.startswith(prefix) and column != prefix for prefix in _FREE_PREFIXES
    ):
        return
    kind, _, rest = column.lower().partition("_")
    similar = [
        known
        for known in _KNOWN_COLUMNS
        if known.startswith(f"{kind}_") and known.endswith(f"-{rest}")  # image_t1: image_mr-t1
    ] or get_close_matches(column.lower(), _KNOWN_COLUMNS, n=1, cutoff=0.75)
    raise TableError(
        f"{name} has a column {column[:40]!r} that is not known.",
        hint=f"Did you mean {similar[0]!r}?"
        if similar
        else f"Known are {', '.join(_PLAIN_COLUMNS)}, image_<sequence>, mask_<sequence> "
        f"({', '.join(MODALITIES)}), outcome_<name>, clinical_<name>.",
        code="unknown-column",
    )


def _records(
    rows: Iterator[tuple[int, list[str]]], header: Sequence[str], name: str
) -> Iterator[tuple[int, _Row]]:
    for line, cells in rows:
        if len(cells) != len(header):
            raise TableError(
                f"{name}, line {line}: {len(cells)} cells under {len(header)} columns.",
                hint="Put text that contains a comma in double quotes.",
                code="ragged-row",
            )
        yield line, {column: text_of(cell) for column, cell in zip(header, cells, strict=True)}


def _case(row: _Row, folder: Path, where: str) -> Case:
    images = {
        name: folder / row[column] for column, name in _IMAGE_COLUMNS.items() if _has(row, column)
    }
    masks = {
        name: folder / row[column] for column, name in _MASK_COLUMNS.items() if _has(row, column)
    }
    if not images and not masks:
        raise TableError(f"{where}: the case has neither image nor mask.", code="no-image")
    return Case(
        case_id=row["case_id"],
        patient_id=row.get("patient_id") or row["case_id"],
        images=images,
        masks=masks,
        clicks=folder / row["clicks"] if _has(row, "clicks") else None,
        time_point=row.get("time_point", ""),
        centre=row.get("centre", ""),
        split=row.get("split", ""),
        outcome=_with_prefix(row, "outcome_"),
        clinical=_with_prefix(row, "clinical_"),
    )


def _has(row: _Row, column: str) -> bool:
    return bool(row.get(column))


def _with_prefix(row: _Row, prefix: str) -> dict[str, str]:
    return {
        column.removeprefix(prefix): cell
        for column, cell in row.items()
        if column.startswith(prefix) and cell
    }


def _check_id(case_id: str, line: int, seen: dict[str, int], where: str) -> None:
    """Refuse an id that is not a safe folder name or that another line has, and remember it.

    An unsafe id is not repeated in the message: it may be a patient's name.
    """
    if not case_id:
        raise TableError(f"{where}: the case_id is empty.", code="missing-id")
    if not _SAFE_ID.fullmatch(case_id):
        raise TableError(
            f"{where}: the case_id cannot name a folder.",
            hint="Use at most 100 of the letters A-Z and a-z, digits, '-', '_' and '.', "
            "with no '.' at either end.",
            code="unsafe-id",
        )
    # Some file systems do not tell A from a, and two cases would share a folder.
    first = seen.setdefault(case_id.casefold(), line)
    if first != line:
        raise TableError(
            f"{where}: line {first} has the same case_id {case_id!r} (upper and lower case count "
            "as the same).",
            hint="Give every patient and time point its own case_id.",
            code="duplicate-id",
        )
