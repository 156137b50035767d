"""Coarse masks with the errors of a network, drawn from an outline."""

import numpy as np
import pytest

from oncotrace.imaging.coarse_simulation import simulated_coarse_probability
from oncotrace.imaging.components import largest_component

SPACING_ZYX_MM = (6.0, 5.0, 5.0)


def ellipsoid(radii_zyx=(6.0, 5.0, 4.0)):
    z, y, x = np.indices((30, 28, 26))
    centre = (14, 13, 12)
    return sum(((v - c) / r) ** 2 for v, c, r in zip((z, y, x), centre, radii_zyx)) <= 1  # noqa: B905


def drawn(outline, seed):
    rng = np.random.default_rng(seed)
    return simulated_coarse_probability(outline, SPACING_ZYX_MM, rng=rng)


def overlap(probability, outline):
    made = probability >= 0.5
    return 2 * (made & outline).sum() / (made.sum() + outline.sum())


def test_one_seed_gives_one_mask_and_others_give_others():
    outline = ellipsoid()
    np.testing.assert_array_equal(drawn(outline, 3), drawn(outline, 3))
    assert (drawn(outline, 3) != drawn(outline, 4)).any()


@pytest.mark.parametrize("radii", [(6.0, 5.0, 4.0), (0.5, 0.5, 0.5)])
def test_the_largest_piece_is_always_of_the_tumour(radii):
    outline = ellipsoid(radii)
    for seed in range(30):
        probability = drawn(outline, seed)
        assert probability.dtype == np.float32
        assert probability.min() >= 0
        assert probability.max() <= 1
        assert (largest_component(probability >= 0.5) & outline).any()


def test_masks_miss_parts_and_take_others_along_as_networks_do():
    outline = ellipsoid()
    dices = [overlap(drawn(outline, seed), outline) for seed in range(60)]
    assert 0.55 < np.mean(dices) < 0.85
    assert min(dices) < 0.6
    assert max(dices) > 0.85
    larger = [np.mean(drawn(outline, seed) >= 0.5) > outline.mean() for seed in range(60)]
    assert 10 < sum(larger) < 50
