"""What a de-identification did: counts by attribute and action, warnings, never a value."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydicom.datadict import keyword_for_tag

from oncotrace.atomic import refused_writes
from oncotrace.curate.deid_risks import RISKS
from oncotrace.curate.deid_table import attributes
from oncotrace.errors import InputError
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.deidentify_plan import Plan, Refusal
from oncotrace.pipeline.run.folder import write_json

LOG_FILE = "log.jsonl"
_REFUSAL_COLUMNS = ("case_id", "stage", "code", "message")
_CHANGE_COLUMNS = ("tag", "name", "action", "count")


@dataclass
class Outcome:
    """What became of some files.

    Parameters
    ----------
    done
        Numbers of the files that need not be looked at again.
    changes
        How often which attribute met which action, by ``tag action``.
    risks
        Number of files with a risk, by ``series risk``, the series by its new name.
    """

    done: list[int] = field(default_factory=list)
    written: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    risks: Counter[str] = field(default_factory=Counter)
    left_out: list[Refusal] = field(default_factory=list)
    failures: list[Refusal] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Add what became of other files."""
        self.done += other.done
        self.written += other.written
        self.changes += other.changes
        self.risks += other.risks
        self.left_out += other.left_out
        self.failures += other.failures


def append_to_log(out: Path, outcome: Outcome) -> None:
    """Record files as done, so that a resumed run goes on behind them."""
    with refused_writes(LOG_FILE), (out / LOG_FILE).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(_record(outcome)) + "\n")


def logged(out: Path) -> Outcome:
    """Return what an interrupted run had done; a last line that was cut off does not count.

    Raises
    ------
    InputError
        The log is damaged elsewhere.
    """
    total = Outcome()
    path = out / LOG_FILE
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            total.add(_outcome(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            if number < len(lines):
                raise InputError(
                    f"{LOG_FILE} is damaged.", hint="Choose a new --out.", code="damaged-run"
                ) from None
    if lines and lines[-1]:  # so that the next line does not run on behind half a one
        with refused_writes(LOG_FILE):
            path.write_text("".join(f"{line}\n" for line in lines[:-1]), encoding="utf-8")
    return total


def _record(outcome: Outcome) -> dict[str, object]:
    return {
        "done": outcome.done,
        "written": outcome.written,
        "changes": dict(outcome.changes),
        "risks": dict(outcome.risks),
        "left_out": [asdict(one) for one in outcome.left_out],
        "failures": [asdict(one) for one in outcome.failures],
    }


def _outcome(record: dict[str, Any]) -> Outcome:  # whatever JSON holds
    return Outcome(
        list(map(int, record["done"])),
        int(record["written"]),
        Counter(record["changes"]),
        Counter(record["risks"]),
        [Refusal(**one) for one in record["left_out"]],
        [Refusal(**one) for one in record["failures"]],
    )


def report_of(plan: Plan, outcome: Outcome, settings: Mapping[str, object]) -> dict[str, object]:
    """Content of ``report.json``."""
    left_out = [*plan.left_out, *outcome.left_out]
    failures = [*plan.failures, *outcome.failures]
    folders = {file.target.rsplit("/", 1)[0] for file in plan.files}
    return {
        "format": 1,
        "settings": dict(settings),
        "patients": len({folder.split("/")[0] for folder in folders}),
        "studies": len({folder.rsplit("/", 1)[0] for folder in folders}),
        "series": len(folders),
        "files": {
            "read": len(plan.files) + len(plan.left_out) + len(plan.failures),
            "written": outcome.written,
            "left_out": dict(sorted(Counter(one.code for one in left_out).items())),
            "failed": dict(sorted(Counter(one.code for one in failures).items())),
        },
        "attributes": change_rows(outcome),
        "warnings": _warnings(outcome),
    }


def write_report(out: Path, plan: Plan, outcome: Outcome, report: Mapping[str, object]) -> None:
    """Write ``report.json``, ``report.csv``, ``left_out.csv`` and ``failures.csv``."""
    write_json(out / "report.json", report, replace=True)
    write_table(change_rows(outcome), out / "report.csv", columns=_CHANGE_COLUMNS, replace=True)
    for name, refusals in (
        ("left_out.csv", [*plan.left_out, *outcome.left_out]),
        ("failures.csv", [*plan.failures, *outcome.failures]),
    ):
        write_table(refusal_rows(refusals), out / name, columns=_REFUSAL_COLUMNS, replace=True)


def change_rows(outcome: Outcome) -> list[dict[str, object]]:
    """Rows of ``report.csv``."""
    rows: list[dict[str, object]] = []
    for change, count in sorted(outcome.changes.items()):
        tag, action = change.split(" ", 1)
        rows.append({"tag": tag, "name": _name(tag), "action": action, "count": count})
    return rows


def refusal_rows(refusals: Iterable[Refusal]) -> list[dict[str, object]]:
    """Rows of ``failures.csv`` and ``left_out.csv``; files go by number, for names tell."""
    return [
        {
            "case_id": f"file-{one.number:06d}",
            "stage": "deidentify",
            "code": one.code,
            "message": one.message,
        }
        for one in sorted(refusals, key=lambda one: one.number)
    ]


def _warnings(outcome: Outcome) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for warning, count in sorted(outcome.risks.items()):
        series, risk = warning.rsplit(" ", 1)
        message = next(text for name, text in RISKS.items() if name == risk)
        rows.append({"series": series, "code": risk, "files": count, "message": message})
    return rows


def _name(tag: str) -> str:
    row = attributes().get(tag)
    if row is not None:
        return row.name
    return keyword_for_tag(int(tag, 16)) or "unknown to the standard's dictionary"
