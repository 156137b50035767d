"""The graded workflow from the command line: every way through it, interrupted anywhere."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.integration.conftest import make_phantom, write_tiny_model
from tests.unit.learning.builders import GRID_XYZ
from tests.unit.pipeline.killer import Killed, every_moment, killed_after

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.volume_file import read_mask, write_mask
from oncotrace.pipeline.finished_cases import finished_run
from oncotrace.pipeline.run.lock import alone
from oncotrace.pipeline.workflow import run_workflow
from oncotrace.pipeline.workflow_folder import RUN_LOCK
from oncotrace.pipeline.workflow_grades import withdraw_grade

SECRET = ("Heidelberg", "Utrecht", "liposarcoma", "leiomyoma", "3650")
TABLES = ("worklist.csv", "flow.csv", "counts_by_centre.csv", "centre_tests.csv", "failures.csv")


def write_automatic(folder: Path, network: str) -> Path:
    """Write a model of whole T1 images: of random weights, or one that finds nothing."""
    return write_tiny_model(
        folder,
        (network,),
        preparation="whole-image",
        channels={"images": ("mr-t1",), "cues": ("has-mr-t1",)},
        grid={"mode": "patch", "size_xyz": GRID_XYZ, "spacing_mm": (3.0, 3.0, 3.0)},
    )


@pytest.fixture
def finding(tmp_path: Path) -> Path:
    """Return a model that finds something, if not the tumour."""
    return write_automatic(tmp_path / "finding", "fold_0")


@pytest.fixture
def blind(tmp_path: Path) -> Path:
    """Return a model that finds nothing."""
    return write_automatic(tmp_path / "blind", "nothing")


@pytest.fixture
def patients(tmp_path: Path) -> Callable[..., Path]:
    """Write a cohort of two centres with diagnoses; clicks of so many cases are in its table."""

    def write(cases: int, clicks: int = 0) -> Path:
        rows = ["case_id,image_mr-t1,clicks,centre,clinical_histology,outcome_death_days"]
        for n in range(cases):
            name = f"case-{n}"
            make_phantom(tmp_path / "cohort" / name, seed=n)
            file = f"{name}/clicks.json" if n < clicks else ""
            rows.append(
                f"{name},{name}/image.nii.gz,{file},{SECRET[n % 2]},{SECRET[2 + n % 2]},3650"
            )
        table = tmp_path / "cohort" / "cohort.csv"
        table.write_text("\n".join(rows) + "\n")
        return table

    return write


@pytest.fixture
def workflow(cli, tmp_path: Path):
    """Run the workflow, from six clicks without a network."""

    def run(table: Path, model: Path, *options: object, out: Path = tmp_path / "RUN"):
        fast = ("--interactive", "ellipsoid", "--second-reader-share", 0)
        return cli("workflow", table, "--out", out, "--automatic", model, *fast, *options)

    return run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "RUN"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def waiting(run: Path) -> dict[str, str]:
    """What every case waits for, by the list that is written."""
    return {row["case_id"]: row["task"] for row in rows_of(run / "worklist.csv")}


def give_clicks(run: Path, table: Path, *cases: str) -> None:
    for case in cases:
        shutil.copy(table.parent / case / "clicks.json", run / "clicks" / f"{case}.json")


def give_edit(run: Path, table: Path, case: str) -> None:
    shutil.copy(table.parent / case / "mask.nii.gz", run / "edits" / f"{case}.nii.gz")


def outcome(run: Path) -> dict[str, object]:
    """Everything that a workflow has come to, without times."""
    tables = {name: (run / name).read_text() for name in TABLES}
    masks = {
        str(path.relative_to(run)): read_mask(path).voxels.tobytes()
        for place in ("steps", "cases")
        for path in sorted((run / place).rglob("mask.nii.gz"))
    }
    lines = (run / "events.jsonl").read_text().splitlines()
    events = [{k: v for k, v in json.loads(line).items() if k not in ("at", "n")} for line in lines]
    by_case = sorted(events, key=lambda event: event["case_id"])
    return {**tables, **masks, "events": by_case, "flow": (run / "flow.svg").read_bytes()}


@pytest.mark.slow
def test_a_case_goes_all_the_way_and_no_mask_is_ever_lost(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    first = workflow(table, finding)
    assert first.exit_code == 0, first.stderr
    assert "0 of 1 cases accepted" in first.stdout
    assert "1 wait for grade" in first.stdout

    def graded(grade: str) -> None:
        run = cli("grade", run_folder, "case-0", grade, "--reader", "Anna", "--comment", "too big")
        assert run.exit_code == 0, run.stderr

    def go_on(task: str | None) -> None:
        run = workflow(table, finding, "--resume")
        assert run.exit_code == 0, run.stderr
        assert waiting(run_folder) == ({"case-0": task} if task else {})

    steps = run_folder / "steps" / "case-0"
    graded("Incorrect")
    go_on("six clicks")
    give_clicks(run_folder, table, "case-0")
    go_on("grade")
    graded("insufficient")
    go_on("correction")
    clicked = read_mask(steps / "six-click" / "mask.nii.gz").voxels
    correction = cli("refine", steps / "six-click", "--positive=20,35,524")
    assert correction.exit_code == 0, correction.stderr
    early = cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    assert "(not-due)" in early.stderr or "(mask-changed)" in early.stderr
    go_on("grade")
    graded("uncertain")
    second = cli("grade", run_folder, "case-0", "Insufficient", "--reader", "Bob")
    assert "waits for an edited mask" in second.stdout
    give_edit(run_folder, table, "case-0")
    go_on("grade")
    graded("Excellent")
    assert not (run_folder / "cases" / "case-0").exists()
    go_on(None)

    np.testing.assert_array_equal(
        read_mask(run_folder / "cases" / "case-0" / "mask.nii.gz").voxels,
        read_mask(table.parent / "case-0" / "mask.nii.gz").voxels,
    )
    result = json.loads((run_folder / "cases" / "case-0" / "result.json").read_text())
    assert (result["step"], result["grade"], result["readers"]) == (
        "editing",
        "Excellent",
        ["Anna"],
    )
    assert {path.name for path in steps.iterdir()} == {"automatic", "six-click", "editing"}
    kept = steps / "six-click" / "history" / "0001" / "mask.nii.gz"
    np.testing.assert_array_equal(read_mask(kept).voxels, clicked)
    flow = {row["step"]: row for row in rows_of(run_folder / "flow.csv")}
    assert flow["automatic"]["sent_on_incorrect"] == "1"
    assert flow["six-click"]["sent_on_insufficient"] == "1"
    assert (flow["correction"]["sent_on_insufficient"], flow["correction"]["second_readings"]) == (
        "1", "1",
    )  # fmt: skip
    assert flow["editing"]["accepted_excellent"] == "1"
    for step in ("automatic", "six-click", "editing"):
        verified = cli("verify", steps / step)
        assert verified.exit_code == 0, verified.stdout


@pytest.mark.slow
def test_where_nothing_is_found_six_clicks_follow_at_once_or_are_asked_for(
    patients, workflow, blind, run_folder
):
    table = patients(3, clicks=1)
    run = workflow(table, blind)
    assert run.exit_code == 1
    assert "2 wait for six clicks: put six clicks into RUN/clicks/CASE.json" in run.stdout
    assert waiting(run_folder) == {
        "case-1": "six clicks", "case-2": "six clicks", "case-0": "grade",
    }  # fmt: skip
    failures = rows_of(run_folder / "failures.csv")
    assert [(row["case_id"], row["code"]) for row in failures] == [
        ("case-1", "nothing-found"), ("case-2", "nothing-found"),
    ]  # fmt: skip
    before = (run_folder / "events.jsonl").read_text()
    assert workflow(table, blind, "--resume").exit_code == 1
    assert (run_folder / "events.jsonl").read_text() == before  # nothing is tried twice
    give_clicks(run_folder, table, "case-1", "case-2")
    assert workflow(table, blind, "--resume").exit_code == 0
    assert set(waiting(run_folder).values()) == {"grade"}


def test_clicks_that_cannot_be_used_send_a_case_to_editing_until_there_are_better_ones(
    patients, workflow, blind, run_folder
):
    table = patients(1)
    workflow(table, blind)
    (run_folder / "clicks" / "case-0.json").write_text("{}")
    assert workflow(table, blind, "--resume").exit_code == 1
    assert waiting(run_folder) == {"case-0": "editing"}
    give_clicks(run_folder, table, "case-0")
    assert workflow(table, blind, "--resume").exit_code == 0
    assert waiting(run_folder) == {"case-0": "grade"}


@pytest.mark.slow
def test_an_edited_case_whose_clicks_could_not_be_used_can_be_learnt_from(
    cli, patients, workflow, blind, run_folder
):
    table = patients(1)
    workflow(table, blind)
    (run_folder / "clicks" / "case-0.json").write_text("{}")
    workflow(table, blind, "--resume")
    give_edit(run_folder, table, "case-0")
    workflow(table, blind, "--resume")
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    workflow(table, blind, "--resume")
    found = finished_run(run_folder)
    assert [case.case_id for case in found.cohort.cases] == ["case-0"]
    assert found.clicks == {}


@pytest.mark.slow
def test_an_image_that_was_missing_is_segmented_once_it_is_there(patients, workflow, finding):
    table = patients(1)
    image = table.parent / "case-0" / "image.nii.gz"
    image.rename(image.with_suffix(".away"))
    run = workflow(table, finding)
    assert run.exit_code == 1
    assert "missing-file" in run.stderr
    image.with_suffix(".away").rename(image)
    assert workflow(table, finding, "--resume").exit_code == 0


@pytest.mark.slow
def test_an_edited_mask_on_another_grid_is_refused_and_asked_for_again(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Incorrect", "--reader", "Anna")
    edit = run_folder / "edits" / "case-0.nii.gz"
    mask = read_mask(table.parent / "case-0" / "mask.nii.gz")
    shifted = Geometry(mask.geometry.size_xyz, mask.geometry.spacing_mm, (0.0, 0.0, 0.0))
    write_mask(Mask(mask.voxels, shifted), edit)
    run = workflow(table, finding, "--resume")
    assert run.exit_code == 1
    assert "geometry-mismatch" in run.stderr
    assert waiting(run_folder) == {"case-0": "six clicks"}
    assert not list((run_folder / "steps" / "case-0").glob("editing*"))
    edit.unlink()
    write_mask(Mask(np.zeros_like(mask.voxels), mask.geometry), edit)
    assert "empty-mask" in workflow(table, finding, "--resume").stderr
    give_edit(run_folder, table, "case-0")
    assert workflow(table, finding, "--resume").exit_code == 0
    assert waiting(run_folder) == {"case-0": "grade"}


@pytest.mark.slow
def test_every_edited_mask_is_kept_beside_those_before(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Incorrect", "--reader", "Anna")
    give_edit(run_folder, table, "case-0")
    workflow(table, finding, "--resume")
    cli("grade", run_folder, "case-0", "Insufficient", "--reader", "Anna")
    workflow(table, finding, "--resume")
    assert waiting(run_folder) == {"case-0": "editing"}  # the same file is not taken in again
    mask = read_mask(table.parent / "case-0" / "mask.nii.gz")
    voxels = mask.voxels.copy()
    voxels[tuple(np.argwhere(voxels)[0])] = False
    (run_folder / "edits" / "case-0.nii.gz").unlink()
    write_mask(Mask(voxels, mask.geometry), run_folder / "edits" / "case-0.nii.gz")
    workflow(table, finding, "--resume")
    assert waiting(run_folder) == {"case-0": "grade"}
    steps = {path.name for path in (run_folder / "steps" / "case-0").iterdir()}
    assert steps == {"automatic", "editing", "editing-2"}


@pytest.mark.slow
def test_a_mask_that_is_corrected_after_it_was_accepted_stays_as_it_was_accepted(
    cli, patients, workflow, blind, run_folder
):
    table = patients(1, clicks=1)
    workflow(table, blind)
    clicked = run_folder / "steps" / "case-0" / "six-click"
    before = (clicked / "mask.nii.gz").read_bytes()
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    assert cli("refine", clicked, "--positive=20,35,524").exit_code == 0
    assert workflow(table, blind, "--resume").exit_code == 0
    assert (run_folder / "cases" / "case-0" / "mask.nii.gz").read_bytes() == before
    assert (clicked / "mask.nii.gz").read_bytes() != before


@pytest.mark.slow
def test_a_mask_that_was_painted_over_where_it_lies_is_no_correction(
    patients, workflow, blind, run_folder
):
    table = patients(1, clicks=1)
    workflow(table, blind)
    file = run_folder / "steps" / "case-0" / "six-click" / "mask.nii.gz"
    mask = read_mask(file)
    before = file.read_bytes()
    file.unlink()
    write_mask(Mask(~mask.voxels, mask.geometry), file)
    run = workflow(table, blind, "--resume")
    assert (run.exit_code, "mask-changed" in run.stderr) == (1, True)
    assert waiting(run_folder) == {"case-0": "grade"}
    file.write_bytes(before)
    assert workflow(table, blind, "--resume").exit_code == 0


def test_readers_learn_neither_diagnosis_nor_centre_nor_each_others_grades(
    cli, patients, finding, run_folder
):
    table = patients(4)
    options = ("--automatic", finding, "--interactive", "ellipsoid", "--second-reader-share", 1)
    assert cli("workflow", table, "--out", run_folder, *options).exit_code == 0
    for case, grade in (("case-0", "Excellent"), ("case-1", "uncertain"), ("case-2", "Sufficient")):
        cli("grade", run_folder, case, grade, "--reader", "Anna")
    for_bob = cli("worklist", run_folder, "--reader", "Bob").stdout
    for_anna = cli("worklist", run_folder, "--reader", " anna").stdout
    assert [f"case-{n}" in for_bob for n in range(4)] == [True] * 4
    assert [f"case-{n}" in for_anna for n in range(4)] == [False, False, False, True]
    for_all = cli("worklist", run_folder).stdout
    told = for_bob + for_anna + for_all + (run_folder / "worklist.csv").read_text()
    secret = (*SECRET, "Excellent", "Sufficient", "uncertain")
    assert [word for word in secret if word in told] == []
    assert "second" not in for_bob
    steps = "".join(path.read_text() for path in (run_folder / "steps").rglob("*.json"))
    assert [word for word in SECRET if word in steps] == []


def test_two_readers_who_disagree_send_a_case_on(cli, patients, finding, run_folder):
    table = patients(1)
    options = ("--automatic", finding, "--interactive", "ellipsoid", "--second-reader-share", 1)
    cli("workflow", table, "--out", run_folder, *options)
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    again = cli("workflow", table, "--out", run_folder, *options, "--resume")
    assert "1 wait for second reading (1 not by Anna)" in again.stdout
    again = cli("grade", run_folder, "case-0", "Incorrect", "--reader", "Bob")
    assert "waits for six clicks" in again.stdout


WRONG_GRADES = (
    (("case-9", "Excellent", "--reader", "Anna"), "unknown-case"),
    (("CASE-0", "Excellent", "--reader", "Anna"), "unknown-case"),
    (("case-0", "good", "--reader", "Anna"), "unknown-term"),
    (("case-0", "Excellent", "--reader", "  "), "reader-without-name"),
    (("case-0", "Excellent", "--reader", "A\x1b[31m"), "settings"),
    (("case-0", "Excellent", "--reader", "A" * 101), "settings"),
    (("case-1", "Excellent", "--reader", "Anna"), "not-due"),
)


def test_a_grade_that_cannot_be_is_refused_and_leaves_no_trace(
    cli, patients, workflow, finding, run_folder
):
    table = patients(2)
    workflow(table, finding)
    cli("grade", run_folder, "case-1", "Excellent", "--reader", "Bob")
    before = (run_folder / "events.jsonl").read_bytes()
    for arguments, code in WRONG_GRADES:
        run = cli("grade", run_folder, *arguments)
        assert run.exit_code == 2, arguments
        assert f"({code})" in run.stderr, arguments
        assert (run_folder / "events.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_grade_needs_a_reader_and_a_workflow(cli, patients, workflow, finding, tmp_path):
    workflow(patients(1), finding)
    assert cli("grade", tmp_path / "RUN", "case-0", "Excellent").exit_code == 2
    other = cli("grade", tmp_path, "case-0", "Excellent", "--reader", "Anna")
    assert (other.exit_code, "(not-a-run)" in other.stderr) == (2, True)
    assert cli("worklist", tmp_path).exit_code == 2


@pytest.mark.slow
def test_the_first_reader_may_not_be_the_second(cli, patients, workflow, finding, run_folder):
    workflow(patients(1), finding)
    cli("grade", run_folder, "case-0", "uncertain", "--reader", "Anna")
    run = cli("grade", run_folder, "case-0", "Excellent", "--reader", "anna")
    assert run.exit_code == 2
    assert "(same-reader)" in run.stderr


def take_back(cli, run: Path, reader: str = "Anna", case: str = "case-0", why: str = "slipped"):
    return cli("grade", run, case, "--withdraw", "--reader", reader, "--comment", why)


@pytest.mark.slow
def test_a_grade_is_taken_back_and_given_anew(cli, patients, workflow, finding, run_folder):
    table = patients(1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Incorrect", "--reader", "Anna")
    again = cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    assert "(not-due)" in again.stderr
    back = take_back(cli, run_folder, " anna")
    assert (back.exit_code, back.stdout) == (
        0, "the grade of case-0 is taken back; the case waits for a grade.\n",
    )  # fmt: skip
    *_, incorrect, event = map(json.loads, (run_folder / "events.jsonl").read_text().splitlines())
    assert (incorrect["grade"], event["kind"], event["reader"]) == (
        "Incorrect",
        "withdrawn",
        "anna",
    )
    assert (event["reason"], event["mask_digest"]) == ("slipped", incorrect["mask_digest"])
    assert event["at"] >= incorrect["at"]
    workflow(table, finding, "--resume")
    assert waiting(run_folder) == {"case-0": "grade"}
    cli("grade", run_folder, "case-0", "Sufficient", "--reader", "Anna")
    assert "1 of 1 cases accepted" in workflow(table, finding, "--resume").stdout
    automatic, *_ = rows_of(run_folder / "flow.csv")
    assert (automatic["accepted_sufficient"], automatic["withdrawn_grades"]) == ("1", "1")
    assert automatic["sent_on"] == "0"


@pytest.mark.slow
def test_a_mask_that_was_accepted_by_mistake_is_set_aside_and_its_workflow_goes_on(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1, clicks=1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    workflow(table, finding, "--resume")
    accepted = run_folder / "cases" / "case-0"
    mask = (accepted / "mask.nii.gz").read_bytes()
    assert take_back(cli, run_folder).exit_code == 0
    assert not accepted.exists()
    assert (run_folder / "withdrawn" / "case-0" / "mask.nii.gz").read_bytes() == mask
    cli("grade", run_folder, "case-0", "Incorrect", "--reader", "Anna")
    assert workflow(table, finding, "--resume").exit_code == 0
    assert rows_of(run_folder / "table.csv") == []
    assert waiting(run_folder) == {"case-0": "grade"}  # of the mask from six clicks
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Bob")
    workflow(table, finding, "--resume")
    result = json.loads((accepted / "result.json").read_text())
    assert (result["step"], result["readers"]) == ("six-click", ["Bob"])
    assert take_back(cli, run_folder, "Bob").exit_code == 0
    assert (run_folder / "withdrawn" / "case-0-2" / "mask.nii.gz").is_file()


@pytest.mark.slow
def test_what_another_reader_accepts_stays_accepted_without_the_grade_taken_back(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "uncertain", "--reader", "Anna")
    cli("grade", run_folder, "case-0", "Sufficient", "--reader", "Bob")
    workflow(table, finding, "--resume")
    back = take_back(cli, run_folder)
    assert "the case is done" in back.stdout
    result = json.loads((run_folder / "cases" / "case-0" / "result.json").read_text())
    assert (result["grade"], result["readers"]) == ("Sufficient", ["Bob"])


@pytest.mark.slow
def test_a_call_of_the_workflow_sets_aside_what_could_not_be_at_once(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    workflow(table, finding, "--resume")
    with alone(run_folder / RUN_LOCK, wait_s=0):
        assert take_back(cli, run_folder).exit_code == 0
        assert (run_folder / "cases" / "case-0").exists()
    cli("grade", run_folder, "case-0", "Sufficient", "--reader", "Bob")
    workflow(table, finding, "--resume")
    result = json.loads((run_folder / "cases" / "case-0" / "result.json").read_text())
    assert (result["grade"], result["readers"]) == ("Sufficient", ["Bob"])
    assert (run_folder / "withdrawn" / "case-0").is_dir()


@pytest.mark.slow
def test_a_grade_on_which_a_later_mask_stands_is_kept_and_the_error_names_it(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1, clicks=1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Incorrect", "--reader", "Anna")
    workflow(table, finding, "--resume")
    before = (run_folder / "events.jsonl").read_bytes()
    run = take_back(cli, run_folder)
    assert (run.exit_code, "(later-work)" in run.stderr) == (2, True)
    assert "segmented from six clicks since" in " ".join(run.stderr.split())
    assert (run_folder / "events.jsonl").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("case-9", "--withdraw", "--reader", "Anna", "--comment", "x"), "unknown-case"),
        (("case-0", "--withdraw", "--reader", "Bob", "--comment", "x"), "no-grade"),
        (("case-0", "--withdraw", "--reader", "Anna"), "withdrawal-without-reason"),
        (("case-0", "--withdraw", "--reader", " ", "--comment", "x"), "reader-without-name"),
        (("case-0", "Excellent", "--withdraw", "--reader", "Anna", "--comment", "x"), "settings"),
        (("case-0", "--reader", "Anna"), "settings"),
    ],
)
def test_a_withdrawal_that_cannot_be_is_refused_and_leaves_no_trace(
    cli, patients, workflow, finding, run_folder, arguments, code
):
    workflow(patients(1), finding)
    cli("grade", run_folder, "case-0", "uncertain", "--reader", "Anna")
    before = (run_folder / "events.jsonl").read_bytes()
    run = cli("grade", run_folder, *arguments)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert (run_folder / "events.jsonl").read_bytes() == before


@pytest.mark.slow
def test_taking_back_tells_a_reader_nothing_of_another(cli, patients, finding, run_folder):
    options = ("--automatic", finding, "--interactive", "ellipsoid", "--second-reader-share", 1)
    cli("workflow", patients(2), "--out", run_folder, *options)
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    alone_, after_anna = (take_back(cli, run_folder, "Bob", case) for case in ("case-1", "case-0"))
    said = [run.stderr.replace("case-1", "case-0") for run in (alone_, after_anna)]
    assert said[0] == said[1]
    take_back(cli, run_folder)
    for_bob, for_all = (cli("worklist", run_folder, *of).stdout for of in (("--reader", "Bob"), ()))
    assert [word for word in ("Anna", "withdrawn", "slipped") if word in for_bob + for_all] == []
    assert "second" not in for_all


@pytest.mark.slow
def test_a_workflow_is_not_gone_on_with_by_other_settings_cases_or_images(
    patients, workflow, finding, blind, run_folder
):
    table = patients(2)
    assert workflow(table, finding).exit_code == 0
    refused = workflow(table, finding)
    assert "(output-exists)" in refused.stderr
    assert "(settings-changed)" in workflow(table, blind, "--resume").stderr
    assert "(settings-changed)" in workflow(table, finding, "--resume", "--seed", 3).stderr
    text = table.read_text()
    table.write_text("".join(text.splitlines(keepends=True)[:-1]))
    assert "(cohort-changed)" in workflow(table, finding, "--resume").stderr
    table.write_text(text)
    first, second = (table.parent / f"case-{n}" / "image.nii.gz" for n in range(2))
    shutil.copy(second, first)
    assert "(inputs-changed)" in workflow(table, finding, "--resume").stderr
    assert len(rows_of(run_folder / "worklist.csv")) == 2


@pytest.mark.slow
def test_a_model_with_clicks_is_not_automatic_and_one_without_not_interactive(
    cli, patients, finding, model, run_folder
):
    table = patients(1)
    run = cli("workflow", table, "--out", run_folder, "--automatic", model)
    assert (run.exit_code, "needs clicks" in run.stderr) == (2, True)
    both = ("--automatic", finding, "--interactive", finding)
    run = cli("workflow", table, "--out", run_folder, *both)
    assert (run.exit_code, "looks at no clicks" in run.stderr) == (2, True)
    assert not run_folder.exists()


@pytest.mark.slow
def test_only_one_call_works_in_a_folder_but_readers_may_grade_meanwhile(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    workflow(table, finding)
    with alone(run_folder / RUN_LOCK, wait_s=0):
        run = workflow(table, finding, "--resume")
        assert (run.exit_code, "(in-use)" in run.stderr) == (2, True)
        grade = cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
        assert grade.exit_code == 0, grade.stderr


@pytest.mark.slow
def test_an_unfinished_line_of_the_log_is_said_and_does_not_count(
    cli, patients, workflow, finding, run_folder
):
    table = patients(1)
    workflow(table, finding)
    cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    log = run_folder / "events.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    due = cli("worklist", run_folder)
    assert "1 unfinished line" in due.stderr
    assert "grade" in due.stdout
    again = cli("grade", run_folder, "case-0", "Excellent", "--reader", "Anna")
    assert again.exit_code == 0
    done = workflow(table, finding, "--resume")
    assert (done.exit_code, "1 of 1 cases accepted" in done.stdout) == (0, True)
    log.write_text("\n".join(log.read_text().splitlines()[1:]))
    assert "(damaged-log)" in cli("worklist", run_folder).stderr


@pytest.mark.slow
def test_without_centres_that_is_said(cli, cohort, finding, run_folder):
    run = cli("workflow", cohort(1), "--out", run_folder, "--automatic", finding)
    assert "Centres are not compared" in run.stdout
    assert rows_of(run_folder / "counts_by_centre.csv") == []


@pytest.mark.slow
def test_counts_by_centre_add_up_to_the_flow_and_are_tested(
    cli, patients, workflow, finding, run_folder
):
    table = patients(4)
    workflow(table, finding)
    for n, grade in enumerate(("Excellent", "Incorrect", "Sufficient", "uncertain")):
        cli("grade", run_folder, f"case-{n}", grade, "--reader", "Anna")
    run = workflow(table, finding, "--resume")
    assert "Between centres, first mask accepted: p = 0.333 (Fisher, n = 3" in run.stdout
    flow, by_centre = (rows_of(run_folder / f"{n}.csv") for n in ("flow", "counts_by_centre"))
    for row in flow:
        parts = [part for part in by_centre if part["step"] == row["step"]]
        assert {part["centre"] for part in parts} == {"Heidelberg", "Utrecht"}
        for column in set(row) - {"step"}:
            assert int(row[column]) == sum(int(part[column]) for part in parts)
    assert (run_folder / "flow.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_two_jobs_come_to_the_same_as_one(patients, workflow, finding, tmp_path):
    table = patients(3, clicks=3)
    workflow(table, finding, out=tmp_path / "one")
    workflow(table, finding, "--jobs", 2, out=tmp_path / "two")
    assert outcome(tmp_path / "one") == outcome(tmp_path / "two")


@pytest.mark.slow
def test_any_part_of_the_log_is_gone_on_from_to_the_same_end(
    cli, patients, workflow, blind, tmp_path
):
    """As if the process had been killed after an event; what was made after it lies there."""
    table = patients(2, clicks=2)
    whole = tmp_path / "whole"
    workflow(table, blind, out=whole)
    cli("grade", whole, "case-1", "Excellent", "--reader", "Anna")
    workflow(table, blind, "--resume", out=whole)
    lines = (whole / "events.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 5
    cut = tmp_path / "cut"
    for kept in range(len(lines)):
        shutil.copytree(whole, cut)
        (cut / "events.jsonl").write_bytes(b"".join(lines[:kept]) + lines[kept][:10])
        workflow(table, blind, "--resume", out=cut)
        cli("grade", cut, "case-1", "Excellent", "--reader", "Anna")
        run = workflow(table, blind, "--resume", out=cut)
        assert run.exit_code == 0, run.stderr
        text = (cut / "events.jsonl").read_bytes()
        (cut / "events.jsonl").write_bytes(text.replace(lines[kept][:10] + b"\n", b"", 1))
        assert outcome(cut) == outcome(whole)
        shutil.rmtree(cut)


@pytest.mark.slow
def test_killed_while_a_mask_is_set_aside_the_next_call_does_it(
    cli, patients, workflow, finding, tmp_path
):
    table, whole = patients(1), tmp_path / "whole"
    workflow(table, finding, out=whole)
    cli("grade", whole, "case-0", "Excellent", "--reader", "Anna")
    workflow(table, finding, "--resume", out=whole)

    def is_killed(steps: int) -> bool:
        out = tmp_path / f"run-{steps}"
        shutil.copytree(whole, out)
        try:
            with killed_after(steps, lambda _, arguments: out.name in str(arguments[0])):
                withdraw_grade(out, "case-0", reader="Anna", reason="slipped")
        except Killed:
            run = workflow(table, finding, "--resume", out=out)
            assert run.exit_code == 0, run.stderr
            assert waiting(out) == {"case-0": "grade"}
            assert not (out / "cases" / "case-0").exists()
            assert (out / "withdrawn" / "case-0" / "mask.nii.gz").is_file()
            return True
        return False

    every_moment(is_killed)


@pytest.mark.slow
def test_ended_at_any_step_on_disk_it_is_gone_on_with_to_the_same_end(patients, blind, tmp_path):
    table = patients(1, clicks=1)

    def call(out: Path) -> None:
        run = run_workflow(
            table, out, modality=None, automatic=str(blind), interactive="ellipsoid",
            second_reader_share=0, seed=0, resume=True, jobs=1,
        )  # fmt: skip
        with closing(run.phases):
            for phase in run.phases:
                list(phase.outcomes)

    call(tmp_path / "whole")

    def is_killed(steps: int) -> bool:
        out = tmp_path / f"run-{steps}"
        try:
            with killed_after(steps, lambda _, arguments: out.name in str(arguments[0])):
                call(out)
        except Killed:
            call(out)
            assert outcome(out) == outcome(tmp_path / "whole")
            assert [str(path) for path in out.rglob("*.partial")] == []
            shutil.rmtree(out)
            return True
        return False

    assert every_moment(is_killed) > 20


@pytest.mark.slow
def test_killed_by_the_system_it_is_gone_on_with_to_the_same_end(
    patients, workflow, finding, tmp_path
):
    table = patients(6, clicks=6)
    workflow(table, finding, out=tmp_path / "whole")
    out = tmp_path / "killed"
    options = ["--automatic", finding, "--interactive", "ellipsoid", "--second-reader-share", "0"]
    call = [
        sys.executable,
        "-m",
        "oncotrace",
        "workflow",
        table,
        "--out",
        out,
        *options,
        "--resume",
    ]
    kills = 0
    for cases in range(1, 5):
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(list(out.glob("steps/*/automatic"))) < cases and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 2
    assert workflow(table, finding, "--resume", out=out).exit_code == 0
    assert outcome(out) == outcome(tmp_path / "whole")
