"""Structured reports on real patients, as other programs read them: dcmtk and dicom3tools."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Quality
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.structured_report import TumourReport, write_report
from oncotrace.io.structured_report_read import read_report
from oncotrace.measure.tumour_size import tumour_size

PATIENTS = ("STS_003", "STS_025")
SERIES = ("CT", "MR_T1", "PET")
TUMOUR_UID = "1.2.826.0.1.3680043.10.5"


@dataclass(frozen=True, eq=False)
class Reported:
    """A report on a real tumour, and what it was made from."""

    path: Path
    report: TumourReport
    source: SourceSeries
    segmentation: Dataset


@pytest.fixture(scope="module", params=[(p, s) for p in PATIENTS for s in SERIES], ids="-".join)
def reported(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Reported:
    """Measure, segment and report on the tumour of each patient in each series."""
    patient, series = request.param
    folder = shared_data / "sts_dicom" / patient / series
    source = read_source(folder / "image")
    mask = read_region(folder / "mask" / "RS.dcm", source.geometry).mask
    segmentation = segmented(source, mask)
    report = TumourReport(
        size=tumour_size(mask),
        maker="six-click",
        tracking_id="Tumour 1",
        tracking_uid=TUMOUR_UID,
        quality=Quality(0.91, (0.853, 0.94), (12, 3), ("superior", "left")),
        grade="Sufficient",
    )
    path = tmp_path_factory.mktemp("reported") / "sr.dcm"
    write_report(report, path, source, segmentation=segmentation)
    return Reported(path, report, source, segmentation)


def segmented(source: SourceSeries, mask: Mask) -> Dataset:
    with quiet_pydicom():
        return Segmentation(
            source_images=list(source.images),
            pixel_array=mask.voxels.astype(np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=[
                SegmentDescription(
                    segment_number=1,
                    segment_label="Tumour",
                    segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                    segmented_property_type=codes.SCT.Neoplasm,
                    algorithm_type="MANUAL",
                    tracking_id="Tumour 1",
                    tracking_uid=TUMOUR_UID,
                )
            ],
            series_instance_uid=hd.UID(),
            series_number=1000,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="oncotrace",
            manufacturer_model_name="oncotrace",
            software_versions="1",
            device_serial_number="none",
        )


@pytest.fixture(scope="module")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program that knows DICOM; skipped where it is not installed."""

    def completed(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: dcmtk, dicom3tools)")
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=120
        )

    return completed


def test_dicom3tools_find_no_error(
    reported: Reported, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    found = run("dciodvfy", "-new", str(reported.path))
    lines = (found.stdout + found.stderr).splitlines()
    assert "Comprehensive3DSR" in lines
    assert [line for line in lines if line.startswith("Error")] == []


def test_dcmtk_reads_the_report_without_a_complaint(
    reported: Reported, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    found = run("dsrdump", "+Pc", "+Pt", str(reported.path))
    complaints = [line for line in found.stderr.splitlines() if "ISO_IR 192" not in line]
    assert (found.returncode, complaints) == (0, [])  # before 3.6.8, it cannot check UTF-8
    assert "# TID 1500 (DCMR)" in found.stdout
    volume = re.search(r'\(YEKZ,IBSI,.*="(.*)" \(ml,UCUM', found.stdout)
    assert volume is not None
    assert float(volume[1]) == pytest.approx(reported.report.size.volume_ml, rel=1e-12)
    assert 'Intended use")=(research-only,99ONCOTRACE,"Research use only")' in found.stdout


def test_report_comes_back(reported: Reported) -> None:
    stored = read_report(reported.path)
    assert stored.segmentation_uid == reported.segmentation.SOPInstanceUID
    assert stored.source_series_uid == reported.source.series_uid
    found, size = stored.report.size, reported.report.size
    assert found.volume_ml == size.volume_ml
    for line in ("longest_axial", "perpendicular", "longest_3d"):
        read, written = getattr(found, line), getattr(size, line)
        assert read.length_mm == written.length_mm
        np.testing.assert_allclose(read.start_mm, written.start_mm, atol=1e-4)
        np.testing.assert_allclose(read.end_mm, written.end_mm, atol=1e-4)
    assert (found.axial_slice, found.axial_axis) == (size.axial_slice, size.axial_axis)
    assert stored.report.quality == reported.report.quality


def test_image_that_is_named_lies_where_the_axial_diameter_lies(reported: Reported) -> None:
    content = dcmread(reported.path).ContentSequence[-1].ContentSequence[-1].ContentSequence
    (long_axis,) = (
        item for item in content if item.ConceptNameCodeSequence[0].CodeValue == "103339001"
    )
    (image,) = (item for item in long_axis.ContentSequence if item.ValueType == "IMAGE")
    uid = image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    (named,) = (i for i in reported.source.images if uid == i.SOPInstanceUID)
    z_mm = reported.report.size.longest_axial.start_mm[2]
    assert float(named.ImagePositionPatient[2]) == pytest.approx(z_mm, abs=0.01)
