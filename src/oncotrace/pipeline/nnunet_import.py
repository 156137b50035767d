"""The journey from nnU-Net: its predictions become a run folder, which evaluate reads.

Of what nnU-Net writes, only the masks (``ID.nii.gz``) and, where they are, the probabilities
(``ID.npz``) are read. Its ``.pkl`` files are never opened: unpickling runs what a stranger has put
into them.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.case import Case
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.nnunet_cases import read_nnunet_names
from oncotrace.io.volume_file import read_mask, write_mask, write_scan
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.cohort import chosen_sequence, file_of
from oncotrace.pipeline.inputs import geometry_json, load_scan
from oncotrace.pipeline.measure import size_json, size_warnings
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import file_digest, source_digest
from oncotrace.pipeline.segmented_case import MASK_FILE

PROBABILITY_FILE = "probability.nii.gz"

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")


@dataclass(frozen=True)
class NnunetImportTask:
    """Taking over the prediction of every case, once its grid was found to be the image's.

    Parameters
    ----------
    modality
        Sequence on whose image the predictions must lie.
    predictions
        Folder that nnU-Net has written.
    names
        Table of the export, where nnU-Net knew cases by other names.
    """

    modality: Modality
    predictions: Path
    names: Path | None = None
    journey: ClassVar[str] = "nnunet-import"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        names = None if self.names is None else str(self.names.resolve())
        return {
            "modality": self.modality,
            "predictions": str(self.predictions.resolve()),
            "names": names,
        }

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of image, mask and probabilities."""
        mask, probability = self._files(case)
        digests = {
            "image": source_digest(file_of(case, case.images, self.modality, "image")),
            "mask": file_digest(mask),
        }
        if probability.is_file():
            digests["probability"] = file_digest(probability)
        return digests

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Write mask and probability of one case on exactly its image's grid."""
        with clock.stage("read"):
            image = file_of(case, case.images, self.modality, "image")
            scan = load_scan(image, self.modality).scan
            file, probabilities = self._files(case)
            found = read_mask(file)
            found.geometry.require_match(scan.geometry, this="prediction", that="image")
            mask = Mask(found.voxels, scan.geometry)
            tumour = _probability(probabilities, mask) if probabilities.is_file() else None
        with clock.stage("measure"):
            size = None if mask.is_empty else tumour_size(mask)
        with clock.stage("write"):
            write_mask(mask, folder / MASK_FILE)
            if tumour is not None:
                write_scan(Scan(tumour, scan.geometry), folder / PROBABILITY_FILE)
        warnings = ["nnU-Net found no tumour."] if size is None else [*size_warnings(size)]
        return {
            "modality": self.modality,
            "model": "nnU-Net",
            **({"volume_ml": 0.0} if size is None else size_json(size)),
            "warnings": warnings,
            "geometry": geometry_json(scan.geometry),
            "voxels": int(np.count_nonzero(mask.voxels)),
        }

    def _files(self, case: Case) -> tuple[Path, Path]:
        """Mask and, perhaps, probabilities of a case.

        Raises
        ------
        InputError
            There is no mask of it.
        """
        name = _names(self.names).get(case.case_id, case.case_id)
        for ending in _ENDINGS:
            if (file := self.predictions / f"{name}{ending}").is_file():
                return file, self.predictions / f"{name}.npz"
        raise InputError(
            f"nnU-Net's folder holds no prediction {name}{_ENDINGS[0]}.",
            hint="If nnU-Net knew the case by another name, give the export's cases.csv with "
            "--names.",
            case_id=case.case_id,
            code="missing-prediction",
        )


def import_nnunet(
    predictions: Path,
    table: Path,
    out: Path,
    *,
    modality: Modality | None,
    names: Path | None,
    resume: bool,
    jobs: int,
) -> CohortRun:
    """Take nnU-Net's predictions of a cohort into a run folder, case by case.

    A case without a prediction, or with one on another grid than its image, is a failure of the
    run; an empty prediction is not, and stays empty.

    Raises
    ------
    InputError
        The table or the table of names cannot be used.
    SettingsError
        The folder holds no prediction of any case, or see
        `oncotrace.pipeline.run.cohort_run.run_cohort`.
    OutputError
        ``out`` holds something else, or cannot be written.
    """
    cohort = read_cohort(table)
    chosen = chosen_sequence(cohort, modality, of="image")
    known = _names(names)
    files = (known.get(case.case_id, case.case_id) for case in cohort.cases)
    if not any(
        (predictions / f"{name}{ending}").is_file() for name in files for ending in _ENDINGS
    ):
        raise SettingsError(
            f"{predictions.name} holds no prediction for any of the {len(cohort.cases)} cases.",
            hint="Give the folder that nnUNetv2_predict wrote to, and with --names the export's "
            "cases.csv where cases were renamed.",
            code="no-predictions",
        )
    task = NnunetImportTask(chosen, predictions, names)
    return run_cohort(task, table, cohort, out, seed=0, resume=resume, jobs=jobs)


def recorded_nnunet_import(modality: Modality, settings: Mapping[str, object]) -> NnunetImportTask:
    """Task with the settings that a run folder records, to do it again."""
    names = settings.get("names")
    return NnunetImportTask(
        modality,
        Path(str(settings.get("predictions"))),
        None if names is None else Path(str(names)),
    )


def _names(table: Path | None) -> Mapping[str, str]:
    return {} if table is None else read_nnunet_names(table)


def _probability(file: Path, mask: Mask) -> NDArray[np.float32]:
    """Probability of tumour [z, y, x] that nnU-Net has saved; of its arrays the last is tumour.

    Raises
    ------
    InputError
        The file is not of nnU-Net, or its values are no probabilities on the mask's grid.
    """
    labels = 2  # background and tumour
    expected = (labels, *mask.geometry.shape_zyx)
    try:
        with np.load(file, allow_pickle=False) as archive:
            found = _array_of(archive, expected)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{file.name} does not hold nnU-Net's probabilities of background and tumour on the "
            f"image's grid, {expected} numbers: {str(error)[:100]}",
            hint="Save them with --save_probabilities, or leave the file out.",
            code="not-probabilities",
        ) from error
    return found


def _array_of(
    archive: Mapping[str, NDArray[np.generic]], expected: tuple[int, ...]
) -> NDArray[np.float32]:
    stored = archive["probabilities"]
    if stored.shape != expected or stored.dtype.kind != "f":
        raise ValueError(f"it has {stored.shape} of {stored.dtype}.")
    tumour = stored[-1].astype(np.float32)
    if not (np.isfinite(tumour).all() and tumour.min() >= -1e-3 and tumour.max() <= 1 + 1e-3):
        raise ValueError("values lie outside 0 to 1.")
    return np.asarray(np.clip(tumour, 0.0, 1.0), dtype=np.float32)
