"""Every case segmented without clicks by the network that never saw its patient.

From this a model's post-processing is chosen and its card is written. Images are cropped or
continued at random sides as in training, if the recipe says so, but the same at every run.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan
from oncotrace.pipeline.out_of_fold import OutOfFoldMask
from oncotrace.pipeline.whole_image_cases import WholeImageCase
from oncotrace.segment.automatic import automatic_with_evidence
from oncotrace.segment.planned_input import orientations_of
from oncotrace.segment.published_finish import (
    EVERY_POST_PROCESSING,
    PostProcessing,
    post_processed,
)

WITHOUT_CLICKS = "none"
_THREADS = 2
_AIR_HU = -1024.0
_LEAST = 1e-6


@dataclass(frozen=True)
class WholeImageScore:
    """Dice of one case by the network of its fold, and what tells it, by post-processing."""

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
    """Segment every case from all the sequences that it has; yields case by case."""
    raw = plan.model_copy(update={"preparation": {**plan.preparation, "post_processing": "none"}})
    model = ModelFolder(plan.recipe.name, raw, networks, None, "")
    flips = orientations_of(plan.recipe)
    predictors = {
        fold: load_predictor(model, folds=[fold], flips=flips, threads=_THREADS)
        for fold in networks
    }
    for case in cases:
        scans, outlines = case.read()
        outline = outlines[case.sequences[0]]
        seed = zlib.crc32(case.case_id.encode())
        sides = random_sides_mm(plan.recipe.augmentation.recrop_mm, np.random.default_rng(seed))
        seen, reference = with_moved_sides(scans, outline, sides)
        fold = fold_of[case.patient_id]
        request = SegmentationRequest(seen, None, seed=0)
        segmentation, evidence = automatic_with_evidence(
            plan.recipe.name, predictors[fold], request
        )
        dices = dices_after_each(segmentation, reference)
        yield WholeImageScore(
            case.case_id,
            case.patient_id,
            case.sequences,
            fold,
            dices,
            {kind: evidence.features(kind) for kind in EVERY_POST_PROCESSING},
        )


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
    first = next(iter(scans.values())).geometry
    drawn = Scan(outline.voxels.astype(np.float32), outline.geometry)
    inside = _on(drawn, first, 0.0).voxels >= 0.5
    box = moved_sides(inside, first.spacing_zyx_mm, sides_mm)
    geometry = first.crop(box.start_xyz, box.size_xyz)
    moved = {
        name: Scan(
            recropped(_on(scan, first, _AIR_HU if name == "ct" else 0.0).voxels, box),
            geometry,
            name,
        )
        for name, scan in scans.items()
    }
    return moved, Mask(recropped(inside, box, continued=False), geometry)


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
