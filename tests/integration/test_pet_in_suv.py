"""Every journey that looks at PET from DICOM sees SUV; what needs its grid alone needs no SUV."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.integration.conftest import Cli
from tests.unit.curate.clean_study import (
    DOSE_BQ,
    GRID,
    WEIGHT_KG,
    change_files,
    tumour,
    write_clean_study,
)

from oncotrace.errors import DicomError
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct_write import write_structure
from oncotrace.io.volume_file import read_scan, write_mask
from oncotrace.pipeline.inputs import load_scan

HALF_LIFE_S, DECAY_S = 6588.0, 3600.0
TO_SUV = WEIGHT_KG * 1000 / (DOSE_BQ * 2 ** (-DECAY_S / HALF_LIFE_S))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PET among the series of a patient, and the outline of its tumour."""
    folder = write_clean_study(tmp_path_factory.mktemp("study"))
    outline = folder / "pet_outlines.dcm"
    write_structure(tumour(), outline, read_source(folder / "pet"), name="GTV", algorithm="MANUAL")
    return folder


@pytest.fixture
def unweighed(study: Path, tmp_path: Path) -> Path:
    """PET without the patient's weight, which SUV needs."""
    shutil.copytree(study / "pet", tmp_path / "pet")
    change_files(tmp_path, "pet", lambda dataset: delattr(dataset, "PatientWeight"))
    return tmp_path / "pet"


def test_pet_is_read_in_suv_with_a_record_of_it(study: Path) -> None:
    loaded, stored = load_scan(study / "pet"), load_scan(study / "pet", pet_units="stored")
    np.testing.assert_allclose(loaded.scan.voxels, stored.scan.voxels * TO_SUV, rtol=1e-5)
    assert loaded.suv is not None
    assert loaded.suv.decay_s == (DECAY_S, DECAY_S)
    assert stored.suv is None
    assert any(note.startswith("PET values are SUV") for note in loaded.notes)
    assert any(note.startswith("PET values are as stored") for note in stored.notes)
    assert load_scan(study / "ct").suv is None


def test_a_pet_without_what_suv_needs_says_which_element_and_what_to_do(unweighed: Path) -> None:
    with pytest.raises(DicomError, match=re.escape("PatientWeight (0010,1030)")) as caught:
        load_scan(unweighed)
    assert caught.value.code == "suv-missing-tag"
    assert "volume file in SUV" in str(caught.value.hint)
    assert "convert --pet-units stored" in str(caught.value.hint)


def clicks_at(folder: Path) -> Path:
    """Six clicks on the ball."""
    ends = [[9, 20, 5], [15, 20, 5], [12, 17, 5], [12, 23, 5], [12, 20, 2], [12, 20, 8]]
    points = GRID.to_point_mm(np.array(ends, dtype=np.float64)).tolist()
    content = {"format": 1, "frame": "LPS", "points_mm": points, "corrections": []}
    (folder / "clicks.json").write_text(json.dumps(content))
    return folder / "clicks.json"


def test_segmenting_looks_at_suv_and_refuses_what_has_none(
    cli: Cli, study: Path, unweighed: Path, tmp_path: Path
) -> None:
    clicks = ("--clicks", clicks_at(tmp_path), "--modality", "pet", "--model", "six-click-graphcut")
    run = cli("segment", study / "pet", *clicks, "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    warnings = json.loads((tmp_path / "out" / "result.json").read_text())["warnings"]
    assert any(warning.startswith("PET values are SUV by body weight") for warning in warnings)

    run = cli("segment", unweighed, *clicks, "--out", tmp_path / "other")
    assert run.exit_code == 2
    assert "PatientWeight" in run.output
    assert not (tmp_path / "other").exists()


def test_dicom_and_its_conversion_to_nifti_are_the_same_image(
    cli: Cli, study: Path, tmp_path: Path
) -> None:
    assert cli("convert", study / "pet", "--out", tmp_path / "pet.nii.gz").exit_code == 0
    converted = read_scan(tmp_path / "pet.nii.gz", "pet")
    np.testing.assert_array_equal(converted.voxels, load_scan(study / "pet").scan.voxels)


def test_a_mask_on_a_pet_without_suv_is_measured_and_clicked(
    cli: Cli, study: Path, unweighed: Path, tmp_path: Path
) -> None:
    outline = study / "pet_outlines.dcm"
    run = cli("measure", outline, "--image", unweighed, "--json")
    assert run.exit_code == 0, run.output
    measured = json.loads(run.stdout)["volume_ml"]
    assert measured == pytest.approx(tumour().voxels.sum() * GRID.voxel_volume_mm3 / 1000)
    drawn = ("--image", unweighed, "--out", tmp_path / "clicks.json")
    run = cli("clicks", "simulate", outline, *drawn)
    assert run.exit_code == 0, run.output


def test_a_mask_on_a_pet_without_suv_is_brought_in(
    cli: Cli, unweighed: Path, tmp_path: Path
) -> None:
    write_mask(tumour(), tmp_path / "mask.nii.gz")
    sources = ("--source", unweighed, "--modality", "pet")
    run = cli("import", tmp_path / "mask.nii.gz", *sources, "--out", tmp_path / "in")
    assert run.exit_code == 0, run.output
