"""The sheets of a drawn cohort and its page, made from what lies in the folders of its cases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.atomic import write_bytes, write_text
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError
from oncotrace.io.table_rows import read_named_rows
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.folder import read_json
from oncotrace.report.contact_page import ContactLink, contact_page
from oncotrace.report.contact_sheet import PER_SHEET, SheetEntry, contact_sheet, sheet_count
from oncotrace.report.tile import ImageFormat

INDEX_FILE = "index.html"
PICTURE_SUFFIXES: dict[ImageFormat, str] = {"jpeg": ".jpg", "png": ".png"}


@dataclass(frozen=True)
class Cell:
    """A place on a sheet: an image of a case, or a case without image."""

    case_id: str
    sequence: Modality | None


def write_pages(cells: Sequence[Cell], out: Path, *, title: str, form: ImageFormat) -> None:
    """Write the sheets and ``index.html`` of a drawn cohort, in place of those there are.

    One sheet is in memory at a time, and no voxel.

    Raises
    ------
    OutputError
        They cannot be written.
    InputError
        What an earlier run wrote is damaged.
    """
    codes = {row["case_id"]: row["code"] for row in _failures(out)}
    sheets = sheet_count(len(cells))
    digits = max(2, len(str(sheets)))
    files = []
    for number in range(1, sheets + 1):
        here = cells[(number - 1) * PER_SHEET : number * PER_SHEET]
        entries = [_entry(cell, out, codes) for cell in here]
        files.append(f"sheet-{number:0{digits}d}{PICTURE_SUFFIXES[form]}")
        line = f"{title}   ·   sheet {number} of {sheets}"
        picture = contact_sheet(entries, title=line, form=form)
        write_bytes(out / files[-1], picture, replace=True)
    page = contact_page(title, list(_links(cells, out, codes)), files)
    write_text(out / INDEX_FILE, page, replace=True)


def _failures(out: Path) -> list[Mapping[str, str]]:
    return list(read_named_rows(out / "failures.csv", required=("case_id", "code")))


def _entry(cell: Cell, out: Path, codes: Mapping[str, str]) -> SheetEntry:
    drawn = _drawn(cell, out)
    if drawn is None:
        return SheetEntry(cell.case_id, _missing(cell, codes), None)
    file = out / "cases" / cell.case_id / str(drawn["thumbnail"])
    try:
        thumbnail = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{file.name} cannot be read: {error.strerror}.",
            hint="Draw the cohort again, with another --out.",
            case_id=cell.case_id,
            code="damaged-run",
        ) from error
    return SheetEntry(cell.case_id, _line(cell, drawn), thumbnail)


def _links(cells: Sequence[Cell], out: Path, codes: Mapping[str, str]) -> Iterator[ContactLink]:
    for cell in cells:
        drawn = _drawn(cell, out)
        if drawn is None:
            yield ContactLink(cell.case_id, _missing(cell, codes))
        else:
            folder = f"cases/{cell.case_id}"
            yield ContactLink(
                cell.case_id,
                _line(cell, drawn),
                f"{folder}/{drawn['thumbnail']}",
                f"{folder}/{drawn['montage']}",
            )


def _drawn(cell: Cell, out: Path) -> Mapping[str, object] | None:
    """Return what the case's result says of the image, if the case is done."""
    folder = out / "cases" / cell.case_id
    if cell.sequence is None or not folder.is_dir():
        return None
    images = read_json(folder / RESULT_FILE)["images"]
    if not isinstance(images, dict):
        raise InputError(f"{RESULT_FILE} is damaged.", case_id=cell.case_id, code="damaged-run")
    entry: Mapping[str, object] = images[cell.sequence]
    return entry


def _line(cell: Cell, drawn: Mapping[str, object]) -> str:
    volume_ml = drawn["volume_ml"]
    if not isinstance(volume_ml, float):
        return f"{cell.sequence} · no mask"
    if volume_ml == 0:
        return f"{cell.sequence} · the mask is empty"
    return f"{cell.sequence} · {volume_ml:.{1 if volume_ml >= 10 else 3}f} ml"


def _missing(cell: Cell, codes: Mapping[str, str]) -> str:
    what = f"failed: {codes[cell.case_id]}" if cell.case_id in codes else "not done"
    return what if cell.sequence is None else f"{cell.sequence} · {what}"
