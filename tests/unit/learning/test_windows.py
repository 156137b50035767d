"""Windows cover a case, and what they say is joined without a seam."""

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan

from oncotrace.learning.windows import over_windows

PATCHES = tiny_plan(grid={"mode": "patch", "size_xyz": (8, 16, 24)})


@pytest.fixture
def channels():
    """Return channels that are larger than a window along some axes and smaller along another."""
    return np.random.default_rng(1).normal(size=(2, 20, 33, 30)).astype(np.float32)


def test_what_does_not_depend_on_the_window_is_joined_unchanged(channels):
    found, features = over_windows(lambda seen: (seen[0], seen[:, 0, 0, 0]), channels, PATCHES)
    np.testing.assert_allclose(found, channels[0], atol=1e-5)
    assert features.shape == (2,)


def test_every_window_has_the_size_of_a_patch_and_overlaps_by_half(channels):
    shapes = []

    def run(seen):
        shapes.append(seen.shape)
        return seen[0], seen[:, 0, 0, 0]

    over_windows(run, channels, PATCHES)
    assert set(shapes) == {(2, 24, 16, 8)}
    assert len(shapes) == 1 * 4 * 7  # (33 - 16) / 8 and (30 - 8) / 4, rounded up, and one more


def test_the_middle_of_a_window_counts_more_than_its_rim(channels):
    count = iter(range(100))
    found, _ = over_windows(
        lambda seen: (np.full_like(seen[0], next(count)), seen[:, 0, 0, 0]),
        channels[:, :, :16, :12],
        PATCHES,
    )
    assert found[10, 8, 0] == 0
    assert found[10, 8, 4] < 0.5 < found[10, 8, 7]
    assert found[10, 8, 11] == 1


def test_features_are_averaged_over_windows(channels):
    count = iter(range(100))
    _, features = over_windows(
        lambda seen: (seen[0], np.float32([next(count), 1])), channels[:, :, :16, :12], PATCHES
    )
    np.testing.assert_allclose(features, [0.5, 1])


def test_a_fixed_grid_is_one_window():
    channels = np.ones((2, 24, 16, 8), dtype=np.float32)
    found, _ = over_windows(lambda seen: (seen[0], seen[:, 0, 0, 0]), channels, tiny_plan())
    np.testing.assert_array_equal(found, channels[0])
