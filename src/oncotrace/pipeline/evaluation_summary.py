"""What the cases of an evaluation say together: tables and figures in its run folder."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Case, Cohort
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.mask_agreement import SURFACES
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.folder import read_json, write_json
from oncotrace.report.bland_altman import bland_altman_picture, volume_scatter_picture
from oncotrace.report.chart import FORMS, Drawing
from oncotrace.report.dice_strip import dice_strip_picture
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.evaluation_agreement import (
    Reliability,
    VolumeAgreement,
    reliability,
    volume_agreement,
)
from oncotrace.report.evaluation_tables import (
    ComparisonRow,
    SummaryRow,
    comparison_rows,
    groups_of,
    summary_rows,
)
from oncotrace.report.reliability import reliability_picture

SUMMARY_FILE, SUMMARY_TABLE, COMPARISON_TABLE = "summary.json", "summary.csv", "comparison.csv"
FIGURES = "figures"
CasePictures = Callable[[Sequence[EvaluatedCase]], Iterable[tuple[str, bytes]]]

_NOT_GIVEN = "not given"
_PREFIXES = ("clinical_", "outcome_")


@dataclass(frozen=True)
class Questions:
    """What is asked of an evaluation: a breakdown by a column, a comparison with another one.

    ``groups`` is the column's value by case id; ``others`` are the other evaluation's results.
    """

    by: str
    groups: Mapping[str, str]
    against: str
    others: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class EvaluationSummary:
    """Tables of an evaluation, and how many of the cohort's cases are in them."""

    cases: int
    evaluated: int
    by: str
    rows: list[SummaryRow]
    comparison: list[ComparisonRow]
    figures: tuple[str, ...]


def checked_questions(cohort: Cohort, *, by: str | None, against: Path | None) -> Questions:
    """Look up the column and read the other evaluation, before any case is done.

    Raises
    ------
    SettingsError
        No case has a value in the column, or the other evaluation has none of the cases.
    InputError
        The other folder does not hold an evaluation.
    """
    groups = _column(cohort, by) if by else {}
    others = _results(against, cohort) if against else {}
    if against and not others:
        raise SettingsError(
            f"{against.name} has none of the cohort's {len(cohort.cases)} cases.",
            hint="Compare evaluations of the same cases.",
            code="no-common-cases",
        )
    return Questions(by or "", groups, against.name if against else "", others)


def write_summary(
    out: Path, cohort: Cohort, questions: Questions, pictures: CasePictures
) -> EvaluationSummary:
    """Write ``summary.csv``, ``summary.json``, ``comparison.csv`` and the figures of a run.

    Parameters
    ----------
    pictures
        Draws single cases: given all that are done, yields names and PNG files.

    Raises
    ------
    SettingsError
        The other evaluation compares with other reference masks.
    OutputError
        A file cannot be written.
    """
    results = _results(out, cohort)
    cases = [
        EvaluatedCase(
            case.case_id,
            case.patient_id,
            results[case.case_id],
            questions.groups.get(case.case_id, ""),
        )
        for case in cohort.cases
        if case.case_id in results
    ]
    _require_same_references(cases, questions)
    rows, comparison = summary_rows(cases), comparison_rows(cases, questions.others)
    volumes, rated = volume_agreement(cases), reliability(cases)
    figures = _figures(cases, volumes, rated) | dict(pictures(cases))
    for name, picture in figures.items():
        write_bytes(out / FIGURES / name, picture, replace=True)
    write_table([row.cells(questions.by) for row in rows], out / SUMMARY_TABLE, replace=True)
    if questions.against:
        table = [row.cells() for row in comparison]
        write_table(table, out / COMPARISON_TABLE, replace=True)
    summary = EvaluationSummary(
        len(cohort.cases), len(cases), questions.by, rows, comparison, tuple(figures)
    )
    content = _summary_json(summary, questions, volumes, rated)
    write_json(out / SUMMARY_FILE, content, replace=True)
    return summary


