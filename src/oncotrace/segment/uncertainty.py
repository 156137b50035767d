"""How sure a segmentation is, from its probability, and whether that can be believed.

The probability is that of an ensemble (the networks of several folds, each in several orientations)
or of a single network; where it is neither near 0 nor near 1, the members disagree or none of them
knows. The slices to look at first follow from it (``quality_places``). Whether it can be believed
is a question of its own: of the voxels that are called tumour with 70 %, seven in ten should be
tumour (`calibration_counts`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation
from oncotrace.errors import InputError

CONTOURS = (0.1, 0.5, 0.9)
"""Probabilities whose contours show the least, the likely and the greatest extent."""
BINS = 20


def extents(made: Segmentation, levels: Sequence[float] = CONTOURS) -> dict[float, Mask]:
    """Masks of the voxels whose probability is at least each level; each holds the next.

    Raises
    ------
    InputError
        The segmentation has no probability.
    """
    probability = _probability(made)
    return {level: Mask(probability >= level, made.mask.geometry) for level in levels}


def calibration_counts(
    probability: NDArray[np.float32], tumour: NDArray[np.bool_]
) -> Mapping[str, NDArray[np.float64]]:
    """Return what a calibration curve is drawn from, by bins of equal width from 0 to 1.

    Returns
    -------
    Mapping
        ``voxels``, ``tumour`` (so many of them are) and ``probability`` (sum over them), each of
        shape (`BINS`,); counts of several cases add up.
    """
    place = np.minimum((probability * BINS).astype(np.intp), BINS - 1).ravel()
    values = {"voxels": np.ones(1), "tumour": tumour, "probability": probability}
    return {
        name: np.bincount(
            place, np.broadcast_to(value, probability.shape).ravel(), minlength=BINS
        ).astype(np.float64, copy=False)
        for name, value in values.items()
    }


def expected_calibration_error(counts: Mapping[str, NDArray[np.float64]]) -> float:
    """Mean distance of predicted from observed share of tumour, over voxels; 0 is perfect.

    The lowest bin is left out: it holds the background far away, which is right almost by itself.

    References
    ----------
    Guo et al., ICML 2017, arXiv:1706.04599, equation 3.
    """
    voxels = counts["voxels"][1:]
    distance = np.abs(counts["probability"] - counts["tumour"])[1:]
    return float(distance.sum() / voxels.sum()) if voxels.sum() else 0.0


def _probability(made: Segmentation) -> NDArray[np.float32]:
    if made.probability is None:
        raise InputError(
            f"{made.maker} gives no probability, so how sure it is cannot be said.",
            hint="Choose a segmenter that estimates one, such as six-click.",
            code="no-probability",
        )
    return made.probability
