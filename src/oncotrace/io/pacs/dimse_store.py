"""Sending files to a PACS that speaks DIMSE (C-STORE, PS3.4, annex B)."""

import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom import dcmread

from oncotrace.errors import OncotraceError
from oncotrace.io.dicom_header import EXPLICIT_LITTLE, IMPLICIT_LITTLE, quiet_pydicom
from oncotrace.io.pacs.address import DicomAddress
from oncotrace.io.pacs.association import Progress, association, required_status, watched
from oncotrace.io.pacs.outgoing import OutgoingFile, SentInstance
from oncotrace.io.pacs.patience import Patience, broken_off
from oncotrace.io.pacs.status import explain, is_stored

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

_PAIRS_AT_A_TIME = 40  # of SOP class and transfer syntax; each takes up to three of 128 contexts
_CONVERTIBLE = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_FATAL = {"pacs-unreachable", "pacs-rejected", "pacs-unsupported"}


def send_files(
    address: DicomAddress, patience: Patience, files: Sequence[OutgoingFile]
) -> Iterator[SentInstance]:
    """Send files one by one, each as it is on the disk where the PACS takes it so.

    Raises
    ------
    InputError
        The PACS cannot be reached or rejects us; what fails with some files only is told with each.
    """
    for batch in _batches(files):
        yield from _persistently(address, patience, batch)


def _batches(files: Sequence[OutgoingFile]) -> Iterator[list[OutgoingFile]]:
    """Group files, in their order, by how many contexts an association can hold."""
    batch: list[OutgoingFile] = []
    pairs: set[tuple[str, str]] = set()
    for file in files:
        pair = (file.sop_class_uid, file.transfer_syntax)
        if pair not in pairs and len(pairs) == _PAIRS_AT_A_TIME:
            yield batch
            batch, pairs = [], set()
        batch.append(file)
        pairs.add(pair)
    if batch:
        yield batch


def _persistently(
    address: DicomAddress, patience: Patience, batch: Sequence[OutgoingFile]
) -> Iterator[SentInstance]:
    """Send a batch; after a connection that broke off, what is left of it."""
    left, attempt = list(batch), 0
    while left:
        try:
            for sent in _sent(address, patience.timeout_s, tuple(left)):
                left.pop(0)
                yield sent
        except OncotraceError as error:
            if error.code in _FATAL:
                raise
            if patience.wait_after(attempt, error):
                attempt += 1
                continue
            for file in left:
                uid = file.sop_instance_uid
                yield SentInstance(file.label, uid, False, None, error.message, error.code)
        return


def _sent(
    address: DicomAddress, timeout_s: float, files: Sequence[OutgoingFile]
) -> Iterator[SentInstance]:
    """Send files over one association, in their order, and tell what became of each."""
    from pynetdicom import evt

    progress, reports = Progress(), queue.Queue[object]()
    handlers = [(evt.EVT_DATA_SENT, progress.note), (evt.EVT_DATA_RECV, progress.note)]
    with association(address, _contexts(files), timeout_s, handlers=handlers) as opened:
        opened.dimse_timeout = None  # counts from before the object is sent; progress is watched

        def send_all() -> None:
            for file in files:
                reports.put(_store_one(opened, file, timeout_s))

        for report in watched(send_all, reports, progress, timeout_s, on_wait=lambda: None):
            if isinstance(report, SentInstance):
                yield report


def _contexts(files: Sequence[OutgoingFile]) -> "list[PresentationContext]":
    """Each class in the syntax that it is stored in; uncompressed ones in others, too."""
    from pynetdicom import build_context

    pairs: dict[tuple[str, str], None] = {}
    for file in files:
        syntax = file.transfer_syntax
        for each in (syntax, *(_CONVERTIBLE if syntax in _CONVERTIBLE else ())):
            pairs[file.sop_class_uid, each] = None
    return [build_context(*pair) for pair in pairs]


def _store_one(opened: "Association", file: OutgoingFile, timeout_s: float) -> SentInstance:
    accepted = {
        str(context.transfer_syntax[0])
        for context in opened.accepted_contexts
        if context.abstract_syntax == file.sop_class_uid
    }
    label, uid, since = file.label, file.sop_instance_uid, time.monotonic()
    try:
        if file.transfer_syntax in accepted:
            with _as_stored():
                answer = opened.send_c_store(file.path)
        elif accepted & set(_CONVERTIBLE) and file.transfer_syntax in _CONVERTIBLE:
            with quiet_pydicom():
                answer = opened.send_c_store(dcmread(file.path))
        else:
            reason = "the PACS does not take objects of this kind in their transfer syntax"
            return SentInstance(label, uid, False, None, reason, "pacs-not-stored")
    except (AttributeError, OSError, RuntimeError, ValueError):
        if not opened.is_established:
            raise broken_off() from None
        return SentInstance(label, uid, False, None, "the file cannot be sent", "pacs-not-stored")
    status = required_status(answer, timeout_s, since)
    stored = is_stored(status)
    code = "" if stored else "pacs-not-stored"
    return SentInstance(label, uid, stored, status, explain(status), code)


@contextmanager
def _as_stored() -> Iterator[None]:
    """Let pynetdicom send files byte by byte as they are, without holding them in memory."""
    from pynetdicom import _config

    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before
