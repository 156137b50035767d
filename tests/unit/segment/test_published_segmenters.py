"""The published segmenters from a request to a mask, with a stand-in for the network."""

from dataclasses import dataclass

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ModelError
from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.learning.onnx_predict import Prediction
from oncotrace.learning.plan import Plan
from oncotrace.segment.information_fusion import FusionSegmenter
from oncotrace.segment.network import NetworkSegmenter

GRID = Geometry((70, 64, 40), (0.9, 0.9, 1.5), (-30.0, 12.0, 200.0))


@dataclass(frozen=True)
class BrightIsTumour:
    """In the place of a predictor: what is brighter than the mean is tumour."""

    plan: Plan
    folds: tuple[int, ...] = (3,)

    def predict(self, channels):
        logits = 4 * channels[self.plan.recipe.channels.names.index("image")]
        return Prediction(logits, 1 / (1 + np.exp(-logits))[None], np.zeros((1, 2), np.float32))


def plan(post_processing="none", **changes):
    made = tiny_plan(grid={"mode": "free"}, **changes)
    return made.model_copy(
        update={"preparation": {"modalities": ["mr-t1"], "post_processing": post_processing}}
    )


def phantom():
    """A bright ellipsoid with a dark hole inside, and a bright spot beside it."""
    z, y, x = np.indices(GRID.shape_zyx)
    tumour = ((x - 33) / 16) ** 2 + ((y - 30) / 13) ** 2 + ((z - 20) / 9) ** 2 <= 1
    bright = tumour.copy()
    bright[19:22, 28:33, 31:36] = False
    bright[18:23, 40:44, 48:52] = True
    return Scan((100 + 200 * bright).astype(np.float32), GRID, "mr-t1"), Mask(tumour, GRID)


def segmented(segmenter, *corrections):
    scan, mask = phantom()
    clicks = Clicks(exact_clicks(mask, rng=np.random.default_rng(0)).points_mm, corrections)
    return segmenter.segment(SegmentationRequest({"mr-t1": scan}, clicks, seed=0)), mask


@pytest.mark.parametrize(
    ("kind", "hole", "spot"),
    [("none", False, True), ("fill", True, True), ("largest", False, False), ("both", True, False)],
)
def test_a_free_grid_segments_and_is_tidied_up_as_the_plan_says(kind, hole, spot):
    made, mask = segmented(NetworkSegmenter("theirs", BrightIsTumour(plan(kind))))
    assert dice(made.mask, mask) > 0.95
    assert made.mask.voxels[20, 30, 33] == hole
    assert made.mask.voxels[20, 41, 50] == spot
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)
    assert made.history[-1] == f"post-processing: {kind}"
    assert made.history[1].startswith("network of fold 3 on ")
    assert made.maker == "theirs"


def test_fusion_fills_holes_keeps_the_largest_piece_and_has_no_probability():
    made, mask = segmented(FusionSegmenter("fused", BrightIsTumour(plan())))
    assert dice(made.mask, mask) > 0.95
    assert made.mask.voxels[20, 30, 33]
    assert not made.mask.voxels[20, 41, 50]
    assert made.probability is None
    assert made.maker == "fused"


def test_fusion_takes_away_what_a_negative_correction_marks():
    place = GRID.to_point_mm([(46, 30, 20)])
    before, _ = segmented(FusionSegmenter("fused", BrightIsTumour(plan())))
    after, _ = segmented(
        FusionSegmenter("fused", BrightIsTumour(plan())), Correction("negative", place)
    )
    assert before.mask.voxels[20, 30, 46]
    assert not after.mask.voxels[20, 30, 46]


def test_fusion_needs_the_image_that_the_network_sees():
    channels = {"images": ("guidance",)}
    with pytest.raises(ModelError, match="needs the channel 'image', the model has guidance"):
        segmented(FusionSegmenter("fused", GuidanceAlone(plan(channels=channels))))


class GuidanceAlone(BrightIsTumour):
    """A network that sees no image."""

    def predict(self, channels):
        logits = channels[0]
        return Prediction(logits, logits[None], np.zeros((1, 2), np.float32))


@pytest.mark.parametrize("segmenter", [NetworkSegmenter, FusionSegmenter])
def test_another_modality_is_refused(segmenter):
    scan, mask = phantom()
    clicks = exact_clicks(mask, rng=np.random.default_rng(0))
    with pytest.raises(ModelError, match="trained on mr-t1, the image is ct"):
        segmenter("theirs", BrightIsTumour(plan())).segment(
            SegmentationRequest({"ct": scan}, clicks, seed=0)
        )
