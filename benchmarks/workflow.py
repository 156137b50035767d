"""The graded workflow, simulated on the 40 sarcoma patients: what each step yields.

    python benchmarks/workflow.py [--method automatic-mr-t1] [--sequences mr-t1] [--data DIR]

The automatic step is that of ``automatic_tables.py``: the Dice of every patient's mask by a network
that had not seen the patient, on an image with moved sides, and the Dice that was predicted of it,
by constants that had not seen the patient either.

Everything that follows is of the product: routes, order of the worklist, the six-click network and
the corrector, both of the patient's own fold. Simulated are the people: six exact clicks, one click
at the deepest voxel of the largest wrong piece as correction, the reference as edited mask, and the
readers, of whom a second one sees a tenth of the cases and those of which the first is uncertain:

``exact``
    both grade by the Dice with the reference (0.90, 0.80, 0.50) and agree
``fallible``
    the first is uncertain within 0.01 of 0.80, the second grades the Dice displaced by a Gaussian
    error of SD 0.03, drawn once for every mask; the edited mask nobody mistakes

"Accepted" is what these readers say, "Sufficient or better" what the Dice of the mask says that a
case has by then.

``summary.md`` has the shares, ``flow.csv`` and ``flow.png`` (exact readers) the counts,
``per_case.csv`` the masks.
"""

import argparse
import csv
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from rich.progress import track

from correction_histories import Draft, draft_of
from markdown_table import markdown
from oncotrace.atomic import write_bytes, write_text
from oncotrace.domain.flow import Flow
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.imaging.correction_simulation import simulated_correction
from oncotrace.imaging.overlap import dice
from oncotrace.io.cohort_table import write_table
from oncotrace.report.flow_diagram import flow_diagram
from oncotrace.report.flow_tables import flow_rows
from oncotrace.review.events import STEPS, Failed, Graded, Segmented, Step
from oncotrace.review.flow_counts import flow_of
from oncotrace.review.grade import Grade, grade_of_dice
from oncotrace.review.routing import CaseState, Task, after, due
from oncotrace.review.second_reading import second_reader_sample
from oncotrace.review.worklist import worklist
from oncotrace.segment.refine import corrector
from out_of_fold_files import Draw
from reference_data import add_data_option
from six_clicks import fold_of, patients_in

RESULTS = Path(__file__).parent / "results" / "workflow"
AUTOMATIC = Path(__file__).parent / "results" / "automatic" / "per_case.csv"
SHARE, SEED = 0.1, 0
LEAST_ACCEPTED_DICE = 0.80
FAILED_BELOW = {
    "Incorrect (Dice below 0.50)": 0.50,
    "not Sufficient (Dice below 0.80)": LEAST_ACCEPTED_DICE,
}
_AT = "2026-01-01T00:00:00+00:00"
_NEXT: Mapping[Task, Step] = {
    "six clicks": "six-click",
    "correction": "correction",
    "editing": "editing",
}


@dataclass(frozen=True)
class Readers:
    """How two simulated readers err."""

    name: str
    uncertain_within: float
    second_sd: float


READERS = (Readers("exact", 0.0, 0.0), Readers("fallible", 0.01, 0.03))


@dataclass(frozen=True)
class Prediction:
    """Automatic mask of a patient: its Dice, none where nothing was found, and what it foretold."""

    dice: float | None
    predicted_dice: float | None


@dataclass(frozen=True)
class Patient:
    """A patient's masks, each made when it is first asked for."""

    name: str
    folder: Path
    modality: Modality
    automatic: Prediction

    @cached_property
    def clicked(self) -> Draft:
        """Draft from six exact clicks, by the network that never saw the patient."""
        return draft_of(self.name, self.modality, Draw("exact", 0), self.folder)

    @cached_property
    def corrected(self) -> Draft:
        """Draft after one simulated correction, by the corrector that never saw the patient."""
        draft = self.clicked
        wrong = simulated_correction(draft.made.mask, draft.reference)
        if wrong is None:
            return draft
        by = corrector(fold_of(self.name))
        made = by.corrected(draft.scan, draft.made, draft.clicks, wrong)
        return Draft(draft.scan, draft.clicks.with_correction(wrong), made, draft.reference)

    def at(self, step: Step) -> Prediction:
        """Dice of the mask of a step, and what was predicted of it."""
        if step == "automatic":
            return self.automatic
        if step == "editing":
            return Prediction(1.0, None)
        draft = self.clicked if step == "six-click" else self.corrected
        quality = draft.made.quality
        predicted = quality.predicted_dice if quality else None
        return Prediction(dice(draft.made.mask, draft.reference), predicted)


def main() -> None:
    """Simulate the workflow, write what came of it, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--automatic", type=Path, default=AUTOMATIC, help="table of the masks")
    parser.add_argument("--method", default="automatic-mr-t1")
    parser.add_argument("--sequences", default="mr-t1", help="as in the table; clicks on the first")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    folder = options.data / "sts"
    names = patients_in(folder)
    modality = modality_named(options.sequences.split("+")[0])
    automatic = predictions(options.automatic, options.method, options.sequences)
    patients = [Patient(name, folder, modality, automatic[name]) for name in names]
    sample = second_reader_sample(names, SHARE, seed=SEED)
    lines, rows, diagram = order_lines(patients), [], b""
    out = options.out / options.sequences
    for readers in READERS:
        done = [
            finished(begin(patient, patient.name in sample), patient, readers)
            for patient in track(patients, f"{readers.name} readers")
        ]
        cases, masks = [case for case, _ in done], [row for _, masks in done for row in masks]
        flow = flow_of(cases)
        lines += summary(flow, masks, readers)
        rows += [{"readers": readers.name, **row} for row in flow_rows(flow)]
        if readers is READERS[0]:
            diagram, _ = flow_diagram(flow, title="Simulated workflow")
            write_table(masks, out / "per_case.csv", replace=True)
    write_text(out / "summary.md", "\n".join([*lines, ""]), replace=True)
    write_table(rows, out / "flow.csv", replace=True)
    write_bytes(out / "flow.png", diagram, replace=True)
    print("\n".join(lines))


def predictions(table: Path, method: str, sequences: str) -> dict[str, Prediction]:
    """Automatic masks of all patients, from the table that ``automatic_tables.py`` writes."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if (row["method"], row["sequences"], row["ends"]) == (method, sequences, "moved")
        ]
    return {row["patient"]: _prediction(row) for row in rows}


