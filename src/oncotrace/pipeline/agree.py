"""The agreeing journey: readings of several readers in, how they agree out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.errors import InputError
from oncotrace.io.value_table import read_value_table
from oncotrace.pipeline.agree_table import ReadingColumns, readings_of_columns, readings_of_rows
from oncotrace.pipeline.analysis_folder import Analysis, write_analysis
from oncotrace.report.chart import Drawing
from oncotrace.report.reader_agreement import MeasuredAgreement, measured_agreement
from oncotrace.report.reader_bland_altman import bland_altman_drawing
from oncotrace.report.reader_categories import CategoryAgreement, category_agreement
from oncotrace.report.reader_intervals import NamedValue, intervals_drawing
from oncotrace.report.reader_loam import loam_drawing
from oncotrace.report.reader_readings import Readings
from oncotrace.report.reader_tables import (
    category_result,
    category_tables,
    measured_result,
    measured_tables,
)
from oncotrace.report.reader_text import category_text, measured_text
from oncotrace.stats.krippendorff import Scale


@dataclass(frozen=True)
class TableFormat:
    """How a table is written: what separates its cells, and the decimal sign of its numbers."""

    separator: str = ","
    decimal: str = "."


COMMAS = TableFormat()
"""Cells between commas, numbers with points."""


@dataclass(frozen=True)
class ReadingsSource:
    """Where readings stand in a table.

    Either ``columns`` (one reading in each row), or ``readers`` (one reader in each of these
    columns, one ``case`` in each row).
    """

    columns: ReadingColumns | None = None
    case: str = ""
    readers: tuple[str, ...] = ()

    def settings(self) -> dict[str, object]:
        """Return the source as plain JSON values."""
        if self.columns is None:
            return {"case": self.case, "readers": list(self.readers)}
        columns = self.columns
        return {
            "case": columns.case,
            "reader": columns.reader,
            "value": columns.value,
            "repeat": columns.repeat,
        }


def agree_on_values(
    table: Path,
    source: ReadingsSource,
    *,
    scale: Scale,
    categories: Sequence[str] = (),
    written: TableFormat = COMMAS,
    out: Path | None = None,
) -> Analysis:
    """How several readers agree on values or categories; written to a new folder if one is given.

    Parameters
    ----------
    scale
        What the values are: ``interval`` or ``ratio`` measured, ``nominal`` or ``ordinal``
        categories.
    categories
        Their names, for an ordinal scale in their order.

    Raises
    ------
    TableError
        The table cannot be used; the message names line and column.
    InputError
        There are fewer than two readers.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    readings = _read(table, source, scale, categories, written)
    require_two_readers(readings.readers, table.name)
    if scale in {"interval", "ratio"}:
        analysis = measured_analysis(measured_agreement(readings, scale=scale))
    else:
        analysis = category_analysis(category_agreement(readings, scale=scale))
    if out is not None:
        settings = {**source.settings(), "scale": scale, "categories": list(categories)}
        write_analysis(out, analysis, journey="agree", settings=settings, inputs={"table": table})
    return analysis


def require_two_readers(readers: Collection[str], name: str) -> None:
    """Refuse a table without two readers.

    Raises
    ------
    InputError
        There is one, or none.
    """
    if len(readers) < 2:
        raise InputError(
            f"agreement needs two readers, {name} names {len(readers)}.", code="too-few-readers"
        )


def measured_analysis(found: MeasuredAgreement) -> Analysis:
    """Agreement on measured values as tables, figures, text and result."""
    figures: dict[str, Drawing] = {}
    if found.limits is not None:
        figures["limits_with_mean"] = loam_drawing(
            found.readings, found.limits, title="Differences from the mean"
        )
    for name, percent in (("bland_altman", False), ("bland_altman_percent", True)):
        if (drawing := bland_altman_drawing(found, percent=percent)) is not None:
            figures[name] = drawing
    return Analysis(
        tables=measured_tables(found),
        text=measured_text(found),
        result=measured_result(found),
        figures=figures,
    )


def category_analysis(found: CategoryAgreement) -> Analysis:
    """Agreement on categories as tables, figures, text and result."""
    values = [
        NamedValue(f"{pair.first} and {pair.second}", pair.kappa.value, pair.kappa.interval)
        for pair in found.pairs
        if pair.kappa is not None and pair.kappa.value is not None
    ]
    drawing = intervals_drawing(values, quantity="Cohen's kappa", title="Pairs of readers")
    return Analysis(
        tables=category_tables(found),
        text=category_text(found),
        result=category_result(found),
        figures={} if drawing is None else {"kappa": drawing},
    )


def _read(
    table: Path,
    source: ReadingsSource,
    scale: Scale,
    categories: Sequence[str],
    written: TableFormat,
) -> Readings:
    required = [source.case] if source.columns is None else list(source.columns.named)
    values = read_value_table(
        table, required=required, separator=written.separator, decimal=written.decimal
    )
    if source.columns is None:
        return readings_of_columns(
            values, source.case, source.readers, scale=scale, categories=categories
        )
    return readings_of_rows(values, source.columns, scale=scale, categories=categories)
