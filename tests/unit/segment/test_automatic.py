"""From images without clicks to a mask, with a stand-in for the network."""

from dataclasses import dataclass

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan
from tests.unit.segment.test_whole_image_input import CT_GRID, T1_GRID, patient

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import InputError, ModelError
from oncotrace.imaging.overlap import dice
from oncotrace.learning.onnx_predict import Prediction
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import preset
from oncotrace.segment.automatic import automatic_with_evidence, sequences_of, with_sequences
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.planned_input import needs_clicks, orientations_of, preparation_of
from oncotrace.segment.quality_features import WITHOUT_CLICKS
from oncotrace.segment.quality_fit import QualityTable, fit_quality


@dataclass(frozen=True)
class Contrast:
    """In the place of a predictor: tumour is what T1 shows dark, else what CT shows bright."""

    plan: Plan
    folds: tuple[int, ...] = (3,)

    def predict(self, channels):
        images = dict(zip(self.plan.recipe.channels.names, channels, strict=True))
        is_t1 = images["has-mr-t1"].any()
        logits = -4 * (images["mr-t1"] - 0.8) if is_t1 else 4 * (images["ct"] + 0.6)
        if is_t1:
            logits = np.where(images["has-mr-t1"] > 0, logits, np.float32(-9))
        return Prediction(logits, 1 / (1 + np.exp(-logits))[None], np.zeros((1, 2), np.float32))


def plan(**changes):
    settings = {
        "preparation": "whole-image",
        "channels": {"images": ("mr-t1", "ct"), "cues": ("has-mr-t1", "has-ct")},
        "grid": {"mode": "patch", "size_xyz": (16, 16, 16), "spacing_mm": (2.0, 2.0, 2.0)},
    }
    made = tiny_plan(**{**settings, **changes})
    return made.model_copy(update={"preparation": {"modalities": ["mr-t1", "ct"]}})


def segmented(*names, of=None):
    scans, masks = patient()
    request = SegmentationRequest({name: scans[name] for name in names}, None, seed=0)
    return NetworkSegmenter("auto", Contrast(of or plan())).segment(request), masks


@pytest.mark.parametrize("names", [("mr-t1",), ("ct",), ("mr-t1", "ct"), ("ct", "mr-t1")])
def test_the_mask_lies_on_the_first_channels_grid(names):
    made, masks = segmented(*names)
    assert made.mask.geometry.matches({"mr-t1": T1_GRID, "ct": CT_GRID}[names[0]])
    assert dice(made.mask, masks[names[0]]) > 0.9
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)


def test_channels_on_other_grids_are_resampled_with_a_notice():
    made, _ = segmented("mr-t1", "ct")
    assert made.warnings == ("ct lies on another grid than mr-t1 and was resampled onto it.",)


def test_nothing_found_is_an_empty_mask_with_a_warning():
    found_nothing = plan().model_copy(update={"preparation": {"post_processing": "largest"}})

    class Nothing(Contrast):
        def predict(self, channels):
            logits = np.full(channels.shape[1:], -3, np.float32)
            return Prediction(logits, logits[None], np.zeros((1, 2), np.float32))

    scans, _ = patient()
    request = SegmentationRequest({"ct": scans["ct"]}, None, seed=0)
    made = NetworkSegmenter("auto", Nothing(found_nothing)).segment(request)
    assert made.mask.is_empty
    assert "the mask is empty" in made.warnings[0]


def test_a_required_sequence_must_be_there():
    of = plan(channels={"images": ("mr-t1", "ct"), "cues": ("has-ct",)})
    with pytest.raises(InputError, match="needs a mr-t1 image") as caught:
        segmented("ct", of=of)
    assert caught.value.code == "missing-channel"


def test_an_image_without_any_content_is_refused():
    scans, _ = patient()
    blank = Scan(np.zeros_like(scans["ct"].voxels), scans["ct"].geometry, "ct")
    request = SegmentationRequest({"mr-t1": scans["mr-t1"], "ct": blank}, None, seed=0)
    with pytest.raises(InputError, match="ct image has the same value everywhere") as caught:
        NetworkSegmenter("auto", Contrast(plan())).segment(request)
    assert caught.value.code == "blank-image"