def _prediction(row: Mapping[str, str]) -> Prediction:
    if row["is_nothing"] == "True":
        return Prediction(None, None)
    return Prediction(float(row["dice"]), float(row["predicted_dice"]))


def begin(patient: Patient, is_sampled: bool) -> CaseState:
    """Case with its automatic mask, or without one, as the worklist has it before any grade."""
    case, made = CaseState(patient.name, is_sampled), patient.automatic
    if made.dice is None:
        failure = Failed(patient.name, "automatic", "segment", "nothing-found", "nothing.", "", _AT)
        return after(case, failure)
    return after(case, mask_event(patient.name, "automatic", made.predicted_dice))


def finished(
    case: CaseState, patient: Patient, readers: Readers
) -> tuple[CaseState, list[dict[str, object]]]:
    """Grade and mend a case until it is done; rows of the masks that it had."""
    steps: list[Step] = ["automatic"]
    while (task := due(case)) != "nothing":
        if task in ("grade", "second reading"):
            real = patient.at(steps[-1]).dice or 0.0
            grade = grade_by(readers, case, steps[-1], real, is_second=task == "second reading")
            reader = "second" if task == "second reading" else "first"
            case = after(case, Graded(patient.name, grade, reader, steps[-1], _AT))
            continue
        steps.append(_NEXT[task])
        case = after(
            case, mask_event(patient.name, steps[-1], patient.at(steps[-1]).predicted_dice)
        )
    return case, [{"patient": patient.name, "step": s, **asdict(patient.at(s))} for s in steps]


def mask_event(patient: str, step: Step, predicted: float | None) -> Segmented:
    """Event of a mask that was made."""
    return Segmented(patient, step, step, step, _AT, {}, predicted)


def grade_by(
    readers: Readers, case: CaseState, step: Step, real: float, *, is_second: bool
) -> Grade:
    """Grade of the first or of the second reader for a mask of that Dice."""
    if is_second and step != "editing":
        seed = zlib.crc32(f"{case.case_id} {step}".encode())
        return grade_of_dice(
            real + np.random.default_rng([SEED, seed]).normal(scale=readers.second_sd)
        )
    if not is_second and abs(real - LEAST_ACCEPTED_DICE) < readers.uncertain_within:
        return "uncertain"
    return grade_of_dice(real)


def order_lines(patients: Sequence[Patient]) -> list[str]:
    """Say how many automatic masks have failed, and how many of them stand first."""
    order = [entry.case_id for entry in worklist(begin(patient, False) for patient in patients)]
    made = {patient.name: patient.automatic for patient in patients}
    half = order[: len(order) // 2]
    rows = []
    for name, least in FAILED_BELOW.items():
        wrong = {case for case, mask in made.items() if mask.dice is None or mask.dice < least}
        first = len(wrong.intersection(half))
        share = f"{100 * first / len(wrong):.0f} %" if wrong else ""
        rows.append((name, len(wrong), min(len(half), len(wrong)), first, share))
    unpredicted = sum(mask.predicted_dice is None for mask in made.values())
    return [
        f"{len(made)} automatic masks; nothing found in "
        f"{sum(mask.dice is None for mask in made.values())}.",
        *([f"Without a predicted quality: {unpredicted}."] if unpredicted else []),
        "",
        *markdown(
            ["automatic masks", "n", "most that any order has in its first half", "ours", "share"],
            rows,
        ),
    ]


def summary(flow: Flow, masks: Sequence[Mapping[str, object]], readers: Readers) -> list[str]:
    """Return the shares that are good enough after each step."""
    rows, accepted = [], 0
    for step in flow.steps:
        accepted += step.total_accepted
        good = sufficient_by(step.name, masks)
        shares = (f"{100 * count / flow.cases:.1f} %" for count in (accepted, good))
        rows.append([step.name, step.cases, step.total_accepted, *shares])
    names = ("step", "cases", "accepted", "accepted so far", "Sufficient or better so far")
    read_twice = sum(step.second_readings for step in flow.steps)
    disagreed = sum(step.disagreements for step in flow.steps)
    return [
        "",
        f"Readers: {readers.name}. Second readings: {read_twice}, of which {disagreed} overruled "
        "the first reader.",
        "",
        *markdown(names, rows),
    ]


def sufficient_by(step: str, masks: Sequence[Mapping[str, object]]) -> int:
    """Count the patients whose latest mask up to a step has a Dice of 0.80 or more."""
    steps = STEPS[: [*STEPS].index(step) + 1]
    latest = {mask["patient"]: mask["dice"] for mask in masks if mask["step"] in steps}
    return sum(isinstance(d, float) and d >= LEAST_ACCEPTED_DICE for d in latest.values())


if __name__ == "__main__":
    main()
