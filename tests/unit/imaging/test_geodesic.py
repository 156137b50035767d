import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from oncotrace.errors import ClickError, InputError, SettingsError
from oncotrace.imaging.geodesic import geodesic_distance, geodesic_guidance
from oncotrace.imaging.geodesic_kernels import compiled_once

SPACING = (3.0, 1.0, 0.8)
STEPS = [step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]


def one_seed(z: int = 0, y: int = 0, x: int = 0) -> NDArray[np.int64]:
    return np.array([[z, y, x]])


def random_seeds(
    rng: np.random.Generator, shape: tuple[int, ...], number: int = 6
) -> NDArray[np.int64]:
    return rng.integers(0, shape, (number, 3))


def random_image(
    rng: np.random.Generator, shape: tuple[int, ...], kind: int
) -> NDArray[np.float32]:
    """Noise, a staircase of even levels, or winding corridors of even tissue between walls."""
    noise = rng.normal(size=shape).astype(np.float32)
    if kind == 1:
        return np.round(noise)
    if kind == 2:
        walls = np.zeros(shape, dtype=np.float32)
        for slab in range(2, shape[0], 4):
            walls[slab] = 8
            walls[slab, rng.integers(shape[1]), rng.integers(shape[2])] = 0
        return walls + noise / 100
    return noise


def step_cost(length_mm: float, jump: float, weight: float) -> float:
    return length_mm / ((1 - weight) + weight / (jump + 1e-5))


def published_raster_scan(
    image: NDArray[np.float32],
    seeds: NDArray[np.int64],
    spacing: tuple[float, float, float],
    weight: float,
    iterations: int,
) -> NDArray[np.float64]:
    """GeodisTK's raster scan, voxel by voxel, as its program reads."""
    distance = np.full(image.shape, 1e10)
    for seed in seeds:
        distance[tuple(seed)] = 0
    forward = [(-1, -1, -1), (-1, -1, 0), (-1, -1, 1), (-1, 0, -1), (-1, 0, 0)]
    forward += [(0, -1, -1), (0, -1, 0), (0, -1, 1), (0, 0, -1)]
    forward += [(1, -1, -1), (1, -1, 0), (1, -1, 1), (1, 0, -1)]
    backward = [(-a, -b, -c) for a, b, c in forward]
    voxels = list(np.ndindex(*image.shape))
    for _ in range(iterations):
        for order, neighbours in ((voxels, forward), (voxels[::-1], backward)):
            for p in order:
                for step in neighbours:
                    q = (p[0] + step[0], p[1] + step[1], p[2] + step[2])
                    if min(q) < 0 or any(i >= n for i, n in zip(q, image.shape, strict=True)):
                        continue
                    length = math.hypot(*(s * d for s, d in zip(spacing, step, strict=True)))
                    jump = abs(float(image[p]) - float(image[q]))
                    reached = distance[q] + step_cost(length, jump, weight)
                    distance[p] = min(distance[p], reached)
    return distance


def shortest_paths(
    image: NDArray[np.float32],
    seeds: NDArray[np.int64],
    spacing: tuple[float, float, float],
    weight: float = 1.0,
) -> NDArray[np.float64]:
    """Exact distances by Dijkstra's algorithm on the graph of 26 neighbours."""
    index = np.arange(image.size).reshape(image.shape)
    starts, ends, costs = [], [], []
    for step in STEPS:
        here = tuple(
            slice(max(0, -s), n - max(0, s)) for s, n in zip(step, image.shape, strict=True)
        )
        there = tuple(
            slice(max(0, s), n - max(0, -s)) for s, n in zip(step, image.shape, strict=True)
        )
        length = math.hypot(*(s * d for s, d in zip(spacing, step, strict=True)))
        jump = np.abs(image[here].astype(np.float64) - image[there])
        starts.append(index[here].ravel())
        ends.append(index[there].ravel())
        costs.append((length / ((1 - weight) + weight / (jump + 1e-5))).ravel())
    edges = (np.concatenate(costs), (np.concatenate(starts), np.concatenate(ends)))
    graph = csr_array(edges, shape=(image.size, image.size))
    sources = np.unique(np.ravel_multi_index(tuple(seeds.T), image.shape))
    return dijkstra(graph, indices=sources, min_only=True).reshape(image.shape)


