"""What is displaced by a known map is brought back, and what does not belong is refused."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from tests.unit.imaging.registered_images import GRID, MIDDLE_MM, body, noise, pose, tumour

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, SettingsError
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.register import Registration, register
from oncotrace.imaging.register_apply import moved_mask, moved_scan
from oncotrace.imaging.register_check import RegistrationFindings, refusals, rotation_deg
from oncotrace.imaging.register_map import PointMap, map_of_matrix
from oncotrace.imaging.register_settings import (
    RegistrationLimits,
    RegistrationSettings,
    initial_named,
    transform_kind_named,
)

QUICK = RegistrationSettings(levels_mm=(8.0, 4.0, 2.0), samples=20_000)


def error_mm(made: Registration, true: PointMap) -> float:
    """Farthest that the result puts a point of the tumour from where it is."""
    points_mm = GRID.to_point_mm(np.argwhere(tumour().voxels)[:, ::-1])
    apart_mm = made.point_map.moved(points_mm) - true.moved(points_mm)
    return float(np.linalg.norm(apart_mm, axis=1).max())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rotation_deg", "shift_mm"),
    [((0, 0, 5), (10, 5, 0)), ((5, -3, 8), (-8, 12, 10)), ((-6, 6, -10), (10, -10, 14))],
)
def test_a_displaced_body_of_another_contrast_is_brought_back(
    rotation_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]
) -> None:
    true = pose(rotation_deg, shift_mm)
    made = register(body(true, inverted=True, seed=1), body(), settings=QUICK, seed=0)
    assert made.refused == ()
    assert not made.was_aligned
    assert error_mm(made, true) < 1.5  # half of the smallest side of a voxel
    assert made.found.gain_nats > 0.02
    carried = moved_mask(tumour(true), GRID, made.point_map, interpolation="linear")
    assert dice(carried, tumour()) > 0.9
    assert dice(carried, tumour()) > dice(tumour(true), tumour()) + 0.2


@pytest.mark.slow
def test_images_in_frames_far_apart_are_found_by_their_middles() -> None:
    far = Geometry(GRID.size_xyz, GRID.spacing_mm, (920.0, -570.0, 100.0))
    shift = pose((0, 0, 0), (1000.0, -500.0, 0.0))
    made = register(body(shift, grid=far, seed=1), body(), settings=QUICK, seed=0)
    assert made.refused == ()
    assert made.start in ("geometry", "moments")
    assert made.found.metric_before_nats == 0
    assert made.found.mean_displacement_mm == pytest.approx(np.hypot(1000, 500), abs=1)


@pytest.mark.slow
def test_images_that_are_aligned_already_stay_as_they_are() -> None:
    limits = RegistrationLimits(least_gain_nats=0.05)
    settings = replace(QUICK, initial="none", limits=limits)
    made = register(body(inverted=True, seed=1), body(), settings=settings, seed=0)
    assert made.refused == ()
    assert made.was_aligned
    np.testing.assert_allclose(made.point_map.matrix, np.eye(4), atol=1e-9)


def test_noise_is_refused() -> None:
    made = register(noise(), body(), settings=replace(QUICK, initial="none"), seed=0)
    assert made.refused
    with pytest.raises(InputError, match="the registration is not used: ") as caught:
        made.require_usable(hint="Look.")
    assert caught.value.code == made.refused[0].code
    assert caught.value.code.startswith("registration-")


@pytest.mark.slow
def test_a_limit_that_is_broken_refuses_a_good_result() -> None:
    true = pose((0, 0, 8), (14, 6, 0))
    limits = RegistrationLimits(most_rotation_deg=4.0)
    settings = replace(QUICK, initial="none", limits=limits)
    made = register(body(true, seed=1), body(), settings=settings, seed=0)
    assert [refusal.code for refusal in made.refused] == ["registration-too-far"]
    assert "at most 60 mm and 4 degrees are allowed" in made.refused[0].text


@pytest.mark.slow
def test_the_number_of_threads_and_a_repeat_change_no_bit() -> None:
    true = pose((2, 0, 4), (8, 4, 3))
    settings = replace(QUICK, initial="none", levels_mm=(8.0, 4.0), samples=5_000)
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    results = []
    try:
        for threads in (1, 2, 4):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            made = register(body(true, seed=1), body(), settings=settings, seed=5)
            matrix = made.point_map.matrix
            assert matrix is not None
            results.append((matrix.tobytes(), made.found))
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.slow
def test_an_affine_map_finds_a_change_of_size() -> None:
    grown = np.eye(4)
    grown[:3, :3] = np.diag([1.08, 1.0, 0.95])
    grown[:3, 3] = MIDDLE_MM - grown[:3, :3] @ MIDDLE_MM + (6.0, -4.0, 3.0)
    true = map_of_matrix(grown)
    settings = replace(QUICK, transform="affine", initial="none")
    made = register(body(true, seed=1), body(), settings=settings, seed=0)
    assert made.refused == ()
    assert error_mm(made, true) < 2.0
    assert made.found.stretch == pytest.approx(1.08, abs=0.02)
    assert made.found.jacobian_range == pytest.approx([1.08 * 0.95] * 2, abs=0.03)


@pytest.mark.slow
def test_a_bspline_does_not_fold_and_follows_a_bend() -> None:
    bent = sitk.DisplacementFieldTransform(3)
    x, _, _ = np.moveaxis(_points_of_grid(), -1, 0)
    field = np.zeros((*GRID.shape_zyx, 3))
    field[..., 2] = 7.0 * np.sin((x - MIDDLE_MM[0]) / 35.0)
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing(GRID.spacing_mm)
    image.SetOrigin(GRID.origin_mm)
    bent.SetDisplacementField(image)
    fixed = moved_scan(body(), GRID, PointMap(bent), interpolation="linear")
    settings = replace(QUICK, initial="none")
    rigid = register(body(), fixed, settings=settings, seed=0)
    free = register(body(), fixed, settings=replace(settings, transform="bspline"), seed=0)
    assert free.refused == ()
    assert free.point_map.matrix is None
    low, high = free.found.jacobian_range
    assert 0.3 < low < 1 < high < 3
    truth = moved_mask(tumour(), GRID, PointMap(bent), interpolation="linear")
    carried = [
        dice(moved_mask(tumour(), GRID, made.point_map, interpolation="linear"), truth)
        for made in (rigid, free)
    ]
    assert carried[1] > max(0.9, carried[0])


def _points_of_grid() -> np.ndarray:
    index_xyz = np.indices(GRID.shape_zyx).reshape(3, -1).T[:, ::-1]
    return GRID.to_point_mm(index_xyz).reshape(*GRID.shape_zyx, 3)


def test_a_map_says_where_points_of_the_fixed_image_lie_in_the_moving_one() -> None:
    shift = pose((0, 0, 0), (12.0, -9.0, 6.0))
    np.testing.assert_allclose(shift.moved(np.zeros((1, 3))), [[12, -9, 6]])
    moved = moved_mask(tumour(shift), GRID, shift, interpolation="nearest")
    np.testing.assert_array_equal(moved.voxels, tumour().voxels)


def test_beyond_the_moving_image_lies_air() -> None:
    ct = Scan(np.full(GRID.shape_zyx, 40.0, dtype=np.float32), GRID, "ct")
    away = pose((0, 0, 0), (1000.0, 0.0, 0.0))
    assert (moved_scan(ct, GRID, away, interpolation="linear").voxels == -1024).all()
    assert moved_mask(tumour(), GRID, away, interpolation="linear").is_empty


def test_the_angle_of_a_turn_about_several_axes_is_that_of_one() -> None:
    matrix = pose((0, 0, 30), (5, 5, 5)).matrix
    assert matrix is not None
    assert rotation_deg(matrix) == pytest.approx(30)
    assert rotation_deg(np.eye(4)) == 0


GOOD = RegistrationFindings(0.3, 0.3, 0.6, 8.0, 12.0, 8.0, 8.0, 5.0, 1.0, (0.9, 1.1), 0.9, 0.5, 2.0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"overlap": 0.4}, "registration-overlap"),
        ({"scatter_mm": 5.1}, "registration-unstable"),
        ({"round_trip_mm": float("inf")}, "registration-unstable"),
        ({"metric_after_nats": 0.304}, "registration-no-gain"),
        ({"metric_before_nats": 0.7}, "registration-no-gain"),
        ({"shift_mm": 61.0}, "registration-too-far"),
        ({"rotation_deg": 31.0}, "registration-too-far"),
        ({"stretch": 1.3}, "registration-stretched"),
        ({"jacobian_range": (-0.1, 1.0)}, "registration-folded"),
        ({"jacobian_range": (0.5, 11.0)}, "registration-folded"),
    ],
)
def test_every_limit_refuses_by_its_own_code(changed: dict[str, float], code: str) -> None:
    assert refusals(GOOD, RegistrationLimits()) == ()
    found = replace(GOOD, **changed)
    assert [refusal.code for refusal in refusals(found, RegistrationLimits())] == [code]


@pytest.mark.parametrize(
    "changed",
    [{"least_overlap": 1.2}, {"most_shift_mm": -1.0}, {"most_stretch": 0.9}, {"most_jacobian": 1}],
)
def test_limits_that_nothing_keeps_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="registration"):
        replace(RegistrationLimits(), **changed).require_possible()


def test_names_that_there_are_not_are_refused() -> None:
    with pytest.raises(SettingsError, match="--transform is one of rigid, affine, bspline"):
        transform_kind_named("elastic")
    with pytest.raises(SettingsError, match="--initial is one of auto, none"):
        initial_named("landmarks")


def test_a_blank_image_is_refused() -> None:
    blank = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "mr-t1")
    with pytest.raises(InputError, match="finding the body"):
        register(blank, body(), settings=QUICK, seed=0)
