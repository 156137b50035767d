"""Every case segmented without clicks by the network that never saw its patient.

From this a model's post-processing is chosen and its card is written. Images are cropped or
continued at random sides as in training, if the recipe says so, but the same at every run.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.recrop import moved_sides, random_sides_mm, recropped
from oncotrace.imaging.resample import resample_scan
from oncotrace.learning.label_shares import labels_by_share
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_predict import Predictor, load_predictor
from oncotrace.learning.plan import Plan
from oncotrace.pipeline.out_of_fold import WITHOUT_CLICKS, OutOfFoldMask
from oncotrace.pipeline.whole_image_cases import WholeImageCase
from oncotrace.segment.automatic import WholeImageEvidence, automatic_with_evidence
from oncotrace.segment.planned_input import orientations_of
from oncotrace.segment.published_finish import (
    EVERY_POST_PROCESSING,
    PostProcessing,
    post_processed,
)
from oncotrace.segment.whole_image_input import PRESENCE

FEW_SEQUENCES = 3
"""Of so many sequences a network that can do without some is judged on every set."""

Segmenting = Callable[[int, SegmentationRequest], tuple[Segmentation, WholeImageEvidence]]
"""From a fold and a request to the segmentation by its network, and the evidence."""

_THREADS = 2
_AIR_HU = -1024.0
_LEAST = 1e-6


@dataclass(frozen=True)
class WholeImageScore:
    """Dice of one case from some of its sequences, and what tells it, by post-processing."""

    case_id: str
    patient_id: str
    sequences: tuple[Modality, ...]
    fold: int
    dices: Mapping[PostProcessing, float]
    features: Mapping[PostProcessing, Mapping[str, float] | None]
    """What the quality is predicted from; none where the mask is empty."""


def whole_image_scores(
    plan: Plan,
    cases: Sequence[WholeImageCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
) -> Iterator[WholeImageScore]:
    """Segment every case from its sequences and sets of them; yields set by set."""
    predictors = fold_predictors(plan, networks)
    return scores_of(
        plan,
        cases,
        fold_of,
        lambda fold, request: automatic_with_evidence(plan.recipe.name, predictors[fold], request),
    )


def scores_of(
    plan: Plan,
    cases: Sequence[WholeImageCase],
    fold_of: Mapping[str, int],
    segment: Segmenting,
) -> Iterator[WholeImageScore]:
    """Score every case as what belongs to its fold finds it; yields set by set of sequences."""
    for case in cases:
        scans, outlines = case.read()
        fold, sides = fold_of[case.patient_id], sides_of(case.case_id, plan)
        for sequences in judged_sets(case.sequences, plan):
            chosen = {name: scans[name] for name in sequences}
            seen, reference = with_moved_sides(chosen, outlines[sequences[0]], sides)
            made, evidence = segment(fold, SegmentationRequest(seen, None, seed=0))
            yield WholeImageScore(
                case.case_id,
                case.patient_id,
                sequences,
                fold,
                dices_after_each(made, reference),
                {kind: evidence.features(kind) for kind in EVERY_POST_PROCESSING},
            )


def judged_sets(sequences: tuple[Modality, ...], plan: Plan) -> list[tuple[Modality, ...]]:
    """Return the sets of a case's sequences from which it is judged, the whole set first.

    Where sequences may be missing, every set that the network can do with; of more than three
    sequences only the whole, all without one, and each alone.
    """
    if plan.recipe.augmentation.channel_dropout == 0:
        return [sequences]
    names = plan.recipe.channels.names
    needed = {name for name in sequences if PRESENCE + name not in names}
    count = len(sequences)
    sizes = range(count, 0, -1) if count <= FEW_SEQUENCES else (count, count - 1, 1)
    sets = (chosen for size in sizes for chosen in combinations(sequences, size))
    return [chosen for chosen in sets if needed <= set(chosen)]


def fold_predictors(plan: Plan, networks: Mapping[int, bytes]) -> dict[int, Predictor]:
    """Network of every fold, after which nothing is tidied up."""
    raw = plan.model_copy(update={"preparation": {**plan.preparation, "post_processing": "none"}})
    model = ModelFolder(plan.recipe.name, raw, networks, None, "")
    flips = orientations_of(plan.recipe)
    return {
        fold: load_predictor(model, folds=[fold], flips=flips, threads=_THREADS)
        for fold in networks
    }


def sides_of(case_id: str, plan: Plan) -> NDArray[np.float64]:
    """How far the sides of a case's images are moved: as in training, the same at every run."""
    rng = np.random.default_rng(zlib.crc32(case_id.encode()))
    return random_sides_mm(plan.recipe.augmentation.recrop_mm, rng)


