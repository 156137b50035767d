"""Checks of one series by what its headers say; no pixel is read."""

import re
from collections.abc import Callable, Iterator

from oncotrace.curate.check_rules import AllowedRule, CheckRules, Limits, RangeRule
from oncotrace.curate.flag import Flag, flag_of_missing
from oncotrace.curate.series import Series
from oncotrace.curate.time_checks import injected_before_scan, study_dates

Check = Callable[[Series, Limits], Flag | None]
"""Flag of a series; none where the check does not concern it."""


def checked_series(series: Series, rules: CheckRules) -> Iterator[Flag]:
    """Yield the flags of one series: those that need no choice, then the user's rules."""
    for name, check in SERIES_CHECKS.items():
        if name not in rules.skip and (flag := check(series, rules.limits)):
            yield flag
    for rule in rules.users:
        if rule.concerns(series) and check_name(rule) not in rules.skip:
            yield flag_of_rule(series, rule)


def check_name(rule: RangeRule | AllowedRule) -> str:
    """Name of the check that a rule makes: its column with hyphens."""
    return rule.column.replace("_", "-")


def flag_of_rule(series: Series, rule: RangeRule | AllowedRule) -> Flag:
    """Flag of a rule of the user's."""
    value = getattr(series, rule.column)
    if value is None or value in ("", ()):
        return flag_of_missing(check_name(rule), rule.column, str(rule))
    values = value if isinstance(value, tuple) else (value,)
    passed = all(rule.holds(one) for one in values)
    return Flag(check_name(rule), passed, ", ".join(map(str, values)), str(rule))


def missing_slices(series: Series, limits: Limits) -> Flag | None:
    """Flag a gap that is wider than the others: slices are missing."""
    if not _is_stack(series):
        return None
    widest = _median(series) * (1 + limits.gap_share)
    return _gap("missing-slices", series.largest_gap_mm, f"gaps <= {widest:.3f} mm", below=widest)


def overlapping_slices(series: Series, limits: Limits) -> Flag | None:
    """Flag a gap that is narrower than the others: two stacks in one, or slices that overlap."""
    if not _is_stack(series):
        return None
    narrowest = _median(series) * (1 - limits.gap_share)
    rule = f"gaps >= {narrowest:.3f} mm"
    return _gap("overlapping-slices", series.smallest_gap_mm, rule, above=narrowest)


def repeated_positions(series: Series, _: Limits) -> Flag | None:
    """Flag several images at one place that differ in no time, echo or b-value."""
    if not _is_volume(series):
        return None
    varied = max(series.temporal_positions, series.acquisitions, len(series.b_values_s_per_mm2), 1)
    most = series.images_at_a_position
    return Flag("repeated-positions", most <= varied, f"{most} images", f"<= {varied} a position")


def repeated_images(series: Series, _: Limits) -> Flag | None:
    """Flag an image that several files hold."""
    if not series.holds_pixels:
        return None
    return Flag("repeated-images", series.copies == 0, f"{series.copies} copies", "no copies")


def one_orientation(series: Series, _: Limits) -> Flag | None:
    """Flag images in planes that are not parallel."""
    if not _is_volume(series):
        return None
    count = series.orientations
    if not count:
        return flag_of_missing("one-orientation", "orientation", "1 orientation")
    return Flag("one-orientation", count == 1, f"{count} orientations", "1 orientation")


def slice_count(series: Series, limits: Limits) -> Flag | None:
    """Flag a volume of too few slices."""
    if not _is_volume(series):
        return None
    rule = f">= {limits.fewest_slices} slices"
    passed = series.slices >= limits.fewest_slices
    return Flag("slice-count", passed, f"{series.slices} slices", rule)


def thickness_as_distance(series: Series, limits: Limits) -> Flag | None:
    """Flag slices that overlap, or leave tissue between them unseen."""
    if not _is_stack(series):
        return None
    distance, share = _median(series), limits.thickness_share
    rule = f"{distance:.3f} mm apart, thickness within {share:.0%}"
    thickness = series.slice_thickness_mm
    if thickness is None:
        return flag_of_missing("thickness-as-distance", "slice thickness", rule)
    passed = abs(thickness - distance) <= share * distance
    return Flag("thickness-as-distance", passed, f"{thickness:.3f} mm", rule)


def spacing_as_measured(series: Series, limits: Limits) -> Flag | None:
    """Flag a spacing between slices in the header that is not the distance of their positions."""
    if not _is_stack(series) or series.spacing_between_slices_mm is None:
        return None
    said, distance = abs(series.spacing_between_slices_mm), _median(series)
    passed = abs(said - distance) <= limits.gap_share * distance
    rule = f"{distance:.3f} mm within {limits.gap_share:.0%}"
    return Flag("spacing-as-measured", passed, f"{said:.3f} mm", rule)


