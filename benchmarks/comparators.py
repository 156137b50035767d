"""The published configuration trained on our folds, one network per fold and modality.

Everything that is learnt is learnt from the fold's training patients: the fingerprint, the network,
and the post-processing. The publication chooses the latter on the patients of the validation fold,
which are those that are scored here; so it is chosen on the training patients instead.
"""

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from cohort import write_cohort
from oncotrace.domain.case import Cohort
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import SegmentationRequest, Segmenter
from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.io.cohort_table import read_cohort
from oncotrace.learning.model_folder import PLAN, read_model, write_model
from oncotrace.learning.onnx_file import open_session
from oncotrace.learning.onnx_predict import Flip, Predictor, load_predictor
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import Recipe, preset, read_recipe
from oncotrace.pipeline.training_cases import (
    TrainingCase,
    fingerprint_for,
    training_cases,
    training_data,
)
from oncotrace.segment.information_fusion import FusionSegmenter
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.published_finish import POST_PROCESSING, PostProcessing, post_processed
from single_fold import CARD
from six_clicks import MODALITIES, fold_of

RECIPE = Path(__file__).parent / "recipes" / "interactivenet-budget.toml"
EIGHT_FLIPS: tuple[Flip, ...] = (
    (),
    ("x",),
    ("y",),
    ("z",),
    ("y", "x"),
    ("z", "x"),
    ("z", "y"),
    ("z", "y", "x"),
)
THREADS = 2
CHOICE_SEED = 100  # of the clicks with which the post-processing is chosen
SAY_EVERY_STEPS = 100


def comparator_segmenters(
    work: Path, fold: int, data: Path
) -> Generator[str, None, dict[str, dict[Modality, Segmenter]]]:
    """Train what is not trained yet; returns the segmenters of a fold by name and modality."""
    made: dict[str, dict[Modality, Segmenter]] = {"interactivenet": {}, "mideepseg": {}}
    for modality in MODALITIES:
        folder = work / f"interactivenet-{modality}-fold-{fold}"
        if not (folder / PLAN).exists():
            yield from _trained(folder, modality, fold, data)
        model = read_model(folder)
        predictor = load_predictor(model, flips=EIGHT_FLIPS, threads=THREADS)
        made["interactivenet"][modality] = NetworkSegmenter("interactivenet", predictor)
        made["mideepseg"][modality] = FusionSegmenter("mideepseg", predictor)
    return made


def budget_recipe() -> Recipe:
    """Recipe of the preset with fewer steps; nothing else may differ."""
    recipe, published = read_recipe(RECIPE), preset("interactivenet")
    steps = {"steps": recipe.optimiser.steps}
    optimiser = published.optimiser.model_copy(update=steps)
    if recipe != published.model_copy(update={"optimiser": optimiser}):
        raise SystemExit(f"{RECIPE.name} differs from the preset in more than its steps.")
    return recipe


def _trained(folder: Path, modality: Modality, fold: int, data: Path) -> Iterator[str]:
    """Train one network and write its model folder."""
    from oncotrace.learning.train.export import exported
    from oncotrace.learning.train.loop import train, trained_network

    state = folder.with_name(f"{folder.name}.training")
    cases = _training_cases(state / "cohort.csv", modality, fold, data)
    recipe = budget_recipe()
    plan = make_plan(recipe, fingerprint_for(recipe, cases), {"modalities": [modality]})
    samples, checkpoint = training_data(cases, plan), state / f"fold_{fold}.pt"
    with contextlib.closing(train(plan, samples, checkpoint, resume=True, device="cpu")) as steps:
        for now in steps:
            if now.step % SAY_EVERY_STEPS == 0:
                left = f"{now.seconds_left / 60:.0f} min left"
                yield f"{folder.name}: {now.step} of {now.steps}, loss {now.loss:.3f}, {left}"
    network = exported(trained_network(plan, samples, checkpoint), plan)
    kind, scores = chosen_post_processing(plan, network, fold, cases)
    yield f"{folder.name}: post-processing {kind}, of {scores}"
    finished = plan.model_copy(
        update={"preparation": {**plan.preparation, "post_processing": kind}}
    )
    write_model(folder, finished, {fold: network}, card=CARD)


def _training_cases(table: Path, modality: Modality, fold: int, data: Path) -> list[TrainingCase]:
    write_cohort(table, data)
    kept = [case for case in read_cohort(table).cases if fold_of(case.patient_id) != fold]
    return list(training_cases(Cohort(tuple(kept)), (modality,)))


def chosen_post_processing(
    plan: Plan, network: bytes, fold: int, cases: list[TrainingCase]
) -> tuple[PostProcessing, str]:
    """Post-processing with the best mean Dice on the training patients, and the four means."""
    session = open_session(network, f"fold_{fold}.onnx", threads=THREADS)
    segmenter = NetworkSegmenter("raw", Predictor(plan, (fold,), (session,), EIGHT_FLIPS))
    scores: dict[PostProcessing, list[float]] = {kind: [] for kind in POST_PROCESSING}
    for case in cases:
        clicks = exact_clicks(case.mask, rng=np.random.default_rng(CHOICE_SEED))
        request = SegmentationRequest({case.scan.modality or "ct": case.scan}, clicks, seed=0)
        raw = segmenter.segment(request).mask
        for kind, dices in scores.items():
            finished = Mask(post_processed(raw.voxels, kind), raw.geometry)
            dices.append(dice(finished, case.mask))
    means = {kind: float(np.mean(dices)) for kind, dices in scores.items()}
    text = ", ".join(f"{kind} {mean:.4f}" for kind, mean in means.items())
    return max(means, key=lambda kind: means[kind]), text