@pytest.mark.parametrize("case", range(50))
def test_settled_guidance_is_that_of_the_shortest_path(case: int) -> None:
    rng = np.random.default_rng(case)
    image = random_image(rng, (32, 32, 32), case % 3)
    seeds = random_seeds(rng, image.shape, 1 + case % 6)
    exact = shortest_paths(image, seeds, SPACING)
    settled = geodesic_guidance(image, seeds, SPACING, sweeps=None)
    assert np.abs(settled - np.exp(-exact)).max() < 1e-5


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.9])
def test_settled_distance_is_exact_for_every_weight(weight: float) -> None:
    rng = np.random.default_rng(3)
    image = random_image(rng, (12, 13, 14), 0)
    seeds = random_seeds(rng, image.shape)
    distance = geodesic_distance(image, seeds, SPACING, gradient_weight=weight, sweeps=None)
    exact = shortest_paths(image, seeds, SPACING, weight)
    np.testing.assert_allclose(distance, exact, rtol=1e-5)


@pytest.mark.parametrize("shape", [(9, 8, 7), (1, 12, 11), (12, 1, 5), (7, 6, 1), (1, 1, 1)])
@pytest.mark.parametrize(("weight", "sweeps"), [(1.0, 1), (1.0, 4), (0.0, 2), (0.3, 4)])
def test_sweeps_are_those_of_the_published_program(
    shape: tuple[int, int, int], weight: float, sweeps: int
) -> None:
    rng = np.random.default_rng(sum(shape))
    for kind in range(3):
        image = random_image(rng, shape, kind)
        seeds = random_seeds(rng, shape, 2)
        ours = geodesic_distance(image, seeds, SPACING, gradient_weight=weight, sweeps=sweeps)
        slow = published_raster_scan(image, seeds, SPACING, weight, sweeps)
        np.testing.assert_allclose(ours, slow, rtol=2e-6, atol=1e-9)


def test_four_sweeps_are_not_enough_where_tissue_winds() -> None:
    rng = np.random.default_rng(2)
    image = random_image(rng, (32, 32, 32), 2)
    seeds = one_seed(0, 16, 16)
    four = geodesic_guidance(image, seeds, SPACING)
    settled = geodesic_guidance(image, seeds, SPACING, sweeps=None)
    assert (four <= settled).all()
    assert (settled - four).max() > 0.01


def test_many_sweeps_settle() -> None:
    rng = np.random.default_rng(5)
    image = random_image(rng, (16, 16, 16), 0)
    seeds = random_seeds(rng, image.shape)
    many = geodesic_distance(image, seeds, SPACING, sweeps=100)
    settled = geodesic_distance(image, seeds, SPACING, sweeps=None)
    np.testing.assert_array_equal(many, settled)


def test_even_tissue_is_almost_free() -> None:
    image = np.full((9, 10, 11), 4.0, dtype=np.float32)
    distance = geodesic_distance(image, one_seed(4, 5, 5), (1.0, 1.0, 1.0), sweeps=None)
    offsets = np.abs(np.indices(image.shape) - np.array([4, 5, 5]).reshape(3, 1, 1, 1))
    low, middle, high = np.sort(offsets, axis=0)
    steps = (high - middle) + math.sqrt(2) * (middle - low) + math.sqrt(3) * low
    np.testing.assert_allclose(distance, 1e-5 * steps, rtol=1e-5)


def test_an_edge_costs_its_height_times_the_step() -> None:
    image = np.zeros((1, 1, 6), dtype=np.float32)
    image[..., 3:] = 2.5
    distance = geodesic_distance(image, one_seed(), (1.0, 1.0, 0.5))
    np.testing.assert_allclose(distance[0, 0], [0, 0, 0, 1.25, 1.25, 1.25], atol=1e-4)


def test_guidance_is_one_at_the_seeds_and_falls_to_zero() -> None:
    image = np.zeros((3, 4, 5), dtype=np.float32)
    image[:, :, 3:] = 1000
    guidance = geodesic_guidance(image, one_seed(1, 1, 1), (1.0, 1.0, 1.0))
    assert guidance.dtype == np.float32
    assert guidance[1, 1, 1] == 1.0
    assert guidance[:, :, :3].min() > 0.999
    assert guidance[:, :, 3:].max() == 0.0


