"""Checks between series: the same one twice, one study of two patients."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from oncotrace.curate.flag import Flag
from oncotrace.curate.series import Series

_MADE_AT_ONCE = (
    "modality",
    "manufacturer",
    "model",
    "acquisition_date",
    "acquisition_time",
    "series_description",
    "images",
    "rows",
    "columns",
    "spacing_x_mm",
    "slice_distance_mm",
    "echo_time_ms",
    "kernel",
    "image_type",
)
"""What two series that are one agree in, whatever their UIDs and their patient are called."""


def checked_cohort(all_series: Sequence[Series], skip: Iterable[str]) -> dict[str, list[Flag]]:
    """Return flags by series UID; a series that is alone in its kind passes.

    Parameters
    ----------
    skip
        Checks that are not made.
    """
    made = {
        "duplicate-series": duplicate_series(all_series),
        "one-patient-a-study": one_patient_a_study(all_series),
    }
    flags: dict[str, list[Flag]] = defaultdict(list)
    for name, by_series in made.items():
        if name not in set(skip):
            for uid, flag in by_series.items():
                flags[uid].append(flag)
    return flags


def duplicate_series(all_series: Iterable[Series]) -> dict[str, Flag]:
    """Flag series of images that agree in all that their acquisition leaves in the headers.

    Without an acquisition time nothing can be told: the check is then not made.
    """
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for series in all_series:
        if series.holds_pixels and series.acquisition_date and series.acquisition_time:
            key = tuple(getattr(series, name) for name in _MADE_AT_ONCE)
            alike[key].append(series.series_uid)
    return _flags_of_groups("duplicate-series", alike, "no other series made at the same moment")


def one_patient_a_study(all_series: Iterable[Series]) -> dict[str, Flag]:
    """Flag series whose study is under several patient ids."""
    patients: dict[str, set[str]] = defaultdict(set)
    listed = list(all_series)
    for series in listed:
        patients[series.study_uid].add(series.patient_id)
    rule = "all series of a study have one patient id"
    return {
        series.series_uid: Flag(
            "one-patient-a-study",
            len(patients[series.study_uid]) == 1,
            f"{len(patients[series.study_uid])} patient ids",
            rule,
        )
        for series in listed
    }


def identical_pixels(digests: Mapping[str, str]) -> dict[str, Flag]:
    """Flag series whose voxels are those of another one.

    Parameters
    ----------
    digests
        Of the voxels of every series, by series UID.
    """
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for uid, digest in digests.items():
        alike[(digest,)].append(uid)
    return _flags_of_groups("identical-pixels", alike, "no other series with the same voxels")


def _flags_of_groups(
    name: str, groups: Mapping[tuple[object, ...], Sequence[str]], rule: str
) -> dict[str, Flag]:
    flags = {}
    for group in groups.values():
        for uid in group:
            others = [other for other in group if other != uid]
            flags[uid] = Flag(name, not others, " ".join(others) or "none", rule)
    return flags
