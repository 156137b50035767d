"""The contract between whoever asks for a segmentation and whatever makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan, read_only, require_shape


@dataclass(frozen=True, eq=False)
class SegmentationRequest:
    """A tumour to be segmented.

    Parameters
    ----------
    channels
        Scans by modality. The result lies on the first one's grid; segmenters for several
        sequences take the others wherever they lie, those for one refuse other grids.
    clicks
        The reader's clicks, or none for an automatic segmenter.
    seed
        Seed of whatever the segmenter draws at random.
    """

    channels: Mapping[Modality, Scan]
    clicks: Clicks | None
    seed: int


@dataclass(frozen=True)
class Quality:
    """How far a mask can be trusted: predicted Dice, its interval, where to look first.

    Parameters
    ----------
    predicted_dice
        Dice that the mask is expected to have with a reader's.
    predicted_dice_interval
        Lower and upper end of the interval that holds the real one four times in five.
    slices_to_check
        Slices along z of the mask's grid, counted from 0, the least certain first.
    ends_to_check
        Ends of the tumour by the patient's directions, the least certain first: ``superior``,
        ``inferior``, ``left``, ``right``, ``anterior``, ``posterior``.
    """

    predicted_dice: float
    predicted_dice_interval: tuple[float, float]
    slices_to_check: tuple[int, ...] = ()
    ends_to_check: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A mask on the request's grid, who made it and how sure it is.

    Parameters
    ----------
    mask
        The segmented tumour.
    maker
        Name of the segmenter or reader.
    probability
        Probability of tumour per voxel [z, y, x], 0 to 1, on the mask's grid; none when the
        segmenter does not estimate one.
    quality
        Predicted quality; none when the segmenter does not predict it.
    history
        What was done, oldest first, for people.
    warnings
        What the reader should know before trusting the mask.
    seconds
        Wall time by stage.
    labels
        All structures of a segmenter that tells several apart; the first is the mask. When the mask
        is changed, as by a correction, the others give way to it.
    """

    mask: Mask
    maker: str
    probability: NDArray[np.float32] | None = None
    quality: Quality | None = None
    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    labels: LabelVolume | None = None

    def __post_init__(self) -> None:
        if self.labels is not None:
            object.__setattr__(self, "labels", self.labels.with_tumour(self.mask))
        if self.probability is not None:
            require_shape(self.probability.shape, self.mask.geometry, "probability")
            object.__setattr__(self, "probability", read_only(self.probability))


class Segmenter(Protocol):
    """Whatever turns a request into a segmentation."""

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour that the request describes, on the request's grid."""
        ...
