"""Images of several planes, each with a segmenter of its own, to one segmentation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import ClickError, InputError, ModelError
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.finish import NOTHING_LEFT
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.views import JoinedSegmentation, JoinedSegmenter, OtherView

AXIAL = Geometry((40, 40, 8), (1.0, 1.0, 5.0), (-19.5, -19.5, -17.5))
SAGITTAL = Geometry(
    (40, 40, 8), (1.0, 1.0, 5.0), (-17.5, -19.5, -19.5), (0, 0, 1, 1, 0, 0, 0, 1, 0)
)
SIDES = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
CLICKS = Clicks(SIDES * 9.0)


def ball(grid, radius_mm):
    """Log-odds of a ball around the origin, 1 per mm."""
    z, y, x = np.indices(grid.shape_zyx)
    return radius_mm - np.linalg.norm(grid.to_point_mm(np.stack([x, y, z], axis=-1)), axis=-1)


def scan_of(grid):
    rng = np.random.default_rng(0)
    voxels = np.where(ball(grid, 12) > 0, 300, 100) + rng.normal(0, 10, grid.shape_zyx)
    return Scan(voxels.astype(np.float32), grid, "mr-t1")


class Balls:
    """Says a ball of a radius, with a warning if there is one."""

    def __init__(self, radius_mm, name="balls", warnings=()):
        self.radius_mm, self.name, self.warnings = radius_mm, name, warnings

    def segment(self, request):
        (scan,) = request.channels.values()
        probability = expit(ball(scan.geometry, self.radius_mm)).astype(np.float32)
        return Segmentation(
            Mask(probability >= 0.5, scan.geometry),
            self.name,
            probability,
            history=(f"a ball of {self.radius_mm} mm",),
            warnings=self.warnings,
            seconds={"network": 1.0},
        )


def asked(grid=AXIAL, clicks=CLICKS):
    return SegmentationRequest({"mr-t1": scan_of(grid)}, clicks, seed=0)


def sagittal(segmenter, grid=SAGITTAL):
    return OtherView(scan_of(grid), "mr-t1", segmenter)


def test_the_joined_mask_lies_on_the_first_grid_and_says_what_each_view_added():
    made = JoinedSegmenter(Balls(10, "a"), (sagittal(Balls(14, "b")),)).segment(asked())
    assert isinstance(made, JoinedSegmentation)
    made.mask.geometry.require_match(AXIAL, this="mask", that="image")
    assert (made.maker, made.quality) == ("a + b", None)
    assert [(view.name, view.maker) for view in made.views] == [("axial", "a"), ("sagittal", "b")]
    made.views[1].mask.geometry.require_match(SAGITTAL, this="mask", that="image")
    assert made.history == (
        "axial view by a: a ball of 10 mm",
        "sagittal view by b: a ball of 14 mm",
        "joined on the grid of the axial view: mean probability of 2 views",
    )
    assert made.seconds == {"network": 2.0}
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)
    volumes = [np.count_nonzero(ball(AXIAL, radius) >= 0) for radius in (10, 14)]
    assert volumes[0] < np.count_nonzero(made.mask.voxels) < volumes[1]
    assert all(0.5 < view.dice_with_joined < 1 and view.share_seen == 1 for view in made.views)


def test_two_views_of_one_opinion_are_of_that_opinion():
    made = JoinedSegmenter(Balls(12), (sagittal(Balls(12)),)).segment(asked())
    alone = Balls(12).segment(asked()).mask.voxels
    inside, outside = ball(AXIAL, 12) >= 1.5, ball(AXIAL, 12) <= -1.5  # half a pixel is blurred
    assert made.mask.voxels[inside].all()
    assert not made.mask.voxels[outside].any()
    assert (made.mask.voxels == alone)[inside | outside].all()
    assert made.maker == "balls"


def test_the_graph_cut_joins_two_images_better_than_it_knows_one():
    cut = GraphCutSegmenter()
    made = JoinedSegmenter(cut, (sagittal(cut),)).segment(asked())
    truth = ball(AXIAL, 12) >= 0
    both = 2 * np.count_nonzero(made.mask.voxels & truth)
    assert both / (made.mask.voxels.sum() + truth.sum()) > 0.9


def test_views_of_the_same_plane_are_numbered():
    others = (sagittal(Balls(12)), sagittal(Balls(12)), sagittal(Balls(12), AXIAL))
    made = JoinedSegmenter(Balls(12), others).segment(asked())
    assert [view.name for view in made.views] == ["axial", "sagittal", "sagittal-2", "axial-2"]


def test_a_view_of_a_part_counts_there_and_the_reader_is_told():
    part = SAGITTAL.crop((0, 0, 0), (40, 20, 8))  # the lower half of the body
    made = JoinedSegmenter(Balls(12), (sagittal(Balls(0.1), part),)).segment(asked(clicks=None))
    upper = made.mask.voxels[4:]
    np.testing.assert_array_equal(upper, ball(AXIAL, 12)[4:] >= 0)
    assert made.mask.voxels[:4].sum() < (ball(AXIAL, 12)[:4] >= 0).sum()
    assert 0 < made.views[1].share_seen < 1
    assert any("of the mask lies beyond its image" in warning for warning in made.warnings)


def test_warnings_name_their_view_and_an_empty_mask_is_told():
    first = Balls(-5, warnings=("look here.",))
    made = JoinedSegmenter(first, (sagittal(Balls(-5)),)).segment(asked(clicks=None))
    assert made.mask.is_empty
    assert made.warnings == ("axial view: look here.", NOTHING_LEFT)


def test_other_structures_than_the_tumour_are_not_joined_and_the_reader_is_told():
    class Labelling(Balls):
        def segment(self, request):
            made = super().segment(request)
            values = np.where(made.mask.voxels, 1, 2).astype(np.uint8)
            labels = LabelVolume(values, made.mask.geometry, {"tumour": 1, "rest": 2})
            return replace(made, labels=labels)

    made = JoinedSegmenter(Balls(12), (sagittal(Labelling(12)),)).segment(asked())
    assert made.labels is None
    assert made.warnings == ("sagittal view: the tumour is joined, other structures are not.",)


def test_images_of_different_places_are_refused():
    elsewhere = Geometry(SAGITTAL.size_xyz, SAGITTAL.spacing_mm, (500, 0, 0), SAGITTAL.direction)
    joined = JoinedSegmenter(Balls(12), (sagittal(Balls(12), elsewhere),))
    with pytest.raises(InputError, match="sagittal view shows no part") as caught:
        joined.segment(asked())
    assert caught.value.code == "no-common-field"


def test_clicks_outside_a_view_are_refused_by_its_name():
    part = SAGITTAL.crop((0, 0, 0), (40, 20, 8))
    joined = JoinedSegmenter(GraphCutSegmenter(), (sagittal(GraphCutSegmenter(), part),))
    with pytest.raises(ClickError, match=r"sagittal view: point .* lies outside") as caught:
        joined.segment(asked())
    assert caught.value.code == "click-outside"


def test_a_segmenter_without_probabilities_cannot_be_joined():
    with pytest.raises(ModelError, match="ellipsoid gives no probabilities") as caught:
        JoinedSegmenter(GraphCutSegmenter(), (sagittal(EllipsoidSegmenter()),)).segment(asked())
    assert caught.value.code == "no-probability"


def test_a_request_without_an_image_is_refused():
    with pytest.raises(InputError, match="no image to segment"):
        JoinedSegmenter(Balls(1), (sagittal(Balls(1)),)).segment(SegmentationRequest({}, None, 0))
