"""Fetching from a PACS that speaks DIMSE: C-GET, or C-MOVE to a store of our own (PS3.4, C.4).

What arrives is written by the threads of the protocol and reported to the one that waits, which
notices when nothing comes any more and closes the connection.
"""

import queue
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from oncotrace.errors import DicomError, InputError, OncotraceError
from oncotrace.io.pacs.address import DicomAddress
from oncotrace.io.pacs.arrivals import Arrivals, SeriesKey
from oncotrace.io.pacs.association import (
    Progress,
    association,
    cut,
    send_at_once,
    silence_pynetdicom,
    unsupported,
    watched,
)
from oncotrace.io.pacs.client import Arrival
from oncotrace.io.pacs.patience import broken_off
from oncotrace.io.pacs.query import FoundInstance
from oncotrace.io.pacs.status import OUT_OF_RESOURCES, UNKNOWN_DESTINATION, explain
from oncotrace.io.transfer_syntaxes import NATIVE, READABLE

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event, EventHandlerType
    from pynetdicom.presentation import PresentationContext

_GET = "1.2.840.10008.5.1.4.1.2.2.3"
_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_UIDS_AT_A_TIME = 200
_MOST_BYTES_IN_MEMORY = 4 * 2**30
_MOST_CONTEXTS = 128  # PS3.8, 9.3.2.2: odd numbers from 1 to 255
_STORED, _REFUSED, _OUT_OF_RESOURCES = 0x0000, 0xA900, 0xA700
_PENDING = (0xFF00, 0xFF01)
_SOME_FAILED = 0xB000


@dataclass
class _Reception:
    """What takes the objects of one series in, and reports on it."""

    series: SeriesKey
    wanted: frozenset[str]
    arrivals: Arrivals
    reports: "queue.Queue[object]" = field(default_factory=queue.Queue)
    progress: Progress = field(default_factory=Progress)

    def take(self, event: "Event") -> int:
        """Keep an object that is sent to us, and answer with a status."""
        self.progress.bytes_of_object = 0
        try:
            uid = self.arrivals.keep(self.series, self.wanted, [event.encoded_dataset()])
        except OncotraceError as error:
            is_fault_of_object = isinstance(error, DicomError) or error.code == "pacs-syntax"
            self.reports.put(Arrival(refusal=error) if is_fault_of_object else error)
            return _REFUSED if is_fault_of_object else _OUT_OF_RESOURCES
        if uid is not None:
            self.reports.put(Arrival(uid))
        return _STORED

    def require_room(self) -> None:
        """Refuse an object that grows beyond what may arrive, or what memory should hold.

        Raises
        ------
        InputError
            ``pacs-too-much``.
        """
        growing_bytes = self.progress.bytes_of_object
        self.arrivals.require_room(growing_bytes)
        if growing_bytes > _MOST_BYTES_IN_MEMORY:
            raise InputError(
                f"the PACS sends an object of more than {_MOST_BYTES_IN_MEMORY // 2**30} GiB.",
                hint="Fetch it by DICOMweb, which needs no memory for it.",
                code="pacs-too-much",
            )


def retrieved(
    address: DicomAddress,
    timeout_s: float,
    series: SeriesKey,
    instances: Sequence[FoundInstance],
    arrivals: Arrivals,
    *,
    all_of_it: bool,
) -> Iterator[Arrival]:
    """Fetch instances of a series, and tell of each as it arrives.

    Raises
    ------
    InputError
        The PACS cannot be reached, refuses, breaks off, or sends nothing for ``timeout_s``.
    OutputError
        What arrives cannot be written.
    """
    wanted = [instance.sop_instance_uid for instance in instances]
    reception = _Reception(series, frozenset(wanted), arrivals)
    identifiers = [_identifier(series)] if all_of_it else list(_identifiers(series, wanted))
    with ExitStack() as open_until_end:
        if address.retrieve == "move":
            open_until_end.enter_context(_store(address, timeout_s, reception))
        opened = open_until_end.enter_context(_connected(address, timeout_s, instances, reception))
        for report in watched(
            lambda: _ask_all(opened, address, identifiers),
            reception.reports,
            reception.progress,
            timeout_s,
            on_wait=reception.require_room,
        ):
            if isinstance(report, Arrival):
                yield report


def _identifier(series: SeriesKey) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "SERIES"
    identifier.StudyInstanceUID = series.study_uid
    identifier.SeriesInstanceUID = series.series_uid
    return identifier


