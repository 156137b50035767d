"""From the log-odds of several structures to labels on the image, with a stand-in network."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import expit
from tests.unit.learning.builders import tiny_plan
from tests.unit.learning.test_labels import TWO
from tests.unit.segment.test_whole_image_input import SPACING_MM, T1_GRID, ball_on, patient

from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ModelError
from oncotrace.imaging.overlap import dice
from oncotrace.learning.augmentation import Augmentation
from oncotrace.learning.onnx_predict import Prediction
from oncotrace.learning.plan import Plan
from oncotrace.segment.automatic import automatic_with_evidence
from oncotrace.segment.label_finish import KEY, plan_label_post_processing, tidied_labels
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.whole_image_input import training_grid, training_sample, whole_images


@dataclass(frozen=True)
class TwoHalves:
    """In the place of a predictor: tumour is what is dark, oedema one half of that."""

    plan: Plan
    folds: tuple[int, ...] = (0,)
    oedema: float = 9.0

    def predict(self, channels):
        seen = dict(zip(self.plan.recipe.channels.names, channels, strict=True))
        dark = np.where(seen["has-mr-t1"] > 0, -4 * (seen["mr-t1"] - 0.8), np.float32(-9))
        left = np.arange(dark.shape[2]) >= dark.shape[2] // 2
        logits = np.stack([dark, np.where(left, np.minimum(dark + 1, self.oedema), -9)])
        logits = logits.astype(np.float32)
        return Prediction(logits, expit(logits)[None], np.zeros((1, 2), np.float32))


def plan(**preparation):
    made = tiny_plan(
        preparation="whole-image",
        channels={"images": ("mr-t1",), "cues": ("has-mr-t1",)},
        grid={"mode": "patch", "size_xyz": (16, 16, 16), "spacing_mm": (2.0, 2.0, 2.0)},
        labels=TWO,
    )
    return made.model_copy(update={"preparation": {"modalities": ["mr-t1"], **preparation}})


def request():
    scans, _ = patient()
    return SegmentationRequest({"mr-t1": scans["mr-t1"]}, None, seed=0)


def test_the_mask_is_the_first_label_and_the_others_lie_beside_it():
    made = NetworkSegmenter("two", TwoHalves(plan())).segment(request())
    assert dict(made.labels.values) == {"tumour": 1, "oedema": 2}
    np.testing.assert_array_equal(made.labels.tumour.voxels, made.mask.voxels)
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)
    oedema = made.labels.mask("oedema")
    assert not (oedema.voxels & made.mask.voxels).any()
    whole = LabelVolume.from_stack(
        (oedema.voxels | made.mask.voxels)[None], T1_GRID, {"both": 1}
    ).tumour
    assert dice(whole, patient()[1]["mr-t1"]) > 0.9
    assert 0.3 < np.count_nonzero(oedema.voxels) / np.count_nonzero(whole.voxels) < 0.7
    assert "none (tumour), none (oedema)" in made.history[-1]
    assert made.warnings == ()


def test_what_the_quality_is_predicted_from_is_the_tumours_alone():
    made, evidence = automatic_with_evidence("two", TwoHalves(plan()), request())
    assert evidence.label_log_odds.shape == (2, *T1_GRID.shape_zyx)
    assert evidence.member_probabilities.ndim == 4
    features = evidence.features("none")
    seen = np.count_nonzero(evidence.log_odds >= 0) * 2.0**3
    real = np.count_nonzero(made.mask.voxels) * T1_GRID.voxel_volume_mm3
    assert seen == pytest.approx(real, rel=0.1)
    assert np.isfinite([*features.values()]).all()


def test_a_structure_that_is_not_there_is_said():
    made = NetworkSegmenter("two", TwoHalves(plan(), oedema=-5.0)).segment(request())
    assert made.labels.mask("oedema").is_empty
    assert made.warnings == ("no oedema was found.",)


def test_every_label_is_tidied_up_in_its_own_way():
    of = plan(post_processing="largest", **{KEY: {"oedema": "fill"}})
    assert plan_label_post_processing(of) == {"tumour": "largest", "oedema": "fill"}
    with pytest.raises(ModelError, match="the post-processing 'much', which this version"):
        plan_label_post_processing(plan(**{KEY: {"oedema": "much"}}))


def test_a_hole_that_holds_another_label_stays_its_own_and_a_dropped_piece_is_filled():
    tumour, oedema = np.full((2, 5, 7, 15), -3, np.float32)
    oedema[1:4, 1:6, 1:6] = 3
    oedema[2, 3, 3] = -3
    tumour[2, 3, 3] = 2  # within the oedema
    tumour[1:4, 2:5, 9:13] = 3
    tumour[2, 3, 10] = -3  # a hole
    log_odds = np.stack([tumour, oedema])
    pieces = {kind: tidied_labels(log_odds, [kind, "fill"]) for kind in ("none", "largest", "both")}
    assert pieces["none"][0, 2, 3, 3]
    assert not pieces["none"][1, 2, 3, 3]
    assert pieces["largest"][1, 2, 3, 3]
    assert not pieces["largest"][0, 2, 3, 3]
    assert not pieces["largest"][0, 2, 3, 10]
    assert pieces["both"][0, 2, 3, 10]


def test_a_training_sample_has_every_label_where_its_image_is():
    voxels, mask = ball_on(T1_GRID, inside=400, outside=1000)
    half = mask.voxels.copy()
    half[:, :, 40:] = False
    labels = LabelVolume.from_stack(
        np.stack([half, mask.voxels]), T1_GRID, {"tumour": 1, "oedema": 2}
    )
    scan = Scan(voxels, T1_GRID, "mr-t1")
    grid = training_grid([T1_GRID], SPACING_MM)
    seen = whole_images({"mr-t1": scan}, grid, {"mr-t1": labels})
    alone = whole_images({"mr-t1": scan}, grid, {"mr-t1": mask})
    outlines = seen.outlines["mr-t1"]
    np.testing.assert_array_equal(outlines.any(axis=0), alone.outlines["mr-t1"])
    assert not outlines.all(axis=0).any()
    for seed in range(5):
        rng, same = np.random.default_rng(seed), np.random.default_rng(seed)
        settings = Augmentation(recrop_mm=40)
        made = training_sample(seen, ("mr-t1", "has-mr-t1"), settings, rng)
        one = training_sample(alone, ("mr-t1", "has-mr-t1"), settings, same)
        np.testing.assert_array_equal(made.channels, one.channels)
        assert made.target.shape == (2, *made.channels.shape[1:])
        np.testing.assert_array_equal(made.target.any(axis=0), one.target)
