"""Models that cannot be used, and the wrong use of good ones: one clear error, nothing written."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk


def change_plan(folder: Path, **changes: object) -> None:
    path = folder / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def flip_a_bit(folder: Path) -> None:
    path = folder / "fold_1.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_a_fold(folder: Path) -> None:
    (folder / "fold_1.onnx").unlink()


def come_from_the_future(folder: Path) -> None:
    change_plan(folder, oldest_reader="99.0.0")


def lose_the_plan(folder: Path) -> None:
    (folder / "plan.json").unlink()


def damage_the_plan(folder: Path) -> None:
    path = folder / "plan.json"
    path.write_text(path.read_text()[:-20])


def need_another_channel(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    plan["recipe"]["channels"]["cues"] = ["telepathy"]
    change_plan(folder, recipe=plan["recipe"])


BAD = [
    (flip_a_bit, "tampered-model", "fold_1.onnx is not the file that plan.json describes"),
    (lose_a_fold, "missing-fold", "no network for fold 1; it has 0."),
    (come_from_the_future, "newer-model", "made by a newer oncotrace"),
    (lose_the_plan, "not-a-model", "there is no plan.json"),
    (damage_the_plan, "damaged-model", "plan.json is damaged"),
    (need_another_channel, "unknown-channel", "'telepathy'"),
]


def segmented(cli, phantom, model, out, modality="mr-t1"):
    return cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", modality,
        "--model", model, "--out", out,
    )  # fmt: skip


def with_folds(table: Path, folds: dict[str, int]) -> Path:
    """Write the folds of patients, whose ids are those of their cases, beside a cohort."""
    path = table.with_name("folds.csv")
    rows = "".join(f"{patient},{fold}\n" for patient, fold in folds.items())
    path.write_text("patient_id,fold\n" + rows)
    return path


def failures_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "failures.csv").open(encoding="utf-8", newline="") as stream:
        return {row["case_id"]: row for row in csv.DictReader(stream)}


@pytest.mark.parametrize(("damage", "code", "words"), BAD, ids=[code for _, code, _ in BAD])
def test_a_model_that_cannot_be_used_is_refused(damage, code, words, phantom, model, cli, tmp_path):
    damage(model)
    out = tmp_path / "out"
    run = segmented(cli, phantom, model, out)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert not out.exists()


def test_a_model_is_not_used_on_a_sequence_that_it_never_saw(phantom, model, cli, tmp_path):
    run = segmented(cli, phantom, model, tmp_path / "out", modality="ct")
    assert run.exit_code == 2
    assert "(wrong-modality): the model tiny was trained on mr-t1, the image is ct" in run.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [flip_a_bit, lose_a_fold, come_from_the_future])
def test_a_cohort_is_not_begun_with_a_bad_model(damage, cohort, model, cli, tmp_path):
    damage(model)
    table = cohort(1)
    for command in ("segment", "evaluate"):
        run = cli(command, table, "--model", model, "--out", tmp_path / command)
        assert run.exit_code == 2, run.stderr
        assert not (tmp_path / command).exists()


def test_cases_of_another_sequence_are_recorded_one_by_one(cohort, model, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    table.write_text(table.read_text().replace("mr-t1", "ct"))
    run = cli("segment", table, "--model", model, "--out", out)
    assert run.exit_code == 1
    failures = failures_of(out)
    assert set(failures) == {"case-00", "case-01"}
    assert {(row["stage"], row["code"]) for row in failures.values()} == {
        ("segment", "wrong-modality")
    }
    assert "the image is ct" in failures["case-00"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "code"), [(lose_a_fold, "missing-fold"), (flip_a_bit, "tampered-model")]
)
def test_only_the_cases_of_a_bad_fold_fail(damage, code, cohort, model, cli, tmp_path):
    table, out = cohort(3), tmp_path / "run"
    folds = with_folds(table, {"case-00": 0, "case-01": 1, "case-02": 0})
    damage(model)
    run = cli("evaluate", table, "--model", model, "--folds", folds, "--out", out)
    assert run.exit_code == 1
    failures = failures_of(out)
    assert {case: (row["stage"], row["code"]) for case, row in failures.items()} == {
        "case-01": ("open", code)
    }
    assert "1 of 3 cases are missing from these figures" in run.stderr


@pytest.mark.slow
def test_a_patient_without_a_fold_fails_and_is_named_by_case(cohort, model, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    folds = with_folds(table, {"case-00": 0, "somebody-else": 1})
    run = cli("evaluate", table, "--model", model, "--folds", folds, "--out", out)
    assert run.exit_code == 1
    (failure,) = failures_of(out).values()
    assert (failure["case_id"], failure["code"]) == ("case-01", "patient-without-fold")
    with_folds(table, {"case-00": 0, "case-01": 1})
    run = cli("evaluate", table, "--model", model, "--folds", folds, "--out", out, "--resume")
    assert run.exit_code == 0, run.stderr


@pytest.mark.parametrize(
    ("name", "table", "code", "words"),
    [
        ("six-click-graphcut", "patient_id,fold\ncase-00,0\nb,1\n", "not-trained", "no networks"),
        ("no-such-model", "patient_id,fold\ncase-00,0\nb,1\n", "unknown-model", "no segmenter"),
        ("{model}", "patient_id,fold\na,0\nb,1\n", "patient-without-fold", "no fold for any"),
        ("{model}", "patient_id\na\n", "table", "needs the columns"),
        ("{model}", "patient_id,fold\ncase-00,0\nb,0\n", "table", "fewer than two folds"),
    ],
)
def test_wrong_folds_are_refused_before_any_work(
    name, table, code, words, cohort, model, cli, tmp_path
):
    folds, out = tmp_path / "folds.csv", tmp_path / "run"
    folds.write_text(table)
    chosen = name.format(model=model)
    run = cli("evaluate", cohort(1), "--model", chosen, "--folds", folds, "--out", out)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert words in run.stderr
    assert not out.exists()


def one_voxel(path: Path) -> None:
    """Leave one voxel of a mask."""
    image = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(image)
    first = tuple(np.argwhere(voxels)[0])
    voxels[:] = 0
    voxels[first] = 1
    changed = sitk.GetImageFromArray(voxels)
    changed.CopyInformation(image)
    sitk.WriteImage(changed, str(path))


@pytest.mark.slow
def test_clicks_on_a_tumour_of_one_voxel_fail_in_its_case_alone(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    one_voxel(table.parent / "case-01" / "mask.nii.gz")
    assert cli("clicks", "simulate", table, "--out", tmp_path / "drawn").exit_code == 0
    drawn = tmp_path / "drawn" / "cohort.csv"
    run = cli("evaluate", drawn, "--model", "six-click-graphcut", "--out", out)
    assert run.exit_code == 1
    (failure,) = failures_of(out).values()
    assert (failure["case_id"], failure["code"]) == ("case-01", "too-few-clicks")


def test_a_tumour_of_one_voxel_can_be_a_reference(cohort, cli, tmp_path):
    table, out = cohort(1), tmp_path / "run"
    one_voxel(table.parent / "case-00" / "mask.nii.gz")
    run = cli("evaluate", table, "--model", "ellipsoid", "--out", out)
    assert run.exit_code == 0, run.stderr
    result = json.loads((out / "cases" / "case-00" / "result.json").read_text())
    assert result["reference_volume_ml"] == pytest.approx(0.002)
    assert 0 <= result["dice"] < 0.01
    assert result["reference_longest_axial_diameter_mm"] == pytest.approx(1.0)
