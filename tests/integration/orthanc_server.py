"""An Orthanc of our own: started on a free port with an empty storage, stopped at the end."""

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

_PROGRAM = "Orthanc"
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"  # where Debian has it, outside of most people's path
_START_S = 60.0
_STOP_S = 20.0
_ATTEMPTS = 5  # another program may take the free port before Orthanc does
_DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")

ORTHANC_AE, OUR_AE = "ORTHANC", "ONCOTRACE"
USER, PASSWORD = "reader", "correct horse"


def is_installed() -> bool:
    """Whether there is an Orthanc to start (Debian: orthanc)."""
    return _program() is not None


def has_dicomweb() -> bool:
    """Whether Orthanc's plugin for DICOMweb is there (Debian: orthanc-dicomweb)."""
    return _DICOMWEB.is_file()


def _program() -> str | None:
    return shutil.which(_PROGRAM) or shutil.which(_PROGRAM, path=_SYSTEM_FOLDERS)


def _without_proxy() -> OpenerDirector:
    return build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class OrthancServer:
    """What a running Orthanc answers over REST (book: "REST API of Orthanc")."""

    port: int
    dicom_port: int = 0
    store_port: int = 0
    _opener: OpenerDirector = field(default_factory=_without_proxy, repr=False)

    @property
    def web_address(self) -> str:
        """Root of its DICOMweb service."""
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def dicom_address(self, **options: object) -> str:
        """Itself for DIMSE; a ``called`` AE title and a ``port`` may be others than its own."""
        called, port = options.pop("called", ORTHANC_AE), options.pop("port", self.dicom_port)
        query = "&".join(f"{name}={value}" for name, value in {"aet": OUR_AE, **options}.items())
        return f"dicom://{called}@127.0.0.1:{port}?{query}"

    def content(self, path: str, body: bytes | None = None) -> bytes:
        """Answer to a GET, or to a POST of ``body``."""
        request = Request(f"http://127.0.0.1:{self.port}{path}", data=body)
        if self.dicom_port:
            pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            request.add_header("Authorization", f"Basic {pair}")
        with self._opener.open(request, timeout=60) as answer:
            content: bytes = answer.read()
            return content

    def json(self, path: str, body: bytes | None = None) -> Any:
        """Answer that is JSON, to a GET or to a POST of ``body``."""
        return json.loads(self.content(path, body))

    def store(self, file: Path) -> dict[str, Any]:
        """Upload a DICOM file; says under which of Orthanc's own identifiers it lies."""
        stored: dict[str, Any] = self.json("/instances", file.read_bytes())
        return stored

    def find(self, level: str, uid: str) -> list[str]:
        """Orthanc's identifiers of what has that UID: a Patient, Study, Series or Instance."""
        found = self.json("/tools/lookup", uid.encode())
        return [each["ID"] for each in found if each["Type"] == level]


@contextmanager
def running_orthanc(folder: Path) -> Iterator[OrthancServer]:
    """Run Orthanc with its storage below an empty folder.

    It answers this machine only, and has neither plugins nor a DICOM port.
    """
    with _running(folder, lambda: OrthancServer(free_port())) as server:
        yield server


@contextmanager
def running_pacs(folder: Path) -> Iterator[OrthancServer]:
    """Run Orthanc as a PACS, with DICOMweb and DIMSE, with its storage below an empty folder.

    Orthanc listens for DIMSE on every address of the machine, but rejects whoever does not come
    from this machine with our AE title; DICOMweb wants `USER` and `PASSWORD`.
    """
    with _running(folder, lambda: OrthancServer(free_port(), free_port(), free_port())) as server:
        yield server


@contextmanager
def _running(folder: Path, chosen: Callable[[], OrthancServer]) -> Iterator[OrthancServer]:
    for attempt in range(_ATTEMPTS):
        server = chosen()
        process = _started(folder / str(attempt), server)
        try:
            if _answers(server, process):
                yield server
                return
        finally:
            _stop(process)
    log = (folder / str(_ATTEMPTS - 1) / "log.txt").read_text(errors="replace")
    raise RuntimeError(f"Orthanc does not start:\n{log[-2000:]}")


def free_port() -> int:
    """Port at which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _as_pacs(server: OrthancServer) -> dict[str, object]:
    """Settings of a PACS that knows us alone."""
    rights = ("Echo", "Find", "Get", "Move", "Store")
    us = {"AET": OUR_AE, "Host": "127.0.0.1", "Port": server.store_port}
    return {
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomServerEnabled": True,
        "DicomAet": ORTHANC_AE,
        "DicomPort": server.dicom_port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        **{f"DicomAlwaysAllow{right}": False for right in rights},
        "DicomModalities": {"us": us | {f"Allow{right}": True for right in rights}},
        "Plugins": [str(_DICOMWEB)] if has_dicomweb() else [],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }


def _started(folder: Path, server: OrthancServer) -> subprocess.Popen[bytes]:
    storage = folder / "storage"
    storage.mkdir(parents=True)
    configuration = {
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "HttpPort": server.port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [],
        **(_as_pacs(server) if server.dicom_port else {}),
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [_program() or _PROGRAM, str(folder / "orthanc.json")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )


def _answers(server: OrthancServer, process: subprocess.Popen[bytes]) -> bool:
    """Wait for the first answer; not of an Orthanc that has ended or that is another one."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            return bool(server.json("/statistics")["CountInstances"] == 0)
        except (HTTPError, URLError, ConnectionError, ValueError, KeyError):
            time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
