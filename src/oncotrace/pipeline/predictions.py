"""Where the masks of an evaluation come from: a folder of them, or a model that makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from oncotrace.domain.case import Case
from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError, TableError
from oncotrace.io.folds_table import read_folds
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.digests import file_digest, json_digest
from oncotrace.pipeline.run.folder import read_json
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.pipeline.segmented_case import MASK_FILE

# What an evaluation takes over from the result of a segmentation.
_TAKEN_OVER = ("model", "predicted_dice", "predicted_dice_interval", "warnings")
_CLICK_TO_MASK = ("segment", "measure")  # stages from the scan in memory to mask and measurements


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted mask, and what its maker said about it under names of ``result.json``."""

    mask: Mask
    said: Mapping[str, object]


class PredictionSource(Protocol):
    """Gives the predicted mask of a case; sent to worker processes, so it must pickle."""

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        ...

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of what the prediction is made or read from, by role."""
        ...

    def prediction(self, case: Case, folder: Path, clock: StageClock) -> Prediction:
        """Read or make the case's mask; files of its own go into ``folder``."""
        ...

    def mask_file(self, case: Case, folder: Path) -> Path:
        """Return where the mask lies once ``prediction`` was called with that folder."""
        ...


@dataclass(frozen=True)
class PredictionFolder:
    """Masks that lie in a folder: ``<case_id>.nii.gz``, or a run folder of ``segment``."""

    folder: Path

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {"predictions": str(self.folder.resolve())}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the mask and of what its run said about it."""
        return {
            "prediction": file_digest(self.mask_file(case, self.folder)),
            "prediction_result": json_digest(self._said(case)),
        }

    def prediction(self, case: Case, folder: Path, clock: StageClock) -> Prediction:
        """Read the case's mask; nothing is written.

        Raises
        ------
        InputError
            There is none, or it cannot be read.
        """
        with clock.stage("read"):
            return Prediction(read_mask(self.mask_file(case, folder)), self._said(case))

    def mask_file(self, case: Case, folder: Path) -> Path:  # noqa: ARG002
        """Return where the case's mask lies.

        Raises
        ------
        InputError
            There is none.
        """
        if not self.has(case):
            raise InputError(
                f"there is no prediction {self._name(case)} for this case.",
                case_id=case.case_id,
                code="missing-prediction",
            )
        return self.folder / self._name(case)

    def has(self, case: Case) -> bool:
        """Whether there is a mask of the case."""
        return (self.folder / self._name(case)).is_file()

    @property
    def _is_run(self) -> bool:
        return (self.folder / "cases").is_dir()

    def _name(self, case: Case) -> str:
        return f"cases/{case.case_id}/{MASK_FILE}" if self._is_run else f"{case.case_id}.nii.gz"

    def _said(self, case: Case) -> dict[str, object]:
        record = self.mask_file(case, self.folder).with_name(RESULT_FILE)
        if not (self._is_run and record.is_file()):
            return {}
        result = read_json(record)
        seconds = result.get("seconds")
        return _said(result, seconds if isinstance(seconds, dict) else {})


@dataclass(frozen=True)
class OutOfFold:
    """Which network of a trained model never saw a patient: that of the patient's fold."""

    table: Path
    fold_of: Mapping[str, int]
    """Fold by patient id."""

    @classmethod
    def read(cls, table: Path) -> Self:
        """Read ``folds.csv``.

        Raises
        ------
        TableError
            It cannot be used.
        """
        return cls(table, read_folds(table))

    def has(self, case: Case) -> bool:
        """Whether the table has the case's patient."""
        return case.patient_id in self.fold_of

    def fold(self, case: Case) -> int:
        """Fold that the case's patient was left out of.

        Raises
        ------
        TableError
            The table lacks the patient.
        """
        if not self.has(case):
            raise TableError(
                f"{self.table.name} has no fold for the patient of this case.",
                hint="Leave the case out; patients of no training are evaluated without --folds.",
                case_id=case.case_id,
                code="patient-without-fold",
            )
        return self.fold_of[case.patient_id]


@dataclass(frozen=True)
class PredictionModel:
    """Masks that a segmenter makes from the case's image and clicks.

    With ``folds``, each by the one network that never saw the case's patient.
    """

    task: SegmentTask
    folds: OutOfFold | None = None

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        folds = {"folds": str(self.folds.table.resolve())} if self.folds else {}
        return {"predictions": None, **self.task.settings(), **folds}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of image, clicks and fold."""
        fold = {"fold": json_digest({"fold": self.folds.fold(case)})} if self.folds else {}
        return {**self.task.input_digests(case), **fold}

    def prediction(self, case: Case, folder: Path, clock: StageClock) -> Prediction:
        """Segment the case; mask, clicks and picture are written into ``folder``.

        Raises
        ------
        OncotraceError
            Whatever is wrong with image, clicks, model or fold.
        """
        fold = self.folds.fold(case) if self.folds else None
        result = replace(self.task, fold=fold).run(case, folder, clock)
        said = _said(result, clock.seconds())
        return Prediction(
            read_mask(folder / MASK_FILE), said if fold is None else {**said, "fold": fold}
        )

    def mask_file(self, case: Case, folder: Path) -> Path:  # noqa: ARG002
        """Return where ``prediction`` wrote the mask."""
        return folder / MASK_FILE


def _said(result: Mapping[str, object], seconds: Mapping[str, float]) -> dict[str, object]:
    said = {name: result[name] for name in _TAKEN_OVER if name in result}
    if all(stage in seconds for stage in _CLICK_TO_MASK):
        said["click_to_mask_s"] = round(sum(seconds[stage] for stage in _CLICK_TO_MASK), 3)
    return said
