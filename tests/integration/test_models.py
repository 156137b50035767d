"""Trained models in use: all networks, one network, each patient's own, and their cards."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.integration.conftest import write_tiny_model
from tests.integration.test_bad_models import segmented, with_folds

from oncotrace.io.clicks_file import read_clicks
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.segment import segment_case
from oncotrace.segment.trained import trained_segmenter


def mask_of_fold(table: Path, case: str, model: Path, fold: int | None, out: Path):
    folder = table.parent / case
    segment_case(
        folder / "image.nii.gz", read_clicks(folder / "clicks.json"), out,
        modality="mr-t1", model=str(model), seed=0, fold=fold,
    )  # fmt: skip
    return read_mask(out / "mask.nii.gz").voxels


@pytest.mark.slow
def test_every_case_is_segmented_by_the_network_of_its_fold(cohort, model, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    folds = with_folds(table, {"case-00": 1, "case-01": 0})
    run = cli("evaluate", table, "--model", model, "--folds", folds, "--out", out)
    assert run.exit_code == 0, run.stderr
    for case, fold, other in (("case-00", 1, 0), ("case-01", 0, 1)):
        made = read_mask(out / "cases" / case / "mask.nii.gz").voxels
        by_fold = {
            n: mask_of_fold(table, case, model, n, tmp_path / f"{case}-{n}") for n in (fold, other)
        }
        np.testing.assert_array_equal(made, by_fold[fold])
        assert (made != by_fold[other]).any()
        assert json.loads((out / "cases" / case / "result.json").read_text())["fold"] == fold
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert settings["folds"] == str(folds.resolve())
    assert len(settings["model_digest"]) == 64
    verified = cli("verify", out)
    assert verified.exit_code == 0, verified.stdout


@pytest.mark.slow
def test_two_jobs_use_the_same_networks_as_one(cohort, model, cli, tmp_path):
    table = cohort(2)
    folds = with_folds(table, {"case-00": 1, "case-01": 0})
    for jobs in (1, 2):
        out = tmp_path / f"run{jobs}"
        run = cli(
            "evaluate", table, "--model", model, "--folds", folds, "--jobs", jobs, "--out", out
        )
        assert run.exit_code == 0, run.stderr
    one, two = (json.loads((tmp_path / f"run{n}" / "summary.json").read_text()) for n in (1, 2))
    named = [row for row in one["measures"] if row["measure"] != "click_to_mask_s"]
    assert named == [row for row in two["measures"] if row["measure"] != "click_to_mask_s"]


@pytest.mark.slow
def test_verify_notices_that_a_patient_has_moved_to_another_fold(cohort, model, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    folds = with_folds(table, {"case-00": 1, "case-01": 0})
    run = cli("evaluate", table, "--model", model, "--folds", folds, "--out", out)
    assert run.exit_code == 0, run.stderr
    with_folds(table, {"case-00": 0, "case-01": 0, "another": 1})
    verified = cli("verify", out)
    assert verified.exit_code == 1
    assert "fold: recorded 1, recomputed 0" in verified.stdout
    assert "case-01: same" in verified.stdout


@pytest.mark.slow
def test_verify_notices_a_model_that_was_replaced(phantom, model, cli, tmp_path):
    out = tmp_path / "out"
    assert segmented(cli, phantom, model, out).exit_code == 0
    assert cli("verify", out).exit_code == 0
    model.rename(tmp_path / "old")
    write_tiny_model(model, seed=3)  # the same networks, said to come from another recipe
    verified = cli("verify", out)
    assert verified.exit_code == 1
    assert "model_digest: recorded" in verified.stdout


def test_a_run_finds_its_model_from_any_folder(phantom, model, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(model.parent)
    assert segmented(cli, phantom, model.name, tmp_path / "out").exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("verify", tmp_path / "out").exit_code == 0


def test_the_networks_of_a_model_are_opened_once_until_it_is_replaced(model, tmp_path):
    first = trained_segmenter(model, 0)
    assert trained_segmenter(model, 0) is first
    assert trained_segmenter(model, 1) is not first
    assert trained_segmenter(model).predictor.folds == (0, 1)
    model.rename(tmp_path / "old")
    write_tiny_model(model)
    assert trained_segmenter(model, 0) is not first


def test_models_lists_segmenters_and_recipes(cli):
    run = cli("models")
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert "ellipsoid: not a trained model" in lines
    assert any(line.startswith("recipes: ") and "six-click" in line for line in lines)


def test_models_describes_one_model_and_nothing_in_it_steers_the_terminal(model, cli):
    run = cli("models", model)
    assert run.exit_code == 0
    assert "tiny: with clicks, trained on mr-t1, 2 networks, made by oncotrace" in run.stdout
    assert "For ?[31mtests?[0m." in run.stdout


@pytest.mark.parametrize(
    ("name", "code"), [("ellipsoid", "not-trained"), ("nothing-here", "unknown-model")]
)
def test_models_says_so_when_there_is_no_such_trained_model(name, code, cli):
    run = cli("models", name)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr


def test_models_checks_the_files_of_a_model(model, cli):
    (model / "MODEL_CARD.md").write_text("# The best model of all\n")
    run = cli("models", model)
    assert run.exit_code == 2
    assert "(tampered-model)" in run.stderr
