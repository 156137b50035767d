"""From the log-odds of several labels to structures that exclude each other, tidied up.

1. Every voxel takes the most probable of the labels whose probability is at least one half.
2. Each label is tidied up in its own way (``published_finish``), the one that was best for it on
   patients whom each network had not seen: the largest piece may be right for a tumour and wrong
   for the oedema around it.
3. Tidying up takes no voxel from another label: a hole in one that holds another is no hole. A hole
   that several would fill becomes the first one's.

The tumour's way is the plan's ``post_processing``, as for models of one structure; the others'
stand by name under ``label_post_processing``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.labels import LabelVolume
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.label_shares import labels_by_log_odds
from oncotrace.learning.plan import Plan
from oncotrace.segment.finish import CERTAIN_LOG_ODDS
from oncotrace.segment.published_finish import (
    PostProcessing,
    known_post_processing,
    plan_post_processing,
    post_processed,
    probability_of,
)

KEY = "label_post_processing"
"""In a plan's preparation: post-processing of every label but the first, by its name."""

_JUST_BELOW_HALF = np.float32(-1e-6)


@dataclass(frozen=True, eq=False)
class FinishedLabels:
    """Structures on the first image's grid, and what they were made from.

    Parameters
    ----------
    probability
        Of the tumour [z, y, x]; at least one half in its voxels and nowhere else.
    log_odds
        Of every label on its own, [l, z, y, x].
    """

    labels: LabelVolume
    probability: NDArray[np.float32]
    log_odds: NDArray[np.float32]


def finished_labels(
    logits: NDArray[np.float32], working: Geometry, source: Geometry, plan: Plan
) -> FinishedLabels:
    """Structures on the source grid, from the networks' logits [l, z, y, x] on the working grid.

    Raises
    ------
    ModelError
        The plan names a post-processing that is not known.
    """
    kinds = [*plan_label_post_processing(plan).values()]
    there = np.stack(
        [
            resample_array(
                of_label, working, source, interpolation="linear", outside=-CERTAIN_LOG_ODDS
            )
            for of_label in logits
        ]
    )
    inside = tidied_labels(there, kinds)
    values = {label.name: label.value for label in plan.recipe.labels}
    probability = probability_of(there[0], inside[0])
    return FinishedLabels(LabelVolume.from_stack(inside, source, values), probability, there)


def plan_label_post_processing(plan: Plan) -> dict[str, PostProcessing]:
    """Post-processing of every label by its name, in the recipe's order.

    Raises
    ------
    ModelError
        The plan names one that is not known.
    """
    first, *others = (label.name for label in plan.recipe.labels)
    named = plan.preparation.get(KEY)
    by_name = named if isinstance(named, dict) else {}
    return {
        first: plan_post_processing(plan),
        **{name: known_post_processing(by_name.get(name, "none")) for name in others},
    }


def tidied_labels(
    log_odds: NDArray[np.float32], kinds: Sequence[PostProcessing]
) -> NDArray[np.bool_]:
    """Labels [l, z, y, x] that exclude each other, each tidied up in its own way."""
    taken = labels_by_log_odds(log_odds)
    tidied = np.stack(
        [post_processed(*of_label) for of_label in zip(taken, kinds, log_odds, strict=True)]
    )
    kept = taken & tidied
    free = ~kept.any(axis=0)
    for place, filling in enumerate(tidied):
        kept[place] |= filling & free
        free &= ~filling
    return kept


def tumour_log_odds(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds [z, y, x] of the first label, below 0 where another one has the voxel."""
    is_tumour = labels_by_log_odds(log_odds)[0]
    below: NDArray[np.float32] = np.minimum(log_odds[0], _JUST_BELOW_HALF)
    return np.where(is_tumour, log_odds[0], below)


def told_post_processing(kinds: Mapping[str, PostProcessing]) -> str:
    """Say how each label was tidied up, for people."""
    return ", ".join(f"{kind} ({name})" for name, kind in kinds.items())
