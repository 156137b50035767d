"""Texture and edges that a coarser grid would lose."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.resample import with_spacing
from oncotrace.segment.texture_channels import detail, edges

FINE = Geometry((60, 54, 12), (1.0, 1.0, 3.0), (5.0, -3.0, 2.0))
COARSE = with_spacing(FINE, (6.0, 6.0, 6.0))
INSIDE = (slice(1, -1),) * 3


def textured(spread: float) -> Scan:
    noise = np.random.default_rng(0).standard_normal(FINE.shape_zyx)
    return Scan((0.7 + spread * noise).astype(np.float32), FINE, "mr-t1")


def test_detail_is_half_the_octaves_of_the_spread():
    for spread in (0.1, 0.4):
        found = detail(textured(spread), COARSE)[INSIDE]
        assert found.mean() == pytest.approx(np.log2(spread / 0.2) / 2, abs=0.1)


def test_an_even_image_has_none():
    even = Scan(np.full(FINE.shape_zyx, 1.3, np.float32), FINE, "ct")
    for channel in (detail(even, COARSE), edges(even, COARSE)):
        assert channel.shape == COARSE.shape_zyx
        assert channel.max() < -2


def test_edges_are_the_slope_in_millimetres_whatever_the_voxels():
    values = []
    for pixel_mm in (0.5, 1.0):
        size = round(60 / pixel_mm)
        grid = Geometry((size, size, 12), (pixel_mm, pixel_mm, 3.0))
        ramp = np.broadcast_to(0.05 * pixel_mm * np.arange(size), grid.shape_zyx)
        scan = Scan(ramp.astype(np.float32), grid, "ct")
        values.append(edges(scan, with_spacing(grid, (6.0, 6.0, 6.0)))[INSIDE].mean())
    assert values == pytest.approx([np.log2(0.55) / 2] * 2, abs=0.03)


def test_twice_the_contrast_is_one_shift_of_both():
    one, two = textured(0.3), Scan(2 * textured(0.3).voxels, FINE, "mr-t1")
    for channel in (detail, edges):
        shift = (channel(two, COARSE) - channel(one, COARSE))[INSIDE]
        np.testing.assert_allclose(shift, 0.5, atol=0.08)