def rescale_slope(series: Series, _: Limits) -> Flag | None:
    """Flag a slope of 0, and on CT and MR slopes or intercepts that differ between images."""
    low, high = series.smallest_rescale_slope, series.largest_rescale_slope
    if not series.holds_pixels or series.modality not in ("CT", "MR", "PT"):
        return None
    rule = "a slope above 0" + ("" if series.modality == "PT" else ", one slope and intercept")
    if low is None or high is None:
        return flag_of_missing("rescale-slope", "slope", rule) if series.modality != "MR" else None
    first, last = series.smallest_rescale_intercept, series.largest_rescale_intercept
    constant = low == high and first == last
    passed = low > 0 and (constant or series.modality == "PT")
    return Flag("rescale-slope", passed, f"{low:g} to {high:g}, {first} to {last}", rule)


def rescale_intercept(series: Series, _: Limits) -> Flag | None:
    """Flag a CT intercept that cannot give Hounsfield units: above 0, or far below -1024."""
    if series.modality != "CT" or not series.holds_pixels:
        return None
    rule, low = "intercept -8192 to 0", series.smallest_rescale_intercept
    if low is None:
        return flag_of_missing("rescale-intercept", "intercept", rule)
    return Flag("rescale-intercept", -8192 <= low <= 0, f"{low:g}", rule)


def pet_corrections(series: Series, _: Limits) -> Flag | None:
    """Flag a PET without correction for attenuation or decay: it has no SUV."""
    if series.modality != "PT":
        return None
    done = re.findall(r"[A-Z]+", series.corrected_image.upper())
    missing = [name for name in ("ATTN", "DECY") if name not in done]
    rule = "corrected for ATTN and DECY"
    if not series.corrected_image:
        return flag_of_missing("pet-corrections", "corrected image", rule)
    return Flag("pet-corrections", not missing, series.corrected_image, rule)


def pet_dose(series: Series, _: Limits) -> Flag | None:
    """Flag a PET without what SUV by body weight takes."""
    if series.modality != "PT" or series.units.upper() == "GML":
        return None
    needed = {
        "dose": series.injected_dose_bq,
        "half-life": series.half_life_s,
        "injection time": series.injection_time,
        "weight": series.patient_weight_kg,
    }
    missing = [name for name, value in needed.items() if not value]
    value = f"no {', '.join(missing)}" if missing else "all there"
    return Flag("pet-dose", not missing, value, "dose, half-life, injection time and weight")


def frame_of_reference(series: Series, _: Limits) -> Flag | None:
    """Flag a volume that does not say in which frame of reference it lies."""
    if not _is_volume(series):
        return None
    there = bool(series.frame_of_reference_uid)
    value = "there" if there else "missing"
    return Flag("frame-of-reference", there, value, "a frame of reference UID")


def link_by_uid(series: Series, _: Limits) -> Flag | None:
    """Flag a structure set or segmentation that names no series that is there by its UID."""
    if series.modality not in ("RTSTRUCT", "SEG"):
        return None
    found = series.link or "none"
    return Flag("link-by-uid", series.link == "series", found, "refers to a series that is there")


def burned_in(series: Series, _: Limits) -> Flag | None:
    """Flag pixels into which, as the header says, a name may be written."""
    if not series.holds_pixels or not series.burned_in_annotation:
        return None
    said = series.burned_in_annotation
    return Flag("burned-in-annotation", said.upper() == "NO", said, "NO")


SERIES_CHECKS: dict[str, Check] = {
    "slice-count": slice_count,
    "missing-slices": missing_slices,
    "overlapping-slices": overlapping_slices,
    "repeated-positions": repeated_positions,
    "repeated-images": repeated_images,
    "one-orientation": one_orientation,
    "thickness-as-distance": thickness_as_distance,
    "spacing-as-measured": spacing_as_measured,
    "rescale-slope": rescale_slope,
    "rescale-intercept": rescale_intercept,
    "pet-corrections": pet_corrections,
    "pet-dose": pet_dose,
    "injected-before-scan": injected_before_scan,
    "frame-of-reference": frame_of_reference,
    "link-by-uid": link_by_uid,
    "study-dates": study_dates,
    "burned-in-annotation": burned_in,
}


def _is_volume(series: Series) -> bool:
    return series.holds_pixels and series.modality in ("CT", "MR", "PT")


def _is_stack(series: Series) -> bool:
    return _is_volume(series) and bool(series.slice_distance_mm)


def _median(series: Series) -> float:
    return series.slice_distance_mm or 0.0


def _gap(
    name: str, gap: float | None, rule: str, *, below: float | None = None, above: float = 0.0
) -> Flag:
    if gap is None:
        return flag_of_missing(name, "gap", rule)
    passed = gap >= above and (below is None or gap <= below)
    return Flag(name, passed, f"{gap:.3f} mm", rule)
