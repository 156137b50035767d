"""Dates and times of day as headers write them; what is none of them is not known."""

import re
from datetime import date, datetime, time

from oncotrace.curate.series import Series

_CLOCK = re.compile(r"(\d{2})(\d{2})?(\d{2})?(\.\d*)?")


def day_of(text: str) -> date | None:
    """Date of a DICOM DA or DT value (PS3.5, 6.2)."""
    try:
        return date.fromisoformat(text[:8])
    except ValueError:
        return None


def clock_of(text: str) -> time | None:
    """Time of day of a DICOM TM value, to the second, with or without its colons."""
    found = _CLOCK.fullmatch(text.replace(":", "").strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    try:
        return time(hours, minutes, min(seconds, 59))  # DICOM allows a second 60
    except ValueError:
        return None


def acquired_on(series: Series) -> date | None:
    """Date of acquisition, or of the series where that is not stated."""
    return day_of(series.acquisition_date) or day_of(series.series_date)


def acquired_at(series: Series) -> datetime | None:
    """Moment of the first acquisition."""
    day, clock = acquired_on(series), clock_of(series.acquisition_time)
    return datetime.combine(day, clock) if day and clock else None
