"""A PACS that speaks DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from oncotrace.errors import DicomError, InputError
from oncotrace.io.pacs.arrivals import Arrivals, SeriesKey
from oncotrace.io.pacs.client import Arrival
from oncotrace.io.pacs.http import HttpAnswer, HttpService, require_success
from oncotrace.io.pacs.multipart import boundary_of, read_parts
from oncotrace.io.pacs.outgoing import OutgoingFile, SentInstance
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.query import (
    INSTANCE_KEYWORDS,
    SERIES_KEYWORDS,
    STUDY_KEYWORDS,
    Answer,
    Filters,
    FoundInstance,
    FoundSeries,
    FoundStudy,
    instance_of,
    series_of,
    study_of,
)
from oncotrace.io.pacs.stow import send_files

_PAGE = 200
_JSON = {"Accept": "application/dicom+json"}
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class WebPacs:
    """A DICOMweb service; see `oncotrace.io.pacs.client.PacsClient`."""

    service: HttpService
    patience: Patience

    def check(self) -> None:
        """Ask for one study at most."""
        self._page("/studies", [("limit", "1")])

    def find_studies(self, filters: Filters) -> Iterator[FoundStudy]:
        """Studies that match (QIDO-RS, PS3.18, 10.6)."""
        wanted = {
            "PatientID": filters.patient_id,
            "StudyDate": filters.date_range,
            "ModalitiesInStudy": filters.modality,
            "StudyInstanceUID": filters.study_uid,
        }
        for answer in self._matches("/studies", wanted, STUDY_KEYWORDS):
            yield study_of(answer)

    def find_series(self, study: FoundStudy, filters: Filters) -> Iterator[FoundSeries]:
        """Series of a study that match."""
        wanted = {"Modality": filters.modality, "SeriesInstanceUID": filters.series_uid}
        path = f"/studies/{study.study_uid}/series"
        for answer in self._matches(path, wanted, SERIES_KEYWORDS):
            yield series_of(answer, study)

    def list_instances(self, series: SeriesKey) -> list[FoundInstance]:
        """Every instance of a series."""
        answers = self._matches(f"{_path(series)}/instances", {}, INSTANCE_KEYWORDS)
        return list(map(instance_of, answers))

    def fetch(
        self,
        series: SeriesKey,
        instances: Sequence[FoundInstance],
        arrivals: Arrivals,
        *,
        all_of_it: bool,
    ) -> Iterator[Arrival]:
        """Fetch instances as they are stored, or uncompressed where that cannot be read here.

        WADO-RS, PS3.18, 10.4; transfer syntaxes: 8.7.3.5.2.
        """
        wanted = [instance.sop_instance_uid for instance in instances]
        paths = [_path(series)] if all_of_it else [_path(series, uid) for uid in wanted]
        unreadable = False
        for path in paths:
            for arrival in self._received(path, "*", series, wanted, arrivals):
                if arrival.refusal is not None and arrival.refusal.code == "pacs-syntax":
                    unreadable = True
                else:
                    yield arrival
        if not unreadable:
            return
        for instance in arrivals.missing(series, instances):
            uid = instance.sop_instance_uid
            path = _path(series, uid)
            yield from self._received(path, _EXPLICIT_LITTLE, series, [uid], arrivals)

    def _received(
        self, path: str, syntax: str, series: SeriesKey, wanted: Sequence[str], arrivals: Arrivals
    ) -> Iterator[Arrival]:
        """Objects of one answer; what is wrong with one does not stop the others."""
        accepted = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        with self.service.asked("GET", path, {"Accept": accepted}) as answer:
            require_success(answer, "the series cannot be fetched")
            for part in read_parts(boundary_of(answer.headers), answer.read_some):
                try:
                    uid = arrivals.keep(series, wanted, part.body, announced_bytes=part.length)
                except (DicomError, InputError) as error:
                    if not isinstance(error, DicomError) and error.code != "pacs-syntax":
                        raise
                    yield Arrival(refusal=error)
                    continue
                if uid is not None:
                    yield Arrival(uid)

    def send(self, files: Sequence[OutgoingFile]) -> Iterator[SentInstance]:
        """Send files (STOW-RS)."""
        yield from send_files(self.service, self.patience, files)

    def _matches(
        self, path: str, wanted: Mapping[str, str | None], keywords: Sequence[str]
    ) -> Iterator[Answer]:
        """Give matches page by page, until a page brings nothing new.

        A PACS may give fewer at a time than it is asked for, or may ignore where to go on: the
        number of matches on a page does not tell the last one.
        """
        query = [(keyword, value) for keyword, value in wanted.items() if value]
        query += [("includefield", f"{tag_for_keyword(keyword):08X}") for keyword in keywords]
        seen: set[tuple[str, ...]] = set()
        given = 0
        while True:
            page = self._page(path, [*query, ("limit", str(_PAGE)), ("offset", str(given))])
            given += len(page)
            new = [answer for answer in page if answer.get(keywords[0], ()) not in seen]
            yield from new
            seen.update(answer.get(keywords[0], ()) for answer in new)
            if not new:
                return

    def _page(self, path: str, query: Sequence[tuple[str, str]]) -> list[Answer]:
        target = f"{path}?{urlencode(query, quote_via=quote)}"

        def asked() -> list[Answer]:
            with self.service.asked("GET", target, _JSON) as answer:
                require_success(answer, "the PACS cannot be asked")
                return _answers(answer)

        return self.patience.persist(asked)


def _path(series: SeriesKey, sop_instance_uid: str | None = None) -> str:
    """Path of a series or instance; UIDs have been checked to be UIDs."""
    path = f"/studies/{series.study_uid}/series/{series.series_uid}"
    return path if sop_instance_uid is None else f"{path}/instances/{sop_instance_uid}"


def _answers(answer: HttpAnswer) -> list[Answer]:
    found = answer.read_json()
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(
            "the PACS does not answer with a list of matches.",
            hint="Check that the address is the root of its DICOMweb service.",
            code="pacs-answer",
        )
    return list(map(_as_text, found))


def _as_text(match: Mapping[str, object]) -> Answer:
    """Values of the DICOM JSON model (PS3.18, annex F) as text; names and sequences are left."""
    values: dict[str, tuple[str, ...]] = {}
    for tag, element in match.items():
        if len(tag) != 8 or not isinstance(element, dict):
            continue
        given = element.get("Value")
        try:
            keyword = keyword_for_tag(int(tag, 16))
        except ValueError:
            continue
        if keyword and isinstance(given, list):
            values[keyword] = tuple(str(value) for value in given if isinstance(value, str | int))
    return values
