from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Quality, Segmentation, SegmentationRequest
from oncotrace.errors import ClickError, GeometryMismatchError, ModelError
from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.imaging.correction_simulation import simulated_correction
from oncotrace.imaging.overlap import dice
from oncotrace.segment.correction_input import REACH, depth_mm
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.refine import corrector, replayed, segmented

GRID = Geometry((80, 80, 36), (1.0, 1.0, 2.0))
ALL_KINDS = pytest.mark.parametrize("kind", ["positive", "negative"])


def tumour():
    """A ball with a smaller one at its side, which the ellipsoid of clicks misses in part."""
    z, y, x = np.indices(GRID.shape_zyx) * np.reshape(GRID.spacing_zyx_mm, (3, 1, 1, 1))
    large = (x - 36) ** 2 + (y - 40) ** 2 + (z - 36) ** 2 <= 18**2
    small = (x - 56) ** 2 + (y - 48) ** 2 + (z - 36) ** 2 <= 9**2
    return Mask(large | small, GRID)


def image():
    rng = np.random.default_rng(0)
    voxels = 200 + 100.0 * tumour().voxels + rng.normal(0, 20, GRID.shape_zyx)
    return Scan(voxels.astype(np.float32), GRID, "mr-t1")


def clicks():
    return exact_clicks(tumour(), rng=np.random.default_rng(0))


def draft():
    return GraphCutSegmenter().segment(SegmentationRequest({"mr-t1": image()}, clicks(), 0))


def click(kind, x, y, z, radius_mm=0.0):
    return Correction(kind, GRID.to_point_mm([(x, y, z)]), radius_mm)


def corrected(made, *corrections, first=None):
    return replayed(image(), made, Clicks((first or clicks()).points_mm, corrections), corrector())


def value(made, x, y, z):
    return bool(made.mask.voxels[z, y, x])


@ALL_KINDS
@pytest.mark.parametrize(
    "place", [(36, 40, 18), (3, 5, 2), (60, 60, 30), (79, 0, 35), (54, 41, 20)]
)
def test_a_click_ends_on_its_side(kind, place):
    made = corrected(draft(), click(kind, *place))
    assert value(made, *place) == (kind == "positive")
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)


@ALL_KINDS
def test_beyond_its_reach_a_click_changes_nothing(kind):
    before = draft()
    x, y, z = (68, 60, 18) if kind == "positive" else (30, 30, 18)
    made = corrected(before, click(kind, x, y, z))
    limit_mm = REACH * depth_mm(before.mask, GRID.to_point_mm((x, y, z)))
    changed = np.argwhere(made.probability != before.probability)
    offset_mm = np.abs(changed - (z, y, x)) * GRID.spacing_zyx_mm
    assert len(changed) > 1
    assert (offset_mm <= limit_mm).all()


def test_simulated_corrections_of_a_bad_mask_make_it_better():
    request = SegmentationRequest({"mr-t1": image()}, clicks(), 0)
    made, known = EllipsoidSegmenter().segment(request), clicks()
    first = dice(made.mask, tumour())
    for _ in range(3):
        correction = simulated_correction(made.mask, tumour())
        made = corrector().corrected(image(), made, known, correction)
        known = replace(known, corrections=(*known.corrections, correction))
    assert dice(made.mask, tumour()) > first + 0.03


@pytest.mark.parametrize("paints", [True, False])
def test_a_stroke_is_obeyed_everywhere_under_the_brush(paints):
    line = GRID.to_point_mm([(20, 20, 18), (36, 40, 18), (60, 60, 18)])
    made = corrected(draft(), Correction("stroke", line, radius_mm=3.0, paints=paints))
    z, y, x = np.indices(GRID.shape_zyx)
    places = GRID.to_point_mm(np.stack([x, y, z], axis=-1)[18].reshape(-1, 3))
    steps = np.concatenate([np.linspace(a, b, 60) for a, b in pairwise(line)])
    near = np.linalg.norm(places[:, None] - steps, axis=2).min(axis=1) <= 2.5
    assert near.sum() > 100
    assert (made.mask.voxels[18].ravel()[near] == paints).all()


