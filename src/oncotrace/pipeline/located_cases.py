"""The cases of a training behind a locator: what is learnt from them, and how they are judged.

A network behind a locator never learns from the locator itself (``located_input``), so that both
may be trained at the same time. Only when they are judged is every case seen by the locator and by
the network of its fold, neither of which has seen its patient.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from oncotrace.learning.fingerprint import CaseSummary, Fingerprint, fingerprint
from oncotrace.learning.model_folder import ModelFolder, read_model
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.pipeline.whole_image_cases import WholeImageCase
from oncotrace.pipeline.whole_image_scores import WholeImageScore, scores_of
from oncotrace.segment.coarse_to_fine import LocatedSegmenter
from oncotrace.segment.located_input import images_on, located_sample
from oncotrace.segment.whole_image_input import WholeImages, training_grid

_THREADS = 2


def outlined_fingerprint(recipe: Recipe, cases: Sequence[WholeImageCase]) -> Fingerprint:
    """Return what the cases have in common, as the planning of the recipe wants to know it.

    With a locator, the region that the network looks at is the outline's box with the margin.

    Raises
    ------
    EmptyMaskError
        A case has no lesion.
    InputError
        There is no case.
    """
    if recipe.locator is None:
        return fingerprint(case.summary for case in cases)
    margin_mm = recipe.locator.margin_mm
    return fingerprint(_boxed(case, margin_mm) for case in cases)


def located_data(cases: Sequence[WholeImageCase], plan: Plan) -> TrainingData:
    """Make samples of the cases: images with moved sides, behind a locator that errs."""
    seen: dict[int, WholeImages] = {}

    def sample(index: int, rng: np.random.Generator) -> Sample:
        if index not in seen:
            seen[index] = _prepared(cases[index], plan)
        return located_sample(seen[index], plan, rng)

    return TrainingData(tuple(case.case_id for case in cases), sample)


def located_scores(
    plan: Plan,
    cases: Sequence[WholeImageCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
    locator: Path | None,
) -> Iterator[WholeImageScore]:
    """Segment every case from its sequences and sets of them; yields set by set.

    Parameters
    ----------
    locator
        Model folder of the locator, if there is one; its networks left out the same folds.
    """
    segmenters = {
        fold: _segmenter(plan, fold, network, locator) for fold, network in networks.items()
    }
    return scores_of(
        plan,
        cases,
        fold_of,
        lambda fold, request: segmenters[fold].segment_with_evidence(request),
    )


def _segmenter(plan: Plan, fold: int, network: bytes, locator: Path | None) -> LocatedSegmenter:
    """Network of one fold behind the locator of the same fold, without post-processing."""
    raw = plan.model_copy(update={"preparation": {**plan.preparation, "post_processing": "none"}})
    model = ModelFolder(plan.recipe.name, raw, {fold: network}, None, "")
    found_by = None
    if plan.recipe.locator is not None and locator is not None:
        found_by = load_predictor(read_model(locator, folds=[fold]), threads=_THREADS)
    return LocatedSegmenter(plan.recipe.name, load_predictor(model, threads=_THREADS), found_by)


def _prepared(case: WholeImageCase, plan: Plan) -> WholeImages:
    scans, outlines = case.read()
    grid = training_grid([scan.geometry for scan in scans.values()], plan.spacing_mm)
    return images_on(plan.recipe, scans, grid, outlines)


def _boxed(case: WholeImageCase, margin_mm: float) -> CaseSummary:
    """Summary of a case with the size of the box that a good locator would find."""
    _, outlines = case.read()
    outline = outlines[case.sequences[0]]
    z, y, x = (side.stop - side.start for side in outline.box_zyx())
    extent_mm = np.multiply((x, y, z), outline.geometry.spacing_mm) + 2 * margin_mm
    nx, ny, nz = (max(1, round(float(n))) for n in extent_mm / case.summary.spacing_mm)
    return replace(case.summary, size_xyz=(nx, ny, nz))
