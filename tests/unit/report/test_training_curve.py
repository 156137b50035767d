from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.learning.curve import Curve
from oncotrace.report.training_curve import running_mean, training_curves_picture


def curve(steps: int = 300, *, seed: int = 0, validated_every: int = 0) -> Curve:
    """Course of a training that gets better, with noise."""
    step = np.arange(steps)
    noise = np.random.default_rng(seed).normal(scale=0.05, size=steps)
    validation = np.full(steps, np.nan)
    if validated_every:
        validation[::validated_every] = 0.8
    return Curve(0.2 + np.exp(-step / 50) + noise, 1e-3 * (1 - step / steps), validation)


def pixels(png: bytes) -> NDArray[np.float32]:
    from matplotlib.image import imread

    return np.asarray(imread(BytesIO(png), format="png"), dtype=np.float32)


def ink(png: bytes, colour: tuple[int, int, int]) -> int:
    """Pixels of nearly that colour."""
    distance = np.abs(pixels(png)[..., :3] - np.array(colour) / 255).max(axis=-1)
    return int((distance < 0.05).sum())


def test_every_fold_is_drawn_in_its_own_colour() -> None:
    one, two = (
        training_curves_picture({fold: curve(seed=fold) for fold in range(folds)})
        for folds in (1, 2)
    )
    blue, vermilion = (0, 114, 178), (213, 94, 0)
    assert ink(one, blue) > 500
    assert ink(one, vermilion) == 0
    assert ink(two, vermilion) > 500


def test_the_same_curves_give_the_same_bytes_in_any_order_of_folds() -> None:
    curves = {fold: curve(seed=fold) for fold in (0, 1, 2)}
    backwards = dict(reversed(curves.items()))
    assert training_curves_picture(curves) == training_curves_picture(backwards)


def test_validation_gets_a_panel_of_its_own() -> None:
    without = pixels(training_curves_picture({0: curve()}))
    validated = pixels(training_curves_picture({0: curve(validated_every=50)}))
    assert validated.shape[0] > without.shape[0]
    assert validated.shape[1] == without.shape[1]


def test_one_odd_step_does_not_flatten_the_others() -> None:
    usual = curve()
    loss = usual.loss.copy()
    loss[-1] = 1e6
    odd = Curve(loss, usual.learning_rate, usual.validation)
    blue = (0, 114, 178)
    assert ink(training_curves_picture({0: odd}), blue) > 500


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_training_that_has_hardly_begun_can_be_drawn(steps: int) -> None:
    assert pixels(training_curves_picture({0: curve(steps), 1: curve(0)})).size > 0


def test_the_running_mean_keeps_constants_and_averages_neighbours() -> None:
    np.testing.assert_allclose(running_mean(np.full(10, 3.0), 5), 3.0)
    np.testing.assert_allclose(
        running_mean(np.array([0.0, 3.0, 6.0, 0.0]), 3), [1.5, 3.0, 3.0, 3.0]
    )
    np.testing.assert_array_equal(running_mean(np.array([1.0, 2.0]), 1), [1.0, 2.0])