def test_an_image_that_lies_elsewhere_is_refused():
    scans, _ = patient()
    away = Geometry((60, 60, 40), (2.0, 2.0, 3.0), (1000.0, 1000.0, 1000.0))
    request = SegmentationRequest(
        {"mr-t1": scans["mr-t1"], "ct": Scan(scans["ct"].voxels, away, "ct")}, None, seed=0
    )
    with pytest.raises(InputError, match="ct image shows no part of the body") as caught:
        NetworkSegmenter("auto", Contrast(plan())).segment(request)
    assert caught.value.code == "no-common-field"


def test_a_first_image_of_an_unknown_sequence_is_refused():
    scans, _ = patient()
    request = SegmentationRequest({"pet": scans["ct"], "ct": scans["ct"]}, None, seed=0)
    with pytest.raises(ModelError, match="trained on mr-t1, ct, the image is pet"):
        NetworkSegmenter("auto", Contrast(plan())).segment(request)


def test_a_recipe_takes_the_sequences_that_are_trained_on():
    recipe = with_sequences(preset("automatic"), ("ct",))
    assert recipe.channels.names == ("ct", "has-ct", "detail-ct", "edges-ct")
    assert sequences_of(recipe) == ("ct",)
    six_click = preset("six-click")
    assert with_sequences(six_click, ("ct",)) == six_click


def test_presets_say_how_their_channels_are_made():
    expected = {
        "six-click": "six-click",
        "interactivenet": "interactivenet",
        "automatic": "whole-image",
        "multi-sequence": "whole-image",
    }
    assert {name: preparation_of(preset(name)) for name in expected} == expected
    assert [name for name in expected if needs_clicks(preset(name))] == [
        "six-click",
        "interactivenet",
    ]


@pytest.mark.parametrize(
    ("named", "mode"), [("six-click", "patch"), ("whole-image", "fixed"), ("other", "fixed")]
)
def test_a_preparation_that_does_not_exist_is_refused(named, mode):
    recipe = preset("automatic" if mode == "patch" else "six-click")
    with pytest.raises(ModelError, match=f"'{named}' on a {mode} grid"):
        preparation_of(recipe.model_copy(update={"preparation": named}))


def test_the_dice_is_predicted_from_features_without_clicks():
    rng = np.random.default_rng(0)
    scans, _ = patient()
    request = SegmentationRequest({"mr-t1": scans["mr-t1"]}, None, seed=0)
    _, evidence = automatic_with_evidence("auto", Contrast(plan()), request)
    values = np.array([*evidence.features("none").values()])
    patients = tuple(f"p{number}" for number in range(12))
    near = values + rng.normal(scale=0.1, size=(12, len(values)))
    table = QualityTable(WITHOUT_CLICKS, near, np.linspace(0.7, 0.9, 12), patients)
    made = NetworkSegmenter("auto", Contrast(plan()), fit_quality(table)).segment(request)
    assert 0.6 < made.quality.predicted_dice < 0.95
    low, high = made.quality.predicted_dice_interval
    assert low <= made.quality.predicted_dice <= high
    assert 0 < len(made.quality.slices_to_check) <= 5


@pytest.mark.parametrize(
    ("name", "flips", "looks"),
    [
        ("automatic", ("x", "y", "z"), 8),
        ("automatic", ("x",), 2),
        ("automatic", (), 1),
        ("six-click", ("x",), 1),
    ],
)
def test_whole_images_are_seen_as_they_were_in_training(name, flips, looks):
    recipe = preset(name)
    augmentation = recipe.augmentation.model_copy(update={"flip_axes": flips})
    found = orientations_of(recipe.model_copy(update={"augmentation": augmentation}))
    assert len(set(found)) == looks
    assert found[0] == ()
    assert set(found[-1]) == (set(flips) if looks > 1 else set())
