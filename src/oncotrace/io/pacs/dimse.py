"""A PACS that speaks DIMSE: C-ECHO, C-FIND (study root), C-GET, C-MOVE, C-STORE (PS3.4, PS3.7)."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_header import quiet_pydicom, value_of
from oncotrace.io.pacs.address import DicomAddress
from oncotrace.io.pacs.arrivals import Arrivals, SeriesKey
from oncotrace.io.pacs.association import association, required_status, unsupported
from oncotrace.io.pacs.client import Arrival
from oncotrace.io.pacs.dimse_retrieve import retrieved
from oncotrace.io.pacs.dimse_store import send_files
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
from oncotrace.io.pacs.status import OUT_OF_RESOURCES, explain

if TYPE_CHECKING:
    from pynetdicom.association import Association

_VERIFICATION = "1.2.840.10008.1.1"
_STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_PENDING = (0xFF00, 0xFF01)


@dataclass(frozen=True)
class DicomPacs:
    """An application entity; see `oncotrace.io.pacs.client.PacsClient`."""

    address: DicomAddress
    patience: Patience

    def check(self) -> None:
        """Ask for a sign of life (C-ECHO)."""
        self.patience.persist(self._echo)

    def _echo(self) -> None:
        from pynetdicom import build_context

        timeout_s = self.patience.timeout_s
        with association(self.address, [build_context(_VERIFICATION)], timeout_s) as opened:
            since = time.monotonic()
            status = required_status(opened.send_c_echo(), timeout_s, since)
        if status != 0:
            raise _failed(status)

    def find_studies(self, filters: Filters) -> Iterator[FoundStudy]:
        """Studies that match (C-FIND, PS3.4, C.4.1)."""
        wanted = {
            "QueryRetrieveLevel": "STUDY",
            "PatientID": filters.patient_id,
            "StudyDate": filters.date_range,
            "ModalitiesInStudy": filters.modality,
            "StudyInstanceUID": filters.study_uid,
        }
        yield from map(study_of, self._matches(wanted, STUDY_KEYWORDS))

    def find_series(self, study: FoundStudy, filters: Filters) -> Iterator[FoundSeries]:
        """Series of a study that match."""
        wanted = {
            "QueryRetrieveLevel": "SERIES",
            "StudyInstanceUID": study.study_uid,
            "Modality": filters.modality,
            "SeriesInstanceUID": filters.series_uid,
        }
        for answer in self._matches(wanted, SERIES_KEYWORDS):
            yield series_of(answer, study)

    def list_instances(self, series: SeriesKey) -> list[FoundInstance]:
        """Every instance of a series."""
        wanted = {
            "QueryRetrieveLevel": "IMAGE",
            "StudyInstanceUID": series.study_uid,
            "SeriesInstanceUID": series.series_uid,
        }
        return list(map(instance_of, self._matches(wanted, INSTANCE_KEYWORDS)))

    def fetch(
        self,
        series: SeriesKey,
        instances: Sequence[FoundInstance],
        arrivals: Arrivals,
        *,
        all_of_it: bool,
    ) -> Iterator[Arrival]:
        """Fetch instances by C-GET or C-MOVE, as the address says."""
        yield from retrieved(
            self.address,
            self.patience.timeout_s,
            series,
            instances,
            arrivals,
            all_of_it=all_of_it,
        )

    def send(self, files: Sequence[OutgoingFile]) -> Iterator[SentInstance]:
        """Send files (C-STORE)."""
        yield from send_files(self.address, self.patience, files)

    def _matches(
        self, wanted: Mapping[str, str | None], keywords: Sequence[str]
    ) -> Iterator[Answer]:
        """Ask, and give the matches; asked again is only before the first has come."""

        def begun() -> tuple[Answer | None, Iterator[Answer]]:
            matches = self._asked(wanted, keywords)
            return next(matches, None), matches

        first, others = self.patience.persist(begun)
        if first is not None:
            yield first
            yield from others

    def _asked(self, wanted: Mapping[str, str | None], keywords: Sequence[str]) -> Iterator[Answer]:
        from pynetdicom import build_context

        identifier = Dataset()
        for keyword in keywords:
            setattr(identifier, keyword, "" if "Number" not in keyword else None)
        for keyword, value in wanted.items():
            if value:
                setattr(identifier, keyword, value)
        if not "".join(value or "" for value in wanted.values()).isascii():
            identifier.SpecificCharacterSet = "ISO_IR 192"
        contexts = [build_context(_STUDY_ROOT_FIND)]
        with association(self.address, contexts, self.patience.timeout_s) as opened:
            yield from self._answers(opened, identifier)

    def _answers(self, opened: "Association", identifier: Dataset) -> Iterator[Answer]:
        if not any(each.abstract_syntax == _STUDY_ROOT_FIND for each in opened.accepted_contexts):
            raise unsupported("queries (C-FIND, study root)")
        since = time.monotonic()
        for answer, match in opened.send_c_find(identifier, _STUDY_ROOT_FIND):
            status = required_status(answer, self.patience.timeout_s, since)
            if status in _PENDING and match is not None:
                yield _as_text(match)
                since = time.monotonic()
            elif status != 0:
                raise _failed(status)


def _as_text(match: Dataset) -> Answer:
    """Values that we ask for, as text."""
    values: dict[str, tuple[str, ...]] = {}
    with quiet_pydicom():
        for keyword in (*STUDY_KEYWORDS, *SERIES_KEYWORDS, *INSTANCE_KEYWORDS):
            try:
                value = value_of(match, keyword, "an answer of the PACS")
            except DicomError:
                continue  # what must not be absent is asked for by who needs it
            if value is not None:
                several = value if isinstance(value, MultiValue) else [value]
                values[keyword] = tuple(map(str, several))
    return values


def _failed(status: int) -> InputError:
    code = "pacs-busy" if status in OUT_OF_RESOURCES else "pacs-failed"
    return InputError(
        f"the PACS does not answer the question: {explain(status)}.",
        hint="Ask for less, or its administrator.",
        code=code,
    )
