"""A trunk with limbs on a couch, and what is told apart."""

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.imaging.body import CtObjects, body_of, ct_objects, only_within, without

GRID = Geometry((200, 140, 20), (2.0, 2.0, 4.0), (-199.0, -120.0, 30.0))
_, Y, X = np.indices(GRID.shape_zyx)
X, Y = X * 2.0 - 199, Y * 2.0 - 120

TRUNK = (X / 110) ** 2 + (Y / 80) ** 2 <= 1
ARM = (X - 160) ** 2 + Y**2 <= 22**2
LUNG = (X + 40) ** 2 + Y**2 <= 30**2
IMPLANT = (np.abs(X - 30) < 5) & (np.abs(Y) < 5)
PLATE = (np.abs(Y - 82) < 3) & (np.abs(X) < 190)  # touches the back
RAIL = (np.abs(Y - 120) < 8) & (np.abs(X - 60) < 30)
TUBE = np.hypot(X - 60, Y + 90) < 5
TUBE[8:] = False


def patient() -> Scan:
    voxels = np.full(GRID.shape_zyx, -1000.0)
    voxels[PLATE | RAIL] = 150
    voxels[TUBE] = 80
    voxels[TRUNK | ARM] = 30
    voxels[LUNG] = -850
    voxels[IMPLANT] = 3000
    noise = np.random.default_rng(0).normal(scale=15, size=voxels.shape)
    return Scan((voxels + noise).astype(np.float32), GRID, "ct")


@pytest.fixture(scope="module")
def objects() -> CtObjects:
    return ct_objects(patient())


def share(found: Mask, of: NDArray[np.bool_]) -> float:
    return float(found.voxels[of].mean())


def test_the_body_is_trunk_and_arm_with_what_they_enclose(objects: CtObjects) -> None:
    assert share(objects.body, TRUNK | ARM) > 0.995
    assert objects.body.voxels[LUNG].all()
    assert share(objects.body, ~(TRUNK | ARM)) < 0.005


def test_the_couch_is_what_runs_along_or_lies_behind(objects: CtObjects) -> None:
    assert share(objects.couch, (PLATE | RAIL) & ~TRUNK) > 0.9  # the rest lies in the contact
    assert not objects.couch.voxels[TRUNK | ARM].any()
    assert not objects.couch.voxels[TUBE].any()


def test_a_tube_before_the_body_is_another_object(objects: CtObjects) -> None:
    assert share(objects.others, TUBE & ~TRUNK) > 0.9
    assert not objects.others.voxels[PLATE | RAIL].any()


def test_metal_is_found_within_the_body(objects: CtObjects) -> None:
    np.testing.assert_array_equal(objects.metal.voxels, IMPLANT)


def test_excluded_objects_become_air_and_nothing_else_changes(objects: CtObjects) -> None:
    ct = patient()
    clean = without(ct, objects.couch, objects.others)
    gone = objects.couch.voxels | objects.others.voxels
    assert (clean.voxels[gone] == -1024).all()
    np.testing.assert_array_equal(clean.voxels[~gone], ct.voxels[~gone])
    assert clean.modality == "ct"


def test_outside_the_body_lies_air_on_request(objects: CtObjects) -> None:
    ct = patient()
    alone = only_within(ct, objects.body)
    outside = ~objects.body.voxels
    assert (alone.voxels[outside] == -1024).all()
    np.testing.assert_array_equal(alone.voxels[~outside], ct.voxels[~outside])


def test_an_object_of_another_grid_is_refused() -> None:
    other = Mask(np.zeros((2, 2, 2), dtype=bool), Geometry((2, 2, 2)))
    with pytest.raises(GeometryMismatchError, match="the object and the image"):
        without(patient(), other)


@pytest.mark.parametrize("flip", [(1, -1, 1), (-1, 1, -1)])
def test_a_patient_on_the_belly_has_the_same_body(
    flip: tuple[int, int, int], objects: CtObjects
) -> None:
    turn = tuple(slice(None, None, f) for f in flip)
    turned = body_of(Scan(patient().voxels[turn], GRID, "ct"))
    np.testing.assert_array_equal(turned.voxels, objects.body.voxels[turn])


def test_the_thickest_piece_is_body_where_no_ball_of_a_limb_fits() -> None:
    grid = Geometry((60, 60, 8), (1.0, 1.0, 3.0))
    _, y, x = np.indices(grid.shape_zyx)
    hand = np.hypot(x - 30, y - 20) < 11
    sheet = np.abs(y - 45) < 2
    voxels = np.where(hand | sheet, 40.0, -1000.0).astype(np.float32)
    body = body_of(Scan(voxels, grid))
    assert share(body, hand) > 0.95
    assert not body.voxels[sheet].any()


def test_air_alone_has_no_body() -> None:
    grid = Geometry((10, 10, 4))
    assert body_of(Scan(np.full(grid.shape_zyx, -1000, np.float32), grid)).is_empty
