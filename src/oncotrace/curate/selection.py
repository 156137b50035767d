"""One series per case and role, why that one, and why not the others."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from oncotrace.curate.check_rules import AllowedRule, RangeRule
from oncotrace.curate.flag import Flag
from oncotrace.curate.select_query import Preference, Query, Role, Timing
from oncotrace.curate.series import Series
from oncotrace.domain.scan import MODALITIES

Dates = Mapping[str, Mapping[str, date]]
"""Dates of events, by patient id and event."""


@dataclass(frozen=True)
class Chosen:
    """The series of one role, and its outlines if there are any."""

    role: str
    series: Series
    why: str
    outlines: Series | None = None
    structure: str = ""
    """Region or segment of the outlines; empty if there are none or the choice is not clear."""


@dataclass(frozen=True)
class LeftOut:
    """A series that was not taken, or a case that lacks one."""

    case: str
    series_uid: str
    """Empty where the whole case is left out."""
    role: str
    reason: str


@dataclass(frozen=True)
class SelectedCase:
    """A case with all that it must have."""

    name: str
    patient_id: str
    study_date: str
    chosen: tuple[Chosen, ...]


@dataclass(frozen=True)
class Selection:
    """What a query makes of an inventory."""

    cases: tuple[SelectedCase, ...]
    left_out: tuple[LeftOut, ...]
    considered: int
    """Cases before anything was left out."""

    @property
    def excluded_cases(self) -> Counter[str]:
        """Cases that were left out, by why."""
        return Counter(gone.reason for gone in self.left_out if not gone.series_uid)


def select(
    all_series: Sequence[Series],
    query: Query,
    *,
    flags: Mapping[str, Sequence[Flag]],
    dates: Dates | None = None,
) -> Selection:
    """Select one series per case and role.

    Parameters
    ----------
    flags
        What the checks said, by series UID.
    dates
        Of events that the query names.
    """
    by_uid = {series.series_uid: series for series in all_series}
    roles = query.role or _roles_of(all_series)
    cases, left_out = [], []
    grouped = _grouped(all_series, query)
    for name, group in grouped.items():
        chosen, missing = [], []
        for role in roles:
            fit, out = _fitting(group, role, query, flags, dates or {})
            left_out += [LeftOut(name, uid, role.name, reason) for uid, reason in out]
            if fit:
                chosen.append(_best(fit, role, by_uid, dates or {}))
                left_out += _not_preferred(name, fit, chosen[-1])
            elif not role.optional:
                missing.append(role.name)
        if missing or not chosen:
            why = f"no {', no '.join(missing)}" if missing else "no image of any role"
            left_out.append(LeftOut(name, "", "", why))
        else:
            first = chosen[0].series
            cases.append(SelectedCase(name, first.patient_id, first.study_date, tuple(chosen)))
    return Selection(tuple(cases), tuple(left_out), len(grouped))


def days_after(series: Series, timing: Timing, dates: Dates) -> int | None:
    """Days from the event to the study; none if either has no date."""
    event = dates.get(series.patient_id, {}).get(timing.event)
    try:
        taken = date.fromisoformat(series.study_date)
    except ValueError:
        return None
    return None if event is None else (taken - event).days


def _roles_of(all_series: Iterable[Series]) -> tuple[Role, ...]:
    found = {series.modality_name for series in all_series if series.holds_pixels}
    return tuple(Role(name=name, optional=True) for name in MODALITIES if name in found)


def _grouped(all_series: Iterable[Series], query: Query) -> dict[str, list[Series]]:
    """Series of images by case; cases in the order of patients and study dates."""
    groups: dict[str, list[Series]] = defaultdict(list)
    listed = [series for series in all_series if series.holds_pixels]
    listed.sort(key=lambda series: (series.patient_id, series.study_date, series.study_uid))
    for series in listed:
        groups[series.patient_id if query.case == "patient" else series.study_uid].append(series)
    return groups


def _fitting(
    group: Iterable[Series],
    role: Role,
    query: Query,
    flags: Mapping[str, Sequence[Flag]],
    dates: Dates,
) -> tuple[list[Series], list[tuple[str, str]]]:
    """Series that would do, and why others of that modality would not."""
    fit, out = [], []
    for series in group:
        if series.modality_name == role.name:
            reason = _why_not(series, role, query, flags.get(series.series_uid, ()), dates)
            if reason:
                out.append((series.series_uid, reason))
            else:
                fit.append(series)
    return fit, out


def _why_not(
    series: Series, role: Role, query: Query, flags: Sequence[Flag], dates: Dates
) -> str | None:
    confidence = series.sequence_confidence or 0.0
    if confidence < query.least_confidence:
        return f"recognised with a confidence of {confidence:.2f} only"
    rules: tuple[AllowedRule | RangeRule, ...] = (*role.allowed, *role.range)
    for rule in rules:
        value = getattr(series, rule.column)
        if value in (None, "", ()) or not rule.holds(value):
            return f"not {rule}: {value or 'not known'}"
    for flag in flags:
        if flag.check in query.must_pass and flag.passed is False:
            return f"fails {flag.check}: {flag.value}"
    return _why_not_then(series, role.timing, dates) if role.timing else None


def _why_not_then(series: Series, timing: Timing, dates: Dates) -> str | None:
    days = days_after(series, timing, dates)
    if days is None:
        return f"no date of study or {timing.event}"
    if (timing.when == "before" and days > 0) or (timing.when == "after" and days < 0):
        return f"{abs(days)} days {'after' if days > 0 else 'before'} {timing.event}"
    if timing.within_days is not None and abs(days) > timing.within_days:
        return f"{abs(days)} days from {timing.event}, more than {timing.within_days}"
    return None


def _best(fit: list[Series], role: Role, by_uid: Mapping[str, Series], dates: Dates) -> Chosen:
    """Choose the best of those that fit, with what told it from the second best."""
    ranks = {series.series_uid: _ranks(series, role, dates) for series in fit}
    ordered = sorted(fit, key=lambda series: [rank for _, rank, _ in ranks[series.series_uid]])
    best = ordered[0]
    why = "the only one"
    if len(ordered) > 1:
        pairs = zip(ranks[best.series_uid], ranks[ordered[1].series_uid], strict=True)
        name, ours, theirs = next(
            (name, ours, theirs)
            for (name, rank, ours), (_, other, theirs) in pairs
            if rank != other
        )
        why = f"best of {len(ordered)} by {name}: {ours}, not {theirs}"
    outlines, structure = _outlines_of(best, role, by_uid)
    return Chosen(role.name, best, why, outlines, structure)


def _ranks(series: Series, role: Role, dates: Dates) -> list[tuple[str, tuple[float, str], str]]:
    """Return what a series is judged by, in order: name, rank (least is best), value to show."""
    ranks: list[tuple[str, tuple[float, str], str]] = []
    if role.timing:
        days = days_after(series, role.timing, dates) or 0
        ranks.append((f"days from {role.timing.event}", (abs(days), ""), str(days)))
    ranks += [_rank(series, preference) for preference in role.prefer]
    confidence = series.sequence_confidence or 0.0
    ranks.append(("confidence", (-confidence, ""), f"{confidence:.2f}"))
    number = series.series_number if series.series_number is not None else 10**9
    ranks.append(("series number", (number, ""), str(series.series_number)))
    ranks.append(("series UID", (0.0, series.series_uid), series.series_uid))
    return ranks


def _rank(series: Series, preference: Preference) -> tuple[str, tuple[float, str], str]:
    value = getattr(series, preference.column)
    if preference.order:
        known = float(value) if isinstance(value, int | float) else float("-inf")
        rank = -known if preference.order == "largest" else abs(known)
    else:
        fits = [fnmatchcase(str(value).lower(), known.lower()) for known in preference.values]
        rank = float(fits.index(True)) if any(fits) else float(len(fits))
    return preference.column, (rank, ""), str(value)


def _not_preferred(case: str, fit: Iterable[Series], chosen: Chosen) -> list[LeftOut]:
    uid = chosen.series.series_uid
    return [
        LeftOut(case, series.series_uid, chosen.role, f"another series is preferred: {uid}")
        for series in fit
        if series is not chosen.series
    ]


def _outlines_of(
    series: Series, role: Role, by_uid: Mapping[str, Series]
) -> tuple[Series | None, str]:
    """Newest structure set or segmentation of a series in which a pattern fits one structure."""
    sets = [by_uid[uid] for uid in series.referred_by if uid in by_uid]
    outlining = [one for one in sets if one.modality in ("RTSTRUCT", "SEG")]
    outlining.sort(key=lambda one: (one.series_date, one.series_time, one.series_uid), reverse=True)
    for one in outlining:
        for pattern in role.structures:
            names = [name for name in one.structures if fnmatchcase(name.lower(), pattern.lower())]
            if len(names) == 1:
                return one, names[0]
    return (outlining[0] if outlining else None), ""
