"""Several structures told apart by one network: trained, segmented, corrected and verified."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests.integration.conftest import make_phantom
from typer.testing import CliRunner, Result

pytest.importorskip("torch")

from oncotrace.cli.app import app
from oncotrace.domain.clicks import Correction
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.scan import Scan
from oncotrace.imaging.overlap import dice
from oncotrace.io.volume_file import read_labels, read_mask, read_scan, write_labels, write_scan
from oncotrace.learning.model_folder import read_model
from oncotrace.pipeline.refine import refine_case
from oncotrace.pipeline.verify import verify_run

TINY = """
name = "tiny-labels"
preparation = "whole-image"
[channels]
images = ["mr-t1"]
cues = ["has-mr-t1"]
[grid]
mode = "patch"
size_xyz = [16, 16, 16]
spacing_mm = [2.0, 2.0, 2.0]
share_on_target = 0.7
[network]
first_channels = 4
levels = 3
dropout = 0.1
[optimiser]
learning_rate = 2e-2
steps = 60
[augmentation]
recrop_mm = 8
flip_axes = ["x"]
rotation = { probability = 0.5, range = [-10, 10] }
"""
VALUES = {"tumour": 3, "oedema": 1}
LABELS = ("--label", "tumour=3", "--label", "oedema=1")


def make_patient(folder: Path, *, seed: int) -> None:
    """Write an image with a bright tumour within a grey shell, and both as one label volume."""
    make_phantom(folder, seed=seed)
    tumour = read_mask(folder / "mask.nii.gz")
    z, y, x = np.indices(tumour.voxels.shape)
    shell = ((x - 24 - seed % 3) / 19) ** 2 + ((y - 22) / 17) ** 2 + ((z - 12) / 8) ** 2 <= 1
    image = read_scan(folder / "image.nii.gz", "mr-t1")
    voxels = image.voxels + np.float32(70) * (shell & ~tumour.voxels)
    (folder / "image.nii.gz").unlink()
    write_scan(Scan(voxels, image.geometry, "mr-t1"), folder / "image.nii.gz")
    both = LabelVolume.from_stack(np.stack([tumour.voxels, shell]), tumour.geometry, VALUES)
    write_labels(both.voxels, both.geometry, folder / "labels.nii.gz")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a cohort of four patients in two folds, and a recipe of few steps."""
    folder = tmp_path_factory.mktemp("cohort")
    for number in range(4):
        make_patient(folder / f"c{number}", seed=number)
    rows = "".join(f"c{n},c{n}/image.nii.gz,c{n}/labels.nii.gz\n" for n in range(4))
    (folder / "cohort.csv").write_text("case_id,image_mr-t1,mask_mr-t1\n" + rows)
    (folder / "folds.csv").write_text("patient_id,fold\nc0,0\nc1,1\nc2,0\nc3,1\n")
    (folder / "tiny.toml").write_text(TINY)
    return folder


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def trained(cohort: Path, out: Path, *options: object, table: str = "cohort.csv") -> Result:
    return cli(
        "train", cohort / table, "--recipe", cohort / "tiny.toml", "--modality", "mr-t1",
        "--folds", cohort / "folds.csv", "--device", "cpu", "--out", out, *options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny-labels"
    run = trained(cohort, out, *LABELS)
    assert run.exit_code == 0, run.output
    return out


def labels_in(folder: Path) -> LabelVolume:
    return LabelVolume(*read_labels(folder / "labels.nii.gz"), VALUES)


def test_the_card_names_every_structure_with_its_dice(model):
    read = read_model(model)
    assert [(label.name, label.value) for label in read.plan.recipe.labels] == [*VALUES.items()]
    assert list(read.plan.preparation["label_post_processing"]) == ["oedema"]
    lines = [line for line in read.card.splitlines() if line.startswith(("| tumour", "| oedema"))]
    assert [line.split(" | ")[:3] for line in lines] == [
        ["| tumour", "3", "4"],
        ["| oedema", "1", "4"],
    ]
    assert all(float(line.split(" | ")[3].split(" ")[0]) > 0.7 for line in lines), lines


def test_an_image_is_told_apart_measured_and_verified(cohort, model, tmp_path):
    out = tmp_path / "out"
    run = cli(
        "segment", cohort / "c1" / "image.nii.gz", "--modality", "mr-t1", "--model", model,
        "--out", out,
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    found, drawn = labels_in(out), labels_in(cohort / "c1")
    np.testing.assert_array_equal(found.tumour.voxels, read_mask(out / "mask.nii.gz").voxels)
    for name in VALUES:
        assert dice(found.mask(name), drawn.mask(name)) > 0.6
    result = json.loads((out / "result.json").read_text())
    assert result["labels"] == VALUES
    assert result["label_tumour_ml"] == pytest.approx(result["volume_ml"])
    oedema = np.count_nonzero(found.mask("oedema").voxels)
    assert result["label_oedema_ml"] == pytest.approx(oedema * 2 / 1000)
    assert [verdict.differences for verdict in verify_run(out)] == [()]

    (out / "labels.nii.gz").unlink()
    write_labels(np.zeros_like(found.voxels), found.geometry, out / "labels.nii.gz")
    ((difference,),) = (verdict.differences for verdict in verify_run(out))
    assert difference.startswith("labels: ")


def test_a_cohort_is_resumed_and_its_table_holds_the_volumes(cohort, model, tmp_path):
    table = cohort / "two.csv"
    table.write_text("\n".join((cohort / "cohort.csv").read_text().splitlines()[:3]) + "\n")
    options = ("segment", table, "--model", model, "--out", tmp_path / "run")
    assert cli(*options).exit_code == 0
    (tmp_path / "run" / "table.csv").unlink()
    assert cli(*options, "--resume").exit_code == 0
    with (tmp_path / "run" / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2
    assert all(float(row["label_oedema_ml"]) > 0 for row in rows)
    assert [verdict.differences for verdict in verify_run(tmp_path / "run")] == [()] * 2


def test_a_correction_of_the_tumour_takes_and_leaves_what_is_around(cohort, model, tmp_path):
    out = tmp_path / "out"
    image = cohort / "c0" / "image.nii.gz"
    assert cli(
        "segment", image, "--modality", "mr-t1", "--model", model, "--out", out
    ).exit_code == 0  # fmt: skip
    before = labels_in(out)
    oedema = np.argwhere(before.mask("oedema").voxels)[:1]
    refine_case(out, [Correction("positive", before.geometry.to_point_mm(oedema[:, ::-1]))])
    after = labels_in(out)
    assert after.tumour.voxels[tuple(oedema[0])]
    np.testing.assert_array_equal(after.tumour.voxels, read_mask(out / "mask.nii.gz").voxels)
    assert not (after.mask("oedema").voxels & ~before.mask("oedema").voxels).any()
    assert [verdict.differences for verdict in verify_run(out)] == [()]


def test_more_looks_tell_structures_apart_too(cohort, model, tmp_path):
    run = cli(
        "segment", cohort / "c1" / "image.nii.gz", "--modality", "mr-t1", "--model", model,
        "--out", tmp_path / "out", "--dropout-looks", 2,
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    drawn = labels_in(cohort / "c1")
    for name in VALUES:
        assert dice(labels_in(tmp_path / "out").mask(name), drawn.mask(name)) > 0.6


def test_a_model_of_labels_is_fine_tuned(cohort, model, tmp_path):
    run = cli(
        "finetune", model, cohort / "cohort.csv", "--cases", 2,
        "--out", tmp_path / "tuned",
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    tuned = read_model(tmp_path / "tuned").plan
    assert tuned.recipe.labels == read_model(model).plan.recipe.labels
    out = tmp_path / "out"
    image = cohort / "c1" / "image.nii.gz"
    run = cli("segment", image, "--modality", "mr-t1", "--model", tmp_path / "tuned", "--out", out)
    assert run.exit_code == 0, run.output
    assert not labels_in(out).mask("oedema").is_empty


def table_with(cohort: Path, name: str, changed: dict[str, np.ndarray]) -> str:
    """Write a cohort table whose cases have other labels, by case."""
    for case, voxels in changed.items():
        labels = labels_in(cohort / case)
        write_labels(voxels, labels.geometry, cohort / case / f"{name}.nii.gz")
    text = (cohort / "cohort.csv").read_text()
    for case in changed:
        text = text.replace(f"{case}/labels", f"{case}/{name}")
    (cohort / f"{name}.csv").write_text(text)
    return f"{name}.csv"


def test_labels_that_differ_between_cases_are_all_named_before_anything_is_trained(
    cohort, tmp_path
):
    voxels = {name: labels_in(cohort / name).voxels for name in ("c1", "c2")}
    unlisted = np.where(voxels["c1"] == 1, np.uint8(7), voxels["c1"])
    lacking = np.where(voxels["c2"] == 1, np.uint8(0), voxels["c2"])
    table = table_with(cohort, "differ", {"c1": unlisted, "c2": lacking})
    run = trained(cohort, tmp_path / "out", *LABELS, table=table)
    assert run.exit_code == 2
    assert (
        "(other-labels): 2 of 4 masks hold other labels than tumour = 3, oedema = 1" in run.stderr
    )
    assert "case c1: the mr-t1 mask holds 7 and has no oedema\n" in run.stderr
    assert "case c2: the mr-t1 mask has no oedema\n" in run.stderr
    assert "--optional-label" in run.stderr
    assert not list(tmp_path.iterdir())


def test_a_label_may_be_absent_where_that_is_said(cohort, tmp_path):
    voxels = labels_in(cohort / "c2").voxels
    lacking = np.where(voxels == 1, np.uint8(0), voxels)
    table = table_with(cohort, "lacking", {"c2": lacking})
    out = tmp_path / "model"
    few = (cohort / "tiny.toml").read_text().replace("steps = 60", "steps = 2")
    (cohort / "few.toml").write_text(few)
    run = cli(
        "train", cohort / table, "--recipe", cohort / "few.toml", "--modality", "mr-t1",
        "--folds", cohort / "folds.csv", "--device", "cpu", "--out", out,
        "--label", "tumour=3", "--optional-label", "oedema=1",
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    assert "| oedema | 1 | 3 |" in read_model(out).card


@pytest.mark.parametrize("command", ["measure", "nnunet export", "evaluate"])
def test_commands_for_one_structure_refuse_a_volume_of_several(cohort, model, tmp_path, command):
    out = ("--out", tmp_path / "out")
    run = {
        "measure": lambda: cli("measure", cohort / "c0" / "labels.nii.gz"),
        "nnunet export": lambda: cli(
            "nnunet", "export", cohort / "cohort.csv", "--modality", "mr-t1", *out
        ),
        "evaluate": lambda: cli("evaluate", cohort / "cohort.csv", "--model", model, *out),
    }[command]()
    assert run.exit_code == (1 if command == "evaluate" else 2)
    said = " ".join(run.stderr.split())
    assert "holds 2 different values besides 0" in said
    assert "--label NAME=VALUE" in said


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--label", "tumour=3"), "labels-not-possible", "give 2 to 16"),
        ((*LABELS, "--label", "oedema=4"), "labels-not-possible", "the same name"),
        ((*LABELS, "--label", "other=3"), "labels-not-possible", "the same value"),
        (("--label", "Tumour=3"), "not-a-label", "small letters"),
        (("--label", "tumour=0"), "not-a-label", "from 1 to 255"),
        (("--label", "tumour"), "not-a-label", "NAME=VALUE"),
        (("--optional-label", "tumour=3", "--optional-label", "oedema=1"), "labels-not-possible",
         "cannot be optional"),
        ((*LABELS, "--recipe", "six-click"), "labels-not-possible", "without clicks"),
        ((*LABELS, "--recipe", "coarse-to-fine"), "labels-not-possible", "without clicks"),
        ((*LABELS, "--recipe", "lung"), "labels-not-possible", "without clicks"),
        ((), "not-a-mask", "case c0: labels.nii.gz holds 2 different values besides 0"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_are_refused(cohort, tmp_path, options, code, said):
    run = trained(cohort, tmp_path / "out", *options)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert said in run.stderr
    assert not list(tmp_path.iterdir())
