"""The inventory as a table: CSV always, Parquet with the extra ``tables``."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from oncotrace.atomic import write_atomically
from oncotrace.curate.series import COLUMNS, TYPES, Series, Value
from oncotrace.errors import MissingDependencyError, SettingsError, TableError
from oncotrace.io.csv_cells import cell_of, number_in, read_rows, text_of
from oncotrace.io.text_file import read_text

SUFFIXES = (".csv", ".parquet")

_LIMIT_MIB = 1024
_SEPARATOR = "; "


def require_table_name(path: Path) -> None:
    """Refuse a table whose format cannot be told or written.

    Raises
    ------
    SettingsError
        Its name ends otherwise than ``.csv`` or ``.parquet``.
    MissingDependencyError
        It is to be Parquet, and pyarrow is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SettingsError(
            f"{path.name} does not end in .csv or .parquet.",
            hint="Choose one of the two.",
            code="unknown-format",
        )
    if path.suffix.lower() == ".parquet":
        _pyarrow("pyarrow")


def write_inventory(series: Sequence[Series], path: Path, *, replace: bool = False) -> None:
    """Write the table, whole or not at all.

    Raises
    ------
    OutputError
        It exists and may not be replaced, or cannot be written.
    MissingDependencyError
        It is to be Parquet, and pyarrow is not installed.
    """
    require_table_name(path)
    write = _write_csv if path.suffix.lower() == ".csv" else _write_parquet
    write_atomically(path, lambda temporary: write(series, temporary), replace=replace)


def read_inventory(path: Path) -> list[Series]:
    """Read a table that `write_inventory` has written; columns it does not know are left out.

    Raises
    ------
    TableError
        It is missing, is something else, or a value is not of its column's type.
    MissingDependencyError
        It is Parquet, and pyarrow is not installed.
    """
    require_table_name(path)
    return _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)


def series_of(values: Mapping[str, object]) -> Series:
    """Row of values by column, lists for tuples; columns that are not known are left out."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if name in TYPES
    }
    return Series(**given)  # type: ignore[arg-type]


def _write_csv(series: Iterable[Series], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(value) for value in row.values().values()] for row in series)


def _cell(value: Value) -> str:
    if isinstance(value, tuple):
        return cell_of(_SEPARATOR.join(_one_line(str(part)).replace(";", ",") for part in value))
    return cell_of(_one_line(value) if isinstance(value, str) else value)


def _one_line(text: str) -> str:
    """Text without what would end the file, or the row, for other readers."""
    return " ".join(text.replace("\0", " ").split())


def _read_csv(path: Path) -> list[Series]:
    text = read_text(path, limit_mib=_LIMIT_MIB, error=TableError)
    rows = read_rows(text, name=path.name, error=TableError)
    _, header = next(rows, (1, []))
    _require_columns(header, path.name)
    series = []
    for line, cells in rows:
        if len(cells) != len(header):
            raise TableError(
                f"{path.name}, line {line}: {len(cells)} cells under {len(header)} columns.",
                hint="Make the table again, or put text with a comma in double quotes.",
                code="ragged-row",
            )
        given = {
            name: _parsed(name, text_of(cell), f"{path.name}, line {line}")
            for name, cell in zip(header, cells, strict=True)
            if name in TYPES
        }
        series.append(Series(**given))  # type: ignore[arg-type]
    return series


def _require_columns(header: Sequence[str], name: str) -> None:
    missing = [column for column in ("series_uid", "modality", "sequence") if column not in header]
    if missing:
        raise TableError(
            f"{name} is no inventory: it has no column {missing[0]!r}.",
            hint="Give a table that `oncotrace inventory` has written.",
            code="missing-column",
        )


def _parsed(name: str, cell: str, where: str) -> Value:
    kind = TYPES[name]
    if kind == "str":
        return cell
    if kind.startswith("tuple"):
        parts = tuple(cell.split(_SEPARATOR)) if cell else ()
        return parts if kind == "tuple[str, ...]" else tuple(_number(p, name, where) for p in parts)
    if not cell and "None" in kind:
        return None
    number = _number(cell, name, where)
    return int(number) if kind.startswith("int") else number


def _number(cell: str, name: str, where: str) -> float:
    number = number_in(cell)
    if number is None:
        raise TableError(
            f"{where}: the cell under {name!r} is not a number.",
            hint="Correct it, or make the table again.",
            code="malformed-row",
        )
    return number


def _write_parquet(series: Sequence[Series], path: Path) -> None:
    pa = _pyarrow("pyarrow")
    schema = pa.schema([(name, _arrow_type(name, pa)) for name in COLUMNS])
    columns = {name: [getattr(row, name) for row in series] for name in COLUMNS}
    _pyarrow("pyarrow.parquet").write_table(pa.Table.from_pydict(columns, schema=schema), path)


def _arrow_type(name: str, pa: ModuleType) -> object:
    kind = TYPES[name]
    if kind.startswith("tuple"):
        return pa.list_(pa.string() if "str" in kind else pa.float64())
    if kind.startswith("int"):
        return pa.int64()
    return pa.float64() if kind.startswith("float") else pa.string()


def _read_parquet(path: Path) -> list[Series]:
    pa = _pyarrow("pyarrow")
    try:
        table = _pyarrow("pyarrow.parquet").read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise TableError(
            f"{path.name} cannot be read as Parquet.", hint="Make the table again."
        ) from error
    _require_columns(table.column_names, path.name)
    return [series_of(row) for row in table.to_pylist()]


def _pyarrow(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet needs pyarrow, which is not installed.",
            hint='Install it with `pip install "oncotrace[tables]"`, or write .csv.',
        ) from error
