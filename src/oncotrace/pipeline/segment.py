"""The segmenting journey: images, and clicks if need be, in; mask, measurements and picture out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality, Scan, modality_named
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.errors import ClickError, EmptyMaskError
from oncotrace.io.clicks_file import clicks_json, read_clicks, read_first_clicks, write_clicks
from oncotrace.io.cohort_table import read_cohort
from oncotrace.learning.model_folder import PLAN
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import (
    LoadedScan,
    OtherGrids,
    load_scan,
    modality_of,
    require_allowed_grids,
)
from oncotrace.pipeline.lung_results import write_lung_results
from oncotrace.pipeline.model_choice import (
    chosen_model,
    first_sequence,
    modality_of_recipe,
    other_sequences,
    require_suitable,
)
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import file_digest, json_digest, source_digest
from oncotrace.pipeline.run.folder import require_new
from oncotrace.pipeline.run.single_run import run_single
from oncotrace.pipeline.segmented_case import (
    CLICKS_FILE,
    automatic_json,
    places_json,
    write_segmentation,
)
from oncotrace.segment.lung import with_lung_settings
from oncotrace.segment.lung_settings import LungSettings
from oncotrace.segment.nnunet import is_nnunet, nnunet_settings
from oncotrace.segment.refine import corrector, segmented
from oncotrace.segment.segmenters import (
    is_without_clicks,
    segmenter,
    segmenter_names,
    trained_model,
)
from oncotrace.segment.trained import packaged_models, with_dropout_looks


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
    lung
        What the reader chooses about the recipe ``lung``; none for other models.
    dropout_looks
        So many times more the networks look, without some of their features.
    """

    modality: Modality
    model: str
    seed: int
    series_uid: str | None = None
    fold: int | None = None
    channels: tuple[Modality, ...] = ()
    channel_files: tuple[Path, ...] = ()
    other_grids: OtherGrids = "resample"
    lung: LungSettings | None = None
    dropout_looks: int = 0
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
            **({"lung": self.lung.model_dump(mode="json")} if self.lung else {}),
            **({"dropout_looks": self.dropout_looks} if self.dropout_looks else {}),
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
        if is_nnunet(self.model):
            return nnunet_settings(self.model)
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
        first, *others = self.sequences_of(case)
        digests = {"image": source_digest(file_of(case, case.images, first, "image"))}
        digests |= {f"image_{name}": source_digest(case.images[name]) for name in others}
        clicks = self.clicks_of(case)
        if clicks is not None:
            digests["clicks"] = json_digest(clicks_json(clicks))
        return digests

    def clicks_of(self, case: Case) -> Clicks | None:
        """Clicks that count: for a model without clicks, none but corrections of what it made."""
        if not is_without_clicks(self.model):
            return _clicks_of(case)
        if case.clicks is None or not case.clicks.is_file():
            return None
        clicks = read_clicks(case.clicks)
        return clicks if clicks.corrections and not clicks.has_first else None

    def sequences_of(self, case: Case) -> tuple[Modality, ...]:
        """Sequences that are there, the first one first; it is named too if none is there."""
        there = [name for name in (self.modality, *self.channels) if name in case.images]
        return tuple(there) or (self.modality,)

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Write mask, picture and clicks, if there are any, of one case and return its result."""
        with clock.stage("read"):
            loaded, scans = self.read(case)
            clicks = self.clicks_of(case)
        with clock.stage("open"):
            chosen = self.segmenter()
            # Opened only where it is needed: that takes time.
            is_corrected = clicks is not None and clicks.standing_corrections()
            by = corrector(self.corrector_fold) if is_corrected else None
        with clock.stage("segment"):
            request = SegmentationRequest(scans, clicks, self.seed)
            made = chosen.segment(request) if by is None else segmented(chosen, request, by)
        if is_without_clicks(self.model) and made.mask.is_empty:
            raise EmptyMaskError(
                f"{made.maker} found no tumour.",
                hint="Segment it from six clicks: leave out --recipe, or choose another --model.",
                code="nothing-found",
            )
        return self.write(case, folder, (loaded, scans), clicks, made, clock)

    def segmenter(self) -> Segmenter:
        """Segmenter that was asked for, with its settings.

        Raises
        ------
        ModelError
            There is none of that name, or it does not go with the settings.
        """
        chosen = with_lung_settings(segmenter(self.model, self.fold), self.lung)
        return with_dropout_looks(chosen, self.dropout_looks, self.seed)

    def read(self, case: Case) -> tuple[LoadedScan, dict[Modality, Scan]]:
        """First image of a case, and all that are looked at by sequence.

        Raises
        ------
        InputError
            One is missing or cannot be read, or lies on another grid where that is refused.
        """
        first, *others = self.sequences_of(case)
        loaded = load_scan(file_of(case, case.images, first, "image"), first, self.series_uid)
        scans = {first: loaded.scan}
        scans |= {name: load_scan(case.images[name], name).scan for name in others}
        require_allowed_grids(scans, self.other_grids)
        return loaded, scans

    def write(
        self,
        case: Case,
        folder: Path,
        read: tuple[LoadedScan, Mapping[Modality, Scan]],
        clicks: Clicks | None,
        made: Segmentation,
        clock: StageClock,
    ) -> dict[str, object]:
        """Write what belongs to a segmentation and return its result; see `write_segmentation`."""
        loaded, scans = read
        result = write_segmentation(case, folder, loaded, clicks, made, clock)
        result |= write_lung_results(made, folder)
        if is_without_clicks(self.model):
            return {**result, **automatic_json(scans, made)}
        return {**result, **places_json(made)} if self.dropout_looks else result


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
        LungSettings.model_validate(settings["lung"]) if settings.get("lung") else None,
        int(str(settings.get("dropout_looks", 0))),
    )


def _texts(settings: Mapping[str, object], name: str) -> list[str]:
    value = settings.get(name)
    return [str(text) for text in value] if isinstance(value, list) else []


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
    lung: LungSettings | None = None,
    dropout_looks: int = 0,
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
    lung
        What the reader chooses about the recipe ``lung``.
    dropout_looks
        So many times more the networks look, without some of their features (Monte-Carlo dropout);
        for models that were trained with dropout.

    Raises
    ------
    OncotraceError
        Whatever is wrong with the images, the clicks, the settings or the place for results;
        nothing is written then.
    """
    require_new(out)
    known = modality or modality_of_recipe(recipe) or modality_of(image, series_uid)
    name = chosen_model(known, model, recipe)
    others = dict(channels or {})
    require_suitable(name, clicks, (known, *others))
    task = SegmentTask(
        known,
        name,
        seed,
        series_uid,
        fold,
        tuple(others),
        tuple(others.values()),
        other_grids,
        lung,
        dropout_looks,
    )
    task.segmenter()  # a wrong name is found before the image is read
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
    lung: LungSettings | None = None,
    dropout_looks: int = 0,
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
    chosen = first_sequence(cohort, modality or modality_of_recipe(recipe), model)
    name = chosen_model(chosen, model, recipe)
    task = SegmentTask(
        chosen,
        name,
        seed,
        channels=other_sequences(name, chosen),
        other_grids=other_grids,
        lung=lung,
        dropout_looks=dropout_looks,
    )
    task.segmenter()  # refused here, once, rather than for every case
    return run_cohort(task, table, cohort, out, seed=seed, resume=resume, jobs=jobs)


def _clicks_of(case: Case) -> Clicks:
    if case.clicks is None:
        raise ClickError("there are no clicks.", hint="Fill the column clicks, or give --clicks.")
    return read_first_clicks(case.clicks)
