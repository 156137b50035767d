"""Two stages with stand-ins for the networks: the second looks where the first has found."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.builders import tiny_plan
from tests.unit.segment.test_whole_image_input import CT_GRID, T1_GRID, patient

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import InputError, ModelError
from oncotrace.imaging.overlap import dice
from oncotrace.learning.augmentation import Augmentation
from oncotrace.learning.onnx_predict import Prediction
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import preset
from oncotrace.segment.coarse_to_fine import LocatedSegmenter
from oncotrace.segment.located_input import (
    COARSE,
    found_box,
    images_on,
    located_sample,
    recipe_for,
)
from oncotrace.segment.planned_input import is_located, needs_clicks
from oncotrace.segment.whole_image_input import training_grid

CHANNELS = {"images": ("mr-t1",), "cues": ("has-mr-t1", COARSE)}
LOCATOR = {
    "margin_mm": 10,
    "recipe": {
        "name": "finder",
        "preparation": "whole-image",
        "channels": {"images": ("mr-t1",), "cues": ("has-mr-t1",)},
        "grid": {"mode": "patch", "size_xyz": (16, 16, 16), "spacing_mm": (6.0, 6.0, 6.0)},
    },
}
FIXED = {"mode": "fixed", "size_xyz": (16, 24, 32)}
PATCH = {"mode": "patch", "size_xyz": (16, 16, 16), "spacing_mm": (2.0, 2.0, 2.0)}


def plan(grid, **changes):
    base = {"preparation": "located", "channels": CHANNELS, "grid": grid, "locator": LOCATOR}
    made = tiny_plan(**{**base, **changes})
    return made.model_copy(
        update={"spacing_mm": (2.0, 2.0, 2.0), "preparation": {"modalities": ["mr-t1"]}}
    )


def finder_plan():
    return tiny_plan(**LOCATOR["recipe"])


@dataclass(frozen=True)
class Dark:
    """In the place of a predictor: tumour is what T1 shows dark."""

    plan: Plan
    folds: tuple[int, ...] = (3,)
    finds: bool = True

    def predict(self, channels):
        seen = dict(zip(self.plan.recipe.channels.names, channels, strict=True))
        logits = np.where(seen["has-mr-t1"] > 0.5, -4 * (seen["mr-t1"] - 0.8), np.float32(-9))
        if not self.finds:
            logits = np.full_like(logits, -3)
        logits = logits.astype(np.float32)
        return Prediction(logits, 1 / (1 + np.exp(-logits))[None], np.zeros((1, 2), np.float32))


def segmented(grid, *, finds=True):
    scans, masks = patient()
    by = LocatedSegmenter("two", Dark(plan(grid)), Dark(finder_plan(), finds=finds))
    made, evidence = by.segment_with_evidence(
        SegmentationRequest({"mr-t1": scans["mr-t1"]}, None, seed=0)
    )
    return made, evidence, masks["mr-t1"]


@pytest.mark.parametrize("grid", [FIXED, PATCH], ids=["fixed", "patch"])
def test_the_mask_lies_on_the_images_grid(grid):
    made, evidence, outline = segmented(grid)
    assert made.mask.geometry.matches(T1_GRID)
    assert dice(made.mask, outline) > 0.85
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)
    assert "locator of fold 3" in made.history[0]
    assert evidence.features("none") is not None
    assert made.warnings == ()


def test_the_second_network_sees_the_box_alone():
    _, evidence, outline = segmented(FIXED)
    field = evidence.image.geometry
    assert field.size_xyz == FIXED["size_xyz"]
    extent_mm = np.multiply(field.size_xyz, field.spacing_mm)
    tumour_mm = np.multiply(
        [side.stop - side.start for side in outline.box_zyx()[::-1]], T1_GRID.spacing_mm
    )
    assert (extent_mm >= tumour_mm + 10).all()
    assert (extent_mm < np.multiply(T1_GRID.size_xyz, T1_GRID.spacing_mm)).any()


def test_where_the_locator_finds_nothing_the_mask_is_empty_with_a_warning():
    made, evidence, _ = segmented(FIXED, finds=False)
    assert made.mask.is_empty
    assert made.mask.geometry.matches(T1_GRID)
    assert made.probability.max() < 0.5
    assert "the mask is empty" in made.warnings[0]
    assert evidence.features("none") is None
    assert len(made.history) == 2  # the second network was not asked


def test_an_image_of_another_sequence_is_refused():
    scans, _ = patient()
    by = LocatedSegmenter("two", Dark(plan(FIXED)), Dark(finder_plan()))
    with pytest.raises(ModelError, match="was trained on mr-t1, the image is ct"):
        by.segment(SegmentationRequest({"ct": scans["ct"]}, None, seed=0))
    with pytest.raises(InputError, match="no image"):
        by.segment(SegmentationRequest({}, None, seed=0))


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.integers(0, 11)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.floats(0, 30),
)
def test_the_box_holds_all_that_was_found_with_the_margin(start, size, margin_mm):
    coarse = Geometry((12, 12, 12), (6.0, 6.0, 6.0), (3.0, 3.0, 3.0))
    image = Geometry((72, 36, 24), (1.0, 2.0, 3.0), (0.5, 1.0, 1.5))
    probability = np.zeros((12, 12, 12), np.float32)
    x, y, z = (slice(a, a + n) for a, n in zip(start, size, strict=True))
    probability[z, y, x] = 0.9
    box = found_box(Scan(probability, coarse), image, margin_mm)
    low = np.multiply(start, 6.0)
    high = np.minimum(np.add(start, size), 12) * 6.0
    begin = np.multiply(box.start_xyz, image.spacing_mm)
    end = np.multiply(np.add(box.start_xyz, box.size_xyz), image.spacing_mm)
    assert (begin <= np.maximum(low - margin_mm, 0) + 1e-3).all()
    assert (end >= np.minimum(high + margin_mm, 72) - 1e-3).all()
    assert (begin >= low - margin_mm - image.spacing_mm).all()
    assert (end <= high + margin_mm + image.spacing_mm).all()


def test_nothing_found_has_no_box():
    empty = Scan(np.zeros((4, 4, 4), np.float32), Geometry((4, 4, 4)))
    assert found_box(empty, T1_GRID, 10.0) is None


@pytest.mark.parametrize("grid", [FIXED, PATCH], ids=["fixed", "patch"])
def test_samples_hold_the_tumour_in_boxes_that_differ(grid):
    scans, masks = patient()
    of = plan(grid, augmentation=Augmentation(recrop_mm=10))
    working = training_grid([T1_GRID], of.spacing_mm)
    seen = images_on(of.recipe, {"mr-t1": scans["mr-t1"]}, working, {"mr-t1": masks["mr-t1"]})
    samples = [located_sample(seen, of, np.random.default_rng(seed)) for seed in range(6)]
    again = located_sample(seen, of, np.random.default_rng(0))
    np.testing.assert_array_equal(samples[0].channels, again.channels)
    for sample in samples:
        assert sample.target.any()
        assert sample.channels.shape == (3, *sample.target.shape)
        coarse = sample.channels[2]
        assert coarse.max() >= 0.5
    if grid is FIXED:
        assert {sample.target.shape for sample in samples} == {(32, 24, 16)}
        assert len({sample.spacing_zyx_mm for sample in samples}) > 1
    else:
        assert len({sample.target.shape for sample in samples}) > 1


def test_images_of_roi_net_are_standardised_and_take_the_nearest_value():
    scans, masks = patient()
    published = preset("roi-net")
    seen = images_on(published, {"ct": scans["ct"]}, CT_GRID, {"ct": masks["ct"]})
    assert seen.images["ct"].mean() == pytest.approx(0, abs=1e-4)
    assert seen.images["ct"].std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_array_equal(seen.outlines["ct"], masks["ct"].voxels)


def test_both_stages_are_for_the_sequences_that_are_asked_for():
    changed = recipe_for(preset("coarse-to-fine"), ("ct", "pet"))
    assert changed.channels.names == ("ct", "pet", "has-ct", "has-pet", COARSE)
    assert changed.locator.recipe.channels.images == ("ct", "pet")
    assert recipe_for(preset("coarse-to-fine"), ("mr-t1",)) == preset("coarse-to-fine")
    assert recipe_for(preset("roi-net"), ("ct",)).channels.names == ("ct",)


@pytest.mark.parametrize("name", ["coarse-to-fine", "roi-net"])
def test_the_presets_need_no_clicks(name):
    assert is_located(preset(name))
    assert not needs_clicks(preset(name))
