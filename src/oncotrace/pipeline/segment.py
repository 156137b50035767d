"""The segmenting journey: an image and clicks in; mask, measurements and picture out."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import ClickError
from oncotrace.io.clicks_file import clicks_json, read_clicks, write_clicks
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import write_mask
from oncotrace.learning.model_folder import PLAN
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.cohort import chosen_sequence, file_of
from oncotrace.pipeline.inputs import LoadedScan, geometry_json, load_scan, modality_of
from oncotrace.pipeline.measure import size_json, size_warnings
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import file_digest, json_digest, source_digest
from oncotrace.pipeline.run.folder import require_new
from oncotrace.pipeline.run.single_run import run_single
from oncotrace.report.case_picture import case_picture
from oncotrace.segment.refine import corrector, segmented
from oncotrace.segment.segmenters import (
    default_segmenter,
    segmenter,
    segmenter_names,
    trained_model,
)
from oncotrace.segment.trained import packaged_models

MASK_FILE = "mask.nii.gz"
CLICKS_FILE = "clicks.json"
PICTURE_FILE = "picture.png"


@dataclass(frozen=True)
class SegmentTask:
    """Segmenting the tumour of every case with one model.

    Parameters
    ----------
    modality
        Sequence that is segmented.
    model
        Name of a segmenter, or a model folder.
    seed
        Seed of whatever the segmenter draws at random.
    series_uid
        Series Instance UID, where a DICOM source holds several series.
    fold
        Which network of a trained model is used, alone; all are averaged unless given.
    """

    modality: Modality
    model: str
    seed: int
    series_uid: str | None = None
    fold: int | None = None
    journey: ClassVar[str] = "segment"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {
            "modality": self.modality,
            "model": self.model,
            "seed": self.seed,
            "series_uid": self.series_uid,
            **self._trained_settings(),
        }

    @property
    def corrector_fold(self) -> int | None:
        """Fold of the network that corrects; the mean of all with models that came from elsewhere.

        In those a fold of the same number holds other patients.
        """
        return self.fold if self.model in packaged_models() else None

    def _trained_settings(self) -> dict[str, object]:
        """Return what a trained model adds: the fold, and the digest of its plan.

        The plan holds the digests of the model's other files. A path is made complete, for verify.
        """
        folder = trained_model(self.model)
        if folder is None:
            return {}
        path = {} if self.model in segmenter_names() else {"model": str(folder.resolve())}
        fold = {} if self.fold is None else {"fold": self.fold}
        return {**path, "model_digest": file_digest(folder / PLAN), **fold}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role; clicks by their content, not their format."""
        return {
            "image": source_digest(file_of(case, case.images, self.modality, "image")),
            "clicks": json_digest(clicks_json(_clicks_of(case))),
        }

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Write mask, clicks and picture of one case and return its result."""
        with clock.stage("read"):
            image = file_of(case, case.images, self.modality, "image")
            loaded = load_scan(image, self.modality, self.series_uid)
            clicks = _clicks_of(case)
        with clock.stage("open"):
            chosen = segmenter(self.model, self.fold)
            # Opened only where it is needed: that takes time.
            by = corrector(self.corrector_fold) if clicks.standing_corrections() else None
        with clock.stage("segment"):
            request = SegmentationRequest({self.modality: loaded.scan}, clicks, self.seed)
            made = chosen.segment(request) if by is None else segmented(chosen, request, by)
        return write_segmentation(case, folder, loaded, clicks, made, clock)


def write_segmentation(
    case: Case,
    folder: Path,
    loaded: LoadedScan,
    clicks: Clicks,
    made: Segmentation,
    clock: StageClock,
) -> dict[str, object]:
    """Write mask, clicks and picture of a case into ``folder`` and return its result.

    Raises
    ------
    EmptyMaskError
        The mask is empty, so there is nothing to measure.
    OutputError
        They cannot be written.
    """
    with clock.stage("measure"):
        size = tumour_size(made.mask)
    with clock.stage("write"):
        write_mask(made.mask, folder / MASK_FILE)
        write_clicks(clicks, folder / CLICKS_FILE)
    with clock.stage("picture"):
        title = _title(case, made, loaded.scan.modality)
        picture = case_picture(loaded.scan, made.mask, clicks=clicks, size=size, title=title)
        write_bytes(folder / PICTURE_FILE, picture)
    return _result(loaded, clicks, made, size)


def segment_case(
    image: Path,
    clicks: Clicks,
    out: Path,
    *,
    modality: Modality | None,
    model: str | None,
    seed: int,
    series_uid: str | None = None,
    fold: int | None = None,
    case_id: str = "case",
) -> dict[str, object]:
    """Segment one tumour into a folder of its own and return the content of ``result.json``.

    Parameters
    ----------
    image
        DICOM folder, zip or file, or a volume file.
    modality
        Sequence of the image; none where DICOM says that it is CT.
    model
        Name of a segmenter, or a model folder; none takes the modality's default.
    fold
        Which network of a trained model is used, alone; all are averaged unless given.

    Raises
    ------
    OncotraceError
        Whatever is wrong with the image, the clicks, the settings or the place for results;
        nothing is written then.
    """
    require_new(out)
    known = modality or modality_of(image, series_uid)
    task = SegmentTask(known, model or default_segmenter(known), seed, series_uid, fold)
    segmenter(task.model, fold)  # a wrong name is found before the image is read
    with TemporaryDirectory() as scratch:
        clicks_file = Path(scratch) / CLICKS_FILE
        write_clicks(clicks, clicks_file)
        case = Case(case_id, case_id, {known: image}, clicks=clicks_file)
        return run_single(task, case, image, out, seed=seed)


def segment_cohort(
    table: Path,
    out: Path,
    *,
    modality: Modality | None,
    model: str | None,
    seed: int,
    resume: bool,
    jobs: int,
) -> CohortRun:
    """Segment a cohort into a run folder; cases are done as outcomes are taken.

    Raises
    ------
    InputError
        The table cannot be used.
    ModelError
        There is no such model.
    SettingsError, OutputError
        See `oncotrace.pipeline.run.cohort_run.run_cohort`.
    """
    cohort = read_cohort(table)
    chosen = chosen_sequence(cohort, modality, of="image")
    name = model or default_segmenter(chosen)
    segmenter(name)  # refused here, once, rather than for every case
    task = SegmentTask(chosen, name, seed)
    return run_cohort(task, table, cohort, out, seed=seed, resume=resume, jobs=jobs)


def _clicks_of(case: Case) -> Clicks:
    if case.clicks is None:
        raise ClickError("there are no clicks.", hint="Fill the column clicks, or give --clicks.")
    return read_clicks(case.clicks)


def _title(case: Case, made: Segmentation, modality: Modality | None) -> str:
    title = f"{case.case_id}   {modality}   {made.maker}"
    if made.quality is None:
        return title
    low, high = made.quality.predicted_dice_interval
    return f"{title}   predicted Dice {made.quality.predicted_dice:.2f} ({low:.2f}\u2013{high:.2f})"


def _result(
    loaded: LoadedScan, clicks: Clicks, made: Segmentation, size: TumourSize
) -> dict[str, object]:
    quality = made.quality
    return {
        "modality": loaded.scan.modality,
        "model": made.maker,
        **size_json(size),
        "predicted_dice": quality.predicted_dice if quality else None,
        "predicted_dice_interval": list(quality.predicted_dice_interval) if quality else None,
        "slices_to_check": list(quality.slices_to_check) if quality else None,
        "ends_to_check": list(quality.ends_to_check) if quality else None,
        "corrections": len(clicks.standing_corrections()),
        "warnings": [*loaded.notes, *made.warnings, *size_warnings(size)],
        "history": list(made.history),
        "segment_seconds": {name: round(value, 3) for name, value in made.seconds.items()},
        "series_uid": loaded.series_uid or None,
        "geometry": geometry_json(loaded.scan.geometry),
        "voxels": int(np.count_nonzero(made.mask.voxels)),
    }