def _identifiers(series: SeriesKey, wanted: Sequence[str]) -> Iterator[Dataset]:
    for first in range(0, len(wanted), _UIDS_AT_A_TIME):
        identifier = _identifier(series)
        identifier.QueryRetrieveLevel = "IMAGE"
        identifier.SOPInstanceUID = list(wanted[first : first + _UIDS_AT_A_TIME])
        yield identifier


@contextmanager
def _connected(
    address: DicomAddress,
    timeout_s: float,
    instances: Sequence[FoundInstance],
    reception: _Reception,
) -> "Iterator[Association]":
    """Association over which the series is asked for."""
    from pynetdicom import build_context, evt

    is_get = address.retrieve == "get"
    classes = sorted({instance.sop_class_uid for instance in instances} - {""}) if is_get else []
    model = _GET if is_get else _MOVE
    contexts = [build_context(model), *_storage_contexts(classes)]
    handlers: list[EventHandlerType] = [
        (evt.EVT_DATA_RECV, reception.progress.note),
        (evt.EVT_C_STORE, reception.take),
    ]
    with association(
        address, contexts, timeout_s, handlers=handlers, provided_classes=classes
    ) as opened:
        opened.dimse_timeout = None  # the reports are watched instead: answers may be far between
        if not any(context.abstract_syntax == model for context in opened.accepted_contexts):
            raise unsupported("C-GET (study root)" if is_get else "C-MOVE (study root)")
        yield opened


def _storage_contexts(classes: Sequence[str]) -> "list[PresentationContext]":
    """Contexts for what C-GET brings: one per class and syntax, so that none must be converted."""
    from pynetdicom import build_context

    pairs = [(sop_class, syntax) for syntax in READABLE for sop_class in classes]
    if len(pairs) < _MOST_CONTEXTS:
        return [build_context(*pair) for pair in pairs]
    return [build_context(sop_class, list(NATIVE)) for sop_class in classes[: _MOST_CONTEXTS - 1]]


@contextmanager
def _store(address: DicomAddress, timeout_s: float, reception: _Reception) -> Iterator[None]:
    """Store at our port, open as long as the block runs, for associations to our AE title only.

    Raises
    ------
    InputError
        ``pacs-store-port``: the port cannot be listened at.
    """
    from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

    silence_pynetdicom()
    entity = AE(ae_title=address.calling_ae)
    entity.require_called_aet = True
    entity.acse_timeout = entity.network_timeout = timeout_s
    contexts = [
        build_context(context.abstract_syntax, list(READABLE))
        for context in AllStoragePresentationContexts
        if context.abstract_syntax is not None
    ]
    try:
        entity.start_server(
            (address.bind, address.listen or 0),
            block=False,
            contexts=contexts,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, send_at_once),
                (evt.EVT_C_STORE, reception.take),
                (evt.EVT_DATA_RECV, reception.progress.note),
            ],
        )
    except OSError as error:
        raise InputError(
            f"port {address.listen} at {address.bind} cannot be listened at: "
            f"{error.strerror or type(error).__name__}.",
            hint="Give a free port and an address of this machine (listen and bind).",
            code="pacs-store-port",
        ) from None
    try:
        yield
    finally:
        for opened in entity.active_associations:
            cut(opened)
        entity.shutdown()


def _ask_all(opened: "Association", address: DicomAddress, identifiers: Sequence[Dataset]) -> None:
    """Ask for everything, one question after the other; what comes is taken in by handlers."""
    for identifier in identifiers:
        answers = (
            opened.send_c_get(identifier, _GET)
            if address.retrieve == "get"
            else opened.send_c_move(identifier, address.calling_ae, _MOVE)
        )
        last = Dataset()
        for status, _ in answers:
            last = status
        _require_no_failure(_final_status(last))


def _final_status(status: Dataset) -> int:
    if "Status" not in status or status.Status in _PENDING:
        raise broken_off()
    return int(status.Status)


def _require_no_failure(status: int) -> None:
    """Refuse a status that tells of failure; objects that are missing are counted by the caller."""
    if status in (0, _SOME_FAILED):
        return
    message = f"the series is not sent: {explain(status)}."
    if status == UNKNOWN_DESTINATION:
        hint = "Its administrator must enter our AE title, host and port."
        raise InputError(message, hint=hint, code="pacs-destination")
    if status in OUT_OF_RESOURCES:
        raise InputError(message, hint="Try again later.", code="pacs-busy")
    raise InputError(message, hint="Its log says why.", code="pacs-failed")
