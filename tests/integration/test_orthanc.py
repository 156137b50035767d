"""A PACS takes our objects, files them with the images, and gives them back as they were."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from tests.integration.exported_patient import (
    KINDS,
    REAL_SERIES,
    ExportedPatient,
    export_patient,
)
from tests.integration.orthanc_server import OrthancServer, is_installed, running_orthanc

from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_series import read_series
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.structured_report_read import read_report

MODALITY = {"seg": "SEG", "rtstruct": "RTSTRUCT", "sr": "SR"}

pytestmark = pytest.mark.pacs
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    """An Orthanc with an empty storage, for all tests of this session; skipped without it."""
    if not is_installed():
        pytest.skip("Orthanc is not installed (Debian: orthanc)")
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@dataclass(frozen=True, eq=False)
class Stored:
    """An export, what the PACS answered to each of its files, and where the images went."""

    patient: ExportedPatient
    answers: dict[str, dict[str, Any]]
    image_answers: list[dict[str, Any]]

    def instance(self, kind: str) -> str:
        """Orthanc's identifier of one of our objects."""
        return str(self.answers[kind]["ID"])


@pytest.fixture(scope="module", params=REAL_SERIES)
def stored(
    request: pytest.FixtureRequest,
    shared_data: Path,
    orthanc: OrthancServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stored:
    """Send a real series and the three objects that were exported of it."""
    folder = shared_data / "sts_dicom" / request.param
    patient = export_patient(
        folder / "image", folder / "mask" / "RS.dcm", tmp_path_factory.mktemp("sent")
    )
    images = [orthanc.store(path) for path in sorted((folder / "image").iterdir())]
    answers = {kind: orthanc.store(path) for kind, path in patient.files.items()}
    return Stored(patient, answers, images)


@pytest.fixture
def returned(stored: Stored, orthanc: OrthancServer, tmp_path: Path) -> dict[str, Path]:
    """Fetch the three objects back."""
    paths = {}
    for kind in KINDS:
        paths[kind] = tmp_path / f"{kind}.dcm"
        paths[kind].write_bytes(orthanc.content(f"/instances/{stored.instance(kind)}/file"))
    return paths


def test_every_file_is_taken(stored: Stored) -> None:
    answers = [*stored.image_answers, *stored.answers.values()]
    assert {answer["Status"] for answer in answers} == {"Success"}
    assert len({answer["ID"] for answer in answers}) == len(answers)


@kinds
def test_object_lies_under_the_patient_and_study_of_the_images_as_a_series_of_its_own(
    kind: str, stored: Stored
) -> None:
    answer, image = stored.answers[kind], stored.image_answers[0]
    assert answer["ParentPatient"] == image["ParentPatient"]
    assert answer["ParentStudy"] == image["ParentStudy"]
    series = {each["ParentSeries"] for each in (image, *stored.answers.values())}
    assert len(series) == 1 + len(KINDS)


@kinds
def test_catalogue_says_whose_it_is_and_of_what_kind(
    kind: str, stored: Stored, orthanc: OrthancServer
) -> None:
    sent = pydicom.dcmread(stored.patient.files[kind])
    image, answer = stored.patient.source.images[0], stored.answers[kind]
    patient = orthanc.json(f"/patients/{answer['ParentPatient']}")["MainDicomTags"]
    study = orthanc.json(f"/studies/{answer['ParentStudy']}")["MainDicomTags"]
    series = orthanc.json(f"/series/{answer['ParentSeries']}")
    assert patient["PatientID"] == image.PatientID == sent.PatientID
    assert patient["PatientName"] == str(image.PatientName) == str(sent.PatientName)
    assert study["StudyInstanceUID"] == stored.patient.source.study_uid
    assert study["StudyDate"] == sent.StudyDate
    assert series["MainDicomTags"]["Modality"] == MODALITY[kind]
    assert series["MainDicomTags"]["SeriesInstanceUID"] == sent.SeriesInstanceUID
    assert series["MainDicomTags"]["SeriesDescription"] == sent.SeriesDescription
    assert series["Instances"] == [stored.instance(kind)]
    assert orthanc.find("Instance", sent.SOPInstanceUID) == [stored.instance(kind)]
    metadata = f"/instances/{stored.instance(kind)}/metadata"
    assert orthanc.content(f"{metadata}/SopClassUid").decode() == sent.SOPClassUID
    syntax = orthanc.content(f"{metadata}/TransferSyntax").decode()
    assert syntax == sent.file_meta.TransferSyntaxUID


@kinds
def test_every_image_and_segmentation_that_it_refers_to_is_there(
    kind: str, stored: Stored, orthanc: OrthancServer
) -> None:
    tags = orthanc.json(f"/instances/{stored.instance(kind)}/tags?simplify")
    uids, (referenced,) = referenced_instances(tags), referenced_image_series(kind, tags)
    assert uids >= set(stored.patient.source.sop_instance_uids)
    assert [uid for uid in uids if len(orthanc.find("Instance", uid)) != 1] == []
    assert referenced == stored.patient.source.series_uid
    assert orthanc.find("Series", referenced) == [stored.image_answers[0]["ParentSeries"]]
    if kind == "sr":
        assert pydicom.dcmread(stored.patient.files["seg"]).SOPInstanceUID in uids


def referenced_instances(tags: object) -> set[str]:
    """Every SOP instance, but no study, that is named anywhere in a tree of elements."""
    if isinstance(tags, list):
        return set().union(*map(referenced_instances, tags))
    if not isinstance(tags, dict):
        return set()
    found = set().union(*map(referenced_instances, tags.values()))
    is_study = "RTReferencedSeriesSequence" in tags
    uid = tags.get("ReferencedSOPInstanceUID")
    return found if uid is None or is_study else found | {uid}


def referenced_image_series(kind: str, tags: dict[str, Any]) -> list[str]:
    """UIDs of the series of images that an object of ours says it belongs to."""
    if kind == "seg":
        items = tags["ReferencedSeriesSequence"]
    elif kind == "rtstruct":
        (frame,) = tags["ReferencedFrameOfReferenceSequence"]
        (study,) = frame["RTReferencedStudySequence"]
        items = study["RTReferencedSeriesSequence"]
    else:
        (study,) = tags["CurrentRequestedProcedureEvidenceSequence"]
        items = [item for item in study["ReferencedSeriesSequence"] if len(instances(item)) > 1]
    return [str(item["SeriesInstanceUID"]) for item in items]


def instances(item: dict[str, Any]) -> list[Any]:
    referenced: list[Any] = item["ReferencedSOPSequence"]
    return referenced


@kinds
def test_object_comes_back_byte_by_byte(
    kind: str, stored: Stored, returned: dict[str, Path]
) -> None:
    assert returned[kind].read_bytes() == stored.patient.files[kind].read_bytes()


def test_mask_and_report_come_back(stored: Stored, returned: dict[str, Path]) -> None:
    source, drawn = stored.patient.source, stored.patient.drawn
    frame, images = source.frame_of_reference_uid, source.sop_instance_uids
    segment = read_segment(
        returned["seg"], source.geometry, frame_of_reference_uid=frame, sop_instance_uids=images
    )
    region = read_region(
        returned["rtstruct"],
        source.geometry,
        frame_of_reference_uid=frame,
        sop_instance_uids=images,
    )
    np.testing.assert_array_equal(segment.mask.voxels, drawn.voxels)
    np.testing.assert_array_equal(region.mask.voxels, drawn.voxels)
    assert (segment.notes, region.notes) == ((), ())
    assert read_report(returned["sr"]) == read_report(stored.patient.files["sr"])


def test_masks_fit_the_images_that_come_back(
    stored: Stored, returned: dict[str, Path], orthanc: OrthancServer, tmp_path: Path
) -> None:
    for number, answer in enumerate(stored.image_answers):
        path = tmp_path / "images" / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(orthanc.content(f"/instances/{answer['ID']}/file"))
    images, sent = read_series(tmp_path / "images"), read_series(stored.patient.images)
    np.testing.assert_array_equal(images.scan.voxels, sent.scan.voxels)
    assert read_source(tmp_path / "images").series_uid == stored.patient.source.series_uid
    found = read_segment(
        returned["seg"],
        images.scan.geometry,
        frame_of_reference_uid=images.frame_of_reference_uid,
        sop_instance_uids=images.sop_instance_uids,
    )
    np.testing.assert_array_equal(found.mask.voxels, stored.patient.drawn.voxels)


def test_pacs_sees_the_frames_of_the_segmentation(stored: Stored, orthanc: OrthancServer) -> None:
    frames = orthanc.json(f"/instances/{stored.instance('seg')}/frames")
    drawn = stored.patient.drawn.voxels.any(axis=(1, 2))
    assert len(frames) == int(drawn.sum())


def test_server_ends_with_its_context_also_after_an_error(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("Orthanc is not installed (Debian: orthanc)")
    with pytest.raises(ZeroDivisionError, match="a test"), running_orthanc(tmp_path) as server:
        raise ZeroDivisionError("a test that fails")
    with pytest.raises(OSError, match="refused"):
        server.content("/system")
