"""A PACS that speaks DIMSE and goes wrong costs one clear error, in time, and nothing half-done."""

import copy
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from tests.integration.orthanc_server import free_port
from tests.unit.io.dicom_factory import STUDY_UID, series, slice_uid, write

from oncotrace.errors import InputError, MissingDependencyError, OncotraceError
from oncotrace.io.pacs import association, dimse_retrieve
from oncotrace.io.pacs.access import PacsAccess
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.query import Filters
from oncotrace.pipeline.pacs import (
    FailedSeries,
    Fetched,
    check_pacs,
    query_pacs,
    retrieve_from_pacs,
    send_to_pacs,
)

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed (oncotrace[pacs])")
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

PATIENCE = Patience(timeout_s=3.0, attempts=2, first_wait_s=0.01)
WHOLE_STUDY = Filters(study_uid=STUDY_UID)
FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"

pytestmark = [pytest.mark.pacs, pytest.mark.slow]  # they wait for what does not come
Slices = list[Dataset]


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> Slices:
    """Datasets of a small series, ready to be sent."""
    folder, made = tmp_path_factory.mktemp("slices"), series()
    for z, dataset in enumerate(made):
        write(dataset, folder / f"{z}.dcm")
    return made


@contextmanager
def scp(
    slices: Slices, sent: Callable[[evt.Event], Iterator[object]], status: int = 0
) -> Iterator[PacsAccess]:
    """PACS that answers C-GET with what ``sent`` gives, and C-STORE with a status."""

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        level = event.identifier.QueryRetrieveLevel
        for dataset in slices if level == "IMAGE" else slices[:1]:
            match = Dataset()
            match.QueryRetrieveLevel = level
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                setattr(match, keyword, getattr(dataset, keyword))
            match.SOPClassUID, match.Modality = dataset.SOPClassUID, "CT"
            yield 0xFF00, match

    entity = AE(ae_title="PACS")
    entity.supported_contexts = [
        *(build_context(uid) for uid in ("1.2.840.10008.1.1", FIND, GET)),
        *AllStoragePresentationContexts[:100],
    ]
    for context in entity.supported_contexts:
        context.scu_role = context.scp_role = True
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_C_FIND, find),
            (evt.EVT_C_GET, sent),
            (evt.EVT_C_STORE, lambda _: status),
        ],
    )
    assert server is not None
    try:
        yield PacsAccess(f"dicom://PACS@127.0.0.1:{server.server_address[1]}", patience=PATIENCE)
    finally:
        entity.shutdown()


def outcomes(access: PacsAccess, out: Path) -> list[Fetched | FailedSeries]:
    return list(retrieve_from_pacs(access, WHOLE_STUDY, out).outcomes)


def names(out: Path) -> set[str]:
    return {path.name for path in out.rglob("*") if path.is_file()}


def test_series_arrives(slices: Slices, tmp_path: Path) -> None:
    def good(_: evt.Event) -> Iterator[object]:
        yield len(slices)
        yield from ((0xFF00, dataset) for dataset in slices)

    with scp(slices, good) as access:
        assert len(outcomes(access, tmp_path / "out")) == len(slices)
    assert names(tmp_path / "out") == {f"{slice_uid(z)}.dcm" for z in range(len(slices))}


def test_pacs_that_breaks_off_half_way_leaves_whole_files_only(
    slices: Slices, tmp_path: Path
) -> None:
    def half(event: evt.Event) -> Iterator[object]:
        yield len(slices)
        yield 0xFF00, slices[0]
        event.assoc.abort()
        yield 0xFE00, None

    with scp(slices, half) as access:
        *arrived, failed = outcomes(access, tmp_path / "out")
    assert isinstance(failed, FailedSeries)
    assert failed.error.code == "pacs-interrupted"
    assert names(tmp_path / "out") == {
        f"{each.sop_instance_uid}.dcm" for each in arrived if isinstance(each, Fetched)
    }


def test_pacs_that_stops_half_way_is_left_in_time(slices: Slices, tmp_path: Path) -> None:
    stop = threading.Event()

    def stuck(_: evt.Event) -> Iterator[object]:
        yield len(slices)
        yield 0xFF00, slices[0]
        stop.wait(20)
        yield 0xFE00, None

    begun = time.monotonic()
    with scp(slices, stuck) as access:
        *_, failed = outcomes(access, tmp_path / "out")
        taken_s = time.monotonic() - begun
        stop.set()
    assert isinstance(failed, FailedSeries)
    assert failed.error.code == "pacs-timeout"
    assert taken_s < 15
    assert names(tmp_path / "out") <= {f"{slice_uid(0)}.dcm"}


