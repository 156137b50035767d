"""The agreeing journey for outlines: masks of several readers in, agreement and consensus out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oncotrace.atomic import refused_writes, write_bytes
from oncotrace.errors import EmptyMaskError, OncotraceError, TableError
from oncotrace.imaging.reader_pairs import reader_tolerance_mm
from oncotrace.io.value_table import is_missing, read_value_table
from oncotrace.io.volume_file import write_mask
from oncotrace.pipeline.agree import COMMAS, TableFormat, measured_analysis, require_two_readers
from oncotrace.pipeline.agree_outlines import (
    Labels,
    OutlinedCase,
    OutlineFiles,
    outlined_case,
)
from oncotrace.pipeline.agree_table import ReadingColumns, listed_readings, ordered_repeats
from oncotrace.pipeline.analysis_folder import Analysis, write_analysis
from oncotrace.pipeline.run.folder import whole_folder
from oncotrace.report.reader_agreement import measured_agreement
from oncotrace.report.reader_contours import contours_drawing
from oncotrace.report.reader_outlines import (
    CaseOutlines,
    OutlineAgreement,
    Unusable,
    dice_drawing,
    outline_result,
    outline_tables,
    outline_text,
)
from oncotrace.report.reader_readings import Readings

# A case's name becomes that of a folder; the same rule as for the ids of a cohort.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")


@dataclass(frozen=True)
class OutlinesSource:
    """Columns of a table with one outline in each row, and what its files hold.

    Parameters
    ----------
    columns
        Of case, reader, mask (as ``value``) and repeat; paths are relative to the table.
    image
        Column of the image that is shown under the outlines.
    labels
        Which values of files with several are the structure.
    """

    columns: ReadingColumns
    image: str | None = None
    labels: Labels = None

    def settings(self) -> dict[str, object]:
        """Return the source as plain JSON values."""
        return {
            "case": self.columns.case,
            "reader": self.columns.reader,
            "mask": self.columns.value,
            "repeat": self.columns.repeat,
            "image": self.image,
            "labels": None if self.labels is None else sorted(self.labels),
        }


@dataclass(frozen=True)
class CaseCompared:
    """How many cases have been compared, of how many."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class OutlinesCompared:
    """The end of the journey: what was found, and what could not be used."""

    analysis: Analysis
    unusable: tuple[Unusable, ...]


