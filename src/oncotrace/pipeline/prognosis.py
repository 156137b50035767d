"""The journey of a prognosis: a table of values and outcomes in, curves and ratios out."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from oncotrace.errors import SettingsError
from oncotrace.pipeline.analysis_folder import Analysis, write_analysis
from oncotrace.pipeline.followed_table import FollowedColumns, read_followed
from oncotrace.pipeline.run.folder import require_new
from oncotrace.report.chart import Drawing
from oncotrace.report.cohort_prognosis import CohortPrognosis, IndexComparison
from oncotrace.report.forest import forest_picture
from oncotrace.report.prognosis_tables import forest_rows, prognosis_result, prognosis_tables
from oncotrace.report.prognosis_text import prognosis_text
from oncotrace.report.survival_plot import survival_picture
from oncotrace.stats.c_index import c_difference
from oncotrace.stats.cut_off import parse_cut
from oncotrace.stats.horizon import truncated
from oncotrace.stats.prognosis import ValuePrognosis, value_prognosis
from oncotrace.stats.survival_curve import median_follow_up


@dataclass(frozen=True)
class PrognosisSettings:
    """What is asked of a table; ``cuts`` are texts, see `oncotrace.stats.cut_off.parse_cut`."""

    columns: FollowedColumns
    cuts: tuple[str, ...] = ("median",)
    horizon: float | None = None
    separator: str = ","
    decimal: str = "."


def prognosis(table: Path, settings: PrognosisSettings) -> Analysis:
    """Analyse how values of a table tell the time to an event.

    Raises
    ------
    SettingsError
        A column is named for two purposes, or a cut-off or the horizon makes no sense.
    TableError, InputError
        The table cannot be used, see `oncotrace.pipeline.followed_table.read_followed`; a group
        is empty, or nobody had the event.
    """
    return as_analysis(cohort_prognosis(table, settings))


def write_prognosis(table: Path, out: Path, settings: PrognosisSettings) -> Analysis:
    """Analyse a table as `prognosis` does and write what was found into a new folder.

    Raises
    ------
    OutputError
        ``out`` exists and is not empty, or cannot be written.
    SettingsError, TableError, InputError
        See `prognosis`.
    """
    require_new(out)
    analysis = prognosis(table, settings)
    write_analysis(
        out, analysis, journey="prognosis", settings=asdict(settings), inputs={"table": table}
    )
    return analysis


def cohort_prognosis(table: Path, settings: PrognosisSettings) -> CohortPrognosis:
    """Return the prognosis by each value of a table, on the patients who have everything.

    Raises
    ------
    SettingsError, TableError, InputError
        See `prognosis`.
    """
    columns = settings.columns
    _require_distinct(columns)
    cuts = [parse_cut(text) for text in settings.cuts]
    followed = read_followed(table, columns, separator=settings.separator, decimal=settings.decimal)
    truncation = (
        None if settings.horizon is None else truncated(followed.survival, settings.horizon)
    )
    survival = followed.survival if truncation is None else truncation.survival
    values = tuple(
        value_prognosis(survival, sample, name=name, cuts=cuts, covariates=followed.covariates)
        for name, sample in followed.values.items()
    )
    return CohortPrognosis(
        time=columns.time,
        event=columns.event,
        rows=followed.rows,
        n=len(survival),
        events=survival.events,
        follow_up=median_follow_up(followed.survival),
        truncation=truncation,
        left_out=followed.left_out,
        twins=followed.twins,
        censored_without_time=followed.censored_without_time,
        values=values,
        comparisons=_comparisons(values),
    )


def as_analysis(found: CohortPrognosis) -> Analysis:
    """Return tables, figures, text and plain values of a prognosis."""
    return Analysis(
        tables=prognosis_tables(found),
        text=prognosis_text(found),
        result=prognosis_result(found),
        figures=_figures(found),
    )


def _require_distinct(columns: FollowedColumns) -> None:
    names = columns.required
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            f"the column {twice[0]!r} is named twice.",
            hint="Time, event, case, values and covariates are different columns.",
            code="same-column",
        )


def _comparisons(values: Sequence[ValuePrognosis]) -> tuple[IndexComparison, ...]:
    return tuple(
        IndexComparison(
            first.name,
            second.name,
            c_difference(first.concordance, second.concordance),
            same_group=int(np.count_nonzero(first.split.group == second.split.group)),
        )
        for first, second in combinations(values, 2)
    )


def _figures(found: CohortPrognosis) -> dict[str, Drawing]:
    figures = {}
    for number, value in enumerate(found.values, start=1):
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", value.name).strip("_")
        figures[f"survival_{number}_{name}".rstrip("_")] = survival_picture(
            value, event=found.event, time=found.time
        )
    figures["forest"] = forest_picture(forest_rows(found), title="Hazard ratios")
    return figures
