"""The way to and from a PACS: ask what is there, fetch series, send results."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from oncotrace.errors import InputError, OncotraceError, SettingsError
from oncotrace.io.pacs.access import PacsAccess, open_pacs
from oncotrace.io.pacs.arrivals import Arrivals, Bounds, SeriesKey, remove_unfinished
from oncotrace.io.pacs.client import PacsClient
from oncotrace.io.pacs.outgoing import Outgoing, SentInstance, outgoing_files
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.query import (
    Filters,
    FoundInstance,
    FoundPatient,
    FoundSeries,
    FoundStudy,
    Level,
    patients_of,
)
from oncotrace.pipeline.run.folder import require_new

_STOPS_ALL = {"output", "pacs-too-much", "pacs-login", "pacs-store-port", "pacs-destination"}

Found = FoundPatient | FoundStudy | FoundSeries


@dataclass(frozen=True)
class Fetched:
    """One object that has arrived."""

    series: FoundSeries
    sop_instance_uid: str


@dataclass(frozen=True)
class FailedSeries:
    """A series of which something has not arrived, and why."""

    series: FoundSeries
    missing: int
    error: OncotraceError


@dataclass(frozen=True)
class Retrieval:
    """A retrieval that has begun: what it is about, and what becomes of it.

    Parameters
    ----------
    present
        Instances that an earlier retrieval has brought.
    outcomes
        One for every instance that arrives, and one for every series that fails.
    """

    series: tuple[FoundSeries, ...]
    instances: int
    present: int
    outcomes: Generator[Fetched | FailedSeries, None, None]


@dataclass(frozen=True)
class Sending:
    """Files on their way: what they are, and what becomes of each."""

    outgoing: Outgoing
    outcomes: Generator[SentInstance, None, None]


def check_pacs(access: PacsAccess) -> None:
    """Ask a PACS for a sign of life.

    Raises
    ------
    OncotraceError
        There is none, and why.
    """
    open_pacs(access).check()


def query_pacs(
    access: PacsAccess, level: Level, filters: Filters, *, limit: int, offset: int = 0
) -> list[Found]:
    """List what a PACS holds, at most ``limit`` after the first ``offset`` matches.

    Raises
    ------
    OncotraceError
        The PACS cannot be asked, or the question makes no sense.
    """
    pacs = open_pacs(access)
    found: Iterable[Found]
    if level == "series":
        found = _series(pacs, filters)
    else:
        studies = _studies(pacs, filters, described=level == "study")
        found = studies if level == "study" else patients_of(studies)
    return list(islice(found, offset, offset + limit))


def retrieve_from_pacs(
    access: PacsAccess,
    filters: Filters,
    out: Path,
    *,
    resume: bool = False,
    bounds: Bounds | None = None,
) -> Retrieval:
    """Fetch series into ``out/STUDY/SERIES/INSTANCE.dcm``.

    Parameters
    ----------
    filters
        At least a patient, a study or a range of days.
    resume
        Go on in a folder that holds some of it: what is there is not fetched again.

    Raises
    ------
    OncotraceError
        The PACS cannot be asked, nothing matches, or ``out`` holds something already.
    """
    if not resume:
        require_new(out)
    pacs = open_pacs(access)
    series = tuple(_series(pacs, filters))
    if not series:
        raise InputError(
            "the PACS has no series that matches.",
            hint="Look what it has with: oncotrace pacs query.",
            code="pacs-not-found",
        )
    arrivals = Arrivals(out, bounds or Bounds())
    listed = {_key(each): pacs.list_instances(_key(each)) for each in series}
    missing = sum(len(arrivals.missing(key, instances)) for key, instances in listed.items())
    number = sum(map(len, listed.values()))
    outcomes = _fetched(pacs, access.patience, series, listed, arrivals)
    return Retrieval(series, number, number - missing, outcomes)


def send_to_pacs(access: PacsAccess, paths: Sequence[Path]) -> Sending:
    """Send DICOM files, and all that lie in folders.

    Raises
    ------
    OncotraceError
        The address cannot be used, or there is nothing to send.
    """
    pacs = open_pacs(access)
    outgoing = outgoing_files(paths)
    return Sending(outgoing, _sent(pacs, outgoing))


def _sent(pacs: PacsClient, outgoing: Outgoing) -> Generator[SentInstance, None, None]:
    yield from outgoing.unfit
    yield from pacs.send(outgoing.files)


def _studies(pacs: PacsClient, filters: Filters, *, described: bool) -> Iterator[FoundStudy]:
    """Studies that match; ``described`` if the description to look for is the study's."""
    seen: set[str] = set()
    for study in pacs.find_studies(filters):
        fits = not described or filters.admits_description(study.description)
        if study.study_uid not in seen and filters.admits_study(study) and fits:
            seen.add(study.study_uid)
            yield study


def _series(pacs: PacsClient, filters: Filters) -> Iterator[FoundSeries]:
    if not filters.names_studies:
        raise SettingsError(
            "series are looked for in the studies of a patient or of some days, or in one study.",
            hint="Give --patient, --study, --since or --until.",
            code="pacs-query",
        )
    for study in list(_studies(pacs, filters, described=False)):  # one connection at a time
        for series in pacs.find_series(study, filters):
            if filters.admits_series(series):
                yield series


def _key(series: FoundSeries) -> SeriesKey:
    return SeriesKey(series.study_uid, series.series_uid)


def _fetched(
    pacs: PacsClient,
    patience: Patience,
    series: Sequence[FoundSeries],
    listed: dict[SeriesKey, list[FoundInstance]],
    arrivals: Arrivals,
) -> Generator[Fetched | FailedSeries, None, None]:
    """Fetch series by series; what goes wrong with one does not stop the others."""
    remove_unfinished(arrivals.folder)
    for each in series:
        instances = listed[_key(each)]
        refusals: list[OncotraceError] = []
        try:
            yield from _persistently(pacs, patience, each, instances, arrivals, refusals)
        except OncotraceError as error:
            refusals.append(error)
            if error.code in _STOPS_ALL:
                raise
        missing = arrivals.missing(_key(each), instances)
        if missing:
            yield FailedSeries(each, len(missing), _reason(refusals, len(missing), len(instances)))


def _persistently(
    pacs: PacsClient,
    patience: Patience,
    series: FoundSeries,
    instances: Sequence[FoundInstance],
    arrivals: Arrivals,
    refusals: list[OncotraceError],
) -> Iterator[Fetched]:
    """Fetch a series; after a connection that broke off, what is left of it."""
    key, attempt = _key(series), 0
    while missing := arrivals.missing(key, instances):
        is_all = len(missing) == len(instances)
        try:
            for arrival in pacs.fetch(key, missing, arrivals, all_of_it=is_all):
                if arrival.refusal is not None:
                    refusals.append(arrival.refusal)
                else:
                    yield Fetched(series, arrival.sop_instance_uid)
            return
        except OncotraceError as error:
            if not patience.wait_after(attempt, error):
                raise
            attempt += 1


def _reason(refusals: Sequence[OncotraceError], missing: int, number: int) -> OncotraceError:
    """Why instances are missing: the last that was said, or that nothing was."""
    if refusals:
        return refusals[-1]
    return InputError(
        f"{missing} of {number} instances have not been sent.",
        hint="Try again with --resume; if it stays so, ask the administrator of the PACS.",
        code="pacs-incomplete",
    )
