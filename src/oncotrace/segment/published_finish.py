"""From the published network's logits to a mask: interpolated, cut at one half, tidied up.

The publication chooses the tidying-up (``PostProcessing``) by the mean Dice of a fold's validation
patients; the choice is kept in the plan's ``preparation`` as ``post_processing``. A hole is
background that faces do not join to the outside, a piece hangs together by corners too. With
``both``, holes are filled first.

The published program interpolates logits with cubic splines in plane and from the nearest slice
through planes; here they are interpolated linearly.

``surest`` is ours, for masks without clicks: holes are filled, and of the pieces that with the
greatest sum of log-odds is kept. A large piece of which the network is hardly sure does not win
over a smaller one of which it is.

Reference: Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import ModelError
from oncotrace.imaging.components import filled, heaviest_component, largest_component
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.plan import Plan
from oncotrace.segment.finish import CERTAIN_LOG_ODDS

PostProcessing = Literal["none", "fill", "largest", "both", "surest"]
EVERY_POST_PROCESSING: tuple[PostProcessing, ...] = get_args(PostProcessing)
POST_PROCESSING = EVERY_POST_PROCESSING[:4]
"""Those that were published."""

_KEY = "post_processing"


def plan_post_processing(plan: Plan) -> PostProcessing:
    """Post-processing that a plan names; ``none`` if it names none.

    Raises
    ------
    ModelError
        It names one that is not known.
    """
    return known_post_processing(plan.preparation.get(_KEY, "none"))


def known_post_processing(named: object) -> PostProcessing:
    """Post-processing of that name.

    Raises
    ------
    ModelError
        There is none.
    """
    for kind in EVERY_POST_PROCESSING:
        if kind == named:
            return kind
    raise ModelError(
        f"the model asks for the post-processing {named!r}, which this version does not know.",
        hint=f"Known are {', '.join(EVERY_POST_PROCESSING)}.",
        code="unsuitable-model",
    )


def post_processed(
    inside: NDArray[np.bool_], kind: PostProcessing, log_odds: NDArray[np.float32] | None = None
) -> NDArray[np.bool_]:
    """Mask [z, y, x] with holes filled, its largest or surest piece alone, both or neither.

    Parameters
    ----------
    log_odds
        Of tumour, [z, y, x]; needed for the surest piece.
    """
    if kind in ("fill", "both", "surest"):
        inside = filled(inside)
    if kind == "surest":
        if log_odds is None:
            raise ValueError("the surest piece is told by log-odds")
        return heaviest_component(inside, log_odds)
    if kind in ("largest", "both"):
        inside = largest_component(inside)
    return inside


def published_on_source_grid(
    logits: NDArray[np.float32], working: Geometry, source: Geometry, kind: PostProcessing
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Mask and probability [z, y, x] on the source grid's part.

    Clicks and corrections are not looked at: they speak through the network alone. As everywhere,
    the mask is where the probability is at least one half, whatever tidied single voxels.

    Parameters
    ----------
    logits
        Log-odds of tumour [z, y, x] on the working grid.
    """
    there = resample_array(
        logits, working, source, interpolation="linear", outside=-CERTAIN_LOG_ODDS
    )
    inside = post_processed(there >= 0, kind, there)
    return inside, probability_of(there, inside)


def probability_of(log_odds: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Probability [z, y, x] that is at least one half inside and nowhere else."""
    below = np.nextafter(np.float32(0.5), np.float32(0))
    probability = expit(log_odds)
    probability = np.where(inside, np.maximum(probability, 0.5), np.minimum(probability, below))
    return probability.astype(np.float32, copy=False)
