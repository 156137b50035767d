"""What holds for the geodesic distance on every image."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from oncotrace.imaging.geodesic import geodesic_distance

Case = tuple[NDArray[np.float32], NDArray[np.int64], tuple[float, float, float]]

weights = st.sampled_from([0.0, 0.4, 1.0])
either_way = st.sampled_from([1, 4, None])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """An image of up to 7 voxels a side with 1 to 4 seeds and any spacing."""
    shape = draw(st.tuples(*[st.integers(1, 7)] * 3))
    values = st.floats(-100, 100, width=32)
    image = draw(npst.arrays(np.float32, shape, elements=values))
    indices = [st.integers(0, n - 1) for n in shape]
    seeds = draw(st.lists(st.tuples(*indices), min_size=1, max_size=4))
    spacing = draw(st.tuples(*[st.floats(0.1, 10)] * 3))
    return image, np.array(seeds, dtype=np.int64), spacing


@given(cases(), st.tuples(*[st.booleans()] * 3), weights)
@settings(deadline=None)
def test_flipping_the_image_flips_the_settled_distance(
    case: Case, flips: tuple[bool, ...], weight: float
) -> None:
    image, seeds, spacing = case
    axes = [axis for axis in range(3) if flips[axis]]
    mirrored = np.where(flips, np.array(image.shape) - 1 - seeds, seeds)
    kept = geodesic_distance(image, seeds, spacing, gradient_weight=weight, sweeps=None)
    flipped = geodesic_distance(
        np.flip(image, axes), mirrored, spacing, gradient_weight=weight, sweeps=None
    )
    np.testing.assert_array_equal(np.flip(flipped, axes), kept)


@given(cases(), st.permutations(range(3)), weights)
@settings(deadline=None)
def test_turning_the_axes_turns_the_settled_distance(
    case: Case, order: list[int], weight: float
) -> None:
    image, seeds, spacing = case
    z, y, x = (spacing[axis] for axis in order)
    kept = geodesic_distance(image, seeds, spacing, gradient_weight=weight, sweeps=None)
    turned = geodesic_distance(
        image.transpose(order), seeds[:, order], (z, y, x), gradient_weight=weight, sweeps=None
    )
    np.testing.assert_array_equal(turned, kept.transpose(order))


@given(cases(), weights, either_way)
@settings(deadline=None)
def test_distance_is_zero_at_seeds_and_above_elsewhere(
    case: Case, weight: float, sweeps: int | None
) -> None:
    image, seeds, spacing = case
    distance = geodesic_distance(image, seeds, spacing, gradient_weight=weight, sweeps=sweeps)
    at_seeds = np.zeros(image.shape, dtype=bool)
    at_seeds[tuple(seeds.T)] = True
    assert (distance[at_seeds] == 0).all()
    assert (distance[~at_seeds] > 0).all()
    assert np.isfinite(distance).all()


@given(cases(), weights, either_way)
@settings(deadline=None)
def test_more_seeds_never_lengthen_a_distance(
    case: Case, weight: float, sweeps: int | None
) -> None:
    image, seeds, spacing = case
    fewer = geodesic_distance(image, seeds[:1], spacing, gradient_weight=weight, sweeps=sweeps)
    more = geodesic_distance(image, seeds, spacing, gradient_weight=weight, sweeps=sweeps)
    assert (more <= fewer).all()


@given(cases(), either_way)
@settings(deadline=None)
def test_seeds_count_in_any_order_and_once(case: Case, sweeps: int | None) -> None:
    image, seeds, spacing = case
    again = np.concatenate([seeds[::-1], seeds[:1]])
    np.testing.assert_array_equal(
        geodesic_distance(image, seeds, spacing, sweeps=sweeps),
        geodesic_distance(image, again, spacing, sweeps=sweeps),
    )


@given(cases(), st.floats(0.2, 5), weights, either_way)
@settings(deadline=None)
def test_distance_grows_in_proportion_to_the_spacing(
    case: Case, factor: float, weight: float, sweeps: int | None
) -> None:
    image, seeds, spacing = case
    z, y, x = (side * factor for side in spacing)
    near = geodesic_distance(image, seeds, spacing, gradient_weight=weight, sweeps=sweeps)
    far = geodesic_distance(image, seeds, (z, y, x), gradient_weight=weight, sweeps=sweeps)
    np.testing.assert_allclose(far, near * np.float32(factor), rtol=1e-5)


@given(cases(), st.integers(-64, 64))
@settings(deadline=None)
def test_sweeps_never_undercut_the_settled_distance(case: Case, level: int) -> None:
    image, seeds, spacing = case
    shifted = np.round(image) + np.float32(level)
    four = geodesic_distance(shifted, seeds, spacing)
    settled = geodesic_distance(shifted, seeds, spacing, sweeps=None)
    assert (four >= settled).all()
    np.testing.assert_array_equal(
        settled, geodesic_distance(np.round(image), seeds, spacing, sweeps=None)
    )
