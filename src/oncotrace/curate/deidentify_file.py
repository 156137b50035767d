"""The bytes of a DICOM file without what tells whose it is; its pixels to the last byte."""

import re
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from oncotrace.curate.deid_key import Patient, Secret
from oncotrace.curate.deid_options import Confidentiality
from oncotrace.curate.deid_risks import LEFT_OUT, RISKS, Risk, pixel_format, risks
from oncotrace.curate.deid_structure import require_sound
from oncotrace.curate.deidentify import Change, Deidentifier
from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import inflate
from oncotrace.io.dicom_header import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    quiet_pydicom,
)

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_STANDARD_ROOT = "1.2.840.10008."
_DIRECTORY = "1.2.840.10008.1.3.10"
_NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG)
_LONG = (b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"UR", b"OD", b"OF", b"OL", b"OV")
_TRANSFER_SYNTAX, _SOP_CLASS = 0x00020010, 0x00020002
_SURVEYED = (0x00080005, 0x00100020, 0x00100010, 0x0020000D, 0x0020000E, 0x00080018, 0x00200013)
_NUMBER = re.compile(r"-?\d{1,9}")
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, eq=False)
class DicomContent:
    """A file taken apart: its transfer syntax, and the bytes of its dataset, inflated.

    Parameters
    ----------
    sop_class
        As the file meta information says it; empty where there is none.
    """

    transfer_syntax: str
    sop_class: str
    body: memoryview

    @property
    def implicit(self) -> bool:
        """Whether elements name no value representation."""
        return self.transfer_syntax == IMPLICIT_LITTLE

    @property
    def big_endian(self) -> bool:
        """Whether the dataset is in big endian order."""
        return self.transfer_syntax == EXPLICIT_BIG

    def dataset(self) -> Dataset:
        """Read the dataset, values as they are needed.

        Raises
        ------
        DicomError
            It contradicts itself.
        """
        end = require_sound(self.body, implicit=self.implicit, big_endian=self.big_endian)
        with _refused_parsing():
            return read_dataset(BytesIO(self.body[:end]), self.implicit, not self.big_endian)


@dataclass(frozen=True, eq=False)
class Deidentified:
    """A file as it may be passed on.

    Parameters
    ----------
    content
        Its bytes; none when it is left out because of ``risks``.
    """

    content: bytes | None
    changes: Counter[Change]
    risks: frozenset[Risk]


def take_apart(content: bytes) -> DicomContent | None:
    """Split a file into file meta information and dataset; none when it is not DICOM.

    Raises
    ------
    DicomError
        It is a DICOMDIR, is damaged, or inflates to too much.
    """
    offset = _PREAMBLE_BYTES + len(_MAGIC)
    has_preamble = content[_PREAMBLE_BYTES:offset] == _MAGIC
    start = offset if has_preamble else 0
    if not has_preamble and not _looks_like_dataset(content[:12]):
        return None
    meta, offset = _file_meta(content, start)
    syntax = meta.get(_TRANSFER_SYNTAX) or _guessed_syntax(content[offset : offset + 6])
    sop_class = meta.get(_SOP_CLASS, "")
    if sop_class == _DIRECTORY:
        raise DicomError(
            "a DICOMDIR lists names and files, and is not passed on.",
            hint="Make a new one of the output, if one is needed.",
            code="directory-file",
        )
    if not _UID.fullmatch(syntax):
        raise DicomError("the transfer syntax is malformed.", code="malformed-dataset")
    body = memoryview(content)[offset:]
    if syntax == DEFLATED_LITTLE:
        body = inflate(BytesIO(body)).getbuffer()
    return DicomContent(syntax, sop_class, body)


def survey_header(content: DicomContent) -> tuple[str, str, str, str, int]:
    """Patient, study, series and SOP instance of a file, and its number in the series.

    A patient without an id goes by the name, or else by the study.

    Raises
    ------
    DicomError
        The header cannot be read.
    """
    with quiet_pydicom(), _refused_parsing():
        dataset = read_dataset(
            BytesIO(content.body),
            content.implicit,
            not content.big_endian,
            stop_when=_behind_instance_number,
            specific_tags=[BaseTag(tag) for tag in _SURVEYED],
        )
        patient, name, study, series, instance, number = (
            str(dataset.get(tag).value or "").strip() if tag in dataset else ""
            for tag in _SURVEYED[1:]
        )
    whose = patient or (f"name:{name}" if name else f"study:{study}")
    return whose, study, series, instance, int(number) if _NUMBER.fullmatch(number) else 0


def _behind_instance_number(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag > _SURVEYED[-1])


