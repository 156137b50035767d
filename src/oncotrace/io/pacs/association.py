"""One association with a PACS (PS3.8): opened, watched, and closed however it ends."""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from oncotrace.errors import InputError, MissingDependencyError
from oncotrace.io.pacs.address import DicomAddress
from oncotrace.io.pacs.patience import broken_off, stalled, unreachable

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association
    from pynetdicom.events import Event, EventHandlerType
    from pynetdicom.presentation import PresentationContext

_MOST_PDU_BYTES = 128 * 1024
_REJECTIONS = {  # source, reason (PS3.8, 9.3.4)
    (1, 3): "the PACS does not know our AE title (aet in the address)",
    (1, 7): "the PACS has another AE title than the one in the address",
}
_TRANSIENT = 2
_POLL_S = 0.25
_LAST_WORDS_S = 2
_END = object()


def require_pynetdicom() -> None:
    """Refuse to go on without the library that speaks DIMSE.

    Raises
    ------
    MissingDependencyError
        pynetdicom is not installed.
    """
    if find_spec("pynetdicom") is None:
        raise MissingDependencyError(
            "an address that begins with dicom:// needs pynetdicom, which is not installed.",
            hint="Install it with: pip install 'oncotrace[pacs]'. https:// needs nothing more.",
        )


class Progress:
    """When something last came over a connection, and how much since the last object."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin to wait."""
        self.last_s = time.monotonic()
        self.bytes_of_object = 0

    def note(self, event: "Event") -> None:
        """Note that data came; bound to the events of a connection."""
        self.last_s = time.monotonic()
        self.bytes_of_object += len(event.data)

    def require(self, timeout_s: float) -> None:
        """Refuse to wait on when nothing has come for so long.

        Raises
        ------
        InputError
            ``pacs-timeout``.
        """
        if time.monotonic() - self.last_s > timeout_s:
            raise stalled(timeout_s)


def watched(
    work: Callable[[], None],
    reports: "queue.Queue[object]",
    progress: Progress,
    timeout_s: float,
    *,
    on_wait: Callable[[], None],
) -> Iterator[object]:
    """Let the protocol run in a thread of its own, and give what it reports.

    Parameters
    ----------
    work
        Runs in the thread; what it raises is raised here.
    reports
        What ``work``, and what it calls in other threads, has to tell.
    on_wait
        Called while nothing is told; may raise.

    Raises
    ------
    InputError
        ``pacs-timeout``: nothing has come or gone over the connection for ``timeout_s``.
    """
    progress.restart()
    threading.Thread(target=_reported, args=(work, reports), daemon=True).start()
    while True:
        try:
            report = reports.get(timeout=_POLL_S)
        except queue.Empty:
            progress.require(timeout_s)
            on_wait()
            continue
        if report is _END:
            return
        if isinstance(report, Exception):
            raise report
        yield report


def _reported(work: Callable[[], None], reports: "queue.Queue[object]") -> None:
    try:
        work()
        reports.put(_END)
    except Exception as error:  # it must not end unreported in its thread
        reports.put(error)


def silence_pynetdicom() -> None:
    """Keep pynetdicom from logging what it sends and receives: identifiers of patients.

    For good, since its threads outlive the connections.
    """
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


