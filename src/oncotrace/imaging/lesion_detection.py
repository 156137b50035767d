"""Which lesions of a reference a mask finds, and how many it makes up."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError, SettingsError
from oncotrace.imaging.mask_pair import cropped_pair

_FACES_EDGES_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


@dataclass(frozen=True)
class LesionDetection:
    """Lesions of the reference, how many of them are found, and the same of the mask's pieces.

    A share without anything to take it from is nothing: the sensitivity where the reference has no
    lesion, the precision where the mask has none.

    Parameters
    ----------
    lesions, found
        Lesions of the reference, and those that a piece of the mask matches.
    predicted, true
        Pieces of the mask, and those that match a lesion.
    cases
        Over how many cases they are counted.
    """

    lesions: int
    found: int
    predicted: int
    true: int
    cases: int = 1

    @property
    def missed(self) -> int:
        """Lesions that nothing matches."""
        return self.lesions - self.found

    @property
    def false_positives(self) -> int:
        """Pieces that match no lesion."""
        return self.predicted - self.true

    @property
    def sensitivity(self) -> float | None:
        """Share of the lesions that are found."""
        return self.found / self.lesions if self.lesions else None

    @property
    def precision(self) -> float | None:
        """Share of the mask's pieces that match a lesion."""
        return self.true / self.predicted if self.predicted else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of sensitivity and precision; 0 where nothing is found.

        Nothing where there is neither a lesion nor a piece.
        """
        if not self.lesions and not self.predicted:
            return None
        sensitivity, precision = self.sensitivity or 0.0, self.precision or 0.0
        whole = sensitivity + precision
        return 2 * sensitivity * precision / whole if whole else 0.0

    @property
    def false_positives_per_case(self) -> float:
        """Mean number of pieces of a case that match no lesion."""
        return self.false_positives / self.cases


def detected_lesions(
    mask: Mask, reference: Mask, *, least_dice: float | None = None
) -> LesionDetection:
    """Match the pieces of a mask with the lesions of its reference.

    Voxels that touch at a face, an edge or a corner are one piece.

    Parameters
    ----------
    least_dice
        None: a lesion is found, and a piece is true, if they share a voxel; one piece may find
        several lesions, and several pieces one. Otherwise the Dice that a piece and a lesion must
        reach, and each is matched once, the pair of the highest Dice first.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    SettingsError
        ``least_dice`` is not above 0 and at most 1.

    References
    ----------
    Maier-Hein et al., Metrics reloaded, Nat Methods 2024;21:195-212,
    doi:10.1038/s41592-023-02151-z, on localisation criteria and greedy assignment.
    """
    if least_dice is not None and not 0 < least_dice <= 1:
        raise SettingsError(
            f"the Dice that makes a match lies above 0 and is at most 1, found {least_dice}.",
            code="not-a-dice",
        )
    mask, reference = cropped_pair(mask, reference)
    predicted, predicted_count = label(mask.voxels, _FACES_EDGES_CORNERS)
    lesions, lesion_count = label(reference.voxels, _FACES_EDGES_CORNERS)
    shared = _shared_voxels(lesions, lesion_count, predicted, predicted_count)
    if least_dice is None:
        found, true = int(shared.any(axis=1).sum()), int(shared.any(axis=0).sum())
    else:
        sizes = np.bincount(lesions.ravel())[1:, np.newaxis] + np.bincount(predicted.ravel())[1:]
        found = true = _matches(2 * shared / sizes, least_dice)
    return LesionDetection(lesion_count, found, predicted_count, true)


def pooled(detections: Iterable[LesionDetection]) -> LesionDetection:
    """Count the lesions and pieces of several cases together.

    Raises
    ------
    InputError
        There is none.
    """
    every = list(detections)
    if not every:
        raise InputError("there is no case to count lesions over.", code="too-few-values")
    return LesionDetection(
        lesions=sum(one.lesions for one in every),
        found=sum(one.found for one in every),
        predicted=sum(one.predicted for one in every),
        true=sum(one.true for one in every),
        cases=sum(one.cases for one in every),
    )


def _shared_voxels(
    lesions: NDArray[np.signedinteger],
    lesion_count: int,
    predicted: NDArray[np.signedinteger],
    count: int,
) -> NDArray[np.int64]:
    """Voxels that each lesion shares with each piece, shape (lesions, pieces)."""
    both = (lesions > 0) & (predicted > 0)
    pair = (lesions[both].astype(np.int64) - 1) * count + predicted[both] - 1
    return np.bincount(pair, minlength=lesion_count * count).reshape(lesion_count, count)


def _matches(dice: NDArray[np.float64], least: float) -> int:
    """Pairs that reach a Dice, each lesion and each piece in one pair, the best pairs first."""
    lesions, predicted = np.nonzero(dice >= least)
    best_first = np.argsort(-dice[lesions, predicted], kind="stable")
    taken: tuple[set[int], set[int]] = (set(), set())
    for place in best_first:
        lesion, piece = int(lesions[place]), int(predicted[place])
        if lesion not in taken[0] and piece not in taken[1]:
            taken[0].add(lesion)
            taken[1].add(piece)
    return len(taken[0])
