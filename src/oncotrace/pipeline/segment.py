"""The segmenting journey: images, and clicks if need be, in; mask, measurements and picture out."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality
from oncotrace.io.clicks_file import write_clicks
from oncotrace.io.cohort_table import read_cohort
from oncotrace.pipeline.inputs import OtherGrids, modality_of
from oncotrace.pipeline.model_choice import (
    chosen_model,
    first_sequence,
    modality_of_recipe,
    other_sequences,
    require_suitable,
)
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.folder import require_new
from oncotrace.pipeline.run.single_run import run_single
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.pipeline.segmented_case import CLICKS_FILE
from oncotrace.pipeline.views import ViewSource, require_suitable_views
from oncotrace.segment.lung_settings import LungSettings


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
    views: tuple[ViewSource, ...] = (),
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
    views
        Images of other planes with their models; their masks are joined on the grid of ``image``.

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
    require_suitable_views(name, views, clicks)
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
        views,
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
