"""Every check of voxels fires on an image or mask made for it, and none on clean ones."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.curate.check_rules import Limits
from oncotrace.curate.flag import Flag
from oncotrace.curate.voxel_checks import flip_flag, image_flags, mask_flags
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan

GRID = Geometry((40, 40, 20), (5.0, 5.0, 5.0), (-100.0, -100.0, 0.0))
LIMITS = Limits()


def body() -> NDArray[np.bool_]:
    """Two unequal limbs as cylinders, the larger one at low x."""
    _, y, x = np.indices(GRID.shape_zyx)
    thick = (x - 12) ** 2 + (y - 20) ** 2 < 64
    return np.asarray(thick | ((x - 30) ** 2 + (y - 20) ** 2 < 16))


def ct(tissue: float = 40.0, air: float = -1000.0) -> Scan:
    """Limbs in air."""
    noise = np.random.default_rng(0).normal(0, 5, GRID.shape_zyx)
    return Scan((np.where(body(), tissue, air) + noise).astype(np.float32), GRID, "ct")


def tumour() -> Mask:
    """A ball in the thicker limb."""
    z, y, x = np.indices(GRID.shape_zyx)
    return Mask((x - 12) ** 2 + (y - 20) ** 2 + (z - 10) ** 2 < 16, GRID)


def failed(flags: object) -> list[str]:
    """Names of the checks that failed."""
    return [flag.check for flag in flags if flag.passed is False]  # type: ignore[attr-defined]


def test_a_clean_ct_with_its_mask_passes_every_check() -> None:
    flags = [*image_flags(ct(), LIMITS), *mask_flags(tumour(), ct(), LIMITS)]
    assert [flag.check for flag in flags if not flag.passed] == []
    assert len(flags) == 9


def test_a_blank_image_is_told_and_nothing_else_is_asked_of_it() -> None:
    blank = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "ct")
    assert failed(image_flags(blank, LIMITS)) == ["not-blank"]
    assert "mask-in-body" not in {flag.check for flag in mask_flags(tumour(), blank, LIMITS)}


@pytest.mark.parametrize(("slope", "intercept"), [(1, 1024), (1, 3000), (0.5, 0), (16, 0)])
def test_a_ct_with_another_slope_or_intercept_is_told_by_its_air(
    slope: float, intercept: float
) -> None:
    wrong = Scan((ct().voxels * slope + intercept).astype(np.float32), GRID, "ct")
    assert failed(image_flags(wrong, LIMITS)) == ["air-hu"]


def test_a_ct_wholly_inside_the_body_is_neither_right_nor_wrong() -> None:
    inside = Scan(
        np.random.default_rng(0).normal(30, 60, GRID.shape_zyx).astype(np.float32), GRID, "ct"
    )
    assert [flag.passed for flag in image_flags(inside, LIMITS)] == [True, None]


def test_a_ct_whose_tissue_is_no_tissue_is_told() -> None:
    assert failed(image_flags(ct(tissue=1200.0), LIMITS)) == ["body-hu"]


def test_a_body_that_is_cut_off_is_told() -> None:
    cut = Scan(ct().voxels[:, :, 10:], replace(GRID, size_xyz=(30, 40, 20)), "ct")
    assert failed(image_flags(cut, LIMITS)) == ["whole-body"]


def test_negative_uptake_is_told() -> None:
    voxels = np.ones(GRID.shape_zyx, dtype=np.float32)
    voxels[0, 0, 0] = -0.1
    assert failed(image_flags(Scan(voxels, GRID, "pet"), LIMITS)) == ["no-negative-uptake"]


def test_an_empty_mask_is_told() -> None:
    empty = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    assert failed(mask_flags(empty, ct(), LIMITS)) == ["mask-not-empty"]


def test_a_mask_in_two_pieces_is_told_but_specks_are_not_counted() -> None:
    voxels = tumour().voxels.copy()
    voxels[18, 20, 12] = True  # 0.125 ml
    two = Mask(voxels, GRID)
    assert failed(mask_flags(two, ct(), LIMITS)) == ["mask-in-one-piece"]
    larger = LIMITS.model_copy(update={"smallest_piece_ml": 0.2})
    assert failed(mask_flags(two, ct(), larger)) == []


def test_a_mask_beside_the_body_is_told() -> None:
    voxels = np.roll(tumour().voxels, 16, axis=1)
    assert failed(mask_flags(Mask(voxels, GRID), ct(), LIMITS)) == ["mask-in-body"]


def test_a_mask_that_reaches_beyond_the_image_is_told_with_its_share() -> None:
    moved = replace(GRID, origin_mm=(-100.0, -100.0, 45.0))
    flags = {flag.check: flag for flag in mask_flags(Mask(tumour().voxels, moved), ct(), LIMITS)}
    assert failed(flags.values()) == ["mask-on-image-grid", "mask-in-image"]
    assert flags["mask-in-image"].value.endswith("% outside")


def test_a_finer_mask_inside_the_image_is_only_on_another_grid() -> None:
    fine = Geometry((4, 4, 4), (2.0, 2.0, 2.0), (-40.0, 0.0, 50.0))
    mask = Mask(np.ones((4, 4, 4), dtype=bool), fine)
    assert failed(mask_flags(mask, ct(), LIMITS)) == ["mask-on-image-grid"]


def test_an_image_whose_left_is_right_is_told_by_another_image_of_the_patient() -> None:
    flipped = Scan(ct().voxels[:, :, ::-1], GRID, "ct")
    right, wrong = flip_flag(ct(), ct(), LIMITS), flip_flag(flipped, ct(), LIMITS)
    assert isinstance(right, Flag)
    assert isinstance(wrong, Flag)
    assert right.passed
    assert not wrong.passed