def test_object_of_another_series_is_not_kept(slices: Slices, tmp_path: Path) -> None:
    stranger = copy.deepcopy(slices[0])
    stranger.SOPInstanceUID = "1.2.3.4.5"

    def other(_: evt.Event) -> Iterator[object]:
        yield len(slices)
        yield from ((0xFF00, dataset) for dataset in [stranger, *slices[1:]])

    with scp(slices, other) as access:
        *_, failed = outcomes(access, tmp_path / "out")
    assert isinstance(failed, FailedSeries)
    assert (failed.missing, failed.error.code) == (1, "pacs-wrong-object")
    assert names(tmp_path / "out") == {f"{slice_uid(z)}.dcm" for z in range(1, len(slices))}


def test_object_that_outgrows_memory_is_stopped(
    slices: Slices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dimse_retrieve, "_MOST_BYTES_IN_MEMORY", 100)
    stop = threading.Event()

    def slow(_: evt.Event) -> Iterator[object]:
        yield len(slices)
        yield 0xFF00, slices[0]
        stop.wait(10)  # what tells of the first object is too much for the next one
        yield 0xFE00, None

    with scp(slices, slow) as access:
        with pytest.raises(InputError, match="sends an object of more than") as stopped:
            outcomes(access, tmp_path / "out")
        stop.set()
    assert stopped.value.code == "pacs-too-much"


def test_what_is_not_stored_is_told_with_its_status(slices: Slices, tmp_path: Path) -> None:
    for z, dataset in enumerate(slices[:2]):
        write(dataset, tmp_path / f"{z}.dcm")
    with scp(slices, lambda _: iter(()), status=0xA700) as access:
        refused = list(send_to_pacs(access, [tmp_path]).outcomes)
    assert [(each.is_stored, each.status) for each in refused] == [(False, 0xA700)] * 2
    assert "out of resources" in refused[0].explanation
    with scp(slices, lambda _: iter(()), status=0xB000) as access:
        warned = list(send_to_pacs(access, [tmp_path]).outcomes)
    assert [(each.is_stored, each.status) for each in warned] == [(True, 0xB000)] * 2


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[PacsAccess]:
    """Server that does with every connection what it is told, until the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        try:
            yield PacsAccess(f"dicom://PACS@127.0.0.1:{port}", patience=PATIENCE)
        finally:
            server.shutdown(socket.SHUT_RDWR)


def test_server_that_takes_the_connection_and_is_silent_is_left_in_time() -> None:
    begun = time.monotonic()
    with (
        listening(lambda _: time.sleep(7)) as access,
        pytest.raises(InputError, match="sent nothing") as refused,
    ):
        check_pacs(access)
    assert refused.value.code == "pacs-timeout"
    assert time.monotonic() - begun < 15


def test_server_that_closes_at_once_is_said_not_to_speak_dicom() -> None:
    with (
        listening(lambda _: None) as access,
        pytest.raises(InputError, match="does not speak DICOM"),
    ):
        query_pacs(access, "study", Filters(), limit=1)


def test_port_that_is_taken_cannot_be_listened_at(slices: Slices, tmp_path: Path) -> None:
    with scp(slices, lambda _: iter(())) as access, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        move = PacsAccess(f"{access.address}?retrieve=move&listen={port}", patience=PATIENCE)
        with pytest.raises(OncotraceError, match=f"port {port}") as refused:
            outcomes(move, tmp_path / "out")
    assert refused.value.code == "pacs-store-port"


def test_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(association, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"oncotrace\[pacs\]"):
        check_pacs(PacsAccess("dicom://PACS@127.0.0.1:104"))


def test_nothing_of_a_patient_is_logged(
    slices: Slices, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    write(slices[0], tmp_path / "0.dcm")
    with scp(slices, lambda _: iter(()), status=0xC000) as access:
        list(send_to_pacs(access, [tmp_path]).outcomes)
        query_pacs(access, "study", Filters(patient_id="Planted^Name"), limit=1)
    assert "Planted" not in caplog.text


def test_wrong_port_is_said_to_be_wrong() -> None:
    port = free_port()
    with pytest.raises(InputError, match=f"port {port}") as refused:
        check_pacs(PacsAccess(f"dicom://PACS@127.0.0.1:{port}", patience=PATIENCE))
    assert refused.value.code == "pacs-unreachable"
