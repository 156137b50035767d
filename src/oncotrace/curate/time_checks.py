"""Checks of time: what must have come before what, by dates and times in headers.

Clocks of scanners and workstations differ, and outlines are drawn elsewhere: between objects of
different makers only days are compared.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from oncotrace.curate.check_rules import Limits
from oncotrace.curate.flag import Flag, flag_of_missing
from oncotrace.curate.header_times import acquired_at, acquired_on, clock_of, day_of
from oncotrace.curate.series import Series

_NATIVE = ("mr-t1", "mr-t1fs")
_ENHANCED = ("mr-t1gd", "mr-t1fsgd")
_DYNAMIC = "mr-dce"
_LEAST_SURE = 0.5  # of a recognised sequence
_HALF_A_DAY = timedelta(hours=12)
_OFFSET = re.compile(r"[+-]\d{4}$")


def study_dates(series: Series, limits: Limits) -> Flag | None:
    """Flag a series or acquisition that is older than its study, or much younger."""
    rule = f"0 to {limits.longest_study_days} days after the study's date"
    begun = day_of(series.study_date)
    days = [
        (made - begun).days
        for text in (series.series_date, series.acquisition_date)
        if begun and (made := day_of(text))
    ]
    if not series.holds_pixels:
        return None
    if not days:
        return flag_of_missing("study-dates", "dates", rule)
    passed = min(days) >= 0 and max(days) <= limits.longest_study_days
    return Flag("study-dates", passed, f"{min(days)} to {max(days)} days", rule)


def injected_before_scan(series: Series, _: Limits) -> Flag | None:
    """Flag a PET whose tracer was injected after the scan began; dynamic scans may begin first.

    An injection without a date that is later in the day than the scan was on a day before, if it is
    later by more than 12 hours. Of nuclides that live longer than that, nothing can be told.
    """
    is_dynamic = series.temporal_positions > 1 or "DYNAMIC" in series.pet_series_type.upper()
    if series.modality != "PT" or is_dynamic:
        return None
    name, rule = "injected-before-scan", "injection at or before the start of the scan"
    injected, scanned = _injection(series), acquired_at(series)
    if injected is None or scanned is None:
        return flag_of_missing(name, "injection time" if scanned else "acquisition time", rule)
    minutes = (scanned - injected.at).total_seconds() / 60
    said = f"{minutes:.0f} minutes before the scan"
    if minutes >= 0:
        return Flag(name, True, said, rule)
    if injected.is_dated:
        return Flag(name, None if injected.has_offset else False, said, rule)
    half_life_s = series.half_life_s
    if half_life_s is None or half_life_s > _HALF_A_DAY.total_seconds():
        return Flag(name, None, "a later time of day, on a day that is not stated", rule)
    evening_before = injected.at - scanned > _HALF_A_DAY
    return Flag(name, evening_before, "the evening before" if evening_before else said, rule)


@dataclass(frozen=True)
class _Injection:
    """When the tracer was injected; on the day of the scan where no day is stated."""

    at: datetime
    is_dated: bool
    has_offset: bool


def _injection(series: Series) -> _Injection | None:
    text = series.injection_time.strip()
    plain = _OFFSET.sub("", text)
    is_dated = len(plain.split(".")[0].replace(":", "")) > len("HHMMSS")
    day = day_of(plain) if is_dated else acquired_on(series)
    clock = clock_of(plain[8:] if is_dated else plain)
    if day is None or clock is None:
        return None
    return _Injection(datetime.combine(day, clock), is_dated, plain != text)


def made_after_image(all_series: Sequence[Series]) -> dict[str, Flag]:
    """Flag outlines, segmentations and the like that are older than the images they refer to.

    The latest date that the object states is compared with the date of acquisition, by days.
    """
    images: dict[str, list[Series]] = defaultdict(list)
    for series in all_series:
        if series.holds_pixels:
            images[series.series_uid].append(series)
    flags: dict[str, Flag] = {}
    for series in all_series:
        if series.refers_to_series:
            named = [image for uid in series.refers_to_series for image in images[uid]]
            flags[series.series_uid] = _age(series, named)
    return flags


def _age(made: Series, images: Sequence[Series]) -> Flag:
    name, rule = "made-after-image", "not dated before the acquisition of its image"
    stated = [d for text in (made.series_date, made.acquisition_date) if (d := day_of(text))]
    acquired = [day for image in images if (day := acquired_on(image))]
    if not stated or not acquired:
        return flag_of_missing(name, "dates", rule)
    if made.link != "series":
        return Flag(name, None, f"its image is known by its {made.link} alone", rule)
    days = (max(stated) - min(acquired)).days
    return Flag(name, days >= 0, f"{days} days after the image", rule)


def study_order(all_series: Sequence[Series]) -> dict[str, Flag]:
    """Flag studies of one patient that are dated in another order than they were acquired in.

    Two studies contradict each other when all that was acquired in the one that is dated earlier
    was acquired after all of the other. A study that is alone, or states no dates, is not asked.
    """
    by_patient: dict[str, dict[str, list[Series]]] = defaultdict(lambda: defaultdict(list))
    for series in all_series:
        if series.holds_pixels:
            by_patient[series.patient_id][series.study_uid].append(series)
    flags: dict[str, Flag] = {}
    for by_study in by_patient.values():
        studies = [dated for some in by_study.values() if (dated := _dated(some)) is not None]
        for study in studies if len(studies) > 1 else ():
            against = sum(_contradict(study, other) for other in studies)
            flag = Flag(
                "study-order",
                against == 0,
                f"contradicts {against} of {len(studies) - 1} other studies",
                "studies are dated in the order of their acquisitions",
            )
            flags |= dict.fromkeys(study.series_uids, flag)
    return flags


@dataclass(frozen=True)
class _DatedStudy:
    """Date of a study, and first and last day on which something in it was acquired."""

    dated: date
    first: date
    last: date
    series_uids: tuple[str, ...]


def _dated(study: Sequence[Series]) -> _DatedStudy | None:
    dated = [day for series in study if (day := day_of(series.study_date))]
    acquired = [day for series in study if (day := day_of(series.acquisition_date))]
    if not dated or not acquired:
        return None
    uids = tuple(series.series_uid for series in study)
    return _DatedStudy(min(dated), min(acquired), max(acquired), uids)


def _contradict(one: _DatedStudy, other: _DatedStudy) -> bool:
    earlier, later = sorted((one, other), key=lambda study: study.dated)
    return earlier.dated < later.dated and earlier.first > later.last


def native_before_contrast(all_series: Sequence[Series]) -> dict[str, Flag]:
    """Flag a T1 without contrast agent that was acquired after one with it, in the same study.

    It is then not what it seems, or a time is wrong. Asked where both are recognised with some
    certainty and are original images; a dynamic series counts where it names its agent.
    """
    studies: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for series in all_series:
        is_sure = (series.sequence_confidence or 0) >= _LEAST_SURE
        if is_sure and "DERIVED" not in series.image_type.upper():
            studies[series.patient_id, series.study_uid].append(series)
    flags = {}
    for study in studies.values():
        enhanced = [series for series in study if _has_agent(series)]
        for native in (series for series in study if series.sequence in _NATIVE):
            if enhanced:
                flags[native.series_uid] = _order(native, enhanced)
    return flags


def _has_agent(series: Series) -> bool:
    is_dynamic = series.sequence == _DYNAMIC and bool(series.contrast_agent)
    return series.sequence in _ENHANCED or is_dynamic


def _order(native: Series, enhanced: Sequence[Series]) -> Flag:
    name, rule = "native-before-contrast", "acquired before any with contrast agent in its study"
    own, others = acquired_at(native), [acquired_at(series) for series in enhanced]
    known = [moment for moment in others if moment]
    if own is None or not known:
        return flag_of_missing(name, "acquisition times", rule)
    minutes = (own - min(known)).total_seconds() / 60
    if minutes > 0:
        return Flag(name, False, f"{minutes:.0f} minutes after contrast agent", rule)
    complete = len(known) == len(others)
    return Flag(name, True if complete else None, f"{-minutes:.0f} minutes before", rule)