def agree_on_outlines(
    table: Path,
    source: OutlinesSource,
    *,
    tolerance_mm: float | None = None,
    written: TableFormat = COMMAS,
    out: Path | None = None,
) -> Iterator[CaseCompared | OutlinesCompared]:
    """How several readers' outlines agree, case by case; the agreement over all comes last.

    With a new folder the consensus masks and a picture of each case are written below ``cases``.

    Parameters
    ----------
    tolerance_mm
        Of the surface Dice; the readers' own if none is given.

    Raises
    ------
    TableError
        The table cannot be used; the message names line and column.
    InputError
        There are fewer than two readers.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    files, repeats = _listed_files(table, source, written)
    require_two_readers({reader for one in files for reader, _ in one.masks}, table.name)
    if out is None:
        yield from _compared(files, repeats, source, tolerance_mm, folder=None)
        return
    with whole_folder(out) as folder:
        for step in _compared(files, repeats, source, tolerance_mm, folder=folder):
            if isinstance(step, OutlinesCompared):
                _write(folder, step.analysis, table, files, source, tolerance_mm)
            yield step


def _compared(
    files: Sequence[OutlineFiles],
    repeats: tuple[str, ...],
    source: OutlinesSource,
    tolerance_mm: float | None,
    *,
    folder: Path | None,
) -> Iterator[CaseCompared | OutlinesCompared]:
    kept: list[CaseOutlines] = []
    unusable: list[Unusable] = []
    volumes_ml: dict[tuple[str, str, str], float] = {}
    for done, of_case in enumerate(files, start=1):
        try:
            found = outlined_case(of_case, repeats, source.labels)
        except OncotraceError as error:
            unusable.append(Unusable(of_case.case, "", error.code, error.message))
        else:
            kept.append(found.kept)
            unusable += found.unusable
            volumes_ml |= {(found.case, *key): ml for key, ml in found.volumes_ml.items()}
            if folder is not None and found.consensus is not None:
                _write_case(folder / "cases" / found.case, found)
        yield CaseCompared(done, len(files))
    readings = _volume_readings(files, repeats, volumes_ml)
    agreement = _agreement(kept, readings, tolerance_mm, unusable)
    yield OutlinesCompared(_analysis(agreement), tuple(unusable))


def _agreement(
    kept: Sequence[CaseOutlines],
    readings: Readings,
    tolerance_mm: float | None,
    unusable: Sequence[Unusable],
) -> OutlineAgreement:
    pairs = [
        pair
        for case in kept
        for pair in case.pairs
        if not {pair.first, pair.second} & set(case.empty)
    ]
    try:
        own_mm = reader_tolerance_mm(pairs)
    except EmptyMaskError:
        own_mm = None
    return OutlineAgreement(
        cases=tuple(kept),
        reader_tolerance_mm=own_mm,
        tolerance_mm=own_mm if tolerance_mm is None else tolerance_mm,
        volumes=measured_agreement(readings, scale="ratio"),
        unusable=tuple(unusable),
    )


def _analysis(found: OutlineAgreement) -> Analysis:
    of_volumes = measured_analysis(found.volumes)
    figures = {f"volume_{name}": drawing for name, drawing in of_volumes.figures.items()}
    if (drawing := dice_drawing(found)) is not None:
        figures["dice"] = drawing
    return Analysis(
        tables=outline_tables(found),
        text=outline_text(found),
        result=outline_result(found),
        figures=figures,
    )


def _listed_files(
    table: Path, source: OutlinesSource, written: TableFormat
) -> tuple[list[OutlineFiles], tuple[str, ...]]:
    """Files of every case in the order of the table, and the names of the repeats."""
    columns = source.columns
    required = [*columns.named, *([source.image] if source.image else [])]
    values = read_value_table(
        table, required=required, separator=written.separator, decimal=written.decimal
    )
    listed = listed_readings(values, columns)
    masks: dict[str, dict[tuple[str, str], Path]] = {}
    images: dict[str, Path] = {}
    for reading, row in zip(listed, values.rows, strict=True):
        if not _SAFE_NAME.fullmatch(reading.case):
            raise TableError(
                f"{table.name}, line {reading.line}: the case's name cannot be that of a folder.",
                hint="Use letters, digits, '.', '_' and '-'.",
                code="unsafe-id",
            )
        of_case = masks.setdefault(reading.case, {})
        if not is_missing(row[columns.value]):
            of_case[reading.reader, reading.repeat] = table.parent / row[columns.value]
        if source.image and not is_missing(row[source.image]):
            images.setdefault(reading.case, table.parent / row[source.image])
    files = [OutlineFiles(case, paths, images.get(case)) for case, paths in masks.items()]
    return files, ordered_repeats([reading.repeat for reading in listed])


def _volume_readings(
    files: Sequence[OutlineFiles],
    repeats: tuple[str, ...],
    volumes_ml: Mapping[tuple[str, str, str], float],
) -> Readings:
    cases = tuple(one.case for one in files)
    readers = tuple(dict.fromkeys(reader for one in files for reader, _ in one.masks))
    table = np.full((len(cases), len(readers), len(repeats)), np.nan)
    for (case, reader, repeat), ml in volumes_ml.items():
        table[cases.index(case), readers.index(reader), repeats.index(repeat)] = ml
    return Readings("volume (ml)", cases, readers, repeats, table)


def _write_case(folder: Path, found: OutlinedCase) -> None:
    """Write the consensus masks and the picture of a case."""
    if found.consensus is None:
        return
    for name, mask in found.consensus.masks().items():
        write_mask(mask, folder / f"{name}.nii.gz")
    contours = {f"{share:.0%} of readers": mask for share, mask in found.consensus.contours.items()}
    drawing = contours_drawing(
        contours,
        found.consensus.staple.mask,
        found.first,
        found.scan,
        title=f"{found.case}: {len(found.first)} readers",
    )
    write_bytes(folder / "contours.png", drawing.rendered("png"))


def _write(
    folder: Path,
    analysis: Analysis,
    table: Path,
    files: Sequence[OutlineFiles],
    source: OutlinesSource,
    tolerance_mm: float | None,
) -> None:
    """Write the analysis beside the cases; all of it appears together with the folder."""
    masks = {
        f"{one.case} {' '.join(key)}".strip(): path
        for one in files
        for key, path in one.masks.items()
        if path.exists()
    }
    part = folder / "analysis"
    write_analysis(
        part,
        analysis,
        journey="agree",
        settings={**source.settings(), "tolerance_mm": tolerance_mm},
        inputs={"table": table, **masks},
    )
    with refused_writes(folder.name):
        for file in part.iterdir():
            file.rename(folder / file.name)
        part.rmdir()