def dices_after_each(raw: Segmentation, reference: Mask) -> dict[PostProcessing, float]:
    """Dice of a mask after each post-processing; it has had none."""
    probability = np.asarray(raw.probability, dtype=np.float32)
    log_odds = np.asarray(logit(np.clip(probability, _LEAST, 1 - _LEAST)), dtype=np.float32)
    geometry = raw.mask.geometry
    return {
        kind: dice(Mask(post_processed(raw.mask.voxels, kind, log_odds), geometry), reference)
        for kind in EVERY_POST_PROCESSING
    }


def with_moved_sides(
    scans: Mapping[Modality, Scan], outline: Mask, sides_mm: NDArray[np.float64]
) -> tuple[dict[Modality, Scan], Mask]:
    """Images and outline with the sides of the first image moved, for all alike.

    The other images are resampled onto the first one's grid, so that their ends do not tell what
    its ends no longer do.

    Parameters
    ----------
    outline
        On the first image's grid, or anywhere: then it is resampled too.
    sides_mm
        See `oncotrace.imaging.recrop.random_sides_mm`.
    """
    moved, (inside,) = with_moved_stack(scans, outline.voxels[None], outline.geometry, sides_mm)
    return moved, Mask(inside, next(iter(moved.values())).geometry)


def with_moved_stack(
    scans: Mapping[Modality, Scan],
    inside: NDArray[np.bool_],
    source: Geometry,
    sides_mm: NDArray[np.float64],
) -> tuple[dict[Modality, Scan], NDArray[np.bool_]]:
    """Images and outlines [l, z, y, x] of several structures; see `with_moved_sides`.

    Parameters
    ----------
    source
        Grid of the outlines.
    """
    first = next(iter(scans.values())).geometry
    shares = [_on(Scan(one.astype(np.float32), source), first, 0.0).voxels for one in inside]
    there = labels_by_share(np.stack(shares))
    box = moved_sides(np.logical_or.reduce(there), first.spacing_zyx_mm, sides_mm)
    geometry = first.crop(box.start_xyz, box.size_xyz)
    moved = {
        name: Scan(
            recropped(_on(scan, first, _AIR_HU if name == "ct" else 0.0).voxels, box),
            geometry,
            name,
        )
        for name, scan in scans.items()
    }
    return moved, np.stack([recropped(one, box, continued=False) for one in there])


def best_post_processing(scores: Sequence[WholeImageScore]) -> PostProcessing:
    """Post-processing with the best mean Dice; of equals the one that does least."""
    kinds = EVERY_POST_PROCESSING
    means = {kind: np.mean([score.dices[kind] for score in scores]) for kind in kinds}
    return max(kinds, key=lambda kind: means[kind])


def as_out_of_fold(score: WholeImageScore, kind: PostProcessing) -> OutOfFoldMask:
    """Score after one post-processing, as a model card takes it."""
    return OutOfFoldMask(
        score.case_id,
        score.patient_id,
        "+".join(score.sequences),
        score.fold,
        WITHOUT_CLICKS,
        0,
        score.dices[kind],
        score.features[kind],
    )


def _on(scan: Scan, geometry: Geometry, outside: float) -> Scan:
    if scan.geometry.matches(geometry):
        return scan
    return resample_scan(scan, geometry, interpolation="linear", outside=outside)
