"""Our header reader beside pydicom's, on the bytes of one file."""

import math
from collections.abc import Iterator
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.headers.fields import FIELDS, WANTED, Field
from oncotrace.io.headers.file import FileFields, read_fields
from oncotrace.io.headers.row import HeaderRow, header_row
from oncotrace.io.headers.values import MalformedValue, numbers_of, text_value

_SOP_CLASS = 0x00080016
_FRAME_TAGS = {  # which stand in functional groups, too
    0x00200032, 0x00200037, 0x00180050, 0x00180088, 0x00280030, 0x00281052, 0x00281053,
    0x00281054, 0x00180080, 0x00181314, 0x00180060, 0x00181210,
    0x00180081, 0x00180082, 0x00180091, 0x00181151, 0x00181152, 0x00189087, 0x00200100,
}  # fmt: skip
_TEXT = (b"CS", b"DA", b"DT", b"LO", b"SH", b"TM", b"UI")


def fields_of(content: bytes) -> FileFields:
    """Read the header of a file given as bytes."""
    stream = BytesIO(content)

    def read_at(offset: int, size: int) -> bytes:
        stream.seek(offset)
        return stream.read(size)

    return read_fields(read_at, len(content))


def row_of(content: bytes) -> HeaderRow:
    return header_row(fields_of(content))


def disagreements(content: bytes) -> list[str]:
    """Names of fields of which pydicom reads another value.

    None where we report something, nor where pydicom cannot read the file: it stumbles over
    elements that ours steps over.
    """
    fields = fields_of(content)
    row = header_row(fields)
    if row.code or row.remarks:
        return []
    with quiet_pydicom():
        try:
            dataset = pydicom.dcmread(BytesIO(content), stop_before_pixels=True, force=True)
            return list(_differing(fields, dataset))
        except Exception:  # what pydicom raises on damaged files is no closed set
            return []


def _differing(fields: FileFields, dataset: Dataset) -> Iterator[str]:
    character_set = "ISO_IR 6"
    if "character_set" in fields.found:
        character_set = text_value(fields.found["character_set"][0]) or character_set
    for tag, field in WANTED.items():
        if not isinstance(field, Field) or _may_come_from_elsewhere(tag, dataset):
            continue
        raws = fields.found.get(field.name, [])
        ours = _ours(FIELDS[field.name], raws[0], character_set, fields) if raws else None
        if not _equal(ours, _theirs(dataset, tag)):
            yield field.name


def _may_come_from_elsewhere(tag: int, dataset: Dataset) -> bool:
    """Whether ours is taken from meta information or functional groups where this is absent."""
    return tag not in dataset and (tag == _SOP_CLASS or tag in _FRAME_TAGS)


def _ours(field: Field, raw: tuple[bytes, bytes], character_set: str, fields: FileFields) -> object:
    try:
        if field.vr in _TEXT:
            return text_value(raw, character_set) or None
        return numbers_of(field, raw, big_endian=fields.is_big_endian)
    except MalformedValue:
        return "malformed"


def _theirs(dataset: Dataset, tag: int) -> object:
    if tag not in dataset:
        return None
    value = dataset[tag].value
    if value is None or value == "":
        return None
    if isinstance(value, MultiValue):
        return list(value) or None
    return value


def _equal(ours: object, theirs: object) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(ours, tuple):
        numbers = theirs if isinstance(theirs, list) else [theirs]
        return all(
            math.isclose(a, float(b), rel_tol=1e-12) for a, b in zip(ours, numbers, strict=False)
        )
    parts = theirs if isinstance(theirs, list) else [theirs]
    return str(ours) == "\\".join(str(part).rstrip(" \0").lstrip(" ") for part in parts)