def test_later_corrections_keep_what_was_marked_before():
    kept = click("negative", 50, 41, 18)
    made = corrected(draft(), kept, click("positive", 53, 43, 18), click("positive", 53, 38, 18))
    assert not value(made, 50, 41, 18)


def test_of_two_marks_at_one_place_the_later_counts():
    place = (54, 52, 18)
    there, back = click("positive", *place), click("negative", *place)
    assert not value(corrected(draft(), there, back), *place)
    assert value(corrected(draft(), there, back, there), *place)


def test_a_click_that_is_obeyed_already_changes_no_voxel():
    before = draft()
    made = corrected(before, click("positive", 36, 40, 18))
    np.testing.assert_array_equal(made.mask.voxels, before.mask.voxels)
    assert "0 voxels added, 0 removed" in made.history[-1]


def test_the_segmentation_before_stays_as_it_was():
    before = draft()
    voxels, probability = before.mask.voxels.copy(), before.probability.copy()
    corrected(before, click("negative", 30, 26, 18))
    np.testing.assert_array_equal(before.mask.voxels, voxels)
    np.testing.assert_array_equal(before.probability, probability)


def test_a_corrected_mask_tells_its_history_and_no_longer_predicts_its_quality():
    before = replace(draft(), quality=Quality(0.9, (0.8, 0.95)))
    made = corrected(before, click("negative", 30, 26, 18))
    assert made.quality is None
    assert made.history[:-1] == before.history
    assert made.history[-1].startswith("click outside from (30.0, 26.0, 36.0) mm: ")


def test_a_mask_without_probability_is_corrected_too():
    made = corrected(Segmentation(tumour(), "by hand"), click("negative", 56, 48, 18))
    assert not value(made, 56, 48, 18)
    assert value(made, 36, 40, 18)
    lost = np.count_nonzero(tumour().voxels & ~made.mask.voxels)
    assert lost > 100


@ALL_KINDS
@pytest.mark.parametrize("fill", [True, False])
def test_an_empty_or_a_full_mask_can_be_corrected(kind, fill):
    voxels = np.full(GRID.shape_zyx, fill)
    made = corrected(Segmentation(Mask(voxels, GRID), "by hand"), click(kind, 36, 40, 18))
    assert value(made, 36, 40, 18) == (kind == "positive")


def test_when_nothing_is_left_it_says_so_and_takes_it_back():
    everything = click("negative", 40, 40, 18, radius_mm=500.0)
    gone = corrected(draft(), everything)
    assert gone.mask.is_empty
    assert any("nothing is left" in warning for warning in gone.warnings)
    back = corrected(draft(), everything, click("positive", 36, 40, 18))
    assert not any("nothing is left" in warning for warning in back.warnings)


def test_corrections_follow_the_first_clicks_and_an_undone_one_leaves_no_trace():
    wrong = click("negative", 30, 26, 18)
    undo = Correction("undo", np.empty((0, 3)))
    missed = click("positive", 54, 52, 18)
    request = SegmentationRequest(
        {"mr-t1": image()}, Clicks(clicks().points_mm, (wrong, undo, missed)), 0
    )
    made = segmented(GraphCutSegmenter(), request, corrector())
    np.testing.assert_array_equal(made.probability, corrected(draft(), missed).probability)


def test_a_correction_outside_the_image_is_refused():
    with pytest.raises(ClickError, match=r"correction 1, point 1 at .* lies outside"):
        corrected(draft(), click("positive", 36, 40, 60))


def test_an_undo_is_no_correction_of_the_mask():
    with pytest.raises(ClickError, match="undo says nothing of the image"):
        corrector().corrected(image(), draft(), clicks(), Correction("undo", np.empty((0, 3))))


def test_an_image_on_another_grid_is_refused():
    other = Geometry(GRID.size_xyz, (1.0, 1.0, 2.5))
    scan = Scan(image().voxels, other, "mr-t1")
    with pytest.raises(GeometryMismatchError):
        corrector().corrected(scan, draft(), clicks(), click("positive", 36, 40, 18))


def test_a_fold_that_the_model_lacks_is_refused():
    with pytest.raises(ModelError, match="no network for fold 7"):
        corrector(7)
