"""Pictures of a cohort: a page of slices per image, sheets of thumbnails, and a page with links."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.pipeline.contact_pages import PICTURE_SUFFIXES, Cell, write_pages
from oncotrace.pipeline.listed_structures import listed_structures
from oncotrace.pipeline.outlined_image import OutlinedImage, image_files, load_outlined
from oncotrace.pipeline.preprocess_parameters import chosen_modalities
from oncotrace.pipeline.run.case_run import CaseOutcome
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.report.contact_sheet import THUMBNAIL_PX, sheet_count
from oncotrace.report.montage import montage, thumbnail
from oncotrace.report.tile import ImageFormat

_TABLE_FILE = "cohort.csv"


@dataclass(frozen=True)
class ContactSheetTask:
    """Drawing the chosen sequences of every case, each with what is outlined on it.

    Parameters
    ----------
    cohort_folder
        Folder of the cohort's table.
    """

    cohort_folder: Path
    modalities: tuple[Modality, ...]
    form: ImageFormat
    journey: ClassVar[str] = "contact-sheet"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {"modalities": list(self.modalities), "format": self.form}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role."""
        return {
            role: source_digest(file)
            for name in self._sequences_of(case)
            for role, file in image_files(case, name, self.cohort_folder).items()
        }

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Draw the case's sequences into ``folder``."""
        images: dict[str, object] = {}
        warnings: list[str] = []
        for name in self._sequences_of(case):
            with clock.stage("read"):
                image = load_outlined(case, name, self.cohort_folder)
            images[name] = self._draw(image, case.case_id, name, folder, clock)
            warnings += image.notes
        return {"pictures": len(images), "images": images, "warnings": warnings}

    def _draw(
        self, image: OutlinedImage, case_id: str, name: Modality, folder: Path, clock: StageClock
    ) -> dict[str, object]:
        """Write the pictures of one image and return what is on them."""
        volumes = image.volumes_ml()
        with clock.stage("draw"):
            page = montage(
                image.scan,
                image.mask,
                image.others,
                title=case_id,
                structure=image.structure,
                volumes_ml=volumes,
                form=self.form,
            )
            small = thumbnail(image.scan, image.mask, side_px=THUMBNAIL_PX)
        files = {
            "montage": f"montage_{name}{PICTURE_SUFFIXES[self.form]}",
            "thumbnail": f"thumbnail_{name}.jpg",
        }
        with clock.stage("write"):
            write_bytes(folder / files["montage"], page)
            write_bytes(folder / files["thumbnail"], small)
        return {
            **files,
            "structure": None if image.mask is None else image.structure,
            "volume_ml": None if image.mask is None else volumes[image.structure],
            "structures": [{"name": n, "volume_ml": volumes[n]} for n in image.others],
        }

    def _sequences_of(self, case: Case) -> list[Modality]:
        """Chosen sequences that the case has.

        Raises
        ------
        InputError
            It has none.
        """
        found = _sequences(case, self.modalities)
        if not found:
            columns = ", ".join(f"image_{name}" for name in self.modalities)
            raise InputError(
                f"the case has no file in {columns}.", case_id=case.case_id, code="missing-file"
            )
        return found


def draw_contact_sheets(
    source: Path,
    out: Path,
    *,
    modalities: Sequence[Modality] = (),
    form: ImageFormat = "jpeg",
    resume: bool = False,
    jobs: int = 1,
) -> CohortRun:
    """Draw a cohort into a run folder; cases are done as outcomes are taken.

    With the last outcome come the sheets and ``index.html``, in place of those of an earlier end.

    Parameters
    ----------
    source
        A ``cohort.csv``, or the folder that holds it.
    modalities
        Sequences to be drawn; all if none is named.

    Raises
    ------
    InputError
        The table cannot be used.
    SettingsError, OutputError
        See `oncotrace.pipeline.run.cohort_run.run_cohort`; or no case has such an image.
    """
    table = _table_in(source)
    cohort = read_cohort(table)
    chosen = _chosen(cohort, modalities)
    task = ContactSheetTask(table.parent, chosen, form)
    run = run_cohort(task, table, cohort, out, seed=0, resume=resume, jobs=jobs)
    title = table.resolve().parent.name
    pages = _with_pages(run.outcomes, _cells(cohort, chosen), out, title, form)
    return CohortRun(run.cases, pages)


@dataclass(frozen=True)
class ContactPlan:
    """What would be drawn.

    Parameters
    ----------
    lines
        One per case: its sequences, and what is outlined on each.
    pages, sheets
        Number of pages of slices, and of sheets of thumbnails.
    """

    lines: tuple[str, ...]
    pages: int
    sheets: int


def contact_plan(source: Path, modalities: Sequence[Modality] = ()) -> ContactPlan:
    """Say what `draw_contact_sheets` would draw; images and masks are not read.

    Raises
    ------
    InputError, SettingsError
        The table cannot be used, or no case has such an image.
    """
    table = _table_in(source)
    cohort = read_cohort(table)
    chosen = _chosen(cohort, modalities)
    cells = _cells(cohort, chosen)
    lines = []
    for case in cohort.cases:
        images = [_described(case, name, table.parent) for name in _sequences(case, chosen)]
        lines.append(f"{case.case_id}: {', '.join(images) or 'no image'}")
    pages = sum(cell.sequence is not None for cell in cells)
    return ContactPlan(tuple(lines), pages, sheet_count(len(cells)))


def _described(case: Case, name: Modality, cohort_folder: Path) -> str:
    others = len(listed_structures(case, name, cohort_folder).others)
    outlined = "mask" if name in case.masks else "no mask"
    return f"{name} ({outlined}{f', {others} more' if others else ''})"


def _table_in(source: Path) -> Path:
    return source / _TABLE_FILE if source.is_dir() else source


def _chosen(cohort: Cohort, wanted: Sequence[Modality]) -> tuple[Modality, ...]:
    there = dict.fromkeys(name for case in cohort.cases for name in case.images)
    return chosen_modalities(cohort, tuple(dict.fromkeys(wanted or there)))


def _sequences(case: Case, chosen: Sequence[Modality]) -> list[Modality]:
    return [name for name in chosen if name in case.images]


def _cells(cohort: Cohort, chosen: Sequence[Modality]) -> list[Cell]:
    """Places on the sheets: one for every image, and for a case without any."""
    cells = []
    for case in cohort.cases:
        found = _sequences(case, chosen)
        cells += [Cell(case.case_id, name) for name in found] or [Cell(case.case_id, None)]
    return cells


def _with_pages(
    outcomes: Iterator[CaseOutcome],
    cells: Sequence[Cell],
    out: Path,
    title: str,
    form: ImageFormat,
) -> Iterator[CaseOutcome]:
    yield from outcomes
    write_pages(cells, out, title=title, form=form)
