"""When a PET tracer was injected and to which moment its decay has been corrected.

References
----------
QIBA, "SUV vendor-neutral pseudo-code" (Clunie and others, revision 2012-06): series against
acquisition time, GE's own scan time, mean count rate of a frame.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from oncotrace.errors import DicomError
from oncotrace.io.dicom_header import malformed_tag, value_of
from oncotrace.io.pet_header import OTHER_WAYS, PetHeader, missing_for_suv, named

_SOME_DAY = date(2000, 1, 1)  # for files whose dates have been removed; only differences count
_DAY = timedelta(days=1)
_MOST_HALF_LIVES = 10.0  # a thousandth is left
_TIME = re.compile(r"(\d{2})(\d{2})?(\d{2})?(?:\.(\d{1,6}))?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")

# SNOMED-RT and SNOMED CT codes of DICOM PS3.16 CID 4020; half-lives of NUBASE2020 (Kondev et al.,
# Chin Phys C 2021;45:030001, doi:10.1088/1674-1137/abddae).
_HALF_LIVES_S = {
    ("C-111A1", "77004003"): 6586.2,  # F-18
    ("C-105A1", "40565003"): 1220.41,  # C-11
    ("C-107A1", "21576001"): 597.9,  # N-13
    ("C-B1038", "129504001"): 122.27,  # O-15
    ("C-127A2", "3932008"): 45721.4,  # Cu-64
    ("C-131A3", "35337001"): 4070.5,  # Ga-68
    ("C-159A2", "79197006"): 75.45,  # Rb-82
    ("C-168A4", "63360001"): 282096.0,  # Zr-89
    ("C-114A5", "40937006"): 360806.0,  # I-124
}


@dataclass(frozen=True)
class Moment:
    """A point in time, and the element that says it; ``is_dated``: whether its day is known."""

    at: datetime
    source: str
    is_dated: bool = True


def start_of_scan(headers: list[PetHeader], half_life_s: float) -> Moment:
    """Moment to which a series that is corrected to its START refers.

    The series time, unless it lies after the first acquisition (a series that was derived later):
    then what GE's scanner says, else the first frame's mean count rate counted back by its
    reference time, else the first acquisition.
    """
    first = headers[0]
    acquired = min(
        (_moment(header, "Acquisition") for header in headers), key=lambda moment: moment.at
    )
    if first.text("SeriesTime"):
        series = _moment(first, "Series")
        if series.at <= acquired.at:
            return series
    if first.ge_scan_date_time:
        return Moment(
            _date_time(first.ge_scan_date_time, first, "(0009,xx0D) of GEMS_PETD_01"),
            "GE scan date and time (0009,100D)",
        )
    return _counted_back(headers, half_life_s) or acquired


def mean_of_frame(header: PetHeader, half_life_s: float) -> Moment:
    """Moment to which a frame that is not corrected for decay refers: its mean count rate."""
    start = _moment(header, "Acquisition")
    duration_ms = header.required_number("ActualFrameDuration")
    offset = timedelta(seconds=mean_count_s(duration_ms / 1000, half_life_s))
    return Moment(start.at + offset, "AcquisitionTime and ActualFrameDuration", start.is_dated)


def mean_count_s(duration_s: float, half_life_s: float) -> float:
    """Seconds from a frame's start to when its activity equals the frame's mean."""
    decay = math.log(2) / half_life_s
    loss = decay * duration_s
    # -expm1(-loss) is what is lost in the frame; for short frames the limit is the middle.
    return math.log(loss / -math.expm1(-loss)) / decay if loss > 1e-9 else duration_s / 2


def injection(header: PetHeader, scan: Moment) -> tuple[Moment, tuple[str, ...]]:
    """When the tracer was injected, with notes.

    ``RadiopharmaceuticalStartDateTime`` is preferred. A time without a date is taken on the day of
    the scan, or on the day before if it would lie after the scan.

    Raises
    ------
    DicomError
        There is neither, or they are malformed.
    """
    tracer = header.tracer
    keyword = "RadiopharmaceuticalStartDateTime"
    text = header.text(keyword, within=tracer)
    if text and scan.is_dated:
        return Moment(_date_time(text, header, keyword), keyword), ()
    clock = text[8:] if text else header.text("RadiopharmaceuticalStartTime", within=tracer)
    if not clock:
        raise missing_for_suv(header.label, keyword, "RadiopharmaceuticalStartTime")
    source = keyword if text else "RadiopharmaceuticalStartTime"
    at = datetime.combine(scan.at.date(), _clock(clock, header, source))
    if at <= scan.at:
        return Moment(at, source), ()
    note = "The injection's time of day lies after the scan's; it is taken to be the day before."
    return Moment(at - _DAY, source), (note,)


def decay_seconds(start: Moment, scan: Moment, half_life_s: float, label: str) -> float:
    """Seconds of decay between injection and scan.

    Raises
    ------
    DicomError
        The scan comes first, or so late that no tracer is left: a date or time is wrong.
    """
    seconds = (scan.at - start.at).total_seconds()
    longest = _MOST_HALF_LIVES * half_life_s
    if 0 <= seconds <= longest:
        return seconds
    when = "after" if seconds < 0 else f"{seconds / half_life_s:.3g} half-lives before"
    raise DicomError(
        f"{label}: by {named_source(start.source)} the tracer was injected {when} the moment that "
        f"{named_source(scan.source)} gives for the scan.",
        hint="One of the two is wrong; de-identification may have shifted one and not the other. "
        f"Correct it. {OTHER_WAYS}",
        code="suv-times",
    )


def named_source(source: str) -> str:
    """Elements that a moment comes from, with their tags."""
    return re.sub(r"[A-Z]\w+", lambda match: named(match.group()), source)


def _counted_back(headers: list[PetHeader], half_life_s: float) -> Moment | None:
    """Start of the scan by a frame's reference time and duration (Siemens), none without both."""
    first = headers[0]
    reference_ms = first.number("FrameReferenceTime")
    duration_ms = first.number("ActualFrameDuration")
    if not reference_ms or not duration_ms:
        return None
    acquired = _moment(first, "Acquisition")
    seconds = mean_count_s(duration_ms / 1000, half_life_s) - reference_ms / 1000
    source = "AcquisitionTime, FrameReferenceTime and ActualFrameDuration"
    return Moment(acquired.at + timedelta(seconds=seconds), source, acquired.is_dated)


