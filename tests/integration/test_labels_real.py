"""Tumour and oedema of a real patient, from their DICOM contours to one network for both."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from oncotrace.cli.app import app
from oncotrace.domain.case import Case
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import read_source
from oncotrace.io.volume_file import read_labels
from oncotrace.learning.labels import Label
from oncotrace.learning.model_folder import read_model
from oncotrace.pipeline.case_labels import load_case_labels

LABELS = (Label(name="gtv_mass", value=1), Label(name="gtv_edema", value=2))

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


def case_from(folders: dict[str, Path]) -> Case:
    masks = {name: next((folder / "mask").iterdir()) for name, folder in folders.items()}
    images = {name: folder / "image" for name, folder in folders.items()}
    return Case("STS_001", "STS_001", images, masks)


@pytest.mark.parametrize(("series", "modality"), [("MR_T1", "mr-t1"), ("MR_T2", "mr-t2")])
def test_both_contours_become_one_volume_of_labels(
    series: str, modality: str, raw_series: Callable[[str], Path]
) -> None:
    case = case_from({modality: raw_series(series)})
    found = load_case_labels(case, modality, LABELS)
    mass, oedema = (np.count_nonzero(found.mask(name).voxels) for name in found.values)
    ml = found.geometry.voxel_volume_mm3 / 1000
    assert mass * ml == pytest.approx(365, rel=0.01)
    assert (mass + oedema) * ml == pytest.approx(580, rel=0.01)  # drawn around the mass
    assert not (found.mask("gtv_mass").voxels & found.mask("gtv_edema").voxels).any()


def test_segments_of_a_dicom_seg_are_told_by_their_labels(
    raw_series: Callable[[str], Path], tmp_path: Path
) -> None:
    case = case_from({"mr-t1": raw_series("MR_T1")})
    drawn = load_case_labels(case, "mr-t1", LABELS)
    source = read_source(case.images["mr-t1"])
    with quiet_pydicom():
        Segmentation(
            source_images=source.images,
            pixel_array=np.moveaxis(drawn.stack()[::-1], 0, -1).astype(np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=[
                SegmentDescription(
                    segment_number=number,
                    segment_label=label,
                    segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                    segmented_property_type=codes.SCT.Mass,
                    algorithm_type="MANUAL",
                )
                for number, label in ((1, "GTV_Edema"), (2, "GTV_Mass"))
            ],
            series_instance_uid=generate_uid(),
            series_number=1,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="another",
            manufacturer_model_name="another",
            software_versions="1",
            device_serial_number="1",
        ).save_as(tmp_path / "seg.dcm")
    stored = Case("a", "a", case.images, {"mr-t1": tmp_path / "seg.dcm"})
    found = load_case_labels(stored, "mr-t1", LABELS)
    np.testing.assert_array_equal(found.voxels, drawn.voxels)


@pytest.mark.slow
def test_a_few_steps_on_dicom_make_a_model_of_both(
    raw_series: Callable[[str], Path], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
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
