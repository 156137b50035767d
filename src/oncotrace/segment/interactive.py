"""Six clicks to a mask without a network: cues, a graph cut, and back to the source grid.

1. Crop the volume of interest around the clicks, before anything else is done to the image.
2. Resample it to cubic voxels, at most 64,000 of them.
3. Add up the cues for tumour (``cues``) to log-odds l_p per voxel; what the reader has marked is
   certain, and so is the rim of the volume of interest, except where the image itself ends.
4. Find the labelling x of least energy (``graph_cut``),
   E(x) = sum_p -l_p x_p + lambda sum_(p,q) exp(-(I_p - I_q)^2 / 2 sigma^2) [x_p != x_q].
5. Keep the pieces that hold clicks, fill their holes.
6. Give the log-odds the sign of the labelling, smooth them by most of a voxel and interpolate
   them onto the source grid: the mask is where they are positive, so its border is as smooth there
   as the coarser grid allows, and the probability is their logistic function.
7. Predict how good the mask is, and where to look first (``quality``).

Nothing is drawn at random. The clicks' order does not matter.

References
----------
.. [1] Boykov and Jolly, Interactive graph cuts, ICCV 2001, doi:10.1109/ICCV.2001.937505.
.. [2] Rother, Kolmogorov and Blake, GrabCut, ACM Trans Graph 2004;23:309-314,
   doi:10.1145/1015706.1015720.
.. [3] Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8: the six clicks.
"""

import time

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.components import filled
from oncotrace.imaging.crop import crop_scan, paste
from oncotrace.imaging.graph_cut import contrast_weights, grid_cut
from oncotrace.imaging.intensity import clipped, standardised
from oncotrace.segment.cues import CueWeights, tumour_cues
from oncotrace.segment.finish import (
    CERTAIN_LOG_ODDS,
    on_source_grid,
    warnings_about,
    with_clicks,
)
from oncotrace.segment.marks import BACKGROUND, TUMOUR, hard_marks
from oncotrace.segment.quality import QualityModel, graph_cut_quality, with_quality
from oncotrace.segment.quality_features import Evidence
from oncotrace.segment.request import grid_of, require_clicks
from oncotrace.segment.voi import GridClicks, clicks_on_grid, volume_of_interest
from oncotrace.segment.working_grid import on_working_grid, require_finite_around_clicks, rim_of

MAKER = "six-click-graphcut"

SMOOTHNESS = 2.0
EDGE_SIGMA = 0.6
FIELD_BLUR_VOXELS = 0.7
PROBABILITY_SLOPE = 0.5
"""Log-odds count half in the probability; so it is right as often as it says (CT and T1 alike)."""


class GraphCutSegmenter:
    """Segments by clicks or a box on any image; see the module."""

    def __init__(
        self, weights: CueWeights | None = None, quality: QualityModel | None = None
    ) -> None:
        self._weights = weights or CueWeights()
        self._quality = quality

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour that the clicks point at, on the first channel.

        Raises
        ------
        ClickError
            There are no clicks, or they cannot be used on this image.
        InputError
            There is no image, or its voxels around the clicks are not finite.
        GeometryMismatchError
            The channels lie on different grids.
        """
        made, evidence = self.segment_with_evidence(request)
        return with_quality(made, evidence, self._quality or graph_cut_quality())

    def segment_with_evidence(self, request: SegmentationRequest) -> tuple[Segmentation, Evidence]:
        """Segmentation without its quality, and what that is predicted from; see `segment`."""
        start = time.perf_counter()
        geometry = grid_of(request)
        scan = next(iter(request.channels.values()))
        clicks = clicks_on_grid(require_clicks(request, MAKER), geometry)
        box = volume_of_interest(clicks, geometry)
        part = crop_scan(scan, box)
        require_finite_around_clicks(part)
        working = on_working_grid(part)
        prepared = time.perf_counter()
        field = self._signed_log_odds(working, clicks, rim_of(box, geometry, working.geometry))
        cut = time.perf_counter()
        smooth = gaussian_filter(field, FIELD_BLUR_VOXELS, mode="nearest")
        inside, probability = on_source_grid(
            smooth, working.geometry, part.geometry, clicks, slope=PROBABILITY_SLOPE
        )
        mask = Mask(paste(inside, box, geometry).astype(np.bool_, copy=False), geometry)
        whole = paste(probability, box, geometry).astype(np.float32, copy=False)
        end = time.perf_counter()
        made = Segmentation(
            mask,
            maker=MAKER,
            probability=whole,
            history=_history(clicks, part, working),
            warnings=warnings_about(request, clicks, mask),
            seconds={"crop": prepared - start, "cut": cut - prepared, "paste": end - cut},
        )
        members = expit(PROBABILITY_SLOPE * smooth)[None]
        return made, Evidence(smooth, members, working, clicks, box)

    def _signed_log_odds(
        self, scan: Scan, clicks: GridClicks, rim: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Log-odds of tumour, positive just where the cut says tumour."""
        marks = hard_marks(clicks, scan.geometry)
        odds = tumour_cues(scan, clicks).log_odds(self._weights)
        odds[rim] = -np.inf
        odds[marks == TUMOUR] = np.inf
        odds[marks == BACKGROUND] = -np.inf
        even = standardised(clipped(scan.voxels, scan.modality))
        tumour = grid_cut(odds, contrast_weights(even, EDGE_SIGMA), SMOOTHNESS)
        tumour = filled(with_clicks(tumour, marks)) & (marks != BACKGROUND)
        odds = np.clip(odds, -CERTAIN_LOG_ODDS, CERTAIN_LOG_ODDS)
        return np.where(tumour, np.maximum(odds, 0.1), np.minimum(odds, -0.1)).astype(np.float32)


def _history(clicks: GridClicks, part: Scan, working: Scan) -> tuple[str, ...]:
    size, grid = (" x ".join(str(n) for n in s.geometry.size_xyz) for s in (part, working))
    spacing = " x ".join(f"{mm:.2f}" for mm in working.geometry.spacing_mm)
    return (
        f"{len(clicks.seeds_mm)} clicks",
        f"volume of interest {size} voxels, worked on as {grid} of {spacing} mm",
        "graph cut, pieces with clicks kept, holes filled",
    )
