"""What one export writes of a real patient, judged by dicom3tools and dcmtk."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from tests.integration.exported_patient import (
    KINDS,
    REAL_SERIES,
    ExportedPatient,
    export_mask,
    export_patient,
)
from tests.unit.io.dicom_factory import GRID, PLANTED_NAME, series, values, write_series

from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.rtstruct import read_region
from oncotrace.io.structured_report_read import read_report
from oncotrace.measure.tumour_size import tumour_size

SHORTENED_STUDY_ID = "StudyID of the source breaks the rules of DICOM and was shortened."


@dataclass(frozen=True)
class Judgement:
    """What a program wrote of a file."""

    exit_code: int
    lines: list[str]

    @property
    def errors(self) -> list[str]:
        """Lines that dciodvfy calls errors."""
        return [line for line in self.lines if line.startswith("Error")]


Run = Callable[..., Judgement]


@pytest.fixture(scope="module")
def run() -> Run:
    """Run a program that knows DICOM; skipped where it is not installed."""

    def judged(program: str, *arguments: object) -> Judgement:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: dcmtk, dicom3tools)")
        ran = subprocess.run(
            [program, *map(str, arguments)],
            capture_output=True,
            check=False,
            timeout=120,
        )
        text = (ran.stdout + ran.stderr).decode(errors="replace")
        return Judgement(ran.returncode, text.splitlines())

    return judged


@pytest.fixture(scope="module", params=REAL_SERIES)
def exported(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> ExportedPatient:
    """Export the tumour of each patient in each series."""
    folder = shared_data / "sts_dicom" / request.param
    return export_patient(
        folder / "image", folder / "mask" / "RS.dcm", tmp_path_factory.mktemp("exported")
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_validator_finds_no_error_in_any_object(
    kind: str, exported: ExportedPatient, run: Run
) -> None:
    judged = run("dciodvfy", exported.files[kind])
    assert KINDS[kind] in judged.lines  # it knew what it judged
    assert judged.errors == []


def test_dcmtk_reads_the_report_on_our_segmentation_without_a_complaint(
    exported: ExportedPatient, run: Run
) -> None:
    judged = run("dsrdump", "+Pc", "+Pt", exported.files["sr"])
    complaints = [
        line
        for line in judged.lines
        # Before 3.6.8 it cannot check texts in UTF-8, and says so.
        if line.startswith(("W:", "E:", "F:")) and "ISO_IR 192" not in line
    ]
    assert (judged.exit_code, complaints) == (0, [])
    assert "# TID 1500 (DCMR)" in "\n".join(judged.lines)


@pytest.mark.parametrize("kind", KINDS)
def test_dcmtk_reads_every_element_of_any_object(
    kind: str, exported: ExportedPatient, run: Run
) -> None:
    judged = run("dcmdump", exported.files[kind])
    complaints = [line for line in judged.lines if line.startswith(("W:", "E:", "F:"))]
    assert (judged.exit_code, complaints) == (0, [])


def test_value_that_the_validator_would_refuse_is_shortened_and_said(
    exported: ExportedPatient, run: Run
) -> None:
    image = next(exported.images.iterdir())
    assert any("Study ID" in line for line in run("dciodvfy", image).errors)
    assert exported.notes.count(SHORTENED_STUDY_ID) == 1
    with quiet_pydicom():
        long = str(pydicom.dcmread(image).StudyID)
    assert len(long) > 16
    for path in exported.files.values():
        assert pydicom.dcmread(path).StudyID == long[:16].rstrip()


def test_report_says_the_size_of_the_mask_in_the_segmentation(exported: ExportedPatient) -> None:
    stored, size = read_report(exported.files["sr"]), tumour_size(exported.drawn)
    assert stored.segmentation_uid == pydicom.dcmread(exported.files["seg"]).SOPInstanceUID
    assert stored.source_series_uid == exported.source.series_uid
    assert stored.report.size.volume_ml == pytest.approx(size.volume_ml, rel=1e-4)
    for line in ("longest_axial", "perpendicular", "longest_3d"):
        length_mm = getattr(stored.report.size, line).length_mm
        assert length_mm == pytest.approx(getattr(size, line).length_mm, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MR_T1", "MR_T2", "FDG_PET"])
def test_series_as_it_was_scanned_is_exported_whole_and_valid(
    name: str, raw_series: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    folder = raw_series(name)
    (structures,) = (folder / "mask").iterdir()
    exported = export_patient(folder / "image", structures, tmp_path, region="GTV_Mass")
    source, drawn = exported.source, exported.drawn
    assert {kind: run("dciodvfy", path).errors for kind, path in exported.files.items()} == {
        kind: [] for kind in KINDS
    }
    for read, kind in ((read_segment, "seg"), (read_region, "rtstruct")):
        found = read(
            exported.files[kind],
            source.geometry,
            frame_of_reference_uid=source.frame_of_reference_uid,
            sop_instance_uids=source.sop_instance_uids,
        )
        np.testing.assert_array_equal(found.mask.voxels, drawn.voxels)
        assert found.notes == ()


# ---- sources that break the rules ----------------------------------------------------------------


def break_every_rule(_z: int, dataset: Dataset) -> None:
    dataset.StudyID = "S" * 17
    dataset.AccessionNumber = "A" * 40
    dataset.PatientID = "P" * 65
    dataset.PatientName = "N" * 70 + "^" + "G" * 70
    dataset.PatientBirthDate = "1953-13-32"
    dataset.PatientSex = "FEMALE"
    dataset.PatientAge = "61"
    dataset.PatientWeight = "70.000000000000000001"
    size = Tag("PatientSize")
    dataset[size] = RawDataElement(size, "DS", 4, b"1,75", 0, False, True)
    dataset.StudyDate = "20011332"
    dataset.StudyTime = "ten past nine"
    dataset.StudyDescription = "D" * 65
    dataset.ReferringPhysicianName = "R" * 65
    dataset.PositionReferenceIndicator = "I" * 65
    dataset.DeidentificationMethod = ["m" * 65, "n"]


def lack_what_may_lack(_z: int, dataset: Dataset) -> None:
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate"):
        delattr(dataset, keyword)


def speak_other_languages(_z: int, dataset: Dataset) -> None:
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    dataset.StudyDescription = "MR 山田"


@pytest.mark.parametrize("change", [break_every_rule, lack_what_may_lack, speak_other_languages])
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_validator_finds_no_error_whatever_the_source_says_of_the_patient(
    modality: str, change: Callable[[int, Dataset], None], tmp_path: Path, run: Run
) -> None:
    with quiet_pydicom():
        write_series(tmp_path / "images", series(change=change, modality=modality))
    drawn = Mask(values() % 3 == 0, GRID)
    exported = export_mask(drawn, tmp_path / "images", tmp_path)
    for kind, path in exported.files.items():
        judged = run("dciodvfy", path)
        assert KINDS[kind] in judged.lines
        assert judged.errors == []
    said = {note.split(" of the source")[0] for note in exported.notes if "breaks" in note}
    broken = {"StudyID", "PatientName", "PatientWeight", "PatientSize", "StudyDate", "StudyTime"}
    assert said >= broken if change is break_every_rule else said == set()
    assert PLANTED_NAME not in "".join(exported.notes)
    np.testing.assert_array_equal(exported.drawn.voxels, drawn.voxels)
