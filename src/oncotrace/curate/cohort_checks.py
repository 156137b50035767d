"""Checks between series: twice the same one, one study of two patients, outlines elsewhere."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from oncotrace.curate.flag import Flag, flag_of_missing
from oncotrace.curate.series import Series
from oncotrace.curate.time_checks import made_after_image, native_before_contrast, study_order

CohortCheck = Callable[[Sequence[Series]], dict[str, Flag]]
"""Flags by series UID of those series that the check concerns."""

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
    left_out = set(skip)
    flags: dict[str, list[Flag]] = defaultdict(list)
    for name, check in COHORT_CHECKS.items():
        if name not in left_out:
            for uid, flag in check(all_series).items():
                flags[uid].append(flag)
    return flags


def duplicate_series(all_series: Sequence[Series]) -> dict[str, Flag]:
    """Flag series of images that agree in all that their acquisition leaves in the headers.

    Without an acquisition time nothing can be told: the check is then not made.
    """
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for series in all_series:
        if series.holds_pixels and series.acquisition_date and series.acquisition_time:
            key = tuple(getattr(series, name) for name in _MADE_AT_ONCE)
            alike[key].append(series.series_uid)
    return _flags_of_groups("duplicate-series", alike, "no other series made at the same moment")


def one_patient_a_study(all_series: Sequence[Series]) -> dict[str, Flag]:
    """Flag series whose study is under several patient ids."""
    patients: dict[str, set[str]] = defaultdict(set)
    for series in all_series:
        patients[series.study_uid].add(series.patient_id)
    rule = "all series of a study have one patient id"
    return {
        series.series_uid: Flag(
            "one-patient-a-study",
            len(patients[series.study_uid]) == 1,
            f"{len(patients[series.study_uid])} patient ids",
            rule,
        )
        for series in all_series
    }


def mask_frame_of_reference(all_series: Sequence[Series]) -> dict[str, Flag]:
    """Flag outlines and segmentations in another frame of reference than the series they name.

    Where the series is a guess, because it is not named, nothing can be told.
    """
    frames: dict[str, set[str]] = defaultdict(set)
    for series in all_series:
        if series.holds_pixels and series.frame_of_reference_uid:
            frames[series.series_uid].add(series.frame_of_reference_uid)
    return {
        series.series_uid: _frame_flag(
            series, {f for u in series.refers_to_series for f in frames[u]}
        )
        for series in all_series
        if series.modality in ("RTSTRUCT", "SEG") and series.refers_to_series
    }


def _frame_flag(masks: Series, of_images: set[str]) -> Flag:
    name, rule = "mask-frame-of-reference", "the frame of reference of its image"
    own = masks.frame_of_reference_uid
    if not own or not of_images:
        return flag_of_missing(name, "frame of reference", rule)
    if own in of_images:
        return Flag(name, True, "the same", rule)
    return Flag(name, False if masks.link == "series" else None, "another", rule)


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


COHORT_CHECKS: dict[str, CohortCheck] = {
    "duplicate-series": duplicate_series,
    "one-patient-a-study": one_patient_a_study,
    "mask-frame-of-reference": mask_frame_of_reference,
    "made-after-image": made_after_image,
    "study-order": study_order,
    "native-before-contrast": native_before_contrast,
}
