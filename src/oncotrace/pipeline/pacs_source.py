"""What a PACS has, as the start of an inventory or a preparation: fetched into a folder."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from oncotrace.io.pacs.access import PacsAccess
from oncotrace.io.pacs.query import Filters
from oncotrace.pipeline.pacs import FailedSeries, retrieve_from_pacs


@dataclass(frozen=True)
class FromPacs:
    """Where the PACS is, and what is wanted of it."""

    access: PacsAccess
    filters: Filters

    def described(self) -> dict[str, object]:
        """Return the source as plain JSON values."""
        filters = {
            name: value if isinstance(value, str) else str(value)
            for name, value in asdict(self.filters).items()
            if value is not None
        }
        return {"pacs": self.access.address, **filters}


def fetch(source: FromPacs, folder: Path) -> Iterator[tuple[int, int] | FailedSeries]:
    """Fetch what is not there yet; yield how many instances are, of how many.

    Raises
    ------
    OncotraceError
        The PACS cannot be asked, or nothing matches.
    """
    retrieval = retrieve_from_pacs(source.access, source.filters, folder, resume=True)
    done = retrieval.present
    yield done, retrieval.instances
    with closing(retrieval.outcomes):
        for outcome in retrieval.outcomes:
            if isinstance(outcome, FailedSeries):
                yield outcome
            else:
                done += 1
                yield done, retrieval.instances