@contextmanager
def association(
    address: DicomAddress,
    contexts: "Sequence[PresentationContext]",
    timeout_s: float,
    *,
    handlers: "Sequence[EventHandlerType]" = (),
    provided_classes: Sequence[str] = (),
) -> "Iterator[Association]":
    """Open an association; it is released at the end, and cut after an error.

    Parameters
    ----------
    provided_classes
        SOP classes for which we take the part of the one that stores (PS3.7, D.3.3.4), as C-GET
        needs.

    Raises
    ------
    InputError
        ``pacs-unreachable``, ``pacs-rejected``, ``pacs-busy``, ``pacs-timeout`` or
        ``pacs-interrupted``.
    """
    from pynetdicom import AE, build_role, evt

    entity = AE(ae_title=address.calling_ae)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = timeout_s
    entity.network_timeout = None  # whoever uses the association watches it
    silence_pynetdicom()
    _require_listening(address, timeout_s)
    begun = time.monotonic()
    opened = entity.associate(
        address.host,
        address.port,
        contexts=list(contexts),
        ae_title=address.called_ae,
        max_pdu=_MOST_PDU_BYTES,
        ext_neg=[build_role(uid, scp_role=True) for uid in provided_classes],
        evt_handlers=[(evt.EVT_CONN_OPEN, send_at_once), *handlers],
    )
    if not opened.is_established:
        is_late = time.monotonic() - begun >= timeout_s
        cut(opened)
        raise _refusal(opened, address, timeout_s, is_late=is_late)
    try:
        yield opened
    except BaseException:
        cut(opened)
        raise
    _release(opened)


def send_at_once(event: "Event") -> None:
    """Let a connection that has been opened send small packets at once, not 40 ms later."""
    connection = event.assoc.dul.socket
    raw = None if connection is None else connection.socket
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _release(opened: "Association") -> None:
    if opened.is_established:
        opened.release()
    if not opened.is_released:
        cut(opened)


def cut(opened: "Association") -> None:
    """Close the connection at once, also while a thread is blocked on it."""
    connection = opened.dul.socket
    raw = None if connection is None else connection.socket
    if raw is not None:
        with suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)
    if opened.is_alive():
        opened.join(timeout=_LAST_WORDS_S)
    if raw is not None:
        raw.close()  # pynetdicom leaves it open once it has been shut down


def _require_listening(address: DicomAddress, timeout_s: float) -> None:
    """Refuse an address where nothing listens, with the reason that pynetdicom does not give."""
    host, port = address.host, address.port
    try:
        socket.create_connection((host, port), timeout_s).close()
    except TimeoutError:
        raise unreachable(host, port, f"no answer in {timeout_s:g} s") from None
    except socket.gaierror:
        raise unreachable(host, port, "no such host") from None
    except OSError as error:
        raise unreachable(host, port, error.strerror or type(error).__name__) from None


def _refusal(
    opened: "Association", address: DicomAddress, timeout_s: float, *, is_late: bool
) -> InputError:
    if opened.is_rejected:
        return _rejection(opened)
    if is_late:
        return stalled(timeout_s)
    if opened.rejected_contexts and not opened.accepted_contexts:
        return unsupported("any of the services that are asked for")
    return InputError(
        f"what answers at {address.host}, port {address.port}, does not speak DICOM, or closes the "
        "connection at once.",
        hint="Check the port: DICOM's is often 104 or 11112, and not that of the web pages.",
        code="pacs-interrupted",
    )


def _rejection(opened: "Association") -> InputError:
    answer = opened.acceptor.primitive
    result = getattr(answer, "result", None)
    source, reason = getattr(answer, "result_source", None), getattr(answer, "diagnostic", None)
    if result == _TRANSIENT:
        return InputError(
            "the PACS takes no more connections now.", hint="Try again later.", code="pacs-busy"
        )
    what = _REJECTIONS.get((source or 0, reason or 0), f"source {source}, reason {reason}")
    return InputError(
        f"the PACS rejects the association: {what}.",
        hint="Check both AE titles; the administrator must enter ours and this machine's address.",
        code="pacs-rejected",
    )


def unsupported(what: str) -> InputError:
    """Build the error for a service that the PACS does not offer."""
    return InputError(
        f"the PACS does not offer {what}.",
        hint="Ask its administrator which services it offers to our AE title.",
        code="pacs-unsupported",
    )


def required_status(status: "Dataset", timeout_s: float, since: float) -> int:
    """Status of an answer.

    Parameters
    ----------
    since
        `time.monotonic` when the answer was first waited for.

    Raises
    ------
    InputError
        There is none: ``pacs-timeout`` or ``pacs-interrupted``.
    """
    if "Status" in status:
        return int(status.Status)
    if time.monotonic() - since >= timeout_s:
        raise stalled(timeout_s)
    raise broken_off()
