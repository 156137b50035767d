"""What kind of object a DICOM file holds, told from its first elements."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import StoredFile, refused_reads
from oncotrace.io.dicom_header import quiet_pydicom, read_header

ObjectKind = Literal["segmentation", "structures", "report", "other"]

# SOP classes (PS3.4, B.5), by what they are or begin with.
_KINDS: dict[str, ObjectKind] = {
    "1.2.840.10008.5.1.4.1.1.66.4": "segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "segmentation",  # label map
    "1.2.840.10008.5.1.4.1.1.481.3": "structures",
}
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."

_CLASS_IN_META = BaseTag(0x00020002)  # Media Storage SOP Class UID (PS3.10, 7.1)
_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"


@dataclass(frozen=True)
class DicomObject:
    """What a DICOM file holds; ``name`` is that of its SOP class, for messages."""

    kind: ObjectKind
    name: str


def dicom_object(path: Path) -> DicomObject | None:
    """Kind of a DICOM file, with or without preamble; none when the file is not DICOM.

    Raises
    ------
    DicomError
        The file is missing or may not be read, or it begins as DICOM and then cannot be read on.
    """
    if not path.is_file():
        raise DicomError(f"there is no file {path.name}.", code="missing-file")
    with quiet_pydicom():
        # First the meta information: a header is read up to its pixels, and contours have none.
        sop_class = _class_in_meta(path) or _class_in_header(path)
        return DicomObject(_kind(sop_class), _name(UID(sop_class))) if sop_class else None


def _kind(sop_class: str) -> ObjectKind:
    return "report" if sop_class.startswith(_REPORTS) else _KINDS.get(sop_class, "other")


def _name(sop_class: UID) -> str:
    """Name of a SOP class; in a damaged file the UID may run on into the patient's name."""
    return "an object of no known kind" if sop_class.name == sop_class else str(sop_class.name)


def _class_in_meta(path: Path) -> str:
    with refused_reads(), path.open("rb") as stream:
        if stream.read(_PREAMBLE_BYTES + len(_MAGIC))[_PREAMBLE_BYTES:] != _MAGIC:
            return ""
        try:
            meta = read_dataset(
                stream, False, True, stop_when=_behind_meta, specific_tags=[_CLASS_IN_META]
            )
            return str(meta.get("MediaStorageSOPClassUID") or "")
        except Exception:  # what pydicom raises on damaged files is no closed set
            return ""  # reading the header will say what is wrong


def _class_in_header(path: Path) -> str:
    file = StoredFile(path.name, path.stat().st_size, lambda: path.open("rb"))
    header = read_header(file, path.name)
    return "" if header is None else header.sop_class


def _behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag >> 16 != 0x0002)
