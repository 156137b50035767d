"""From log-odds on a working grid to a mask on the image's own, with what the reader must know."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.imaging.components import components_with, filled, largest_component
from oncotrace.imaging.resample import resample_array
from oncotrace.segment.marks import BACKGROUND, TUMOUR, hard_marks
from oncotrace.segment.voi import GridClicks, voxels_at

CERTAIN_LOG_ODDS = 8.0
"""Log-odds beyond the volume of interest."""

NOTHING_LEFT = "nothing is left of the tumour: the mask is empty."


def on_source_grid(
    odds: NDArray[np.float32],
    working: Geometry,
    source: Geometry,
    clicks: GridClicks,
    *,
    slope: float,
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Mask and probability [z, y, x] on the source grid's part; the reader's marks are kept.

    Parameters
    ----------
    odds
        Log-odds of tumour [z, y, x] on the working grid; the mask is where they are positive.
    slope
        What the log-odds count in the probability.
    """
    there = resample_array(odds, working, source, interpolation="linear", outside=-CERTAIN_LOG_ODDS)
    marks = hard_marks(clicks, source)
    inside = ((there > 0) | (marks == TUMOUR)) & (marks != BACKGROUND)
    inside = filled(with_clicks(inside, marks)) & (marks != BACKGROUND)
    probability = expit(there * np.float32(slope))
    # The mask is where the probability is at least one half, whatever moved single voxels.
    below = np.nextafter(np.float32(0.5), np.float32(0))
    probability = np.where(inside, np.maximum(probability, 0.5), np.minimum(probability, below))
    return inside, probability.astype(np.float32, copy=False)


def with_clicks(tumour: NDArray[np.bool_], marks: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Pieces that the reader has marked; the largest piece when nothing is marked (a box)."""
    seeds = np.argwhere(marks == TUMOUR)
    return components_with(tumour, seeds) if len(seeds) else largest_component(tumour)


def warnings_about(request: SegmentationRequest, clicks: GridClicks, mask: Mask) -> tuple[str, ...]:
    """Say what the reader should know before trusting the mask."""
    warnings = list(clicks.warnings)
    first, *others = request.channels
    if others:
        warnings.append(f"only {first} was looked at, not {', '.join(others)}.")
    if mask.is_empty:
        warnings.append(NOTHING_LEFT)
    else:
        warnings += _clicks_apart(mask, clicks)
    return tuple(warnings)


def _clicks_apart(mask: Mask, clicks: GridClicks) -> list[str]:
    """Say which clicks stand apart: the reader saw tumour there, the image does not show it."""
    if len(clicks.seeds_mm) == 0:
        return []
    box = mask.box_zyx()
    largest = largest_component(mask.voxels[box])
    seeds = voxels_at(clicks.seeds_mm, mask.geometry) - [axis.start for axis in box]
    within = ((seeds >= 0) & (seeds < largest.shape)).all(axis=1)
    in_largest = np.zeros(len(seeds), dtype=np.bool_)
    in_largest[within] = largest[tuple(seeds[within].T)]
    places = [f"({x:.1f}, {y:.1f}, {z:.1f})" for x, y, z in clicks.seeds_mm[~in_largest]]
    if not places:
        return []
    return [
        f"{len(places)} of {len(in_largest)} clicks lie apart from the segmented tumour, at "
        f"{', '.join(places)} mm: look there, and move them or add more."
    ]
