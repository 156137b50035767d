"""Sending files to a DICOMweb service (STOW-RS, PS3.18, 10.5)."""

import secrets
from collections.abc import Iterator, Mapping, Sequence

from oncotrace.errors import InputError, OncotraceError
from oncotrace.io.dicom_files import refused_reads
from oncotrace.io.pacs.http import HttpAnswer, HttpService, require_success
from oncotrace.io.pacs.outgoing import OutgoingFile, SentInstance
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.status import explain

_MOST_FILES = 100
_MOST_BYTES = 64 * 2**20
_CHUNK_BYTES = 256 * 1024

_REFERENCED, _FAILED = "00081199", "00081198"  # sequences of the answer
_INSTANCE, _WARNING_REASON, _FAILURE_REASON = "00081155", "00081196", "00081197"
_SPEAKING = {200, 202, 409}  # answers that tell of each instance
_FATAL = {"pacs-unreachable", "pacs-tls", "pacs-login", "pacs-not-found", "pacs-unsupported"}


def send_files(
    service: HttpService, patience: Patience, files: Sequence[OutgoingFile]
) -> Iterator[SentInstance]:
    """Send files, several at a time and each as it is on the disk.

    Raises
    ------
    InputError
        The service cannot be reached, does not let us in, or takes no objects; what fails with
        some files only is told with each of them.
    """
    for batch in _batches(files):
        try:
            yield from patience.persist(lambda batch=batch: _stored(service, batch))  # type: ignore[misc]
        except OncotraceError as error:
            if error.code in _FATAL:
                raise
            for file in batch:
                yield SentInstance(
                    file.label, file.sop_instance_uid, False, None, error.message, error.code
                )


def _batches(files: Sequence[OutgoingFile]) -> Iterator[list[OutgoingFile]]:
    """Group files in their order, so that one request is neither tiny nor huge."""
    batch: list[OutgoingFile] = []
    size_bytes = 0
    for file in files:
        is_full = len(batch) == _MOST_FILES or size_bytes + file.size_bytes > _MOST_BYTES
        if batch and is_full:
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += file.size_bytes
    if batch:
        yield batch


def _stored(service: HttpService, batch: Sequence[OutgoingFile]) -> list[SentInstance]:
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    tail = f"--{boundary}--\r\n".encode()
    length = sum(len(head) + file.size_bytes + 2 for file in batch) + len(tail)
    headers = {
        "Accept": "application/dicom+json",
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Content-Length": str(length),
    }
    with service.asked("POST", "/studies", headers, _message(batch, head, tail)) as answer:
        if answer.status not in _SPEAKING:
            require_success(answer, "the files cannot be sent")
        return _told(answer, batch)


def _message(batch: Sequence[OutgoingFile], head: bytes, tail: bytes) -> Iterator[bytes]:
    for file in batch:
        yield head
        yield from _content(file)
        yield b"\r\n"
    yield tail


def _content(file: OutgoingFile) -> Iterator[bytes]:
    left = file.size_bytes
    with refused_reads(), file.path.open("rb") as stream:
        while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk
    if left:
        raise InputError(f"{file.label} has become shorter while it was sent.", code="truncated")


def _told(answer: HttpAnswer, batch: Sequence[OutgoingFile]) -> list[SentInstance]:
    """Read what the answer says of each file."""
    told = answer.read_json()
    dataset = told[0] if isinstance(told, list) and told else told
    if not isinstance(dataset, dict):
        raise InputError("the PACS does not say what it has stored.", code="pacs-answer")
    stored, failed = _reasons(dataset, _REFERENCED), _reasons(dataset, _FAILED)
    return [_outcome(file, stored, failed) for file in batch]


def _outcome(
    file: OutgoingFile, stored: Mapping[str, int], failed: Mapping[str, int]
) -> SentInstance:
    uid = file.sop_instance_uid
    if uid in failed:
        status = failed[uid]
        return SentInstance(file.label, uid, False, status, explain(status), code="pacs-not-stored")
    if uid in stored:
        return SentInstance(file.label, uid, True, stored[uid], explain(stored[uid]))
    return SentInstance(
        file.label, uid, False, None, "the PACS does not say what became of it", "pacs-not-stored"
    )


def _reasons(dataset: Mapping[str, object], sequence: str) -> dict[str, int]:
    """Status of each instance in one of the sequences of the answer."""
    reason = _FAILURE_REASON if sequence == _FAILED else _WARNING_REASON
    default = 0x0110 if sequence == _FAILED else 0
    reasons: dict[str, int] = {}
    for item in _values(dataset.get(sequence)):
        if isinstance(item, dict):
            uids, given = _values(item.get(_INSTANCE)), _values(item.get(reason))
            status = given[0] if given and isinstance(given[0], int) else default
            reasons.update({str(uid): status for uid in uids})
    return reasons


def _values(element: object) -> list[object]:
    given = element.get("Value") if isinstance(element, dict) else None
    return given if isinstance(given, list) else []
