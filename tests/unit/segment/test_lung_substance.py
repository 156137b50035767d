"""Solid and ground-glass parts add up, and are told apart by density and by texture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.segment.lung_settings import LungSettings
from oncotrace.segment.lung_substance import otsu, solid_by_texture, substances

GRID = Geometry((40, 36, 20), (1.0, 1.0, 2.0))


def tumour(core_hu: float, core_sd: float, rim_hu: float, rim_sd: float):
    """A ball with a core of half its radius, in a lung; returns CT, tumour and core."""
    z, y, x = np.indices(GRID.shape_zyx)
    radius = np.sqrt((x - 20) ** 2 + (y - 18) ** 2 + (2 * (z - 10)) ** 2)
    rng = np.random.default_rng(0)
    inside, core = radius <= 14, radius <= 7
    hu = np.full(GRID.shape_zyx, -850.0)
    hu[inside] = rim_hu + rim_sd * rng.standard_normal(inside.sum())
    hu[core] = core_hu + core_sd * rng.standard_normal(core.sum())
    return Scan(hu.astype(np.float32), GRID, "ct"), Mask(inside, GRID), core


def test_solid_by_intensity_is_what_is_denser() -> None:
    ct, mask, core = tumour(30, 10, -600, 10)
    (part,) = substances(ct, mask, LungSettings(solid_by=("intensity",)))
    voxel_ml = GRID.voxel_volume_mm3 / 1000
    assert part.solid_ml == pytest.approx(core.sum() * voxel_ml)
    assert part.ground_glass_ml == pytest.approx((mask.voxels.sum() - core.sum()) * voxel_ml)


def test_solid_by_texture_is_what_varies_least() -> None:
    ct, mask, core = tumour(-400, 5, -400, 120)
    solid = solid_by_texture(ct, mask, 5.0)
    assert solid[core].mean() > 0.5  # the neighbourhood of its border holds ground glass
    assert solid[mask.voxels & ~core].mean() < 0.05


def test_a_tumour_of_one_texture_is_solid_throughout() -> None:
    ct, mask, _ = tumour(30, 20, 30, 20)
    np.testing.assert_array_equal(solid_by_texture(ct, mask, 5.0), mask.voxels)


@settings(max_examples=15, deadline=None)
@given(st.floats(-800, 100), st.floats(1, 100), st.floats(-800, 100), st.floats(1, 100))
def test_parts_add_up_to_the_tumour(core_hu, core_sd, rim_hu, rim_sd) -> None:
    ct, mask, _ = tumour(core_hu, core_sd, rim_hu, rim_sd)
    whole = mask.voxels.sum() * GRID.voxel_volume_mm3 / 1000
    for part in substances(ct, mask, LungSettings()):
        assert part.solid_ml >= 0
        assert part.ground_glass_ml >= -1e-9
        assert part.solid_ml + part.ground_glass_ml == pytest.approx(whole)


def test_an_empty_tumour_has_no_parts() -> None:
    ct, mask, _ = tumour(0, 1, 0, 1)
    nothing = Mask(np.zeros_like(mask.voxels), GRID)
    assert [(p.solid_ml, p.ground_glass_ml) for p in substances(ct, nothing, LungSettings())] == [
        (0, 0),
        (0, 0),
    ]


def test_a_tumour_of_another_grid_is_refused() -> None:
    ct, _, _ = tumour(0, 1, 0, 1)
    other = Mask(np.ones((2, 2, 2), dtype=bool), Geometry((2, 2, 2)))
    with pytest.raises(GeometryMismatchError, match="the tumour and the image"):
        substances(ct, other, LungSettings())


def test_otsu_parts_two_heaps_between_them() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 500), rng.normal(20, 1, 100)]).astype(np.float32)
    assert 3 < otsu(values) < 17
