"""Tumour and oedema of a real patient, from their DICOM contours to one network for both."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.integration.test_labels_real import case_from
from typer.testing import CliRunner

pytest.importorskip("torch")

from oncotrace.cli.app import app
from oncotrace.io.volume_file import read_labels
from oncotrace.learning.model_folder import read_model

FEW_STEPS = """
name = "few-steps"
preparation = "whole-image"
[channels]
images = ["mr-t1", "mr-t2"]
cues = ["has-mr-t1", "has-mr-t2"]
[grid]
mode = "patch"
size_xyz = [32, 32, 32]
spacing_mm = [6.0, 6.0, 6.0]
share_on_target = 1.0
[network]
first_channels = 8
levels = 3
deep_supervision = false
[optimiser]
kind = "muon"
learning_rate = 1e-2
steps = 100
[augmentation]
recrop_mm = 20
channel_dropout = 0.5
"""


def test_a_few_steps_on_dicom_make_a_model_of_both(
    raw_series: Callable[[str], Path], tmp_path: Path
) -> None:
    case = case_from({"mr-t1": raw_series("MR_T1"), "mr-t2": raw_series("MR_T2")})
    columns = [*case.images.values(), *case.masks.values()]
    row = ",".join(map(str, columns))
    header = "case_id,patient_id,image_mr-t1,image_mr-t2,mask_mr-t1,mask_mr-t2"
    # One patient twice, so that there are two folds: this proves the path and says nothing of Dice.
    (tmp_path / "cohort.csv").write_text(f"{header}\na,a,{row}\nb,b,{row}\n")
    (tmp_path / "folds.csv").write_text("patient_id,fold\na,0\nb,1\n")
    (tmp_path / "few.toml").write_text(FEW_STEPS)
    model = tmp_path / "model"
    trained = run(
        "train", tmp_path / "cohort.csv", "--recipe", tmp_path / "few.toml", "--modality",
        "mr-t1,mr-t2", "--folds", tmp_path / "folds.csv", "--out", model, "--device", "cpu",
        "--label", "gtv_mass=1", "--label", "gtv_edema=2",
    )  # fmt: skip
    assert trained == 0
    assert "| gtv_edema | 2 | 2 |" in read_model(model).card
    segmented = run(
        "segment", case.images["mr-t2"], "--modality", "mr-t2", "--channel",
        f"mr-t1={case.images['mr-t1']}", "--model", model, "--out", tmp_path / "out",
    )  # fmt: skip
    assert segmented == 0
    labels, _ = read_labels(tmp_path / "out" / "labels.nii.gz")
    assert set(np.unique(labels)) == {0, 1, 2}


def run(*arguments: object) -> int:
    return CliRunner().invoke(app, [str(argument) for argument in arguments]).exit_code
