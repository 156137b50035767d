"""Augmentation changes what it says and nothing else."""

import numpy as np
import pytest
from tests.unit.learning.builders import ball

pytest.importorskip("torch")

from oncotrace.learning.augmentation import Augmentation
from oncotrace.learning.recipe import preset
from oncotrace.learning.sample import Sample
from oncotrace.learning.train import intensity
from oncotrace.learning.train.augment import augmented
from oncotrace.learning.train.deform import (
    Deformation,
    deformed,
    rotation_matrix,
)

SPATIAL = ("rotation", "zoom", "elastic")
INTENSITY = (
    "noise",
    "blur",
    "scale",
    "brightness",
    "contrast",
    "gamma",
    "low_resolution",
    "bias_field",
)


@pytest.fixture
def rng():
    """Return a generator."""
    return np.random.default_rng(7)


@pytest.fixture
def sample(rng):
    """Return a smooth blob, whose guidance is its image."""
    made = ball(0, rng, grid_xyz=(20, 24, 28))
    z, y, x = (np.indices(made.target.shape).T - [12.0, 13.0, 9.0]).T
    image = 40 - np.hypot(np.hypot(z, 1.5 * y), 2 * x + 0.3 * z)
    channels = np.stack([image, image]).astype(np.float32)
    return Sample(channels, image > 27, (2.0, 1.0, 0.5))


def always(name, low, high):
    return Augmentation.model_validate({name: {"probability": 1.0, "range": (low, high)}})


def test_no_augmentation_changes_nothing(sample, rng):
    found = augmented(sample, Augmentation(), 1, rng)
    np.testing.assert_array_equal(found.channels, sample.channels)
    np.testing.assert_array_equal(found.target, sample.target)


@pytest.mark.parametrize(
    ("name", "neutral"),
    [
        ("rotation", 0.0),
        ("zoom", 1.0),
        ("elastic", 0.0),
        ("noise", 0.0),
        ("blur", 0.0),
        ("scale", 1.0),
        ("brightness", 0.0),
        ("contrast", 1.0),
        ("gamma", 1.0),
        ("low_resolution", 1.0),
        ("bias_field", 0.0),
    ],
)
def test_a_change_of_no_strength_changes_nothing(sample, rng, name, neutral):
    found = augmented(sample, always(name, neutral, neutral), 1, rng)
    np.testing.assert_allclose(found.channels, sample.channels, atol=1e-4)
    np.testing.assert_array_equal(found.target, sample.target)


@pytest.mark.parametrize("name", SPATIAL)
def test_image_cue_and_target_move_together(sample, rng, name):
    ranges = {"rotation": (10, 20), "zoom": (0.8, 0.9), "elastic": (0.02, 0.03)}
    found = augmented(sample, always(name, *ranges[name]), 1, rng)
    np.testing.assert_array_equal(found.channels[0], found.channels[1])
    assert not np.array_equal(found.target, sample.target)
    # The target is where the image exceeds a value, but for the interpolation at its border.
    certain = np.abs(found.channels[0] - 27) > 1.5
    np.testing.assert_array_equal((found.channels[0] > 27)[certain], found.target[certain])


@pytest.mark.parametrize("name", INTENSITY)
def test_intensity_changes_images_alone(sample, rng, name):
    strength = {"noise": 0.5, "blur": 1.0, "brightness": 1.0, "bias_field": 0.3}.get(name, 1.5)
    found = augmented(sample, always(name, strength, strength), 1, rng)
    assert not np.array_equal(found.channels[0], sample.channels[0])
    np.testing.assert_array_equal(found.channels[1], sample.channels[1])
    np.testing.assert_array_equal(found.target, sample.target)
    assert np.isfinite(found.channels).all()


def test_all_changes_together_keep_kind_and_shape(sample, rng):
    settings = preset("six-click").augmentation
    for _ in range(10):
        found = augmented(sample, settings, 1, rng)
        assert found.channels.shape == sample.channels.shape
        assert found.channels.dtype == np.float32
        assert found.target.dtype == np.bool_
        assert found.spacing_zyx_mm == sample.spacing_zyx_mm
        assert np.isfinite(found.channels).all()


