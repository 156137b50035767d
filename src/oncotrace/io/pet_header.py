"""What a PET file says of tracer, patient's weight and times: read apart, each value checked.

Errors name the element by keyword and tag and never repeat a date.
"""

import math
from collections.abc import MutableSequence
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import refused_reads
from oncotrace.io.dicom_header import (
    DEFLATED_LITTLE,
    DOUBLE_PIXEL_DATA,
    EXPLICIT_BIG,
    FLOAT_PIXEL_DATA,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    DicomHeader,
    malformed_tag,
    value_of,
)

_KEYWORDS = (
    "Units", "SUVType", "DecayCorrection", "CorrectedImage", "PatientWeight", "SeriesDate",
    "SeriesTime", "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime",
    "ActualFrameDuration", "TimezoneOffsetFromUTC", "RadiopharmaceuticalInformationSequence",
)  # fmt: skip
_GE_CREATOR, _GE_GROUP, _GE_SCAN_DATE_TIME = "GEMS_PETD_01", 0x0009, 0x0D
_PHILIPS_CREATOR, _PHILIPS_GROUP = "Philips PET Private Group", 0x7053
_PHILIPS_SUV, _PHILIPS_ACTIVITY = 0x00, 0x09
_PRIVATE = tuple(
    group << 16 | element
    for group, elements in (
        (_GE_GROUP, (_GE_SCAN_DATE_TIME,)),
        (_PHILIPS_GROUP, (_PHILIPS_SUV, _PHILIPS_ACTIVITY)),
    )
    # The creators of private blocks, and the elements in any block that a creator may reserve.
    for element in (*range(0x10, 0x20), *(b << 8 | e for b in range(0x10, 0x20) for e in elements))
)
_TAGS: list[BaseTag | int] = [*filter(None, map(tag_for_keyword, _KEYWORDS)), *_PRIVATE]

NUMBERS = {
    "PatientWeight": ("kg", 0.5, 500.0),
    "RadionuclideTotalDose": ("Bq", 1e5, 1e11),
    "RadionuclideHalfLife": ("s", 30.0, 1e7),
    "FrameReferenceTime": ("ms", 0.0, 1e9),
    "ActualFrameDuration": ("ms", 0.0, 1e9),
}
"""Units of the numbers and what they can be: wide enough for infants and every PET nuclide, and
narrow enough that grams for kilograms and MBq for Bq do not pass."""

OTHER_WAYS = (
    "Or give a volume file in SUV; convert --pet-units stored writes the values as they are stored."
)
"""What can be done about any PET that has no SUV, for hints."""


