"""HTTP to a DICOMweb service: encrypted, with an end to every wait, and with clear refusals.

The standard library's client, so that nothing is sent that is not meant: no redirection is followed
(it could carry the password to another host), no proxy and no ``.netrc`` is looked for, and no
answer is held in memory but the short ones.
"""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from oncotrace.errors import InputError, SettingsError
from oncotrace.io.pacs.address import WebAddress
from oncotrace.io.pacs.credentials import Credentials
from oncotrace.io.pacs.patience import broken_off, stalled, unreachable

_CHUNK_BYTES = 256 * 1024
_LEAST_BYTES = 1024  # in every timeout; a server that drips is no better than one that hangs
_MOST_JSON_BYTES = 64 * 2**20


class HttpAnswer:
    """Status, headers and body of an answer; the body comes as it arrives."""

    def __init__(self, answer: http.client.HTTPResponse, timeout_s: float) -> None:
        self.status = answer.status
        self.headers: Message = answer.headers
        self._answer = answer
        self._timeout_s = timeout_s
        self._since = time.monotonic()
        self._bytes_since = 0

    def read_some(self) -> bytes:
        """Next bytes of the body, none at its end.

        Raises
        ------
        InputError
            ``pacs-timeout`` or ``pacs-interrupted``.
        """
        try:
            some = self._answer.read1(_CHUNK_BYTES)
        except http.client.IncompleteRead:
            raise broken_off() from None
        except http.client.HTTPException:
            raise _not_http() from None
        if not some and self._answer.length:  # fewer bytes than the headers announced
            raise broken_off()
        self._require_progress(len(some))
        return some

    def _require_progress(self, number_of_bytes: int) -> None:
        self._bytes_since += number_of_bytes
        now = time.monotonic()
        if self._bytes_since >= _LEAST_BYTES:
            self._since, self._bytes_since = now, 0
        elif now - self._since > self._timeout_s:
            raise stalled(self._timeout_s)

    def read_json(self) -> object:
        """Whole body as JSON; none where there is no body.

        Raises
        ------
        InputError
            ``pacs-answer``: it is something else, or longer than any list of matches.
        """
        content = bytearray()
        while some := self.read_some():
            content += some
            if len(content) > _MOST_JSON_BYTES:
                raise InputError(
                    f"the PACS answers with more than {_MOST_JSON_BYTES // 2**20} MiB of JSON.",
                    hint="Ask for less: a patient, a study, a range of dates.",
                    code="pacs-answer",
                )
        if not content:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise InputError(
                "the PACS does not answer with JSON.",
                hint="Check that the address is the root of its DICOMweb service.",
                code="pacs-answer",
            ) from None


@dataclass(frozen=True)
class HttpService:
    """A DICOMweb service that can be asked.

    Parameters
    ----------
    trust
        Certificates that are believed; none without encryption.
    """

    address: WebAddress
    credentials: Credentials | None
    trust: ssl.SSLContext | None
    timeout_s: float

    @contextmanager
    def asked(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Iterable[bytes] | None = None,
    ) -> Iterator[HttpAnswer]:
        """Send a request and give the answer; the connection is closed behind it.

        Parameters
        ----------
        path
            Below the root, beginning with a slash, and with the query behind it.
        body
            With ``Content-Length`` among the headers.

        Raises
        ------
        InputError
            ``pacs-unreachable``, ``pacs-tls``, ``pacs-timeout``, ``pacs-interrupted``, or that the
            answer is not HTTP.
        """
        with closing(self._connected()) as connection:
            with _refused_transfers(self.timeout_s):
                with suppress(BrokenPipeError, ConnectionResetError):
                    # It may have answered, a refusal for example, before it had read all.
                    connection.request(
                        method, self.address.path + path, body=body, headers=self._headers(headers)
                    )
                answer = connection.getresponse()
            with answer, _refused_transfers(self.timeout_s):
                yield HttpAnswer(answer, self.timeout_s)

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        own = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "oncotrace"}
        if self.credentials is not None:
            own["Authorization"] = self.credentials.authorization
        return {**own, **headers}

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self.address.host, self.address.port
        connection = (
            http.client.HTTPConnection(host, port, timeout=self.timeout_s)
            if self.trust is None
            else http.client.HTTPSConnection(host, port, timeout=self.timeout_s, context=self.trust)
        )
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._unconnected(error) from None
        return connection

    def _unconnected(self, error: OSError) -> InputError:
        """Say why there is no connection."""
        host, port = self.address.host, self.address.port
        if isinstance(error, ssl.SSLCertVerificationError):
            return _untrusted(host, error.verify_message)
        if isinstance(error, ssl.SSLError):
            return _untrusted(host, (error.reason or "no TLS").lower().replace("_", " "))
        if isinstance(error, TimeoutError):
            return unreachable(host, port, f"no answer in {self.timeout_s:g} s")
        if isinstance(error, socket.gaierror):
            return unreachable(host, port, "no such host")
        return unreachable(host, port, error.strerror or type(error).__name__)


