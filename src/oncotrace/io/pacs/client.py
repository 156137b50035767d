"""What every PACS can be asked, whichever of the two protocols it speaks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from oncotrace.errors import OncotraceError
from oncotrace.io.pacs.arrivals import Arrivals, SeriesKey
from oncotrace.io.pacs.outgoing import OutgoingFile, SentInstance
from oncotrace.io.pacs.query import Filters, FoundInstance, FoundSeries, FoundStudy


@dataclass(frozen=True)
class Arrival:
    """One object that has come: its SOP instance UID, or why it was not kept."""

    sop_instance_uid: str = ""
    refusal: OncotraceError | None = None


class PacsClient(Protocol):
    """A PACS; every method raises an `InputError` with a code that begins with ``pacs-``."""

    def check(self) -> None:
        """Ask for a sign of life."""

    def find_studies(self, filters: Filters) -> Iterator[FoundStudy]:
        """Studies that match, in the order of the PACS."""

    def find_series(self, study: FoundStudy, filters: Filters) -> Iterator[FoundSeries]:
        """Series of a study that match."""

    def list_instances(self, series: SeriesKey) -> list[FoundInstance]:
        """Every instance of a series."""

    def fetch(
        self,
        series: SeriesKey,
        instances: Sequence[FoundInstance],
        arrivals: Arrivals,
        *,
        all_of_it: bool,
    ) -> Iterator[Arrival]:
        """Fetch instances of a series into a folder, and tell of each.

        Parameters
        ----------
        all_of_it
            Whether these are all instances of the series, which can be asked for at once.
        """

    def send(self, files: Sequence[OutgoingFile]) -> Iterator[SentInstance]:
        """Send files, and tell what became of each."""