def _column(cohort: Cohort, name: str) -> dict[str, str]:
    values = {case.case_id: _cells(case).get(name, "") for case in cohort.cases}
    if not any(values.values()):
        known = dict.fromkeys(column for case in cohort.cases for column in _cells(case))
        raise SettingsError(
            f"the cohort has no column {name!r} with a value in it.",
            hint=f"Columns to break down by: {', '.join(known) or 'none'}.",
            code="unknown-column",
        )
    return {case_id: value or _NOT_GIVEN for case_id, value in values.items()}


def _cells(case: Case) -> dict[str, str]:
    """Return what the table says about a case in words, by column; nothing for empty cells."""
    plain = {"time_point": case.time_point, "centre": case.centre, "split": case.split}
    free = zip(_PREFIXES, (case.clinical, case.outcome), strict=True)
    return {name: text for name, text in plain.items() if text} | {
        f"{prefix}{name}": text for prefix, columns in free for name, text in columns.items()
    }


def _results(run: Path, cohort: Cohort) -> dict[str, dict[str, object]]:
    """Results of the cohort's cases that an evaluation has, by case id."""
    settings = read_json(run / RUN_FILE).get("settings")
    if not isinstance(settings, dict) or settings.get("journey") != "evaluate":
        raise InputError(
            f"{run.name} is not the folder of an evaluation.",
            hint="Give a folder that oncotrace evaluate has written.",
            code="not-an-evaluation",
        )
    if not settings.items() >= SURFACES.items():
        raise SettingsError(
            f"{run.name} was evaluated by an earlier version, whose distances are between surface "
            "voxels, not surface elements.",
            hint="Evaluate its masks again, into a new folder.",
            code="other-distances",
        )
    folders = {case.case_id: run / "cases" / case.case_id for case in cohort.cases}
    return {
        case_id: read_json(folder / RESULT_FILE)
        for case_id, folder in folders.items()
        if folder.is_dir()
    }


def _require_same_references(cases: list[EvaluatedCase], questions: Questions) -> None:
    for case in cases:
        other = questions.others.get(case.case_id)
        if other is not None and _reference_digest(other) != _reference_digest(case.result):
            raise SettingsError(
                f"{questions.against} was compared with another reference mask.",
                hint="Compare evaluations against the same references.",
                case_id=case.case_id,
                code="other-references",
            )


def _reference_digest(result: Mapping[str, object]) -> object:
    inputs = result.get("inputs")
    return inputs.get("reference_mask") if isinstance(inputs, dict) else None


def _figures(
    cases: list[EvaluatedCase], volumes: VolumeAgreement | None, rated: Reliability | None
) -> dict[str, bytes]:
    """PNG and SVG files by name; those that need more cases are left out."""
    drawn: dict[str, Drawing] = {}
    if volumes is not None:
        drawn["volume_bland_altman"] = bland_altman_picture(volumes, title="Agreement of volumes")
        drawn["volume_scatter"] = volume_scatter_picture(
            volumes, title="Predicted and reference volume"
        )
    if cases:
        sets = [("all", cases)]
        sets += [(name, [c for c in cases if c.group == name]) for name in groups_of(cases)]
        rows = [(name, [(c.case_id, c.value("dice")) for c in chosen]) for name, chosen in sets]
        drawn["dice"] = dice_strip_picture(rows, title="Dice of every case")
    if rated is not None:
        drawn["predicted_dice"] = reliability_picture(rated, title="Predicted and real Dice")
    return {
        f"{name}.{form}": drawing.rendered(form)
        for name, drawing in drawn.items()
        for form in FORMS
    }


def _summary_json(
    summary: EvaluationSummary,
    questions: Questions,
    volumes: VolumeAgreement | None,
    rated: Reliability | None,
) -> dict[str, object]:
    return {
        "format": 1,
        "cases": summary.cases,
        "evaluated": summary.evaluated,
        "by": questions.by or None,
        "against": questions.against or None,
        "measures": [row.cells(questions.by) for row in summary.rows],
        "volume_correlation": asdict(volumes.correlation) if volumes else None,
        "volume_bland_altman_percent": asdict(volumes.limits) if volumes else None,
        "predicted_dice": None
        if rated is None
        else {
            "n": len(rated.case_ids),
            "rank_correlation": rated.rank_correlation,
            "rank_correlation_interval": rated.rank_interval,
            "interval_coverage": rated.coverage,
        },
        "comparison": [row.cells() for row in summary.comparison],
    }
