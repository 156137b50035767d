"""Metabolic volume and uptake by closed form on balls of known uptake."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, GeometryMismatchError
from oncotrace.imaging.metabolic_volume import (
    UPTAKE_RULES,
    metabolic_region,
    metabolic_volume,
    uptake,
)

GRID = Geometry((31, 31, 31), (2.0, 2.0, 2.0))
EVERYTHING = Mask(np.ones(GRID.shape_zyx, np.bool_), GRID)
VOXEL_ML = 0.008


def shells() -> Scan:
    """SUV 10 within 10 mm, 4.5 within 16, 3 within 20, 1 beyond."""
    z, y, x = np.indices(GRID.shape_zyx)
    radius_mm = 2 * np.sqrt((x - 15.0) ** 2 + (y - 15.0) ** 2 + (z - 15.0) ** 2)
    suv = np.select([radius_mm <= 10, radius_mm <= 16, radius_mm <= 20], [10.0, 4.5, 3.0], 1.0)
    return Scan(suv.astype(np.float32), GRID, "pet")


@pytest.mark.parametrize(
    ("rule", "threshold", "levels"),
    [
        ("41 % of maximum", 4.1, (10, 4.5)),
        ("50 % of maximum", 5.0, (10,)),
        ("SUV 2.5", 2.5, (10, 4.5, 3)),
        ("SUV 4", 4.0, (10, 4.5)),
    ],
)
def test_volume_and_glycolysis_are_those_of_the_shells(
    rule: str, threshold: float, levels: tuple[float, ...]
) -> None:
    suv = shells()
    counts = {level: int((suv.voxels == level).sum()) for level in levels}
    found = metabolic_volume(suv, EVERYTHING, rule)
    assert found.threshold_suv == pytest.approx(threshold)
    assert found.volume_ml == pytest.approx(VOXEL_ML * sum(counts.values()))
    total = VOXEL_ML * sum(level * count for level, count in counts.items())
    assert found.total_lesion_glycolysis_ml == pytest.approx(total)
    assert found.suv_mean == pytest.approx(total / found.volume_ml)


def test_all_rules_are_tested() -> None:
    assert UPTAKE_RULES == ("41 % of maximum", "50 % of maximum", "SUV 2.5", "SUV 4")


def test_only_the_mask_counts() -> None:
    shell = Mask(shells().voxels == np.float32(4.5), GRID)
    found = metabolic_volume(shells(), shell, "50 % of maximum")
    assert found.threshold_suv == pytest.approx(2.25)
    assert found.volume_ml == pytest.approx(VOXEL_ML * shell.voxels.sum())
    assert metabolic_region(shells(), shell, "SUV 2.5").voxels.tolist() == shell.voxels.tolist()


def test_nothing_above_the_threshold_is_a_volume_of_0_without_a_mean() -> None:
    cold = Scan(np.ones(GRID.shape_zyx, np.float32), GRID, "pet")
    found = metabolic_volume(cold, EVERYTHING, "SUV 4")
    assert (found.volume_ml, found.suv_mean, found.total_lesion_glycolysis_ml) == (0, None, 0)


def test_peak_is_the_mean_of_a_ball_of_one_millilitre() -> None:
    # The ball of 6.2 mm lies within the core of 10 mm: its mean is the core's uptake.
    assert uptake(shells(), EVERYTHING).suv_peak == pytest.approx(10)
    one = np.zeros(GRID.shape_zyx, np.float32)
    one[15, 15, 15] = 1
    z, y, x = np.indices((7, 7, 7)) - 3
    voxels_in_ball = int((4 * (x**2 + y**2 + z**2) <= 6.2035**2).sum())
    found = uptake(Scan(one, GRID, "pet"), EVERYTHING)
    assert found.suv_peak == pytest.approx(1 / voxels_in_ball)
    assert found.suv_max == 1


def test_peak_looks_beside_the_mask_and_not_beside_the_image() -> None:
    corner = np.zeros(GRID.shape_zyx, np.bool_)
    corner[0, 0, 0] = True
    even = Scan(np.full(GRID.shape_zyx, 3, np.float32), GRID, "pet")
    assert uptake(even, Mask(corner, GRID)).suv_peak == pytest.approx(3)
    z, y, x = np.indices(GRID.shape_zyx)
    beside = Scan(((x + y + z) > 0).astype(np.float32) * 5, GRID, "pet")
    found = uptake(beside, Mask(corner, GRID))
    assert found.suv_max == 0
    assert found.suv_peak > 3


def test_mask_must_be_there_and_lie_on_the_pet() -> None:
    with pytest.raises(EmptyMaskError, match="empty"):
        uptake(shells(), Mask(np.zeros(GRID.shape_zyx, np.bool_), GRID))
    moved = Mask(EVERYTHING.voxels, Geometry(GRID.size_xyz, GRID.spacing_mm, (1.0, 0.0, 0.0)))
    with pytest.raises(GeometryMismatchError, match="different grids"):
        metabolic_volume(shells(), moved, "SUV 4")