@contextmanager
def _refused_transfers(timeout_s: float) -> Iterator[None]:
    """Turn what a connection dies of into errors that say whether another try is worth it."""
    try:
        yield
    except TimeoutError:
        raise stalled(timeout_s) from None
    except OSError:
        raise broken_off() from None
    except http.client.HTTPException:
        raise _not_http() from None


def _not_http() -> InputError:
    return InputError(
        "what answers does not speak HTTP.",
        hint="Check the port, and whether the address begins with https:// or http://.",
        code="pacs-answer",
    )


def _untrusted(host: str, reason: str) -> InputError:
    return InputError(
        f"the connection to {host} cannot be trusted: {reason}.",
        hint="Give the certificate of the hospital's authority with --ca FILE.",
        code="pacs-tls",
    )


def trusted_certificates(authority: Path | None) -> ssl.SSLContext:
    """Certificates that are believed: the system's, or those of a file (PEM) alone.

    Raises
    ------
    SettingsError
        ``pacs-tls``: the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except (OSError, ssl.SSLError):
        raise SettingsError(
            "the file of --ca cannot be read, or holds no certificate.",
            hint="Give the certificate of the authority as PEM.",
            code="pacs-tls",
        ) from None


def require_success(answer: HttpAnswer, subject: str) -> None:
    """Refuse an answer that is no success.

    Parameters
    ----------
    subject
        What was asked for, for the message.

    Raises
    ------
    InputError
        ``pacs-login``, ``pacs-not-found``, ``pacs-busy``, ``pacs-unsupported`` or ``pacs-failed``,
        by the status (RFC 9110, 15).
    """
    status = answer.status
    if 200 <= status < 300:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise InputError("the PACS packs its answer, unasked.", code="pacs-answer")
        return
    refusal = _REFUSALS.get(status) or _other_refusal(status)
    raise InputError(
        f"{subject}: {refusal.what} (HTTP {status}).", hint=refusal.hint, code=refusal.code
    )


@dataclass(frozen=True)
class _Refusal:
    """What a status means to us."""

    what: str
    hint: str
    code: str


_BUSY = _Refusal("the PACS is busy or being restarted", "Try again later.", code="pacs-busy")
_UNSUPPORTED = _Refusal(
    "the PACS does not support what it is asked",
    "Ask its administrator for the DICOMweb service, or use dicom://.",
    code="pacs-unsupported",
)
_REFUSALS = {
    **dict.fromkeys((400, 405, 406, 415, 501), _UNSUPPORTED),
    **dict.fromkeys((429, 502, 503, 504), _BUSY),
    401: _Refusal(
        "the PACS does not accept user and password, or wants some",
        "Give them in the environment or with --credentials FILE.",
        code="pacs-login",
    ),
    403: _Refusal(
        "this user may not do that", "Ask the administrator of the PACS.", code="pacs-login"
    ),
    404: _Refusal(
        "the PACS has no such thing",
        "Check the UIDs, and that the address is the root of the DICOMweb service.",
        code="pacs-not-found",
    ),
    413: _Refusal(
        "the PACS takes less at a time", "Send fewer or smaller files.", code="pacs-failed"
    ),
}


def _other_refusal(status: int) -> _Refusal:
    if 300 <= status < 400:
        return _Refusal(
            "the PACS is elsewhere", "Give its new address; none is followed.", code="pacs-answer"
        )
    return _Refusal("the PACS has failed", "Its log says why.", code="pacs-failed")
