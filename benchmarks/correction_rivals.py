"""Two other ways to correct a mask: a graph cut in our cube, and the published refinement."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.graph_cut import contrast_weights, grid_cut
from oncotrace.learning.onnx_predict import Prediction
from oncotrace.segment.correction_input import CHANNELS, REACH
from oncotrace.segment.information_fusion import FusionSegmenter


class CubeCut:
    """The rival within the cube: a graph cut of what was known before, and of the click."""

    SPREAD = 1.5
    """Standard deviation of what the click says, in depths."""
    CLICK_LOG_ODDS = 8.0
    SMOOTHNESS = 2.0
    EDGE_SIGMA = 0.6

    def predict(self, channels: NDArray[np.float32]) -> Prediction:
        """Log-odds of the click's side, positive where the cut says so."""
        named = dict(zip(CHANNELS, channels, strict=True))
        depths = named["radius"] * REACH
        before = 4 * named["log-odds"]
        odds = before + self.CLICK_LOG_ODDS * np.exp(-0.5 * np.square(depths / self.SPREAD))
        seeded = np.where(depths < 1, np.float32(np.inf), odds).astype(np.float32)
        inside = grid_cut(
            seeded, contrast_weights(named["image"], self.EDGE_SIGMA), self.SMOOTHNESS
        )
        signed = np.where(inside, np.maximum(odds, 0.1), np.minimum(odds, -0.1)).astype(np.float32)
        return Prediction(signed, expit(signed)[None], np.zeros((1, 1), np.float32))


@dataclass(frozen=True, eq=False)
class Fusion:
    """The published refinement: all is segmented anew, with the clicks as seeds."""

    segmenter: FusionSegmenter

    def corrected(
        self, scan: Scan, _made: Segmentation, before: Clicks, correction: Correction
    ) -> Segmentation:
        """Segmentation from the first clicks and all corrections."""
        corrections = (*before.corrections, correction)
        return self.of(scan, replace(before, corrections=corrections))

    def of(self, scan: Scan, clicks: Clicks) -> Segmentation:
        """Segmentation from clicks."""
        made = self.segmenter.segment(SegmentationRequest({scan.modality or "ct": scan}, clicks, 0))
        return replace(made, probability=made.mask.voxels.astype(np.float32))
