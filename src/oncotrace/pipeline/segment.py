"""The segmenting journey: images, and clicks if need be, in; mask, measurements and picture out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Modality, Scan, modality_named
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import ClickError, EmptyMaskError
from oncotrace.io.clicks_file import clicks_json, read_clicks, write_clicks
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import write_mask
from oncotrace.learning.model_folder import PLAN
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import (
    LoadedScan,
    OtherGrids,
    geometry_json,
    load_scan,
    modality_of,
    require_allowed_grids,
)
from oncotrace.pipeline.measure import size_json, size_warnings
from oncotrace.pipeline.model_choice import (
    chosen_model,
    first_sequence,
    other_sequences,
    require_suitable,
)
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import file_digest, json_digest, source_digest
from oncotrace.pipeline.run.folder import require_new
from oncotrace.pipeline.run.single_run import run_single
from oncotrace.report.case_picture import case_picture
from oncotrace.segment.automatic import places_in
from oncotrace.segment.refine import corrector, segmented
from oncotrace.segment.segmenters import (
    is_without_clicks,
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
    channels
        Other sequences that a model without clicks looks at, where a case has them. The mask lies
        on the grid of the first sequence that is there: ``modality``, else the first of these.
    channel_files
        Their images, where the case is a single image; in a cohort its table names them.
    other_grids
        What is done with channels that lie on another grid than the first.
    """

    modality: Modality
    model: str
    seed: int
    series_uid: str | None = None
    fold: int | None = None
    channels: tuple[Modality, ...] = ()
    channel_files: tuple[Path, ...] = ()
    other_grids: OtherGrids = "resample"
    journey: ClassVar[str] = "segment"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {
            "modality": self.modality,
            "model": self.model,
            "seed": self.seed,
            "series_uid": self.series_uid,
            **self._trained_settings(),
            **self._channel_settings(),
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

    def _channel_settings(self) -> dict[str, object]:
        """Return what several sequences add; nothing where there is only one."""
        if not self.channels:
            return {}
        files = [str(file.resolve()) for file in self.channel_files]
        return {
            "channels": [*self.channels],
            "other_grids": self.other_grids,
            **({"channel_files": files} if files else {}),
        }

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role; clicks by their content, not their format."""
        first, *others = self._sequences_of(case)
        digests = {"image": source_digest(file_of(case, case.images, first, "image"))}
        digests |= {f"image_{name}": source_digest(case.images[name]) for name in others}
        if not is_without_clicks(self.model):
            digests["clicks"] = json_digest(clicks_json(_clicks_of(case)))
        return digests

    def _sequences_of(self, case: Case) -> tuple[Modality, ...]:
        """Sequences that are there, the first one first; it is named too if none is there."""
        there = [name for name in (self.modality, *self.channels) if name in case.images]
        return tuple(there) or (self.modality,)

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Write mask, picture and clicks, if there are any, of one case and return its result."""
        with clock.stage("read"):
            first, *others = self._sequences_of(case)
            image = file_of(case, case.images, first, "image")
            loaded = load_scan(image, first, self.series_uid)
            scans = {first: loaded.scan}
            scans |= {name: load_scan(case.images[name], name).scan for name in others}
            require_allowed_grids(scans, self.other_grids)
            clicks = None if is_without_clicks(self.model) else _clicks_of(case)
        with clock.stage("open"):
            chosen = segmenter(self.model, self.fold)
            # Opened only where it is needed: that takes time.
            is_corrected = clicks is not None and clicks.standing_corrections()
            by = corrector(self.corrector_fold) if is_corrected else None
        with clock.stage("segment"):
            request = SegmentationRequest(scans, clicks, self.seed)
            made = chosen.segment(request) if by is None else segmented(chosen, request, by)
        if clicks is None and made.mask.is_empty:
            raise EmptyMaskError(
                f"{made.maker} found no tumour.",
                hint="Segment it from six clicks: leave out --recipe, or choose another --model.",
                code="nothing-found",
            )
        result = write_segmentation(case, folder, loaded, clicks, made, clock)
        return result if clicks is not None else {**result, **_of_automatic(scans, made)}


def recorded_segment_task(modality: Modality, settings: Mapping[str, object]) -> SegmentTask:
    """Task with the settings that a run folder records, to do it again."""
    fold, series = settings.get("fold"), settings.get("series_uid")
    return SegmentTask(
        modality,
        str(settings.get("model")),
        int(str(settings.get("seed"))),
        None if series is None else str(series),
        None if fold is None else int(str(fold)),
        tuple(map(modality_named, _texts(settings, "channels"))),
        tuple(map(Path, _texts(settings, "channel_files"))),
        "refuse" if settings.get("other_grids") == "refuse" else "resample",
    )


def _texts(settings: Mapping[str, object], name: str) -> list[str]:
    value = settings.get(name)
    return [str(text) for text in value] if isinstance(value, list) else []


def _of_automatic(scans: Mapping[Modality, Scan], made: Segmentation) -> dict[str, object]:
    """Return what a result without clicks says besides: what was looked at, where to look first."""
    slices, ends = places_in(made)
    return {"channels": [*scans], "slices_to_check": [*slices], "ends_to_check": [*ends]}


def write_segmentation(
    case: Case,
    folder: Path,
    loaded: LoadedScan,
    clicks: Clicks | None,
    made: Segmentation,
    clock: StageClock,
) -> dict[str, object]:
    """Write mask, picture and clicks, if any, of a case into ``folder`` and return its result.

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
        if clicks is not None:
            write_clicks(clicks, folder / CLICKS_FILE)
    with clock.stage("picture"):
        title = _title(case, made, loaded.scan.modality)
        picture = case_picture(loaded.scan, made.mask, clicks=clicks, size=size, title=title)
        write_bytes(folder / PICTURE_FILE, picture)
    return _result(loaded, clicks, made, size)


def segment_case(
    image: Path,
    clicks: Clicks | None,
    out: Path,
    *,
    modality: Modality | None,
    model: str | None,
    seed: int,
    series_uid: str | None = None,
    fold: int | None = None,
    case_id: str = "case",
    recipe: str | None = None,
    channels: Mapping[Modality, Path] | None = None,
    other_grids: OtherGrids = "resample",
) -> dict[str, object]:
    """Segment one tumour into a folder of its own and return the content of ``result.json``.

    Parameters
    ----------
    image
        DICOM folder, zip or file, or a volume file.
    clicks
        None for a model that looks at none.
    modality
        Sequence of the image; none where DICOM says that it is CT.
    model
        Name of a segmenter, or a model folder; none takes that of the recipe, or the modality's
        default.
    fold
        Which network of a trained model is used, alone; all are averaged unless given.
    recipe
        A way to segment without clicks, of which ``model`` is one if it is given too.
    channels
        Images of other sequences by name; the mask lies on the grid of ``image``.
    other_grids
        What is done with those that lie on another grid.

    Raises
    ------
    OncotraceError
        Whatever is wrong with the images, the clicks, the settings or the place for results;
        nothing is written then.
    """
    require_new(out)
    known = modality or modality_of(image, series_uid)
    name = chosen_model(known, model, recipe)
    others = dict(channels or {})
    require_suitable(name, clicks, (known, *others))
    task = SegmentTask(
        known, name, seed, series_uid, fold, tuple(others), tuple(others.values()), other_grids
    )
    segmenter(task.model, fold)  # a wrong name is found before the image is read
    images = {known: image, **others}
    if clicks is None:
        return run_single(task, Case(case_id, case_id, images), image, out, seed=seed)
    with TemporaryDirectory() as scratch:
        clicks_file = Path(scratch) / CLICKS_FILE
        write_clicks(clicks, clicks_file)
        case = Case(case_id, case_id, images, clicks=clicks_file)
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
    recipe: str | None = None,
    other_grids: OtherGrids = "resample",
) -> CohortRun:
    """Segment a cohort into a run folder; cases are done as outcomes are taken.

    A model without clicks looks at all its sequences that a case has (columns ``image_<seq>``).

    Raises
    ------
    InputError
        The table cannot be used.
    ModelError
        There is no such model, or none of the recipe.
    SettingsError, OutputError
        See `oncotrace.pipeline.run.cohort_run.run_cohort`.
    """
    cohort = read_cohort(table)
    chosen = first_sequence(cohort, modality, model)
    name = chosen_model(chosen, model, recipe)
    segmenter(name)  # refused here, once, rather than for every case
    channels = other_sequences(name, chosen)
    task = SegmentTask(chosen, name, seed, channels=channels, other_grids=other_grids)
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
    loaded: LoadedScan, clicks: Clicks | None, made: Segmentation, size: TumourSize
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
        "corrections": len(clicks.standing_corrections()) if clicks else 0,
        "warnings": [*loaded.notes, *made.warnings, *size_warnings(size)],
        "history": list(made.history),
        "segment_seconds": {name: round(value, 3) for name, value in made.seconds.items()},
        "series_uid": loaded.series_uid or None,
        "geometry": geometry_json(loaded.scan.geometry),
        "voxels": int(np.count_nonzero(made.mask.voxels)),
    }
