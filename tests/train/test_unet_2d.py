"""The published network for slices: shape, dropout, export, and a training that can be resumed."""

import contextlib

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.learning.model_folder import read_model, write_model  # noqa: E402
from oncotrace.learning.onnx_predict import load_predictor  # noqa: E402
from oncotrace.learning.recipe import preset  # noqa: E402
from oncotrace.learning.sample import Sample, TrainingData  # noqa: E402
from oncotrace.learning.train.augment import augmented  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.loop import predictor_of, train, trained_network  # noqa: E402
from oncotrace.learning.train.loss import loss_at, supervised_loss  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402

PIXELS = 32


def plan(**network: object):
    settings = {"kind": "unet-2d", "first_channels": 4, "levels": 3, "deep_supervision": False}
    return tiny_plan(
        channels={"images": ("ct",)},
        empty_targets=True,
        grid={"size_xyz": (PIXELS, PIXELS, 1)},
        network={**settings, "dropout": 0.5, **network},
        loss={"dice_over_batch": True, "early_share": 0.5, "early_cross_entropy_weight": 0.1},
        optimiser={"steps": 40, "batch_size": 4, "learning_rate": 1e-2, "weight_decay": 0.0},
    )


def slice_with_disc(index: int, rng: np.random.Generator) -> Sample:
    """A bright disc in noise, or, in every third slice, nothing."""
    y, x = np.indices((PIXELS, PIXELS))
    middle = rng.uniform(10, 22, 2)
    target = (np.hypot(y - middle[0], x - middle[1]) < 6) & (index % 3 != 0)
    grey = 0.2 + 0.5 * target + rng.normal(scale=0.05, size=target.shape)
    return Sample(grey.astype(np.float32)[None, None], target[None])


DATA = TrainingData(tuple("abcdef"), slice_with_disc)


def test_the_preset_has_the_published_network():
    recipe = preset("lung")
    made = tiny_plan(**{name: getattr(recipe, name) for name in ("channels", "grid", "network")})
    assert made.widths == (64, 128, 256, 512, 1024)
    assert made.strides_zyx == ((1, 1, 1), *((1, 2, 2),) * 4)
    assert (recipe.network.dropout, recipe.optimiser.epochs) == (0.5, 300)
    assert recipe.loss.early_share * 300 == pytest.approx(50, abs=0.01)
    assert recipe.augmentation.rotation.probability == 0.6
    assert recipe.augmentation.shift.range == (-0.12, 0.12)


def test_logits_have_the_size_of_the_slice_and_features_that_of_the_bottleneck():
    network = build_network(plan()).eval()
    logits, features = network(torch.zeros(2, 1, 1, PIXELS, PIXELS))
    assert logits.shape == (2, 1, PIXELS, PIXELS)
    assert features.shape == (2, 16)


def test_dropout_acts_in_training_alone():
    network = build_network(plan())
    channels = torch.ones(1, 1, 1, PIXELS, PIXELS)
    network.train()
    assert not torch.equal(network(channels)[0], network(channels)[0])
    network.eval()
    assert torch.equal(network(channels)[0], network(channels)[0])


def test_onnx_and_torch_agree(tmp_path):
    made = plan()
    network = build_network(made).eval()
    write_model(tmp_path / "model", made, {0: exported(network, made)}, card="")
    predictor = load_predictor(read_model(tmp_path / "model"), threads=1)
    channels = slice_with_disc(1, np.random.default_rng(0)).channels
    found = predictor.predict(channels)
    np.testing.assert_allclose(found.logits, predictor_of(network, made)(channels), atol=1e-4)


def test_a_training_interrupted_and_resumed_gives_the_same_weights(tmp_path):
    made = plan()
    for _ in train(made, DATA, tmp_path / "whole.pt", device="cpu"):
        pass
    with contextlib.closing(train(made, DATA, tmp_path / "parts.pt", device="cpu")) as steps:
        for now in steps:
            if now.step == 11:
                break
    for _ in train(made, DATA, tmp_path / "parts.pt", resume=True, device="cpu"):
        pass
    whole, parts = (
        trained_network(made, DATA, tmp_path / f"{name}.pt").state_dict()
        for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_discs_are_learnt_and_slices_without_one_stay_empty(tmp_path):
    made = plan()
    for _ in train(made, DATA, tmp_path / "c.pt", device="cpu"):
        pass
    predict = predictor_of(trained_network(made, DATA, tmp_path / "c.pt").eval(), made)
    for index in range(6):
        sample = slice_with_disc(index, np.random.default_rng(100 + index))
        found = predict(sample.channels) > 0
        if index % 3:
            overlap = 2 * (found & sample.target).sum() / (found.sum() + sample.target.sum())
            assert overlap > 0.7
        else:
            assert found.sum() < 20


def test_dice_over_the_batch_teaches_by_samples_without_target():
    settings = plan().recipe.loss
    alone = settings.model_copy(update={"dice_over_batch": False, "cross_entropy_weight": 0.0})
    together = alone.model_copy(update={"dice_over_batch": True})
    target = torch.zeros(2, 1, 8, 8)
    target[0, :, 2:6, 2:6] = 1
    for settings, learns in ((alone, False), (together, True)):
        logits = torch.full((2, 1, 8, 8), -2.0, requires_grad=True)
        supervised_loss([logits], target, settings).backward()
        assert bool(logits.grad[1].abs().max() > 1e-4) == learns


def test_dice_is_privileged_in_the_first_steps():
    settings = plan().recipe.loss
    assert loss_at(settings, 0.49).cross_entropy_weight == 0.1
    assert loss_at(settings, 0.5).cross_entropy_weight == 1.0


def test_slices_are_turned_and_shifted_within_their_plane():
    settings = preset("lung").augmentation
    sample = slice_with_disc(1, np.random.default_rng(0))
    changed = [augmented(sample, settings, 1, np.random.default_rng(seed)) for seed in range(30)]
    sizes = np.array([of.target.sum() for of in changed])
    assert np.abs(sizes / sample.target.sum() - 1).max() < 0.25  # turned aside it would be a line
    places = {tuple(np.argwhere(of.target).mean(axis=0).round(1)) for of in changed}
    assert len(places) > 10
