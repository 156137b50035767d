"""The pre-processing journey for a cohort: case by case into a new cohort."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from oncotrace.atomic import refused_writes, write_bytes
from oncotrace.curate.preprocess_fit import FittedSteps, fitted_json
from oncotrace.curate.preprocess_settings import Preprocessing
from oncotrace.domain.case import Case
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.pipeline.inputs import load_scan, suv_json
from oncotrace.pipeline.made_cohort import listed_as_cohort
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.pipeline.preprocess import prepare
from oncotrace.pipeline.preprocess_grids import grid_files, grid_roles, read_grids
from oncotrace.pipeline.preprocess_parameters import (
    FittedByModality,
    chosen_modalities,
    parameters_for,
)
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.report.preprocessing_picture import preprocessing_picture


@dataclass(frozen=True)
class PreprocessTask:
    """Pre-processing the chosen sequences of every case, each with its mask."""

    preprocessing: Preprocessing
    modalities: tuple[Modality, ...]
    fitted: FittedByModality
    pictures: bool
    journey: ClassVar[str] = "preprocess"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {
            "modalities": list(self.modalities),
            "preprocessing": self.preprocessing.model_dump(mode="json"),
            "parameters": {name: fitted_json(steps) for name, steps in self.fitted.items()},
            "pictures": self.pictures,
        }

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role."""
        files: dict[str, Path] = {}
        for name in self._sequences_of(case):
            files[f"image_{name}"] = case.images[name]
            if name in case.masks:
                files[f"mask_{name}"] = case.masks[name]
        if case.clicks is not None:
            files["clicks"] = case.clicks
        files |= grid_roles(grid_files(self.preprocessing, case.images))
        return {role: source_digest(file) for role, file in files.items()}

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Pre-process the case's sequences into ``folder``."""
        with clock.stage("read"):
            grids = read_grids(grid_files(self.preprocessing, case.images))
        files: dict[str, str] = {}
        stages: dict[str, object] = {}
        warnings: list[str] = []
        for name in self._sequences_of(case):
            with clock.stage("read"):
                loaded = load_scan(case.images[name], name)
                structure = load_case_mask(case, name) if name in case.masks else None
            with clock.stage("preprocess"):
                prepared = prepare(
                    self.preprocessing,
                    loaded.scan,
                    structure.mask if structure else None,
                    parameters_for(self.fitted, self.preprocessing, name),
                    pictures=self.pictures,
                    grids=grids,
                )
            with clock.stage("write"):
                files[f"image_{name}"] = f"image_{name}.nii.gz"
                write_scan(prepared.image.scan, folder / f"image_{name}.nii.gz")
                if prepared.image.mask is not None:
                    files[f"mask_{name}"] = f"mask_{name}.nii.gz"
                    write_mask(prepared.image.mask, folder / f"mask_{name}.nii.gz")
                if self.pictures:
                    picture = preprocessing_picture(prepared.snapshots)
                    write_bytes(folder / f"picture_{name}.png", picture)
            stages[name] = {"suv": suv_json(loaded.suv), "stages": list(prepared.stages)}
            warnings += [*loaded.notes, *(structure.notes if structure else ())]
        if case.clicks is not None:
            files["clicks"] = _copied(case.clicks, folder)
        return {"files": files, "sequences": stages, "warnings": warnings}

    def _sequences_of(self, case: Case) -> list[Modality]:
        """Chosen sequences that the case has.

        Raises
        ------
        InputError
            It has none.
        """
        found = [name for name in self.modalities if name in case.images]
        if not found:
            columns = ", ".join(f"image_{name}" for name in self.modalities)
            raise InputError(
                f"the case has no file in {columns}.", case_id=case.case_id, code="missing-file"
            )
        return found


def preprocess_cohort(
    table: Path,
    preprocessing: Preprocessing,
    out: Path,
    *,
    fitted: FittedByModality,
    modalities: Sequence[Modality] = (),
    pictures: bool = False,
    resume: bool = False,
    jobs: int = 1,
) -> CohortRun:
    """Pre-process a cohort into a run folder; cases are done as outcomes are taken.

    At the end, however it ends, ``cohort.csv`` in the folder lists the cases that are done, with
    the new files and the other columns as they were. Sequences that were not chosen are left out:
    they lie on other grids.

    Raises
    ------
    InputError
        The table cannot be used.
    SettingsError, OutputError
        See `oncotrace.pipeline.run.cohort_run.run_cohort`; or parameters are missing.
    """
    cohort = read_cohort(table)
    chosen = chosen_modalities(cohort, modalities)
    needed: dict[Modality, FittedSteps] = {
        name: parameters_for(fitted, preprocessing, name) for name in chosen
    }
    task = PreprocessTask(preprocessing, chosen, needed, pictures)
    run = run_cohort(task, table, cohort, out, seed=0, resume=resume, jobs=jobs)
    return CohortRun(run.cases, listed_as_cohort(run.outcomes, cohort, out))


def _copied(clicks: Path, folder: Path) -> str:
    """Copy the clicks, which are in millimetres and hold on any grid; returns the new name."""
    name = "clicks" + "".join(clicks.suffixes[-2:])
    if not clicks.is_file():
        raise InputError(f"there is no file {clicks.name}.", code="missing-file")
    with refused_writes(name):
        shutil.copyfile(clicks, folder / name)
    return name
