"""Information fusion: what the clicks say is certain, and they only pull their own way."""

import numpy as np
import pytest

from oncotrace.imaging.geodesic import geodesic_distance
from oncotrace.imaging.graph_cut import contrast_weights, grid_cut
from oncotrace.segment.block_cut import (
    block_cut,
    block_zyx,
    links_of_blocks,
    repeated,
    summed_over_blocks,
)
from oncotrace.segment.information_fusion import fused_tumour
from oncotrace.segment.marks import BACKGROUND, TUMOUR

SHAPE = (7, 11, 9)
SPACING_ZYX = (3.0, 1.0, 1.0)


def case(seed, edges=0.05):
    rng = np.random.default_rng(seed)
    image = rng.normal(scale=edges, size=SHAPE).astype(np.float32)
    z, y, x = np.indices(SHAPE)
    distance = np.sqrt(((z - 3) / 2) ** 2 + ((y - 5) / 4) ** 2 + ((x - 4) / 3) ** 2)
    probability = 1 / (1 + np.exp(6 * (distance - 1) + rng.normal(size=SHAPE)))
    return probability.astype(np.float32), image


def marks_at(tumour=(), background=()):
    marks = np.zeros(SHAPE, dtype=np.int8)
    for places, kind in ((tumour, TUMOUR), (background, BACKGROUND)):
        for place in places:
            marks[place] = kind
    return marks


SIX = [(2, 5, 4), (4, 5, 4), (3, 3, 4), (3, 7, 4), (3, 5, 2), (3, 5, 6)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("edges", [0.05, 1.0])
def test_what_is_marked_is_as_it_is_marked(seed, edges):
    probability, image = case(seed, edges)
    marks = marks_at([*SIX, (0, 0, 0)], [(3, 5, 4), (6, 10, 8)])
    tumour = fused_tumour(1 - probability, image, marks, SPACING_ZYX)
    assert tumour[marks == TUMOUR].all()
    assert not tumour[marks == BACKGROUND].any()


def test_where_every_voxel_is_an_edge_the_greater_evidence_decides():
    probability, image = case(0, edges=1e4)
    marks = marks_at(SIX, [(3, 9, 4)])
    tumour = fused_tumour(probability, image, marks, SPACING_ZYX)
    near = [
        np.exp(-(geodesic_distance(image, np.argwhere(marks == kind), SPACING_ZYX) ** 2))
        for kind in (TUMOUR, BACKGROUND)
    ]
    odds = np.maximum(probability, near[0]) - np.maximum(1 - probability, near[1])
    clear = np.abs(odds) > 0.01  # capacities are rounded to hundredths
    np.testing.assert_array_equal(tumour[clear], odds[clear] > 0)
    assert clear.mean() > 0.9


def test_in_even_tissue_the_nearness_of_a_click_outweighs_the_network():
    probability = np.full(SHAPE, 0.4, dtype=np.float32)
    even = np.zeros(SHAPE, dtype=np.float32)
    assert not fused_tumour(probability, even, marks_at(), SPACING_ZYX).any()
    assert fused_tumour(probability, even, marks_at(SIX), SPACING_ZYX).all()


@pytest.mark.parametrize("seed", range(8))
def test_more_clicks_in_the_tumour_never_take_any_of_it_away(seed):
    probability, image = case(seed, edges=0.1 + 0.1 * seed)
    place = tuple(np.random.default_rng(seed).integers(0, SHAPE))
    before = fused_tumour(probability, image, marks_at(SIX), SPACING_ZYX)
    after = fused_tumour(probability, image, marks_at([*SIX, place]), SPACING_ZYX)
    assert (after | ~before).all()
    assert after[place]


@pytest.mark.parametrize("seed", range(8))
def test_more_clicks_in_the_background_never_add_tumour(seed):
    probability, image = case(seed, edges=0.1 + 0.1 * seed)
    before = fused_tumour(probability, image, marks_at(SIX), SPACING_ZYX)
    after = fused_tumour(probability, image, marks_at(SIX, [(3, 1, 1)]), SPACING_ZYX)
    assert (before | ~after).all()


def test_a_small_volume_is_cut_voxel_by_voxel():
    probability, image = case(1)
    odds, weights = 2 * probability - 1, contrast_weights(image, 0.1)
    np.testing.assert_array_equal(
        block_cut(odds, weights, 2.0, SPACING_ZYX), grid_cut(odds, weights, 2.0)
    )


def test_blocks_are_nearly_cubes_and_few_enough():
    assert block_zyx((40, 130, 150), SPACING_ZYX, 200_000) == (1, 2, 2)
    assert block_zyx((40, 100, 100), (1.0, 1.0, 1.0), 50_000) == (2, 2, 2)
    assert block_zyx((10, 10, 10), SPACING_ZYX, 1000) == (1, 1, 1)


def energy(labels, odds, weights, smoothness):
    total = -float((odds * labels).sum())
    for axis, weight in enumerate(weights):
        total += smoothness * float((weight * np.diff(labels, axis=axis)).sum())
    return total


@pytest.mark.parametrize("block", [(1, 2, 2), (2, 3, 4), (7, 1, 5)])
def test_blocks_have_the_energy_of_their_voxels(block):
    rng = np.random.default_rng(0)
    probability, image = case(2, edges=0.2)
    odds, weights = 2 * probability - 1, contrast_weights(image, 0.1)
    coarse, links = summed_over_blocks(odds, block), links_of_blocks(weights, block)
    for _ in range(5):
        labels = rng.random(coarse.shape) < 0.5
        fine = repeated(labels, block, SHAPE)
        assert fine.shape == SHAPE
        assert energy(labels, coarse, links, 3.0) == pytest.approx(
            energy(fine, odds, weights, 3.0), rel=1e-4
        )


def test_certain_voxels_are_certain_in_blocks_too():
    probability, image = case(3)
    odds, weights = 2 * probability - 1, contrast_weights(image, 0.1)
    odds[3, 5, 4], odds[3, 5, 5] = np.inf, -np.inf  # in one block
    odds[0, 0, 0], odds[3, 8, 4] = np.inf, -np.inf
    cut = block_cut(odds, weights, 5.0, SPACING_ZYX, most_blocks=200)
    assert cut[3, 5, 4]
    assert cut[0, 0, 0]
    assert not cut[3, 5, 5]
    assert not cut[3, 8, 4]
