"""What segmenting does to one case: settings, inputs, and mask, measurements and picture."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality, Scan, modality_named
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.errors import ClickError, EmptyMaskError
from oncotrace.io.clicks_file import clicks_json, read_clicks, read_first_clicks
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import (
    LoadedScan,
    OtherGrids,
    load_scan,
    require_allowed_grids,
)
from oncotrace.pipeline.lung_results import write_lung_results
from oncotrace.pipeline.model_choice import (
    model_settings,
)
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.digests import json_digest, source_digest
from oncotrace.pipeline.segmented_case import (
    automatic_json,
    places_json,
    write_segmentation,
)
from oncotrace.pipeline.views import (
    ViewSource,
    joining,
    plane_warnings,
    recorded_views,
    view_digests,
    views_settings,
    write_views,
)
from oncotrace.segment.lung import with_lung_settings
from oncotrace.segment.lung_settings import LungSettings
from oncotrace.segment.refine import corrector, segmented
from oncotrace.segment.segmenters import is_without_clicks, segmenter
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
    views
        Images of other planes with their models, joined with the first; of a single image only.
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
    views: tuple[ViewSource, ...] = ()
    journey: ClassVar[str] = "segment"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {
            "modality": self.modality,
            "model": self.model,
            "seed": self.seed,
            "series_uid": self.series_uid,
            **model_settings(self.model, self.fold),
            **self._channel_settings(),
            **({"lung": self.lung.model_dump(mode="json")} if self.lung else {}),
            **({"dropout_looks": self.dropout_looks} if self.dropout_looks else {}),
            **views_settings(self.views, self.fold),
        }

    @property
    def corrector_fold(self) -> int | None:
        """Fold of the network that corrects; the mean of all with models that came from elsewhere.

        In those a fold of the same number holds other patients.
        """
        return self.fold if self.model in packaged_models() else None

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
        digests |= view_digests(self.views)
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
            chosen = self.segmenter_joining(loaded)
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
        return with_lung_settings(self._opened(self.model), self.lung)

    def segmenter_joining(self, loaded: LoadedScan) -> Segmenter:
        """Segmenter that was asked for, which joins the first image with further views, if any.

        Raises
        ------
        InputError
            The image of a view cannot be read, or lies in another frame of reference.
        ModelError
            See `segmenter`.
        """
        first = loaded.scan.modality or self.modality
        return joining(self.segmenter(), self.views, loaded, first, self._opened)

    def _opened(self, model: str) -> Segmenter:
        return with_dropout_looks(segmenter(model, self.fold), self.dropout_looks, self.seed)

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
        notes = plane_warnings(self.model, scans, self.views, made)
        made = replace(made, warnings=(*made.warnings, *notes))
        result = write_segmentation(case, folder, loaded, clicks, made, clock)
        result |= {**write_lung_results(made, folder), **write_views(made, folder)}
        if is_without_clicks(self.model):
            return {**result, **automatic_json(scans, made)}
        return {**result, **places_json(made)} if self.dropout_looks or self.views else result


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
        recorded_views(settings),
    )


def _texts(settings: Mapping[str, object], name: str) -> list[str]:
    value = settings.get(name)
    return [str(text) for text in value] if isinstance(value, list) else []


def _clicks_of(case: Case) -> Clicks:
    if case.clicks is None:
        raise ClickError("there are no clicks.", hint="Fill the column clicks, or give --clicks.")
    return read_first_clicks(case.clicks)
