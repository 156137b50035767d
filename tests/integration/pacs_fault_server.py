"""A DICOMweb service of a few slices that goes wrong in the way it is told to."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BOUNDARY = "fault"


@dataclass
class Faults:
    """What the service holds, what it does wrong, and what it was asked.

    Parameters
    ----------
    files
        Content of the instances by SOP instance UID.
    retrieve
        What goes wrong when images are fetched, one word per request; the last holds on. ``good``,
        ``half`` (the connection closes within the first file's successor), ``hang``, ``drip``,
        ``no-end`` (no closing boundary), ``endless``, ``stranger`` (another series' instance
        first), or a status.
    search
        Likewise for queries: ``good``, ``hang``, ``html``, ``no-json`` or a status.
    """

    study_uid: str
    series_uid: str
    files: dict[str, bytes]
    stranger: bytes = b""
    compressed: bytes = b""
    search: list[str] = field(default_factory=lambda: ["good"])
    retrieve: list[str] = field(default_factory=lambda: ["good"])
    requests: list[tuple[str, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def next(self, words: list[str]) -> str:
        """Word for this request."""
        return words.pop(0) if len(words) > 1 else words[0]


class _Service(BaseHTTPRequestHandler):
    faults: Faults

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.faults.requests.append((path, self.headers.get("Accept", "")))
        if "multipart" in self.headers.get("Accept", ""):
            self._retrieve(path)
        else:
            self._search(path)

    def _search(self, path: str) -> None:
        word = self.faults.next(self.faults.search)
        if word == "hang":
            self.faults.stop.wait(30)
        elif word.isdecimal():
            self._answer(int(word), "text/plain", b"Planted^Name must not be repeated")
        elif word == "html":
            self._answer(200, "text/html", b"<html>Please log in</html>")
        elif word == "no-json":
            self._answer(200, "application/dicom+json", b'{"a": ')
        else:
            self._answer(200, "application/dicom+json", json.dumps(self._found(path)).encode())

    def _found(self, path: str) -> list[dict[str, Any]]:
        study = {"0020000D": ["1.2.3"]}
        if "offset=0" not in self.path and "offset" in self.path:
            return []
        if path.endswith("/instances"):
            found = [{"00080018": [uid]} for uid in self.faults.files]
        elif path.endswith("/series"):
            found = [{"0020000E": [self.faults.series_uid], "00080060": ["CT"]}]
        else:
            study["0020000D"] = [self.faults.study_uid]
            found = [study]
        return [
            {tag: {"vr": "UI", "Value": value} for tag, value in each.items()} for each in found
        ]

    def _retrieve(self, path: str) -> None:
        word = self.faults.next(self.faults.retrieve)
        files = self._wanted(path)
        if word.isdecimal():
            self._answer(int(word), "text/plain", b"Planted^Name must not be repeated")
            return
        if word == "stranger":
            files = [self.faults.stranger, *files]
        if word == "compressed" and "*" in self.headers["Accept"]:
            files = [self.faults.compressed]
        content = b"".join(map(_part, files))
        self.send_response(200)
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        self.send_header("Content-Type", kind)
        self.end_headers()
        if word == "half":
            self.wfile.write(_part(files[0]) + _part(files[1])[:700])
        elif word == "hang":
            self.wfile.write(content[:700])
            self.wfile.flush()
            self.faults.stop.wait(30)
        elif word in ("drip", "endless"):
            self._go_on(content[:700], slowly=word == "drip")
        else:
            end = b"" if word == "no-end" else f"\r\n--{BOUNDARY}--\r\n".encode()
            self.wfile.write(content + end)

    def _wanted(self, path: str) -> list[bytes]:
        *_, folder, uid = path.split("/")
        return [self.faults.files[uid]] if folder == "instances" else [*self.faults.files.values()]

    def _go_on(self, begin: bytes, *, slowly: bool) -> None:
        self.wfile.write(begin)
        while not self.faults.stop.is_set():
            self.wfile.write(b"x" if slowly else b"x" * 2**16)
            self.wfile.flush()
            if slowly:
                time.sleep(0.05)

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if 300 <= status < 400:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(content)


def _part(file: bytes) -> bytes:
    return f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Keep quiet about clients that have had enough."""


@contextmanager
def serving(faults: Faults, trust: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run the service, encrypted if it has a certificate; gives its address."""
    handler = type("Handler", (_Service,), {"faults": faults})
    with _Server(("127.0.0.1", 0), handler) as server:
        if trust is not None:
            server.socket = trust.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            scheme = "http" if trust is None else "https"
            yield f"{scheme}://127.0.0.1:{server.server_address[1]}/dicom-web"
        finally:
            faults.stop.set()
            server.shutdown()
            thread.join()