def deidentified(
    content: DicomContent,
    *,
    confidentiality: Confidentiality,
    secret: Secret,
    patient: Patient,
    keep_burned_in: bool,
) -> Deidentified:
    """De-identify a file.

    Preamble and file meta information are made anew; bytes behind the pixels are left behind, and
    so is everything that table E.1-1 of PS3.15 or the rules of this package take out. The transfer
    syntax and the pixel data stay as they are.

    Raises
    ------
    DicomError
        The file is damaged, or of a SOP class that is not the standard's.
    """
    with quiet_pydicom():
        dataset = content.dataset()
        sop_class = _standard_class(dataset, content)
        _require_plain_pixels(dataset, content.transfer_syntax)
        found = risks(dataset, sop_class)
        if found & LEFT_OUT and not keep_burned_in:
            return Deidentified(None, Counter(), found)
        deidentifier = Deidentifier(confidentiality, secret, patient, sop_class)
        with _refused_parsing():
            deidentifier.apply(dataset)
            written = _written(dataset, sop_class, content.transfer_syntax)
        return Deidentified(written, deidentifier.changes, found)


def left_out_message(found: frozenset[Risk]) -> tuple[Risk, str]:
    """Code and reason for which an object is left out."""
    risk = next(risk for risk in RISKS if risk in found & LEFT_OUT)
    return risk, RISKS[risk]


def _written(dataset: Dataset, sop_class: str, syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    dataset.preamble = b"\0" * _PREAMBLE_BYTES
    stream = BytesIO()
    dcmwrite(
        stream,
        dataset,
        implicit_vr=syntax == IMPLICIT_LITTLE,
        little_endian=syntax != EXPLICIT_BIG,
        enforce_file_format=True,
    )
    return stream.getvalue()


def _standard_class(dataset: Dataset, content: DicomContent) -> str:
    sop_class = str(dataset.get("SOPClassUID") or content.sop_class)
    if not _UID.fullmatch(sop_class) or not dataset.get("SOPInstanceUID"):
        raise DicomError("the file does not say what object it is.", code="missing-tag")
    if not sop_class.startswith(_STANDARD_ROOT):
        raise DicomError(
            "the object is of a vendor's own kind; nothing says what in it is about the patient.",
            hint="Export it as an object of the standard.",
            code="private-sop-class",
        )
    return sop_class


def _require_plain_pixels(dataset: Dataset, syntax: str) -> None:
    """Refuse native pixels that are longer than their image: the rest could be anything."""
    if syntax not in _NATIVE or "PixelData" not in dataset:
        return
    expected = pixel_format(dataset).pixel_bytes
    found = len(dataset.get_item("PixelData").value or b"")
    if expected and found > expected:
        raise DicomError(
            f"the file holds {found} bytes of pixels, its rows, columns, frames and bits need "
            f"{expected}.",
            hint="Fetch it again; the file contradicts itself.",
            code="pixel-length",
        )


def _file_meta(content: bytes, offset: int) -> tuple[dict[int, str], int]:
    """Values of group 0002 as text, and where the dataset begins."""
    values: dict[int, str] = {}
    while content[offset : offset + 2] == b"\x02\x00":
        head = content[offset : offset + 12]
        if len(head) < 8:
            raise _cut_off()
        group, element, name = struct.unpack("<HH2s", head[:6])
        is_long = name in _LONG
        if is_long and len(head) < 12:
            raise _cut_off()
        (length,) = struct.unpack("<I", head[8:12]) if is_long else struct.unpack("<H", head[6:8])
        offset += 12 if is_long else 8
        if offset + length > len(content):
            raise _cut_off()
        value = content[offset : offset + length]
        values[group << 16 | element] = value.rstrip(b"\0 ").decode("ascii", "replace")
        offset += length
    return values, offset


def _looks_like_dataset(head: bytes) -> bool:
    """Whether the bytes can be the first element of a dataset in group 0002 or 0008."""
    if len(head) < 12:
        return False
    group, element, length = struct.unpack("<HHI", head[:8])
    is_explicit = re.fullmatch(rb"[A-Z]{2}", head[4:6]) is not None
    return group in (0x0002, 0x0008) and element <= 0x0100 and (is_explicit or length <= 0x0400)


def _guessed_syntax(head: bytes) -> str:
    return EXPLICIT_LITTLE if re.fullmatch(rb"[A-Z]{2}", head[4:6]) else IMPLICIT_LITTLE


@contextmanager
def _refused_parsing() -> Iterator[None]:
    """Turn whatever pydicom raises on a damaged dataset into a `DicomError`."""
    try:
        yield
    except DicomError:
        raise
    except Exception:  # no closed set; `from None`, for the message may repeat values
        raise _cut_off() from None


def _cut_off() -> DicomError:
    return DicomError(
        "the file is damaged or cut off inside its header.",
        hint="Fetch it again.",
        code="truncated",
    )
