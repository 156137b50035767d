"""Segmentations of real patients, there and back, and what other programs make of them."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentDescription, segread
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid
from scipy.ndimage import binary_dilation
from tests.unit.io.dicom_factory import enhanced, values, write
from tests.unit.io.test_dicom_seg import GRIDS, source_on

from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_seg import AlgorithmType, TumourSegment, write_segmentation
from oncotrace.io.dicom_seg_read import list_segments, read_segment
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import read_region

PATIENTS = ("STS_003", "STS_025")
SERIES = ("CT", "MR_T1", "PET")
BY_CLICKS = TumourSegment("SEMIAUTOMATIC", "six-clicks", "lesion 1", "2.25.301")


@dataclass(frozen=True)
class Case:
    """A tumour as it was drawn, and its segmentation as we wrote it."""

    source: SourceSeries
    drawn: Mask
    path: Path


@pytest.fixture(scope="module", params=[f"{p}/{s}" for p in PATIENTS for s in SERIES])
def case(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    folder = shared_data / "sts_dicom" / request.param
    source = read_source(folder / "image")
    drawn = read_region(folder / "mask" / "RS.dcm", source.geometry).mask
    path = tmp_path_factory.mktemp("seg") / "seg.dcm"
    write_segmentation(drawn, path, source, segment=BY_CLICKS)
    return Case(source, drawn, path)


@pytest.fixture(scope="module")
def dciodvfy() -> str:
    """Return the validator of dicom3tools."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (dicom3tools)")
    return program


def errors_found(program: str, path: Path) -> list[str]:
    ran = subprocess.run([program, path], capture_output=True, text=True, check=False)
    lines = (ran.stdout + ran.stderr).splitlines()
    assert "Segmentation" in lines  # it knew what it was looking at
    return [line for line in lines if line.startswith("Error")]


def test_no_voxel_differs(case: Case) -> None:
    found = read_segment(
        case.path,
        case.source.geometry,
        frame_of_reference_uid=case.source.frame_of_reference_uid,
        sop_instance_uids=case.source.sop_instance_uids,
    )
    assert case.drawn.voxels.sum() > 500
    assert int((found.mask.voxels != case.drawn.voxels).sum()) == 0
    assert (found.label, found.notes) == ("Tumour", ())
    assert [segment.algorithm_name for segment in list_segments(case.path)] == ["six-clicks"]


def test_validator_finds_no_error(case: Case, dciodvfy: str) -> None:
    assert errors_found(dciodvfy, case.path) == []


def test_another_reader_finds_the_same_voxels_on_the_same_images(case: Case) -> None:
    pixels = segread(case.path).get_pixels_by_source_instance(
        case.source.sop_instance_uids, segment_numbers=[1], assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(pixels[..., 0] == 1, case.drawn.voxels)


def test_regions_of_a_raw_series_come_back(
    raw_series: Callable[[str], Path], dciodvfy: str, tmp_path: Path
) -> None:
    folder = raw_series("MR_T1")
    source = read_source(folder / "image")
    (structures,) = (folder / "mask").iterdir()
    for region in ("GTV_Mass", "GTV_Edema"):
        drawn = read_region(structures, source.geometry, name=region).mask
        path = tmp_path / f"{region}.dcm"
        write_segmentation(drawn, path, source, segment=replace(BY_CLICKS, label=region))
        found = read_segment(path, source.geometry, sop_instance_uids=source.sop_instance_uids)
        assert int((found.mask.voxels != drawn.voxels).sum()) == 0
        assert (found.label, found.notes) == (region, ())
        assert errors_found(dciodvfy, path) == []


def drawn_on(source: SourceSeries) -> Mask:
    """One voxel in three, none on the first slice."""
    voxels = np.random.default_rng(5).random(source.geometry.shape_zyx) < 0.3
    voxels[0] = False
    return Mask(voxels, source.geometry)


@pytest.mark.parametrize("grid", ["oblique", "oblique, slices counted downwards"])
@pytest.mark.parametrize("algorithm_type", ["AUTOMATIC", "MANUAL"])
def test_validator_finds_no_error_on_oblique_grids(
    grid: str, algorithm_type: AlgorithmType, dciodvfy: str, tmp_path: Path
) -> None:
    source = source_on(GRIDS[grid], tmp_path / "images")
    segment = replace(BY_CLICKS, algorithm_type=algorithm_type, algorithm_family="graph-cut")
    write_segmentation(drawn_on(source), tmp_path / "seg.dcm", source, segment=segment)
    assert errors_found(dciodvfy, tmp_path / "seg.dcm") == []


def test_multi_frame_source_is_referred_to_as_others_expect(dciodvfy: str, tmp_path: Path) -> None:
    write(enhanced(values(), order=(2, 0, 3, 1)), tmp_path / "images" / "multi.dcm")
    source = read_source(tmp_path / "images")
    drawn = drawn_on(source)
    write_segmentation(drawn, tmp_path / "seg.dcm", source, segment=BY_CLICKS)
    assert errors_found(dciodvfy, tmp_path / "seg.dcm") == []

    pixels = segread(tmp_path / "seg.dcm").get_pixels_by_source_frame(
        source.sop_instance_uids[0],
        [frame for _, frame in source.places],
        segment_numbers=[1],
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(pixels[..., 0] == 1, drawn.voxels)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segmentations_of_another_writer_are_read(
    kind: str, shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "sts_dicom" / "STS_025" / "MR_T1"
    source = read_source(folder / "image")
    tumour = read_region(folder / "mask" / "RS.dcm", source.geometry).mask.voxels
    around = binary_dilation(tumour, iterations=2) & ~tumour
    backwards = slice(None, None, -1)  # slices and images alike
    segments = np.stack([around, tumour], axis=-1).astype(np.uint8)[backwards]
    with quiet_pydicom():
        Segmentation(
            source_images=source.images[backwards],
            pixel_array=segments,
            segmentation_type=kind,
            segment_descriptions=[
                SegmentDescription(
                    segment_number=number,
                    segment_label=label,
                    segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                    segmented_property_type=codes.SCT.Mass,
                    algorithm_type="MANUAL",
                )
                for number, label in ((1, "rim"), (2, "mass"))
            ],
            series_instance_uid=generate_uid(),
            series_number=1,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="another",
            manufacturer_model_name="another",
            software_versions="1",
            device_serial_number="1",
            transfer_syntax_uid=ExplicitVRLittleEndian if kind == "BINARY" else RLELossless,
        ).save_as(tmp_path / "seg.dcm")

    assert [(s.number, s.label) for s in list_segments(tmp_path / "seg.dcm")] == [
        (1, "rim"),
        (2, "mass"),
    ]
    for number, voxels in ((1, around), (2, tumour)):
        found = read_segment(
            tmp_path / "seg.dcm",
            source.geometry,
            number=number,
            frame_of_reference_uid=source.frame_of_reference_uid,
            sop_instance_uids=source.sop_instance_uids,
        )
        assert int((found.mask.voxels != voxels).sum()) == 0
        assert len(found.notes) == (kind == "FRACTIONAL")
