"""A real PACS on this machine: what is sent there comes back as it was, by every way."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.integration.exported_patient import KINDS, ExportedPatient, export_patient
from tests.integration.orthanc_server import (
    PASSWORD,
    USER,
    OrthancServer,
    free_port,
    has_dicomweb,
    is_installed,
    running_pacs,
)

from oncotrace.errors import OncotraceError
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_series import read_series
from oncotrace.io.pacs.access import PacsAccess
from oncotrace.io.pacs.credentials import PASSWORD as PASSWORD_VARIABLE
from oncotrace.io.pacs.credentials import USER as USER_VARIABLE
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.query import Filters, FoundPatient, FoundSeries, FoundStudy
from oncotrace.io.rtstruct import read_region
from oncotrace.io.structured_report_read import read_report
from oncotrace.pipeline.pacs import (
    FailedSeries,
    check_pacs,
    query_pacs,
    retrieve_from_pacs,
    send_to_pacs,
)

SENT_BY = {"STS_003/CT": "store", "STS_025/MR_T1": "stow"}
WAYS = ("wado", "get", "move")
ROOTS = ("wado", "get")  # C-MOVE asks as C-GET does
PATIENCE = Patience(timeout_s=20, attempts=2, first_wait_s=0.1)

pytestmark = [pytest.mark.pacs, pytest.mark.slow]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    """An Orthanc that knows us alone; skipped without it."""
    pytest.importorskip("pynetdicom", reason="pynetdicom is not installed (oncotrace[pacs])")
    if not (is_installed() and has_dicomweb()):
        pytest.skip("Orthanc is not installed (Debian: orthanc orthanc-dicomweb)")
    with running_pacs(tmp_path_factory.mktemp("pacs")) as server:
        yield server


@pytest.fixture(autouse=True)
def _login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USER_VARIABLE, USER)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)


def access(server: OrthancServer, way: str) -> PacsAccess:
    """One of the ways to the PACS; sending by DIMSE is ``store``, by DICOMweb ``stow``."""
    if way in ("wado", "stow"):
        return PacsAccess(server.web_address, patience=PATIENCE)
    options = {"retrieve": "move", "listen": server.store_port} if way == "move" else {}
    return PacsAccess(server.dicom_address(**options), patience=PATIENCE)


@pytest.fixture(scope="module")
def patients(
    orthanc: OrthancServer, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, ExportedPatient]:
    """Real series with the objects exported of them, all sent: by C-STORE or by STOW-RS."""
    exported: dict[str, ExportedPatient] = {}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(USER_VARIABLE, USER)
        environment.setenv(PASSWORD_VARIABLE, PASSWORD)
        for name, way in SENT_BY.items():
            folder = shared_data / "sts_dicom" / name
            exported[name] = export_patient(
                folder / "image", folder / "mask" / "RS.dcm", tmp_path_factory.mktemp("sent")
            )
            paths = [folder / "image", *exported[name].files.values()]
            sending = send_to_pacs(access(orthanc, way), paths)
            outcomes = list(sending.outcomes)
            expected = len(list((folder / "image").iterdir())) + len(KINDS)
            assert len(outcomes) == len(sending.outgoing.files) == expected
            assert [outcome for outcome in outcomes if not outcome.is_stored] == []
    return exported


@pytest.mark.parametrize("way", ROOTS)
def test_pacs_answers(way: str, orthanc: OrthancServer) -> None:
    check_pacs(access(orthanc, way))


@pytest.mark.parametrize("way", ROOTS)
def test_patients_studies_and_series_are_found(
    way: str, orthanc: OrthancServer, patients: dict[str, ExportedPatient]
) -> None:
    pacs, source = access(orthanc, way), patients["STS_003/CT"].source
    found = query_pacs(pacs, "patient", Filters(), limit=10)
    assert {each.patient_id for each in found if isinstance(each, FoundPatient)} == {
        patient.source.images[0].PatientID for patient in patients.values()
    }
    (study,) = query_pacs(pacs, "study", Filters(study_uid=source.study_uid), limit=10)
    assert isinstance(study, FoundStudy)
    assert {"CT", "SEG", "RTSTRUCT", "SR"} <= set(study.modalities)
    series = query_pacs(
        pacs, "series", Filters(study_uid=source.study_uid, modality="CT"), limit=10
    )
    (image,) = (each for each in series if isinstance(each, FoundSeries))
    assert image.series_uid == source.series_uid
    assert image.instances == len(source.images)
    assert image.description == str(source.images[0].SeriesDescription)


def test_both_protocols_find_the_same(
    orthanc: OrthancServer, patients: dict[str, ExportedPatient]
) -> None:
    for level in ("patient", "study"):
        by_web, by_dimse = (
            query_pacs(access(orthanc, way), level, Filters(), limit=100) for way in ROOTS
        )
        assert len(by_web) == len(SENT_BY)
        assert sorted(by_web, key=repr) == sorted(by_dimse, key=repr)
    for patient in patients.values():
        filters = Filters(study_uid=patient.source.study_uid)
        by_web, by_dimse = (
            query_pacs(access(orthanc, way), "series", filters, limit=100) for way in ROOTS
        )
        assert sorted(by_web, key=repr) == sorted(by_dimse, key=repr)


@pytest.mark.parametrize("way", ROOTS)
@pytest.mark.usefixtures("patients")
def test_pages_together_are_the_whole_and_filters_leave_out(
    way: str, orthanc: OrthancServer
) -> None:
    pacs = access(orthanc, way)
    whole = query_pacs(pacs, "study", Filters(), limit=100)
    pages = [query_pacs(pacs, "study", Filters(), limit=1, offset=i)[0] for i in range(len(whole))]
    assert sorted(pages, key=repr) == sorted(whole, key=repr)
    assert query_pacs(pacs, "study", Filters(), limit=10, offset=len(whole)) == []
    first = whole[0]
    assert isinstance(first, FoundStudy)
    assert first.study_date is not None
    day = Filters(patient_id=first.patient_id, since=first.study_date, until=first.study_date)
    assert first in query_pacs(pacs, "study", day, limit=10)
    assert query_pacs(pacs, "study", Filters(patient_id="NOBODY"), limit=10) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SENT_BY)
def test_images_come_back_with_their_voxels_and_geometry(
    name: str,
    way: str,
    orthanc: OrthancServer,
    patients: dict[str, ExportedPatient],
    tmp_path: Path,
) -> None:
    patient = patients[name]
    source = patient.source
    filters = Filters(study_uid=source.study_uid, series_uid=source.series_uid)
    retrieval = retrieve_from_pacs(access(orthanc, way), filters, tmp_path / "out")
    outcomes = list(retrieval.outcomes)
    assert len(outcomes) == retrieval.instances == len(source.images)
    folder = tmp_path / "out" / source.study_uid / source.series_uid
    assert sorted(path.stem for path in folder.iterdir()) == sorted(source.sop_instance_uids)
    found, sent = read_series(folder), read_series(patient.images)
    np.testing.assert_array_equal(found.scan.voxels, sent.scan.voxels)
    found.scan.geometry.require_match(sent.scan.geometry, this="retrieved", that="sent")
    assert found.scan.modality == sent.scan.modality


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SENT_BY)
def test_our_objects_come_back_with_their_masks_and_values(
    name: str,
    way: str,
    orthanc: OrthancServer,
    patients: dict[str, ExportedPatient],
    tmp_path: Path,
) -> None:
    patient = patients[name]
    paths = {}
    for kind, modality in {"seg": "SEG", "rtstruct": "RTSTRUCT", "sr": "SR"}.items():
        out = tmp_path / kind
        filters = Filters(study_uid=patient.source.study_uid, modality=modality)
        list(retrieve_from_pacs(access(orthanc, way), filters, out).outcomes)
        wanted = pydicom_uid(patient.files[kind])
        (paths[kind],) = (path for path in out.rglob("*.dcm") if path.stem == wanted)
    of_images = {
        "frame_of_reference_uid": patient.source.frame_of_reference_uid,
        "sop_instance_uids": patient.source.sop_instance_uids,
    }
    segment = read_segment(paths["seg"], patient.source.geometry, **of_images)
    region = read_region(paths["rtstruct"], patient.source.geometry, **of_images)
    np.testing.assert_array_equal(segment.mask.voxels, patient.drawn.voxels)
    np.testing.assert_array_equal(region.mask.voxels, patient.drawn.voxels)
    assert read_report(paths["sr"]) == read_report(patient.files["sr"])


def pydicom_uid(path: Path) -> str:
    import pydicom

    return str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_retrieval_goes_on_where_it_stopped(
    way: str, orthanc: OrthancServer, patients: dict[str, ExportedPatient], tmp_path: Path
) -> None:
    source = patients["STS_025/MR_T1"].source
    filters = Filters(study_uid=source.study_uid, series_uid=source.series_uid)
    pacs, out = access(orthanc, way), tmp_path / "out"
    begun = retrieve_from_pacs(pacs, filters, out).outcomes
    for _ in range(3):
        next(begun)
    begun.close()
    there = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert {path.suffix for path in there} == {".dcm"}
    with pytest.raises(OncotraceError, match="exists already"):
        retrieve_from_pacs(pacs, filters, out)
    retrieval = retrieve_from_pacs(pacs, filters, out, resume=True)
    assert retrieval.present == len(there) >= 3
    assert len(list(retrieval.outcomes)) == len(source.images) - len(there)
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert len(list(out.rglob("*.dcm"))) == len(source.images)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("patients")
def test_unknown_series_is_said_to_be_unknown(
    way: str, orthanc: OrthancServer, tmp_path: Path
) -> None:
    with pytest.raises(OncotraceError, match="no series that matches") as refused:
        retrieve_from_pacs(access(orthanc, way), Filters(study_uid="1.2.3.4"), tmp_path / "out")
    assert refused.value.code == "pacs-not-found"
    assert not (tmp_path / "out").exists()


def test_wrong_ae_title_is_rejected_with_a_reason(orthanc: OrthancServer) -> None:
    wrong_called = PacsAccess(orthanc.dicom_address(called="NOBODY"), patience=PATIENCE)
    with pytest.raises(OncotraceError, match="another AE title") as refused:
        check_pacs(wrong_called)
    assert refused.value.code == "pacs-rejected"
    stranger = PacsAccess(orthanc.dicom_address(aet="STRANGER"), patience=PATIENCE)
    with pytest.raises(OncotraceError) as refused:
        check_pacs(stranger)
    assert refused.value.code in ("pacs-rejected", "pacs-unsupported", "pacs-failed")


def test_wrong_port_is_said_to_be_wrong(orthanc: OrthancServer) -> None:
    port = free_port()
    with pytest.raises(OncotraceError, match=f"port {port}") as refused:
        check_pacs(PacsAccess(orthanc.dicom_address(port=port), patience=PATIENCE))
    assert refused.value.code == "pacs-unreachable"


def test_port_of_the_web_pages_is_said_not_to_speak_dicom(orthanc: OrthancServer) -> None:
    address = orthanc.dicom_address(port=orthanc.port)
    with pytest.raises(OncotraceError) as refused:
        check_pacs(PacsAccess(address, patience=Patience(1, 1)))
    assert refused.value.code in ("pacs-interrupted", "pacs-timeout")


@pytest.mark.usefixtures("patients")
def test_wrong_password_is_refused_for_questions_and_files(
    orthanc: OrthancServer, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")
    with pytest.raises(OncotraceError, match="does not accept user and password") as refused:
        check_pacs(access(orthanc, "wado"))
    assert refused.value.code == "pacs-login"
    images = shared_data / "sts_dicom" / "STS_003" / "CT" / "image"
    with pytest.raises(OncotraceError) as refused:
        list(send_to_pacs(access(orthanc, "stow"), [images]).outcomes)
    assert refused.value.code == "pacs-login"


@pytest.mark.usefixtures("patients")
def test_pacs_that_cannot_send_to_our_port_is_one_error(
    orthanc: OrthancServer, tmp_path: Path, patients: dict[str, ExportedPatient]
) -> None:
    source = patients["STS_025/MR_T1"].source
    other_port = orthanc.dicom_address(retrieve="move", listen=free_port())
    retrieval = retrieve_from_pacs(
        PacsAccess(other_port, patience=PATIENCE),
        Filters(study_uid=source.study_uid, series_uid=source.series_uid),
        tmp_path / "out",
    )
    (failed,) = retrieval.outcomes
    assert isinstance(failed, FailedSeries)
    assert failed.missing == len(source.images)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
