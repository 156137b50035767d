"""The inventory of a folder tree, an archive or a PACS: every series in one table, read once.

Beside ``TABLE`` lies ``TABLE.index.sqlite``, which remembers every file's header, so that a second
inventory reads only what is new or changed. Both are the hospital's own: they hold patients' ids
and descriptions.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.atomic import refused_writes, write_bytes
from oncotrace.curate.inventory import describe_changed, described
from oncotrace.curate.inventory_table import require_table_name, write_inventory
from oncotrace.curate.series import Series
from oncotrace.errors import InputError, OutputError, SettingsError
from oncotrace.io.headers.index import HeaderIndex
from oncotrace.pipeline.header_reading import Progress, compare_folders, read_pending
from oncotrace.pipeline.new_files import require_absent
from oncotrace.pipeline.pacs import FailedSeries
from oncotrace.pipeline.pacs_source import FromPacs, fetch
from oncotrace.report.inventory_charts import inventory_pictures

INDEX_SUFFIX = ".index.sqlite"
FETCHED_SUFFIX = ".dicom"
NOT_IMAGES = ("not-dicom", "dicomdir", "empty-file")  # and nothing is wrong with them


@dataclass(frozen=True)
class InventorySummary:
    """What an inventory holds.

    Parameters
    ----------
    files
        All that were found, DICOM or not.
    read
        Those whose header was read this time.
    modalities, sequences
        Series by modality and by sequence, the commonest first.
    codes
        Files and folders without values by the reason.
    noted
        Series with a note.
    """

    patients: int
    studies: int
    series: int
    files: int
    read: int
    modalities: Mapping[str, int]
    sequences: Mapping[str, int]
    codes: Mapping[str, int]
    noted: int


@dataclass(frozen=True)
class DryRun:
    """What an inventory would read: of so many files so many, and how many series it has so far."""

    files: int
    to_read: int


def make_inventory_of_pacs(
    source: FromPacs,
    out: Path,
    *,
    update: bool,
    jobs: int | None = None,
    figures: Path | None = None,
) -> Iterator[Progress | FailedSeries | InventorySummary]:
    """Fetch what a PACS has into ``TABLE.dicom`` and make its inventory; the summary comes last.

    Series that have not arrived whole are listed as they are, and named.

    Raises
    ------
    OncotraceError
        The PACS cannot be asked, nothing matches, or see `make_inventory`.
    """
    require_table_name(out)
    folder = out.with_name(out.name + FETCHED_SUFFIX)
    _require_place(out, index_of(out), figures, update=update)
    if not update:
        require_absent([folder])
    for happening in fetch(source, folder):
        if isinstance(happening, FailedSeries):
            yield happening
        else:
            yield Progress("retrieving", *happening)
    yield from make_inventory(folder, out, update=update, jobs=jobs, figures=figures)


def make_inventory(
    source: Path, out: Path, *, update: bool, jobs: int | None = None, figures: Path | None = None
) -> Iterator[Progress | InventorySummary]:
    """Make or update the inventory of a folder tree or zip archive; the last item is its summary.

    What has been read stays read when it is interrupted, and is not read again with ``update``.

    Parameters
    ----------
    out
        The table, ``.csv`` or ``.parquet``.
    update
        Whether a table or index that exists is gone on with.
    jobs
        Processes that read; the machine's processors if not given.
    figures
        New folder for pictures of the distributions.

    Raises
    ------
    InputError
        There is nothing at ``source``, or the index is damaged.
    OutputError
        The table exists already, or cannot be written.
    SettingsError
        The table's format is not known.
    MissingDependencyError
        The table is to be Parquet, and pyarrow is not installed.
    """
    jobs = _checked(source, out, jobs)
    index_file = index_of(out)
    _require_place(out, index_file, figures, update=update)
    root = source.resolve()
    with refused_writes(out.name):
        out.parent.mkdir(parents=True, exist_ok=True)
    with HeaderIndex(index_file) as index:
        yield from compare_folders(root, index, _own_files(out))
        index.commit()
        read = index.count_pending()
        yield from read_pending(root, index, jobs)
        for done, total in describe_changed(index):
            yield Progress("describing", done, total)
        index.commit()
        series = described(index)
        summary = summarised(series, index.codes(), files=index.count_files(), read=read)
    write_inventory(series, out, replace=update)
    if figures is not None:
        for name, picture in inventory_pictures([row.values() for row in series]).items():
            write_bytes(figures / name, picture)
    yield summary


def dry_run(source: Path, out: Path) -> Iterator[Progress | DryRun]:
    """Say what `make_inventory` would read; nothing is written.

    Raises
    ------
    InputError
        There is nothing at ``source``, or the index is damaged.
    """
    _checked(source, out, None)
    index_file = index_of(out)
    with HeaderIndex(index_file if index_file.exists() else None) as index:
        files = 0
        for step in compare_folders(source.resolve(), index, _own_files(out)):
            files = step.done
            yield step
        to_read = index.count_pending()
        index.rollback()
    yield DryRun(files, to_read)


def index_of(out: Path) -> Path:
    """Return the index that belongs to a table."""
    return out.with_name(out.name + INDEX_SUFFIX)


def summarised(
    series: Sequence[Series], codes: Mapping[str, int], *, files: int, read: int
) -> InventorySummary:
    """Count what an inventory holds."""
    return InventorySummary(
        patients=len({row.patient_id for row in series}),
        studies=len({(row.patient_id, row.study_uid) for row in series}),
        series=len(series),
        files=files,
        read=read,
        modalities=_counted([row.modality or "none" for row in series]),
        sequences=_counted([row.sequence for row in series]),
        codes=codes,
        noted=sum(bool(row.notes) for row in series),
    )


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _checked(source: Path, out: Path, jobs: int | None) -> int:
    require_table_name(out)
    if not source.exists():
        raise InputError(f"there is no file or folder {source.name}.", code="missing-file")
    if jobs is not None and jobs < 1:
        raise SettingsError(f"--jobs must be at least 1, found {jobs}.")
    return jobs or os.cpu_count() or 1


def _require_place(out: Path, index_file: Path, figures: Path | None, *, update: bool) -> None:
    for path in (out, index_file):
        if not update and os.path.lexists(path):
            raise OutputError(
                f"{path.name} exists already and is not written over.",
                hint="Go on with it by --update, choose another place, or move it away.",
                code="output-exists",
            )
    if figures is not None and figures.exists() and (figures.is_file() or any(figures.iterdir())):
        raise OutputError(
            f"{figures.name} exists already and is not empty.",
            hint="Choose a new folder for the figures.",
            code="output-exists",
        )


def _own_files(out: Path) -> frozenset[str]:
    """Table and index, which are no part of what they describe, should they lie within it."""
    table = out.resolve()
    index_file = index_of(table)
    journal = index_file.with_name(index_file.name + "-journal")
    return frozenset(map(str, (table, index_file, journal)))
