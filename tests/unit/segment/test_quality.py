"""Predicted Dice: constants are read with care, and the prediction behaves as it says."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit.segment.quality_builders import GRID, RADIUS_MM, distance_mm, six_clicks

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ModelError
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.quality import (
    FeatureWeight,
    QualityModel,
    graph_cut_quality,
    predicted_quality,
    with_quality,
)
from oncotrace.segment.quality_features import FEATURES
from oncotrace.segment.quality_fit import QualityTable, fit_quality

MODEL = QualityModel(
    intercept=2.0,
    features={
        "expected_dice": FeatureWeight(0.9, 0.02, 0.5),
        "sphericity": FeatureWeight(0.8, 0.05, 0.1),
    },
    residuals=(-0.5, 0.4),
    fitted_on={"patients": 40, "segmentations": 800},
)


def request(noise=20.0, contrast=100.0, corrections=()):
    ball = distance_mm() <= RADIUS_MM
    voxels = contrast * ball + np.random.default_rng(0).normal(0, noise, ball.shape)
    scan = Scan(voxels.astype(np.float32), GRID, "mr-t1")
    return SegmentationRequest({"mr-t1": scan}, Clicks(six_clicks().points_mm, corrections), 0)


def test_mean_features_give_the_intercept_and_its_interval():
    dice, low, high = MODEL.predict(np.array([[0.9, 0.8]]))[0]
    assert dice == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert low == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert high == pytest.approx(1 / (1 + np.exp(-2.4)))


def test_better_features_give_a_higher_dice_and_a_narrower_interval():
    worse, better = MODEL.predict(np.array([[0.88, 0.8], [0.92, 0.8]]))
    assert better[0] > worse[0]
    assert better[2] - better[1] < worse[2] - worse[1]


def test_a_feature_beyond_all_that_was_seen_counts_as_three_standard_deviations():
    at_limit, beyond = MODEL.predict(np.array([[0.84, 0.8], [-50.0, 0.8]]))
    assert beyond == pytest.approx(at_limit)


def test_constants_survive_being_written_and_read():
    text = json.dumps(MODEL.to_json(), allow_nan=False)
    assert json.loads(text)["format"] == 1
    assert QualityModel.from_json(json.loads(text)) == MODEL


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": 2}, "format 2, this version reads 1"),
        ({"format": None}, "format null"),
        ({"format": True}, "format true"),
        ({"intercept": "2.0"}, "intercept"),
        ({"intercept": None}, "intercept"),
        ({"residuals": [0.1, 0.4]}, "residuals"),
        ({"residuals": [-0.1]}, "residuals"),
        ({"features": {}}, "found none"),
        ({"features": {"mood": {"mean": 0, "standard_deviation": 1, "weight": 1}}}, "mood"),
        ({"features": {"is_ct": {"mean": 0, "standard_deviation": 0, "weight": 1}}}, "is_ct"),
        ({"features": {"is_ct": {"mean": 0, "weight": 1}}}, "is_ct"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_constants_that_make_no_sense_are_refused(changes, complaint):
    with pytest.raises(ModelError, match=complaint) as caught:
        QualityModel.from_json({**MODEL.to_json(), **changes})
    assert caught.value.code == "damaged-model"


@pytest.mark.parametrize("missing", ["format", "intercept", "features", "residuals", "fitted_on"])
def test_constants_that_are_incomplete_are_refused(missing):
    content = MODEL.to_json()
    del content[missing]
    with pytest.raises(ModelError, match="damaged"):
        QualityModel.from_json(content)


def test_the_graph_cut_says_how_sure_it_is_and_where_to_look():
    made = GraphCutSegmenter().segment(request())
    quality = made.quality
    low, high = quality.predicted_dice_interval
    assert 0 < low < quality.predicted_dice < high < 1
    in_mask = np.flatnonzero(made.mask.voxels.any(axis=(1, 2)))
    assert 1 <= len(quality.slices_to_check) <= 5
    assert all(in_mask[0] - 5 <= z <= in_mask[-1] + 5 for z in quality.slices_to_check)
    assert len(set(quality.ends_to_check)) == 2
    assert made.seconds["quality"] > 0


def test_a_tumour_that_is_seen_is_rated_higher_than_one_that_is_not():
    seen, hidden = (
        GraphCutSegmenter().segment(request(contrast=contrast)).quality for contrast in (200.0, 0.0)
    )
    assert seen.predicted_dice > hidden.predicted_dice + 0.01


def test_other_constants_can_be_given():
    certain = QualityModel(9.0, MODEL.features, (-0.1, 0.1), MODEL.fitted_on)
    assert GraphCutSegmenter(quality=certain).segment(request()).quality.predicted_dice > 0.99


def test_an_empty_mask_is_rated_zero_with_nowhere_to_look():
    everything = Correction("negative", GRID.to_point_mm([(22, 22, 22)]), radius_mm=500.0)
    quality = GraphCutSegmenter().segment(request(corrections=(everything,))).quality
    assert quality.predicted_dice == 0.0
    assert quality.predicted_dice_interval == (0.0, 0.0)
    assert quality.slices_to_check == ()
    assert quality.ends_to_check == ()


def test_without_constants_nothing_is_predicted():
    made, evidence = GraphCutSegmenter().segment_with_evidence(request())
    assert made.quality is None
    assert with_quality(made, evidence, None) is made
    assert predicted_quality(made, evidence, MODEL).predicted_dice > 0


def test_the_constants_of_the_graph_cut_are_those_that_the_benchmark_fitted():
    results = Path(__file__).parents[3] / "benchmarks" / "results" / "predicted_quality"
    with (results / "six-click-graphcut" / "per_case.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    fitted = fit_quality(
        QualityTable(
            FEATURES,
            np.array([[float(row[name]) for name in FEATURES] for row in rows]),
            np.array([float(row["dice"]) for row in rows]),
            tuple(row["patient"] for row in rows),
        )
    )
    shipped = graph_cut_quality()
    assert shipped.fitted_on == fitted.fitted_on
    assert shipped.intercept == pytest.approx(fitted.intercept)
    assert shipped.residuals == pytest.approx(fitted.residuals)
    assert shipped.features.keys() == fitted.features.keys()
    for name, feature in shipped.features.items():
        assert feature.weight == pytest.approx(fitted.features[name].weight, abs=1e-6)
