"""Planted lesions have the size, place and density that was wished for."""

import numpy as np
import pytest
from tests.unit.segment.chest_phantom import GRID, Chest, chest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, GeometryMismatchError, InputError
from oncotrace.imaging.lesion_simulation import LesionWish, noise_hu, plant
from oncotrace.imaging.morphology import depth_mm


@pytest.fixture(scope="module")
def patient() -> Chest:
    return chest()


def planted(patient: Chest, wish: LesionWish, seed: int = 0):
    return plant(patient.ct, patient.lungs, wish, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("kind", ["solid", "ground-glass", "part-solid"])
def test_a_lesion_has_about_the_volume_of_its_ball(patient: Chest, kind) -> None:
    volumes = [
        planted(patient, LesionWish(kind, "parenchyma", 30.0), seed)[1].mask.voxels.sum()
        * GRID.voxel_volume_mm3
        for seed in range(4)
    ]
    assert np.mean(volumes) == pytest.approx(np.pi / 6 * 30**3, rel=0.35)
    assert len(set(volumes)) == 4


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("solid", -10, 70), ("ground-glass", -710, -390)]
)
def test_densities_are_those_of_the_kind(patient: Chest, kind, low: float, high: float) -> None:
    ct, lesion = planted(patient, LesionWish(kind, "parenchyma", 30.0), 3)
    deep = depth_mm(lesion.mask.voxels, GRID) > 4
    assert low < np.median(ct.voxels[deep]) < high


def test_a_part_solid_lesion_is_denser_in_its_middle(patient: Chest) -> None:
    ct, lesion = planted(patient, LesionWish("part-solid", "parenchyma", 36.0), 1)
    x, y, z = GRID.to_index(lesion.centre_mm).ravel().round().astype(int)
    middle = np.zeros(GRID.shape_zyx, dtype=bool)
    middle[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = True
    depth = depth_mm(lesion.mask.voxels, GRID)
    assert np.median(ct.voxels[middle]) > -100
    assert np.median(ct.voxels[lesion.mask.voxels & (depth <= 3)]) < -300


def test_vessels_stay_in_ground_glass(patient: Chest) -> None:
    ct, lesion = planted(patient, LesionWish("ground-glass", "parenchyma", 40.0), 2)
    vessels = lesion.mask.voxels & (patient.ct.voxels > 0)
    assert (ct.voxels[vessels] > -200).mean() > 0.95


def test_nothing_changes_far_from_the_lesion(patient: Chest) -> None:
    ct, lesion = planted(patient, LesionWish("solid", "parenchyma", 20.0))
    far = depth_mm(lesion.mask.voxels, GRID) < -8
    np.testing.assert_array_equal(ct.voxels[far], patient.ct.voxels[far])


def test_places_are_kept(patient: Chest) -> None:
    depth = depth_mm(patient.lungs.voxels, GRID)
    for seed in range(3):
        _, inside = planted(patient, LesionWish("solid", "parenchyma", 20.0), seed)
        _, wall = planted(patient, LesionWish("solid", "pleura", 20.0), seed)
        _, middle = planted(patient, LesionWish("solid", "mediastinum", 20.0), seed)
        x, y, z = GRID.to_index(inside.centre_mm).ravel().round().astype(int)
        assert depth[z, y, x] >= 14
        assert abs(wall.centre_mm[0]) > abs(middle.centre_mm[0])
        assert not wall.mask.voxels[depth < -3 - 1e-6].any()


def test_the_same_seed_plants_the_same_lesion(patient: Chest) -> None:
    wish = LesionWish("part-solid", "pleura", 18.0)
    (one, first), (two, second) = planted(patient, wish, 5), planted(patient, wish, 5)
    np.testing.assert_array_equal(one.voxels, two.voxels)
    np.testing.assert_array_equal(first.mask.voxels, second.mask.voxels)


def test_a_lesion_that_fits_nowhere_is_refused(patient: Chest) -> None:
    with pytest.raises(InputError, match="no place for a lesion of 200 mm") as caught:
        planted(patient, LesionWish("solid", "parenchyma", 200.0))
    assert caught.value.code == "no-place"


def test_a_lesion_that_fills_half_of_no_voxel_is_refused(patient: Chest) -> None:
    with pytest.raises(InputError, match="half of no voxel") as caught:
        planted(patient, LesionWish("solid", "parenchyma", 1.0))
    assert caught.value.code == "no-place"


@pytest.mark.parametrize("place", ["parenchyma", "pleura", "mediastinum"])
def test_nothing_is_planted_where_there_are_no_lungs(patient: Chest, place) -> None:
    none = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    with pytest.raises(EmptyMaskError):
        plant(patient.ct, none, LesionWish("solid", place, 9.0), rng=np.random.default_rng(0))


def test_lungs_of_another_grid_are_refused(patient: Chest) -> None:
    elsewhere = Mask(patient.left, Geometry(GRID.size_xyz, GRID.spacing_mm))
    with pytest.raises(GeometryMismatchError, match="the lungs and the image"):
        plant(
            patient.ct, elsewhere, LesionWish("solid", "pleura", 9.0), rng=np.random.default_rng(0)
        )


def test_noise_is_that_of_soft_tissue(patient: Chest) -> None:
    assert noise_hu(patient.ct) == pytest.approx(10, rel=0.1)
    assert noise_hu(Scan(np.full(GRID.shape_zyx, -900, np.float32), GRID)) == 15