def test_same_input_gives_the_same_bits_in_any_memory_layout() -> None:
    rng = np.random.default_rng(11)
    image = random_image(rng, (10, 12, 14), 0)
    frozen = image.copy()
    frozen.flags.writeable = False
    layouts = [image, frozen, np.asfortranarray(image), image.astype(np.float64)]
    layouts.append(np.repeat(image, 2, axis=2)[:, :, ::2])
    seeds = random_seeds(rng, image.shape)
    for sweeps in (4, None):
        maps = [geodesic_distance(each, seeds, SPACING, sweeps=sweeps) for each in layouts]
        assert len({each.tobytes() for each in maps}) == 1
        assert all(each.flags.c_contiguous and each.dtype == np.float32 for each in maps)


def test_input_is_left_as_it_was() -> None:
    rng = np.random.default_rng(12)
    image = random_image(rng, (6, 7, 8), 0)
    seeds = random_seeds(rng, image.shape)
    kept = image.copy(), seeds.copy()
    geodesic_distance(image, seeds, SPACING, sweeps=None)
    np.testing.assert_array_equal(image, kept[0])
    np.testing.assert_array_equal(seeds, kept[1])


def test_code_without_a_place_for_its_cache_still_runs() -> None:
    scope: dict[str, object] = {}
    exec("def double(value):\n    return 2 * value", scope)  # noqa: S102 - a function without a file
    double = scope["double"]
    assert callable(double)
    assert compiled_once(double)(21) == 42


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5), (0, 4, 4)])
def test_images_that_are_not_three_dimensional_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="needs voxels along"):
        geodesic_distance(np.zeros(shape, dtype=np.float32), one_seed(), SPACING)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_voxels_that_are_not_finite_are_refused(value: float) -> None:
    image = np.zeros((3, 3, 3))
    image[1, 1, :2] = value
    with pytest.raises(InputError, match="2 of 27 voxels are not finite"):
        geodesic_distance(image, one_seed(), SPACING)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spacing", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, -2.0, 1.0), (1.0, 1.0, np.nan)]
)
def test_spacings_that_are_no_lengths_are_refused(spacing: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="three lengths above 0 mm"):
        geodesic_distance(np.zeros((3, 3, 3), dtype=np.float32), one_seed(), spacing)


def test_no_seed_is_refused() -> None:
    image = np.zeros((3, 3, 3), dtype=np.float32)
    with pytest.raises(ClickError, match="at least one seed"):
        geodesic_distance(image, np.empty((0, 3), dtype=np.int64), SPACING)


@pytest.mark.parametrize("seed", [[0, 0, 3], [0, -1, 0], [3, 0, 0]])
def test_a_seed_outside_the_image_is_named(seed: list[int]) -> None:
    image = np.zeros((3, 3, 3), dtype=np.float32)
    with pytest.raises(ClickError, match=r"seed 2 of 2 at voxel .* outside") as caught:
        geodesic_distance(image, np.array([[0, 0, 0], seed]), SPACING)
    assert caught.value.code == "click-outside"


@pytest.mark.parametrize(
    "seeds", [np.zeros(3, dtype=int), np.zeros((2, 2), dtype=int), np.ones((1, 3))]
)
def test_seeds_that_are_no_voxel_indices_are_refused(seeds: NDArray[np.int64]) -> None:
    with pytest.raises(ClickError, match="whole voxel indices"):
        geodesic_distance(np.zeros((3, 3, 3), dtype=np.float32), seeds, SPACING)


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan])
def test_a_weight_outside_its_range_is_refused(weight: float) -> None:
    image = np.zeros((3, 3, 3), dtype=np.float32)
    with pytest.raises(SettingsError, match="from 0 to 1"):
        geodesic_distance(image, one_seed(), SPACING, gradient_weight=weight)


@pytest.mark.parametrize("sweeps", [0, -4])
def test_less_than_one_sweep_is_refused(sweeps: int) -> None:
    image = np.zeros((3, 3, 3), dtype=np.float32)
    with pytest.raises(SettingsError, match="at least 1"):
        geodesic_distance(image, one_seed(), SPACING, sweeps=sweeps)
