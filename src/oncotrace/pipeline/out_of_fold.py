"""Every training case segmented by the network that never saw its patient.

A model's card and its predicted quality both rest on this.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan
from oncotrace.pipeline.training_cases import TrainingCase
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.quality_features import FEATURES, quality_features
from oncotrace.segment.quality_fit import QualityTable

RULES = {"exact": exact_clicks, "person-like": person_like_clicks}
SEEDS = range(3)
WITHOUT_CLICKS = "none"
"""What stands in place of the rule where no clicks are drawn."""
LEAST_PATIENTS = 10
"""From fewer, no predicted quality is learnt."""
_THREADS = 2


@dataclass(frozen=True)
class OutOfFoldMask:
    """One mask of a training case by the network of its fold."""

    case_id: str
    patient_id: str
    modality: str
    fold: int
    clicks: str
    seed: int
    dice: float
    features: Mapping[str, float] | None
    """What the quality is predicted from; none where the mask is empty."""


def out_of_fold_masks(
    plan: Plan,
    cases: Sequence[TrainingCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
) -> Iterator[list[OutOfFoldMask]]:
    """Segment every case from several draws of clicks of either kind; yields case by case."""
    model = ModelFolder(plan.recipe.name, plan, networks, None, "")
    segmenters = {
        fold: NetworkSegmenter(
            plan.recipe.name, load_predictor(model, folds=[fold], threads=_THREADS)
        )
        for fold in networks
    }
    for case in cases:
        fold = fold_of[case.patient_id]
        yield [
            _segmented(segmenters[fold], case, fold, clicks, seed)
            for clicks in RULES
            for seed in SEEDS
        ]


def quality_table(masks: Sequence[OutOfFoldMask]) -> QualityTable | None:
    """Return what the predicted quality can be fitted on; none if the patients are too few."""
    rows = [(mask, mask.features) for mask in masks if mask.features is not None]
    if len({mask.patient_id for mask, _ in rows}) < LEAST_PATIENTS:
        return None
    names = tuple(name for name in FEATURES if all(name in features for _, features in rows))
    return QualityTable(
        names,
        np.array([[features[name] for name in names] for _, features in rows]),
        np.array([mask.dice for mask, _ in rows]),
        tuple(mask.patient_id for mask, _ in rows),
    )


def _segmented(
    segmenter: NetworkSegmenter, case: TrainingCase, fold: int, rule: str, seed: int
) -> OutOfFoldMask:
    clicks = RULES[rule](case.mask, rng=np.random.default_rng(seed))
    modality = case.scan.modality or "ct"
    made, evidence = segmenter.segment_with_evidence(
        SegmentationRequest({modality: case.scan}, clicks, seed=0)
    )
    try:
        features = quality_features(evidence)
    except EmptyMaskError:
        features = None
    score = dice(made.mask, case.mask)
    return OutOfFoldMask(case.case_id, case.patient_id, modality, fold, rule, seed, score, features)
