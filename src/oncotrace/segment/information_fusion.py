"""MIDeepSeg's information fusion: a network's probability and the clicks, joined by a graph cut.

1. E = exp(-D^2), D the geodesic distance from the foreground clicks, four sweeps, on the image as
   the network sees it; another such map for the background clicks, 0 everywhere if there are none.
   Foreground are the six clicks and positive corrections, background are negative corrections.
2. F = max(probability, E of the foreground), B = max(1 - probability, E of the background); the
   probabilities of the cut are the softmax of (F, B), so that its log-odds are F - B.
3. Cut: the labelling of least energy, -log of those probabilities plus 5 exp(-dI^2 / (2 0.1^2)) for
   every two face neighbours whose labels differ; what the reader has marked is certain.
4. Holes are filled, except by what is marked as background, and the largest piece is kept.

Which network, and what the distances and the cut take for the image, is not the same everywhere.
Here the network is the published six-click one, which is fed with interior margin points and their
geodesic map just as MIDeepSeg's is. dI is a difference of the intensities that it sees (mean 0,
standard deviation 1), as in MIDeepSeg's program and in that with which the six clicks' authors
compared themselves; on an image scaled to 0 to 1 the cut would shrink to the clicks. Both programs
take the softmax twice, which halves the weight of the network once more; here it is taken once, as
it is described.

A volume of more voxels than a cut can take is cut in blocks of voxels (``block_cut``).

References
----------
.. [1] Luo et al., MIDeepSeg, Med Image Anal 2021;72:102102, doi:10.1016/j.media.2021.102102, and
   its program.
.. [2] Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8: the comparison.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import ModelError
from oncotrace.imaging.geodesic import geodesic_distance
from oncotrace.imaging.graph_cut import contrast_weights
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.onnx_predict import Prediction, Predictor
from oncotrace.learning.plan import Plan
from oncotrace.segment.block_cut import block_cut
from oncotrace.segment.marks import BACKGROUND, TUMOUR, hard_marks
from oncotrace.segment.network import Finished, segmentation_by
from oncotrace.segment.network_input import NetworkInput
from oncotrace.segment.published_finish import post_processed

SMOOTHNESS = 5.0
EDGE_SIGMA = 0.1

_Voxels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FusionSegmenter:
    """Segments with a network of the published kind, then fuses; see the module.

    The plan's own post-processing is not used, and there is no probability: a cut gives labels.
    """

    name: str
    predictor: Predictor

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour that the clicks point at; see `segmentation_by`."""
        made, _ = segmentation_by(self.name, self.predictor, request, _finished_by_fusion)
        return made


def _finished_by_fusion(made: Prediction, seen: NetworkInput, plan: Plan) -> Finished:
    names = plan.recipe.channels.names
    if "image" not in names:
        raise ModelError(
            f"information fusion needs the channel 'image', the model has {', '.join(names)}.",
            code="unsuitable-model",
        )
    tumour = fused_tumour(
        expit(made.logits),
        seen.channels[names.index("image")],
        hard_marks(seen.clicks, seen.working),
        seen.working.spacing_zyx_mm,
    )
    tidy = post_processed(tumour, "both").astype(np.float32)
    there = resample_array(tidy, seen.working, seen.part, interpolation="linear", outside=0.0)
    inside = (there >= 0.5) & (hard_marks(seen.clicks, seen.part) != BACKGROUND)
    return Finished(
        made.logits, inside, None, "information fusion, holes filled, largest piece kept"
    )


def fused_tumour(
    probability: _Voxels,
    image: _Voxels,
    marks: NDArray[np.int8],
    spacing_zyx_mm: tuple[float, float, float],
) -> NDArray[np.bool_]:
    """Tumour [z, y, x] by information fusion; what is marked is as it is marked.

    Parameters
    ----------
    probability
        Of tumour [z, y, x], as the network gives it.
    image
        Intensities [z, y, x], as the network sees them.
    marks
        What the reader has decided [z, y, x]; see `hard_marks`.
    """
    nearness_tumour, nearness_background = (
        _nearness(image, marks == kind, spacing_zyx_mm) for kind in (TUMOUR, BACKGROUND)
    )
    odds = np.maximum(probability, nearness_tumour) - np.maximum(
        1 - probability, nearness_background
    )
    odds[marks == BACKGROUND] = -np.inf
    odds[marks == TUMOUR] = np.inf
    return block_cut(odds, contrast_weights(image, EDGE_SIGMA), SMOOTHNESS, spacing_zyx_mm)


def _nearness(
    image: _Voxels, seeds: NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float]
) -> _Voxels:
    if not seeds.any():
        return np.zeros_like(image)
    distance = geodesic_distance(image, np.argwhere(seeds), spacing_zyx_mm)
    return np.exp(-np.square(distance))
