"""What a network learns of several structures: loss, patches, changes of samples, export."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.unit.learning.builders import tiny_plan  # noqa: E402
from tests.unit.learning.test_labels import TWO  # noqa: E402

from oncotrace.errors import EmptyMaskError, InputError  # noqa: E402
from oncotrace.learning.augmentation import Augmentation  # noqa: E402
from oncotrace.learning.model_folder import ModelFolder  # noqa: E402
from oncotrace.learning.onnx_predict import load_predictor  # noqa: E402
from oncotrace.learning.recipe import Loss  # noqa: E402
from oncotrace.learning.sample import Sample, TrainingData, checked_sample  # noqa: E402
from oncotrace.learning.train.augment import augmented  # noqa: E402
from oncotrace.learning.train.batches import batches  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.loop import predictor_of  # noqa: E402
from oncotrace.learning.train.loss import supervised_loss  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402
from oncotrace.learning.train.patches import random_patch  # noqa: E402
from oncotrace.learning.train.restore import restored_network  # noqa: E402

SHAPE = (40, 18, 16)
RNG = np.random.default_rng(0)


def plan(**changes):
    settings = {
        "preparation": "whole-image",
        "channels": {"images": ("mr-t1", "ct")},
        "grid": {"mode": "patch", "size_xyz": (16, 16, 16), "share_on_target": 1.0},
        "labels": TWO,
    }
    return tiny_plan(**{**settings, **changes})


def sample() -> Sample:
    """Large structure, and one of two voxels far from it."""
    target = np.zeros((2, *SHAPE), dtype=np.bool_)
    target[0, 4:14, 4:14, 4:12] = True
    target[1, 36, 8, 8:10] = True
    channels = np.stack([target[0], target[1]]).astype(np.float32)
    return Sample(channels, target, (2.0, 1.0, 1.0))


@pytest.mark.parametrize(
    "settings",
    [Loss(), Loss(dice_of_background=True), Loss(dice_over_batch=True), Loss(dice_weight=0.0)],
)
def test_the_loss_is_the_mean_of_each_labels_own(settings):
    generator = torch.Generator().manual_seed(1)
    levels = [torch.randn(2, 3, 4, 5, 6, generator=generator) for _ in range(2)]
    target = (torch.rand(2, 3, 4, 5, 6, generator=generator) < 0.3).float()
    alone = [
        supervised_loss([level[:, place] for level in levels], target[:, place], settings).item()
        for place in range(3)
    ]
    together = supervised_loss(levels, target, settings).item()
    assert together == pytest.approx(np.mean(alone), rel=1e-6)


def test_a_label_of_two_voxels_comes_to_the_centre_as_often_as_a_large_one():
    rng = np.random.default_rng(3)
    patches = [random_patch(sample(), plan(), rng) for _ in range(60)]
    assert all(patch.target.shape == (2, 16, 16, 16) for patch in patches)
    assert all(patch.channels.shape == (2, 16, 16, 16) for patch in patches)
    assert 20 <= sum(patch.target[1].any() for patch in patches) <= 50


def test_changes_move_every_label_with_its_image_and_never_onto_another():
    settings = Augmentation(
        flip_axes=("x", "y", "z"),
        rotation={"probability": 1.0, "range": (-30, 30)},
        zoom={"probability": 1.0, "range": (0.8, 1.3)},
        elastic={"probability": 1.0, "range": (0.02, 0.03)},
    )
    inside = sample().target[0]
    halves = np.stack([inside, inside])
    halves[0, :, :, 8:] = False
    halves[1, :, :, :8] = False
    there = Sample(halves.astype(np.float32), halves, (2.0, 1.0, 1.0))
    for seed in range(10):
        made = augmented(there, settings, 2, np.random.default_rng(seed))
        assert made.target.shape == halves.shape
        assert not made.target.all(axis=0).any()
        whole = made.channels.sum(axis=0) >= 0.5  # no gap opens between the halves
        np.testing.assert_array_equal(made.target.any(axis=0), whole)
        for half, image in zip(made.target, made.channels, strict=True):
            assert (image[half] >= 0.25 - 1e-6).all()


def test_flips_turn_labels_as_they_turn_images():
    made = [
        augmented(sample(), Augmentation(flip_axes=("x", "y", "z")), 2, np.random.default_rng(seed))
        for seed in range(8)
    ]
    for one in made:
        np.testing.assert_array_equal(one.target, one.channels > 0.5)
    assert len({one.target.tobytes() for one in made}) > 2


def test_batches_are_padded_whole():
    data = TrainingData(("a",), lambda _index, _rng: sample())
    for batch in batches(plan(optimiser={"steps": 2}), data, first_step=0, workers=1):
        assert [one.target.shape for one in batch] == [(2, 16, 16, 16)] * 2


def test_a_target_without_its_axis_of_labels_is_refused():
    flat = TrainingData(("a",), lambda _i, _r: Sample(sample().channels, sample().target[0]))
    with pytest.raises(InputError, match=r"expected .* and \(2, 40, 18, 16\)"):
        checked_sample(flat, 0, RNG, plan())
    empty = TrainingData(("a",), lambda _i, _r: Sample(sample().channels, sample().target * False))
    with pytest.raises(EmptyMaskError):
        checked_sample(empty, 0, RNG, plan())
    one = TrainingData(
        ("a",),
        lambda _i, _r: Sample(sample().channels, sample().target & [[[[True]]], [[[False]]]]),
    )
    assert checked_sample(one, 0, RNG, plan()).target[0].any()


@pytest.mark.parametrize("kind", ["dynunet", "vnet"])
@pytest.mark.parametrize("mode", ["patch", "free"])
def test_an_exported_network_gives_every_label_and_is_restored(kind, mode):
    size = {"size_xyz": (16, 16, 16)} if mode == "patch" else {}
    settings = {"kind": kind, "first_channels": 2, "levels": 3, "deep_supervision": False}
    of = plan(network=settings, grid={"mode": mode, **size})
    network = build_network(of)
    model = ModelFolder("labels", of, {0: exported(network, of)}, None, "")
    channels = RNG.standard_normal((2, 20, 16, 24), dtype=np.float32)
    found = load_predictor(model, threads=1).predict(channels)
    assert found.logits.shape == (2, 20, 16, 24)
    assert found.member_probabilities.shape == (1, 2, 20, 16, 24)
    np.testing.assert_allclose(found.logits, predictor_of(network.eval(), of)(channels), atol=1e-4)
    np.testing.assert_array_equal(found.of_label(1).logits, found.logits[1])
    again = restored_network(model, 0)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)


def test_orientations_of_all_labels_are_averaged_in_place():
    network = build_network(plan()).eval()
    model = ModelFolder("labels", plan(), {0: exported(network, plan())}, None, "")
    channels = RNG.standard_normal((2, 16, 16, 16), dtype=np.float32)
    mirrored = load_predictor(model, flips=(("x",),), threads=1).predict(channels[..., ::-1])
    straight = load_predictor(model, threads=1).predict(channels)
    np.testing.assert_allclose(mirrored.logits[..., ::-1], straight.logits, atol=1e-5)
    both = load_predictor(model, flips=((), ("z", "x")), threads=1).predict(channels)
    assert both.logits.shape == (2, 16, 16, 16)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-both.logits)), both.member_probabilities.mean(axis=0), atol=1e-6
    )
