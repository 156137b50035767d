"""What de-identifying a header cannot take out: text in the pixels, faces, overlay planes."""

from dataclasses import dataclass
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

Risk = Literal["burned-in-text", "face", "overlay-removed", "overlay-in-pixels", "document"]

RISKS: dict[Risk, str] = {
    "burned-in-text": "The pixels may show text about the patient: look at them.",
    "overlay-in-pixels": "An overlay plane lies in unused bits of the pixels: look at it.",
    "document": "The object holds a document or film, which cannot be looked through.",
    "face": "The head is in the image: a face can be made from it, and recognised.",
    "overlay-removed": "Overlay planes were removed, which may have held more than text.",
}
"""What the report says of them."""

LEFT_OUT: frozenset[Risk] = frozenset(("burned-in-text", "overlay-in-pixels", "document"))
"""Risks for which an object is left out unless the user keeps it."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# PS3.4, B.5: secondary capture, ultrasound, visible light and film, and photographs of the eye.
_PRONE = ("7", "7.1", "7.2", "7.3", "7.4", "3", "3.1", "6", "6.1", "6.2", "77.1.1", "77.1.1.1",
          "77.1.2", "77.1.2.1", "77.1.4", "77.1.4.1", "77.1.5.1", "77.1.5.2", "77.1.5.4",
          "12.1", "12.2", "1.3.1", "1.3")  # fmt: skip
_DOCUMENTS = ("104.1", "104.2", "104.3", "104.4", "104.5")
_PRONE_CLASSES = frozenset(_STORAGE + uid for uid in _PRONE)
_DOCUMENT_CLASSES = frozenset(_STORAGE + uid for uid in _DOCUMENTS)
_PRONE_MODALITIES = frozenset(
    ("US", "IVUS", "OT", "SC", "ES", "GM", "XC", "OP", "DG", "SMR", "DOC")
)
_PRONE_TYPES = ("SCREEN", "DOSE", "REPORT", "PROTOCOL", "SECONDARY CAPTURE", "OVERLAY")
_VOLUMES = frozenset(("CT", "MR", "PT"))
_HEAD = frozenset((
    "head", "brain", "skull", "face", "neck", "headneck", "wholebody", "orbit", "sinus", "iac",
    "ear", "jaw", "maxilla", "mandible", "tmj", "cranium",
))  # fmt: skip


@dataclass(frozen=True)
class PixelFormat:
    """What a header says of its pixels; zero for what it does not say."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    frames: int

    @property
    def pixel_bytes(self) -> int:
        """Bytes that the pixels need, padded to an even number (PS3.5, 8.1.1)."""
        bits = self.rows * self.columns * self.samples * self.bits_allocated * self.frames
        whole = (bits + 7) // 8
        return whole + whole % 2


def pixel_format(dataset: Dataset) -> PixelFormat:
    """Rows, columns, samples, bits and frames of an image."""
    return PixelFormat(
        _integer(dataset, "Rows"),
        _integer(dataset, "Columns"),
        _integer(dataset, "SamplesPerPixel") or 1,
        _integer(dataset, "BitsAllocated"),
        _integer(dataset, "NumberOfFrames") or 1,
    )


def risks(dataset: Dataset, sop_class: str) -> frozenset[Risk]:
    """Risks of an object as it was before anything was taken out of it."""
    checks: tuple[tuple[Risk, bool], ...] = (
        ("burned-in-text", _may_show_text(dataset, sop_class)),
        ("document", sop_class in _DOCUMENT_CLASSES),
        ("overlay-in-pixels", _has_overlay_in_pixels(dataset)),
        ("overlay-removed", any(_is_overlay(int(tag)) for tag in dataset.keys())),  # noqa: SIM118
        ("face", _shows_head(dataset)),
    )
    return frozenset(risk for risk, is_there in checks if is_there)


def _may_show_text(dataset: Dataset, sop_class: str) -> bool:
    if "PixelData" not in dataset:
        return False
    types = _text(dataset, "ImageType").upper().replace("_", " ")
    return (
        _text(dataset, "BurnedInAnnotation").upper() == "YES"
        or sop_class in _PRONE_CLASSES
        or _text(dataset, "Modality").upper() in _PRONE_MODALITIES
        or "ConversionType" in dataset
        or any(word in types for word in _PRONE_TYPES)
    )


def _shows_head(dataset: Dataset) -> bool:
    if _text(dataset, "Modality") not in _VOLUMES:
        return False
    if _text(dataset, "RecognizableVisualFeatures").upper() == "YES":
        return True
    keywords = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
    text = " ".join(_text(dataset, keyword) for keyword in keywords).lower()
    words = set("".join(c if c.isalpha() else " " for c in text).split())
    return bool(words & _HEAD) or "whole body" in text


def _is_overlay(tag: int) -> bool:
    return 0x6000 <= tag >> 16 <= 0x60FF and not (tag >> 16) & 1


def _has_overlay_in_pixels(dataset: Dataset) -> bool:
    """Whether a plane has a description and no data of its own (PS3.3, C.9.2, retired)."""
    groups = {int(tag) >> 16 for tag in dataset.keys() if _is_overlay(int(tag))}  # noqa: SIM118
    return any(
        (group << 16 | 0x0010) in dataset and (group << 16 | 0x3000) not in dataset
        for group in groups
    )


def _text(dataset: Dataset, keyword: str) -> str:
    """Value as text; nothing where it cannot be read, which the rules then deal with."""
    try:
        value = dataset.get(keyword)
    except Exception:  # what pydicom raises on malformed values is no closed set
        return ""
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)


def _integer(dataset: Dataset, keyword: str) -> int:
    try:
        return int(_text(dataset, keyword) or 0)
    except ValueError:
        return 0