@dataclass(frozen=True, eq=False)
class PetHeader:
    """Elements of one PET file; ``label`` is what messages call it."""

    dataset: Dataset
    label: str

    def text(self, keyword: str, *, within: Dataset | None = None) -> str:
        """Value of an element as text, empty when absent."""
        value = value_of(self.dataset if within is None else within, keyword, self.label)
        return "" if value is None else str(value).strip()

    def words(self, keyword: str) -> tuple[str, ...]:
        """Values of an element that holds several words."""
        value = value_of(self.dataset, keyword, self.label)
        if value is None:
            return ()
        words = value if isinstance(value, MutableSequence) else [value]
        return tuple(str(word) for word in words)

    def number(self, keyword: str, *, within: Dataset | None = None) -> float | None:
        """Value of an element of `NUMBERS`, none when absent.

        Raises
        ------
        DicomError
            It is no number, or one that cannot be.
        """
        text = self.text(keyword, within=within)
        if not text:
            return None
        unit, least, most = NUMBERS[keyword]
        try:
            number = float(text)
        except ValueError:
            raise malformed_tag(keyword, self.label) from None
        if not math.isfinite(number) or not least <= number <= most:
            raise DicomError(
                f"{self.label}: {named(keyword)} is {number:g} {unit}, which cannot be (between "
                f"{least:g} and {most:g} is expected).",
                hint=f"Correct the header. {OTHER_WAYS}",
                code="suv-absurd-value",
            )
        return number

    def required_number(self, keyword: str, *, within: Dataset | None = None) -> float:
        """Value of an element of `NUMBERS` that must be there.

        Raises
        ------
        DicomError
            It is absent, no number, or one that cannot be.
        """
        number = self.number(keyword, within=within)
        if number is None:
            raise missing_for_suv(self.label, keyword)
        return number

    @property
    def tracer(self) -> Dataset:
        """Item of the radiopharmaceutical that was injected.

        Raises
        ------
        DicomError
            There is none, or several: which of them decays cannot be told.
        """
        keyword = "RadiopharmaceuticalInformationSequence"
        items = value_of(self.dataset, keyword, self.label)
        if not isinstance(items, Sequence) or len(items) == 0:
            raise missing_for_suv(self.label, keyword)
        if len(items) > 1:
            raise DicomError(
                f"{self.label}: {named(keyword)} lists {len(items)} injections; SUV is defined for "
                "one.",
                hint=OTHER_WAYS,
                code="suv-several-injections",
            )
        item: Dataset = items[0]
        return item

    @property
    def ge_scan_date_time(self) -> str:
        """When GE's scanner says the scan began (DT), empty when it does not."""
        return _private_text(self.dataset, self.label, _GE_GROUP, _GE_CREATOR, _GE_SCAN_DATE_TIME)

    @property
    def philips_suv_factor(self) -> float | None:
        """Philips' factor from counts to SUV (7053,1000), none when absent or 0."""
        return self._philips(_PHILIPS_SUV)

    @property
    def philips_activity_factor(self) -> float | None:
        """Philips' factor from counts to Bq/ml (7053,1009), none when absent or 0."""
        return self._philips(_PHILIPS_ACTIVITY)

    def _philips(self, element: int) -> float | None:
        text = _private_text(self.dataset, self.label, _PHILIPS_GROUP, _PHILIPS_CREATOR, element)
        if not text:
            return None
        try:
            factor = float(text)
        except ValueError:
            factor = math.nan
        if not math.isfinite(factor) or factor < 0:
            raise DicomError(
                f"{self.label}: (7053,10{element:02X}) of {_PHILIPS_CREATOR} is no factor.",
                hint=OTHER_WAYS,
                code="suv-absurd-value",
            )
        return factor or None


def read_pet_header(header: DicomHeader) -> PetHeader:
    """Read the elements that SUV needs from a file whose header has been read before.

    Raises
    ------
    DicomError
        The file cannot be read again.
    """
    with header.open_content() as stream, refused_reads():
        if header.transfer_syntax != DEFLATED_LITTLE:  # the others' stream begins with the file
            stream.seek(header.dataset_offset)
        dataset = read_dataset(
            stream,
            header.transfer_syntax == IMPLICIT_LITTLE,
            header.transfer_syntax != EXPLICIT_BIG,
            stop_when=_at_pixels,
            specific_tags=_TAGS,
        )
    return PetHeader(dataset, header.label)


def named(keyword: str) -> str:
    """Keyword and tag of an element, as messages give it."""
    tag = tag_for_keyword(keyword)
    return keyword if tag is None else f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def missing_for_suv(label: str, *keywords: str) -> DicomError:
    """Build the error for a file without an element that SUV needs."""
    return DicomError(
        f"{label} has no {' and no '.join(named(keyword) for keyword in keywords)}, without which "
        "there is no SUV.",
        hint="Export it anew with that element: de-identification may have removed it. "
        f"{OTHER_WAYS}",
        code="suv-missing-tag",
    )


def _private_text(dataset: Dataset, label: str, group: int, creator: str, element: int) -> str:
    """Value of a private element as text, empty when its creator or itself is absent."""
    try:
        block = dataset.private_block(group, creator)
    except KeyError:
        return ""
    if element not in block:
        return ""
    try:
        value = block[element].value
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        raise DicomError(
            f"{label}: a private value of {creator} is malformed.", code="malformed-tag"
        ) from None
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.strip("\0 ")


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA)
