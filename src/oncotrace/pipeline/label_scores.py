"""Every structure of every case as the network finds it that never saw the case's patient.

What ``whole_image_scores`` does for one structure, for several: from this the post-processing of
each label is chosen, with the others left as they are, and the model card is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.imaging.overlap import dice
from oncotrace.learning.plan import Plan
from oncotrace.pipeline.whole_image_cases import WholeImageCase
from oncotrace.pipeline.whole_image_scores import (
    WholeImageScore,
    fold_predictors,
    sides_of,
    with_moved_stack,
)
from oncotrace.segment.automatic import automatic_with_evidence
from oncotrace.segment.label_finish import KEY, tidied_labels
from oncotrace.segment.published_finish import EVERY_POST_PROCESSING, PostProcessing

Dices = Mapping[PostProcessing, float]


@dataclass(frozen=True)
class LabelDice:
    """Dice of one structure of one case, as the model card lists it."""

    case_id: str
    label: str
    dice: float


@dataclass(frozen=True)
class LabelledScore:
    """Scores of a case: of its tumour, as of any model, and of all structures by name.

    Structures that the case is without are left out: a Dice says nothing of them.
    """

    tumour: WholeImageScore
    dices: Mapping[str, Dices]


def label_scores(
    plan: Plan,
    cases: Sequence[WholeImageCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
) -> Iterator[LabelledScore]:
    """Segment every case from all the sequences that it has; yields case by case."""
    raw = plan.model_copy(update={"preparation": {**plan.preparation, KEY: {}}})
    predictors = fold_predictors(raw, networks)
    for case in cases:
        scans, outlined = case.read_labels()
        sides = sides_of(case.case_id, plan)
        seen, inside = with_moved_stack(scans, outlined.stack(), outlined.geometry, sides)
        reference = LabelVolume.from_stack(
            inside, next(iter(seen.values())).geometry, outlined.values
        )
        fold = fold_of[case.patient_id]
        request = SegmentationRequest(seen, None, seed=0)
        _, evidence = automatic_with_evidence(plan.recipe.name, predictors[fold], request)
        log_odds = np.asarray(evidence.label_log_odds, dtype=np.float32)
        tumour, *_ = dices = label_dices(log_odds, reference)
        score = WholeImageScore(
            case.case_id,
            case.patient_id,
            case.sequences,
            fold,
            dices[tumour],
            {kind: evidence.features(kind) for kind in EVERY_POST_PROCESSING},
        )
        there = [name for name in dices if not reference.mask(name).is_empty]
        yield LabelledScore(score, {name: dices[name] for name in there})


def label_dices(log_odds: NDArray[np.float32], reference: LabelVolume) -> dict[str, Dices]:
    """Dice of every structure after each post-processing of it, of the others none.

    Parameters
    ----------
    log_odds
        [l, z, y, x] on the reference's grid.
    """
    names = [*reference.values]
    dices: dict[str, dict[PostProcessing, float]] = {name: {} for name in names}
    for place, name in enumerate(names):
        kinds: list[PostProcessing] = ["none"] * len(names)
        for kind in EVERY_POST_PROCESSING:
            kinds[place] = kind
            mask = Mask(tidied_labels(log_odds, kinds)[place], reference.geometry)
            dices[name][kind] = dice(mask, reference.mask(name))
    return dict(dices)


def best_for_labels(scores: Sequence[LabelledScore], plan: Plan) -> dict[str, PostProcessing]:
    """Post-processing with the best mean Dice of each label, by its name.

    Of equals the one that does least; none for a label that no case has.
    """
    best: dict[str, PostProcessing] = {}
    for label in plan.recipe.labels:
        of_label = [score.dices[label.name] for score in scores if label.name in score.dices]
        best[label.name] = _best(of_label) if of_label else "none"
    return best


def _best(dices: Sequence[Dices]) -> PostProcessing:
    means = {kind: np.mean([of[kind] for of in dices]) for kind in EVERY_POST_PROCESSING}
    return max(EVERY_POST_PROCESSING, key=lambda kind: means[kind])


def as_label_dices(score: LabelledScore, kinds: Mapping[str, PostProcessing]) -> list[LabelDice]:
    """Dice of a case's structures, each after its post-processing."""
    case_id = score.tumour.case_id
    return [LabelDice(case_id, name, dices[kinds[name]]) for name, dices in score.dices.items()]