def _moment(header: PetHeader, event: str) -> Moment:
    """Date and time of the series or the acquisition.

    One without a date of its own has the other's; without any it is on an arbitrary day.
    """
    keyword = f"{event}Time"
    text = header.text(keyword)
    if not text:
        raise missing_for_suv(header.label, keyword)
    clock = _clock(text, header, keyword)
    for dated in (f"{event}Date", "SeriesDate", "AcquisitionDate"):
        if stated := header.text(dated):
            return Moment(datetime.combine(_date(stated, header, dated), clock), keyword)
    return Moment(datetime.combine(_SOME_DAY, clock), keyword, is_dated=False)


def _date(text: str, header: PetHeader, keyword: str) -> date:
    try:
        return datetime.strptime(text.replace(".", ""), "%Y%m%d").date()
    except ValueError:
        raise malformed_tag(keyword, header.label) from None


def _clock(text: str, header: PetHeader, keyword: str) -> time:
    """Time of day from HHMMSS.FFFFFF, with or without its colons and its later parts."""
    found = _TIME.fullmatch(_OFFSET.sub("", text).replace(":", "").strip())
    try:
        if found is None:
            raise ValueError
        hours, minutes, seconds, fraction = (part or "0" for part in found.groups())
        leap_free = min(int(seconds), 59)  # DICOM allows 60
        return time(int(hours), int(minutes), leap_free, int(fraction.ljust(6, "0")))
    except ValueError:
        raise malformed_tag(keyword, header.label) from None


def _date_time(text: str, header: PetHeader, keyword: str) -> datetime:
    """Local date and time from a DT; one with another offset than the file's is moved."""
    offset = _OFFSET.search(text)
    at = datetime.combine(
        _date(text[:8], header, keyword), _clock(text[8:] or "00", header, keyword)
    )
    own = _OFFSET.fullmatch(header.text("TimezoneOffsetFromUTC"))
    if offset is None or own is None:
        return at
    return at - _from_utc(offset) + _from_utc(own)


def _from_utc(offset: re.Match[str]) -> timedelta:
    sign, hours, minutes = offset.groups()
    length = timedelta(hours=int(hours), minutes=int(minutes))
    return -length if sign == "-" else length


def half_life_s(header: PetHeader) -> tuple[float, str]:
    """Half-life of the tracer's nuclide, and where it comes from.

    Raises
    ------
    DicomError
        It is neither stated nor known from the nuclide's code.
    """
    tracer: Dataset = header.tracer
    stated = header.number("RadionuclideHalfLife", within=tracer)
    if stated is not None:
        return stated, "RadionuclideHalfLife"
    codes = value_of(tracer, "RadionuclideCodeSequence", header.label)
    code = ""
    if isinstance(codes, Sequence) and len(codes):
        code = header.text("CodeValue", within=codes[0])
    for codes_of_nuclide, seconds in _HALF_LIVES_S.items():
        if code in codes_of_nuclide:
            return seconds, "RadionuclideCodeSequence"
    raise missing_for_suv(header.label, "RadionuclideHalfLife", "RadionuclideCodeSequence")