def test_the_sample_itself_is_left_alone(sample, rng):
    before = sample.channels.copy()
    for _ in range(5):
        augmented(sample, preset("six-click").augmentation, 1, rng)
    np.testing.assert_array_equal(sample.channels, before)


def test_the_same_generator_gives_the_same_sample(sample):
    settings = preset("six-click").augmentation
    one, other = (augmented(sample, settings, 1, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.channels, other.channels)


def test_flips_are_along_the_named_axes(sample):
    settings = Augmentation(flip_axes=("x",))
    found = [augmented(sample, settings, 1, np.random.default_rng(i)).target for i in range(20)]
    mirrored = [np.array_equal(target, sample.target[:, :, ::-1]) for target in found]
    kept = [np.array_equal(target, sample.target) for target in found]
    assert all(one or other for one, other in zip(mirrored, kept, strict=True))
    assert 0 < sum(mirrored) < 20


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_quarter_turn_is_in_millimetres(axis):
    shape, spacing = [17, 17, 17], [1.0, 1.0, 1.0]
    others = [a for a in range(3) if a != axis]
    shape[others[0]], spacing[others[0]] = 9, 2.0  # (9 - 1) * 2 mm is (17 - 1) * 1 mm
    target = np.zeros(shape, dtype=bool)
    target[tuple(slice(n // 2 + (i == others[1]), None) for i, n in enumerate(shape))] = True
    sample = Sample(target[None].astype(np.float32), target, tuple(spacing))
    degrees = [90.0 * (i == axis) for i in range(3)]
    turned = deformed(sample, Deformation(rotation_matrix(degrees), None))
    # In mm the volume stays, but for half voxels at the edges; in voxels it would not fit.
    assert turned.target.sum() == pytest.approx(target.sum(), rel=0.2)
    back = deformed(turned, Deformation(rotation_matrix([-d for d in degrees]), None))
    agree = (back.target & target).sum() * 2 / (back.target.sum() + target.sum())
    assert agree > 0.85


def test_rotations_turn_about_their_own_axis():
    for axis in range(3):
        matrix = rotation_matrix([30.0 * (i == axis) for i in range(3)])
        np.testing.assert_allclose(matrix @ np.eye(3)[axis], np.eye(3)[axis], atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_zoom_above_one_makes_things_larger(sample, rng):
    found = augmented(sample, always("zoom", 1.2, 1.2), 1, rng)
    assert found.target.sum() == pytest.approx(1.2**3 * sample.target.sum(), rel=0.1)


def test_noise_has_the_strength_that_was_asked_for(rng):
    voxels = np.zeros((30, 30, 30), dtype=np.float32)
    assert intensity.with_noise(voxels, 0.2, rng).std() == pytest.approx(0.2, rel=0.02)


def test_low_resolution_keeps_the_mean_and_flattens_slices(rng):
    voxels = rng.normal(size=(12, 12, 12)).astype(np.float32)
    found = intensity.at_low_resolution(voxels, 3.0, rng)
    assert found.std() < 0.8 * voxels.std()
    assert found.mean() == pytest.approx(voxels.mean(), abs=0.05)


def test_contrast_and_gamma_stay_within_the_range(sample, rng):
    voxels = sample.channels[0]
    for change, strength in ((intensity.with_contrast, 1.8), (intensity.with_gamma, 0.5)):
        found = change(voxels, strength, rng)
        assert found.min() >= voxels.min() - 1e-4
        assert found.max() <= voxels.max() + 1e-4


def test_gamma_of_a_blank_image_is_blank(rng):
    blank = np.full((4, 4, 4), 3.0, dtype=np.float32)
    np.testing.assert_array_equal(intensity.with_gamma(blank, 0.5, rng), blank)


def test_a_bias_field_is_smooth_and_multiplies(rng):
    voxels = np.ones((16, 16, 16), dtype=np.float32)
    voxels[0, 0, 0] = 0.0
    found = intensity.with_bias_field(voxels, 0.3, rng)
    assert found[0, 0, 0] == 0.0
    inside = found[2:, 2:, 2:]
    assert inside.std() > 0.02
    assert np.abs(np.diff(inside, axis=0)).max() < 0.5
