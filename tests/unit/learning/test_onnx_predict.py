"""Networks are run on the CPU, alone or averaged, and say the same every time."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit
from tests.unit.learning.builders import NETWORKS, ball, tiny_plan

from oncotrace.errors import InputError, ModelError
from oncotrace.learning.model_folder import read_model, write_model
from oncotrace.learning.onnx_file import open_session
from oncotrace.learning.onnx_predict import load_predictor


@pytest.fixture
def model(tmp_path):
    """Return a model of two folds."""
    networks = {fold: (NETWORKS / f"fold_{fold}.onnx").read_bytes() for fold in (0, 1)}
    write_model(tmp_path / "model", tiny_plan(), networks, card="")
    return read_model(tmp_path / "model")


@pytest.fixture
def channels():
    """Return the channels of a case."""
    return ball(0, np.random.default_rng(5)).channels


def test_one_network_gives_logits_and_features(model, channels):
    predictor = load_predictor(model, folds=[1], threads=1)
    found = predictor.predict(channels)
    assert found.logits.shape == channels.shape[1:]
    assert found.logits.dtype == np.float32
    assert found.features.shape == (4,)
    np.testing.assert_allclose(found.probability, expit(found.logits), atol=1e-6)


def test_the_same_input_gives_the_same_numbers(model, channels):
    found = [load_predictor(model, threads=1).predict(channels) for _ in range(2)]
    np.testing.assert_array_equal(found[0].logits, found[1].logits)
    np.testing.assert_array_equal(found[0].member_features, found[1].member_features)


def test_an_ensemble_averages_probabilities(model, channels):
    alone = [load_predictor(model, folds=[n], threads=1).predict(channels) for n in (0, 1)]
    together = load_predictor(model, threads=1).predict(channels)
    mean = (alone[0].probability + alone[1].probability) / 2
    np.testing.assert_allclose(together.probability, mean, atol=1e-6)
    np.testing.assert_allclose(expit(together.logits), mean, atol=1e-6)
    np.testing.assert_array_equal(together.member_features[1], alone[1].features)


def test_a_flipped_case_gives_the_flipped_prediction_when_all_orientations_are_averaged(
    model, channels
):
    predictor = load_predictor(model, folds=[0], flips=((), ("x",)), threads=1)
    found = predictor.predict(channels)
    mirrored = predictor.predict(np.ascontiguousarray(channels[..., ::-1]))
    assert found.member_probabilities.shape[0] == 2
    np.testing.assert_allclose(mirrored.logits[..., ::-1], found.logits, atol=1e-5)


def test_each_flip_is_along_its_own_axis(model, channels):
    flips = ((), ("z",), ("y",), ("x",), ("z", "y", "x"))
    found = load_predictor(model, folds=[0], flips=flips, threads=1).predict(channels)
    plain = load_predictor(model, folds=[0], threads=1)
    for member, axes in zip(
        found.member_probabilities, ((), (0,), (1,), (2,), (0, 1, 2)), strict=True
    ):
        turned = np.flip(channels, tuple(axis + 1 for axis in axes))
        expected = np.flip(plain.predict(np.ascontiguousarray(turned)).probability, axes)
        np.testing.assert_allclose(member, expected, atol=1e-6)


def test_channels_of_another_shape_are_refused(model, channels):
    predictor = load_predictor(model, threads=1)
    with pytest.raises(InputError, match=r"image, guidance on a grid of \(24, 16, 8\)") as caught:
        predictor.predict(np.ascontiguousarray(channels.transpose(0, 3, 2, 1)))
    assert caught.value.code == "wrong-channels"
    with pytest.raises(InputError, match=r"array of \(1, 24, 16, 8\)"):
        predictor.predict(channels[:1])


def test_channels_that_are_not_numbers_are_refused(model, channels):
    channels[0, 0, 0, 0] = np.inf
    with pytest.raises(InputError, match="not numbers"):
        load_predictor(model, threads=1).predict(channels)


def test_a_fold_that_is_not_there_is_refused(model):
    with pytest.raises(ModelError, match="no network for fold 3; it has 0, 1"):
        load_predictor(model, folds=[3], threads=1)
    with pytest.raises(ModelError, match="no network of model is asked for"):
        load_predictor(model, folds=[], threads=1)


@pytest.mark.parametrize("content", [b"", b"not a network"], ids=["empty", "text"])
def test_what_is_no_network_is_refused(content, capfd):
    with pytest.raises(ModelError, match="fold_0 is not a network") as caught:
        open_session(content, "fold_0", threads=1)
    assert caught.value.code == "unusable-model"
    assert capfd.readouterr() == ("", "")


def test_a_cut_off_network_is_refused():
    content = (NETWORKS / "fold_0.onnx").read_bytes()[:5000]
    with pytest.raises(ModelError, match="fold_0 is not a network"):
        open_session(content, "fold_0", threads=1)


def test_a_network_of_another_grid_than_the_plans_is_refused(model, channels):
    other = dataclasses.replace(model, plan=tiny_plan(grid={"size_xyz": (16, 16, 24)}))
    with pytest.raises(ModelError, match=r"fold_0\.onnx cannot be run") as caught:
        load_predictor(other, threads=1).predict(np.repeat(channels, 2, axis=3))
    assert caught.value.code == "unusable-model"
