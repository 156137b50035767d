"""A DICOMweb service that goes wrong costs one clear error, in time, and nothing half-done."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import MPEG2MPML
from tests.integration.pacs_fault_server import Faults, serving
from tests.unit.io.dicom_factory import SERIES_UID, STUDY_UID, series, slice_uid, write

from oncotrace.errors import InputError, OncotraceError
from oncotrace.io.pacs.access import PacsAccess
from oncotrace.io.pacs.arrivals import Bounds
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

PATIENCE = Patience(timeout_s=2.0, attempts=3, first_wait_s=0.01)
WHOLE_STUDY = Filters(study_uid=STUDY_UID)


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a small series by SOP instance UID."""
    folder = tmp_path_factory.mktemp("slices")
    return {
        slice_uid(z): write(dataset, folder / f"{z}.dcm").read_bytes()
        for z, dataset in enumerate(series())
    }


@pytest.fixture
def faults(slices: dict[str, bytes], tmp_path: Path) -> Faults:
    """A service without faults; tests add some."""
    stranger = series()[0]
    stranger.SOPInstanceUID = "1.2.3.4.5"
    video = series()[0]
    return Faults(
        STUDY_UID,
        SERIES_UID,
        slices,
        stranger=write(stranger, tmp_path / "stranger.dcm").read_bytes(),
        compressed=write(video, tmp_path / "video.dcm", MPEG2MPML).read_bytes(),
    )


@pytest.fixture
def access(faults: Faults) -> Iterator[PacsAccess]:
    """Way to the running service."""
    with serving(faults) as address:
        yield PacsAccess(address, patience=PATIENCE)


def fetched(
    access: PacsAccess, out: Path, bounds: Bounds | None = None, *, resume: bool = False
) -> list[Fetched | FailedSeries]:
    retrieval = retrieve_from_pacs(access, WHOLE_STUDY, out, bounds=bounds, resume=resume)
    return list(retrieval.outcomes)


def files(out: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def failure_of(outcomes: list[Fetched | FailedSeries]) -> FailedSeries:
    (failed,) = (outcome for outcome in outcomes if isinstance(outcome, FailedSeries))
    assert "Planted" not in str(failed.error)
    return failed


def test_series_arrives_byte_by_byte(
    access: PacsAccess, slices: dict[str, bytes], tmp_path: Path
) -> None:
    outcomes = fetched(access, tmp_path / "out")
    assert [type(outcome) for outcome in outcomes] == [Fetched] * len(slices)
    assert files(tmp_path / "out") == slices


def test_connection_that_breaks_off_once_is_taken_up_where_it_broke(
    access: PacsAccess, faults: Faults, slices: dict[str, bytes], tmp_path: Path
) -> None:
    faults.retrieve = ["half", "good"]
    outcomes = fetched(access, tmp_path / "out")
    assert len(outcomes) == len(slices)
    assert files(tmp_path / "out") == slices
    asked = [path.rsplit("/", 1)[1] for path, accept in faults.requests if "multipart" in accept]
    assert asked == [SERIES_UID, *[slice_uid(z) for z in range(1, len(slices))]]


def test_service_that_is_busy_once_is_asked_again(
    access: PacsAccess, faults: Faults, slices: dict[str, bytes], tmp_path: Path
) -> None:
    faults.search, faults.retrieve = ["503", "good"], ["503", "good"]
    assert len(fetched(access, tmp_path / "out")) == len(slices)


def test_message_without_end_fails_but_keeps_what_was_whole(
    access: PacsAccess, faults: Faults, slices: dict[str, bytes], tmp_path: Path
) -> None:
    faults.retrieve = ["no-end"]
    failed = failure_of(fetched(access, tmp_path / "out"))
    assert (failed.missing, failed.error.code) == (1, "pacs-interrupted")
    arrived = files(tmp_path / "out")
    assert arrived == {uid: slices[uid] for uid in arrived}
    assert len(arrived) == len(slices) - 1
    faults.retrieve, faults.requests = ["good"], []
    assert len(fetched(access, tmp_path / "out", resume=True)) == 1
    assert files(tmp_path / "out") == slices


@pytest.mark.slow
@pytest.mark.parametrize("word", ["hang", "drip"])
def test_service_that_stops_sending_is_left_in_time(
    word: str, access: PacsAccess, faults: Faults, tmp_path: Path
) -> None:
    faults.retrieve = [word]
    begun = time.monotonic()
    failed = failure_of(fetched(access, tmp_path / "out"))
    assert failed.error.code == "pacs-timeout"
    assert time.monotonic() - begun < 10
    assert files(tmp_path / "out") == {}


def test_service_that_never_stops_sending_is_stopped(
    access: PacsAccess, faults: Faults, tmp_path: Path
) -> None:
    faults.retrieve = ["endless"]
    with pytest.raises(InputError, match="sends more than") as stopped:
        fetched(access, tmp_path / "out", Bounds(bytes=10 * 2**20))
    assert stopped.value.code == "pacs-too-much"
    assert files(tmp_path / "out") == {}


def test_instance_that_was_not_asked_for_is_not_kept_and_the_others_are(
    access: PacsAccess, faults: Faults, slices: dict[str, bytes], tmp_path: Path
) -> None:
    faults.retrieve = ["stranger"]
    assert len(fetched(access, tmp_path / "out")) == len(slices)
    assert files(tmp_path / "out") == slices


def test_instance_that_comes_as_another_is_missed(
    access: PacsAccess, faults: Faults, slices: dict[str, bytes], tmp_path: Path
) -> None:
    faults.files = {**slices, "1.2.3.4.6": faults.stranger}
    failed = failure_of(fetched(access, tmp_path / "out"))
    assert (failed.missing, failed.error.code) == (1, "pacs-wrong-object")
    assert files(tmp_path / "out") == slices


def test_what_cannot_be_decoded_here_is_asked_for_uncompressed(
    access: PacsAccess, faults: Faults, slices: dict[str, bytes], tmp_path: Path
) -> None:
    faults.retrieve = ["compressed"]
    assert len(fetched(access, tmp_path / "out")) == len(slices)
    assert files(tmp_path / "out") == slices
    assert "transfer-syntax=1.2.840.10008.1.2.1" in faults.requests[-1][1]


@pytest.mark.parametrize(
    ("word", "code", "times"),
    [
        ("404", "pacs-not-found", 1),
        ("500", "pacs-failed", 1),
        ("406", "pacs-unsupported", 1),
        ("302", "pacs-answer", 1),
        ("503", "pacs-busy", 3),
    ],
)
def test_only_what_may_pass_is_tried_again(
    word: str, code: str, times: int, access: PacsAccess, faults: Faults, tmp_path: Path
) -> None:
    faults.retrieve = [word]
    assert failure_of(fetched(access, tmp_path / "out")).error.code == code
    assert sum("multipart" in accept for _, accept in faults.requests) == times


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("401", "pacs-login"),
        ("403", "pacs-login"),
        ("404", "pacs-not-found"),
        ("hang", "pacs-timeout"),
        ("html", "pacs-answer"),
        ("no-json", "pacs-answer"),
    ],
)
def test_question_that_goes_wrong_is_one_clear_error(
    word: str, code: str, access: PacsAccess, faults: Faults
) -> None:
    faults.search = [word]
    with pytest.raises(OncotraceError) as refused:
        query_pacs(access, "study", Filters(), limit=10)
    assert refused.value.code == code
    assert "Planted" not in str(refused.value)
    assert len(faults.requests) == 1


def test_login_that_is_refused_half_way_stops_all(
    access: PacsAccess, faults: Faults, tmp_path: Path
) -> None:
    faults.retrieve = ["401"]
    with pytest.raises(InputError, match="does not accept") as refused:
        fetched(access, tmp_path / "out")
    assert refused.value.code == "pacs-login"


def listening(answer: Callable[[socket.socket], None]) -> tuple[socket.socket, int]:
    """Server that takes one connection and does with it what it is told."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    return server, server.getsockname()[1]


def test_wrong_port_is_said_to_be_wrong() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=f"port {port}") as refused:
        check_pacs(PacsAccess(f"http://127.0.0.1:{port}", patience=PATIENCE))
    assert refused.value.code == "pacs-unreachable"


def test_something_else_than_http_is_said_to_be_something_else() -> None:
    server, port = listening(lambda connection: connection.sendall(b"220 mail ready\r\n\r\n"))
    with server, pytest.raises(InputError, match="does not speak HTTP") as refused:
        check_pacs(PacsAccess(f"http://127.0.0.1:{port}", patience=PATIENCE))
    assert refused.value.code == "pacs-answer"


def test_https_where_there_is_none_is_said() -> None:
    server, port = listening(lambda connection: connection.sendall(b"HTTP/1.1 400 No\r\n\r\n"))
    with server, pytest.raises(InputError, match="cannot be trusted") as refused:
        check_pacs(PacsAccess(f"https://127.0.0.1:{port}", patience=PATIENCE))
    assert refused.value.code == "pacs-tls"


def test_certificate_of_nobody_is_refused_until_its_authority_is_given(
    tmp_path: Path, faults: Faults
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = tmp_path / "pacs.pem", tmp_path / "pacs.key"
    options = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    options += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(["openssl", *options], check=True, capture_output=True)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    with serving(faults, own) as address:
        assert address.startswith("https://")
        with pytest.raises(InputError, match="cannot be trusted") as refused:
            check_pacs(PacsAccess(address, patience=PATIENCE))
        assert refused.value.code == "pacs-tls"
        check_pacs(PacsAccess(address, authority=certificate, patience=PATIENCE))


def test_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(OncotraceError, match="holds no certificate"):
        check_pacs(PacsAccess("https://127.0.0.1:1", authority=tmp_path / "empty.pem"))


def test_files_that_a_service_does_not_take_are_told_one_by_one(
    access: PacsAccess, slices: dict[str, bytes], tmp_path: Path
) -> None:
    for uid, content in slices.items():
        (tmp_path / f"{uid}.dcm").write_bytes(content)
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "cut.dcm").write_bytes(slices[slice_uid(0)][:-40])
    sending = send_to_pacs(access, [tmp_path])
    assert sending.outgoing.foreign == 1
    assert [unfit.code for unfit in sending.outgoing.unfit] == ["truncated"]
    with pytest.raises(InputError, match="does not support"):
        list(sending.outcomes)
