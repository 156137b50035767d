"""Intensities made comparable: what each method promises, on a synthetic limb."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.imaging.limb_phantom import FAT, GRID, MUSCLE, body, limb, scaled, tissues

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, GeometryMismatchError, InputError
from oncotrace.imaging.clahe import clahe
from oncotrace.imaging.foreground import foreground_of
from oncotrace.imaging.frequency import band_energies, with_energies
from oncotrace.imaging.histogram_equalise import equalised
from oncotrace.imaging.histogram_match import matched, mean_quantiles, quantiles
from oncotrace.imaging.histogram_modes import histogram_modes
from oncotrace.imaging.nyul import landmarks, on_standard_scale, standard_scale
from oncotrace.imaging.percentile_scale import (
    clipped_to,
    mapped_to,
    mean_range,
    percentile_range,
    shifted_to_positive,
)
from oncotrace.imaging.reference_tissue import in_units_of, region_intensity, tissue_intensity
from oncotrace.imaging.white_stripe import find_stripe, white_stripe
from oncotrace.imaging.z_score import moments, pooled_moments, z_score

DECILES = (1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 99.0)
SCALES_MM = (2.0, 4.0, 8.0)
REFERENCE = limb(seed=7)

Method = Callable[[Scan], Scan]


def whitened(scan: Scan) -> Scan:
    return white_stripe(scan, find_stripe(scan, body(), contrast="t2", width=0.05))


def on_scale(scan: Scan) -> Scan:
    scale = standard_scale([landmarks(REFERENCE, body(), DECILES)], DECILES, (0.0, 100.0))
    return on_standard_scale(scan, body(), scale)


AFFINE_INVARIANT: dict[str, Method] = {
    "z-score": lambda scan: z_score(scan, moments(scan, body())),
    "white-stripe": whitened,
    "nyul": on_scale,
    "min-max": lambda scan: mapped_to(scan, percentile_range(scan, None, (0, 100)), (0, 1)),
    "reference-range": lambda scan: mapped_to(
        scan, percentile_range(scan, body(), (1, 99)), (30.0, 700.0)
    ),
    "clahe": lambda scan: clahe(scan, tiles_xyz=(4, 4, 2), clip_limit=2.5),
    "equalise": lambda scan: equalised(scan, body()),
    "match": lambda scan: matched(scan, body(), quantiles(REFERENCE, body(), 101)),
}
BLANK: dict[str, Method] = {
    **AFFINE_INVARIANT,
    "frequency": lambda scan: with_energies(
        scan, None, SCALES_MM, (1, 1, 1), iterations=1, strongest=4
    ),
    "fat": lambda scan: in_units_of(scan, tissue_intensity(scan, body(), "fat"), value=1),
    "quantiles": lambda scan: matched(scan, None, quantiles(scan, None, 3)),
    "body": lambda scan: Scan(foreground_of(scan).voxels.astype(np.float32), GRID),
}


@pytest.mark.parametrize("name", AFFINE_INVARIANT)
def test_another_scanners_units_give_the_same_image(name: str) -> None:
    method = AFFINE_INVARIANT[name]
    one, other = method(limb()), method(scaled(limb(), 3.7, 120.0))
    spread = float(one.voxels.max() - one.voxels.min())
    tolerance = 0.01 if name == "clahe" else 1e-4  # bins of CLAHE round
    np.testing.assert_allclose(one.voxels, other.voxels, atol=tolerance * spread)


@pytest.mark.parametrize("name", BLANK)
def test_a_blank_image_is_refused_by_name(name: str) -> None:
    blank = Scan(np.full(GRID.shape_zyx, 40, np.float32), GRID, "mr-t1")
    with pytest.raises(InputError, match="blank image: every voxel looked at is 40") as refused:
        BLANK[name](blank)
    assert refused.value.code == "blank-image"


@pytest.mark.parametrize("name", AFFINE_INVARIANT)
def test_geometry_and_modality_stay_and_repeats_are_identical(name: str) -> None:
    method = AFFINE_INVARIANT[name]
    once, again = method(limb()), method(limb())
    assert once.geometry == GRID
    assert once.modality == "mr-t1"
    assert once.voxels.dtype == np.float32
    assert once.voxels.tobytes() == again.voxels.tobytes()


def test_z_score_has_mean_0_and_sd_1_where_it_looked() -> None:
    values = z_score(limb(), moments(limb(), body())).voxels[body().voxels]
    assert float(values.mean()) == pytest.approx(0, abs=1e-5)
    assert float(values.std()) == pytest.approx(1, abs=1e-5)


def test_moments_of_a_cohort_are_those_of_all_its_voxels_together() -> None:
    scans = [limb(seed=1), scaled(limb(seed=2), 2.0, 50.0)]
    together = np.concatenate([scan.voxels[body().voxels].astype(float) for scan in scans])
    pooled = pooled_moments([moments(scan, body()) for scan in scans])
    assert pooled.count == together.size
    assert pooled.mean == pytest.approx(together.mean())
    assert pooled.sd == pytest.approx(together.std())


@pytest.mark.parametrize(("contrast", "tissue"), [("t1", FAT), ("t2", MUSCLE)])
def test_white_stripe_puts_the_mode_at_0_and_the_stripes_sd_at_1(
    contrast: str, tissue: float
) -> None:
    stripe = find_stripe(limb(), body(), contrast=contrast, width=0.05)
    assert stripe.mode == pytest.approx(tissue, abs=15)
    result = white_stripe(limb(), stripe).voxels
    values = limb().voxels
    inside = body().voxels & (values >= stripe.low) & (values <= stripe.high)
    assert float(result[inside].std()) == pytest.approx(1, abs=1e-4)
    nearest = np.abs(values - stripe.mode).argmin()
    assert abs(float(result.ravel()[nearest])) < 0.01
    # A tenth of the body's voxels around the mode.
    assert inside.sum() / body().voxels.sum() == pytest.approx(0.1, abs=0.002)


def test_modes_are_the_tissues_from_dark_to_bright() -> None:
    modes = histogram_modes(limb().voxels[body().voxels].astype(float), least_height=0.05)
    assert [mode.intensity for mode in modes] == pytest.approx([MUSCLE, FAT], abs=12)
    assert max(mode.height for mode in modes) == 1


@pytest.mark.parametrize(("tissue", "intensity"), [("fat", FAT), ("muscle", MUSCLE)])
def test_reference_tissue_is_at_1_whatever_the_gain(tissue: str, intensity: float) -> None:
    for gain in (0.2, 1.0, 30.0):
        scan = scaled(limb(), gain, 0.0)
        found = tissue_intensity(scan, body(), tissue)
        assert found == pytest.approx(gain * intensity, rel=0.03)
        result = in_units_of(scan, found, value=1.0)
        np.testing.assert_allclose(result.voxels * intensity, limb().voxels, rtol=0.03, atol=1e-3)


def test_one_tissue_alone_is_not_called_fat() -> None:
    muscle = Mask(tissues() == MUSCLE, GRID)
    with pytest.raises(InputError, match="1 peak") as refused:
        tissue_intensity(limb(), muscle, "fat")
    assert refused.value.code == "no-tissue-peak"


def test_a_drawn_region_gives_its_median_and_must_have_signal() -> None:
    fat = Mask(tissues() == FAT, GRID)
    assert region_intensity(limb(), fat) == pytest.approx(FAT, abs=3)
    with pytest.raises(InputError, match="must be above 0"):
        region_intensity(scaled(limb(), 1.0, -2000.0), fat)


def test_landmarks_land_on_the_standard_scale() -> None:
    cohort = [landmarks(limb(seed=n), body(), DECILES) for n in range(3)]
    scale = standard_scale(cohort, DECILES, (1.0, 100.0))
    assert (scale.values[0], scale.values[-1]) == (1.0, 100.0)
    assert list(scale.values) == sorted(scale.values)
    other = scaled(limb(seed=9), 0.4, 33.0)
    result = on_standard_scale(other, body(), scale)
    np.testing.assert_allclose(landmarks(result, body(), DECILES), scale.values, atol=0.05)


def test_the_order_of_intensities_stays_on_the_standard_scale_beyond_its_ends_too() -> None:
    order = np.argsort(limb().voxels, axis=None, kind="stable")
    result = on_scale(limb()).voxels.ravel()[order]
    assert (np.diff(result) >= -1e-4).all()
    assert result[0] < 0  # air lies below the body's first landmark
    assert result[-1] > 100


def test_landmarks_that_coincide_are_one() -> None:
    voxels = limb().voxels.copy()
    voxels[~body().voxels] = 0
    scan = Scan(voxels, GRID)
    scale = standard_scale([landmarks(REFERENCE, None, DECILES)], DECILES, (0.0, 100.0))
    assert np.isfinite(on_standard_scale(scan, None, scale).voxels).all()


def test_equalised_intensities_are_uniform_to_one_voxel() -> None:
    values = np.sort(equalised(limb(), body()).voxels[body().voxels].astype(float))
    places = (np.arange(values.size) + 0.5) / values.size
    np.testing.assert_allclose(values, places, atol=1.5 / values.size)


def test_equalising_keeps_ties_and_forgets_any_rising_map() -> None:
    scan = limb()
    squared = Scan(scan.voxels**2, GRID)
    np.testing.assert_allclose(equalised(scan).voxels, equalised(squared).voxels, atol=1e-6)
    blocks = Scan(tissues().astype(np.float32), GRID)
    assert np.unique(equalised(blocks).voxels).size == np.unique(blocks.voxels).size


def test_matched_quantiles_are_the_references() -> None:
    reference = quantiles(REFERENCE, body(), 257)
    result = matched(scaled(limb(), 0.3, 12.0), body(), reference)
    found = quantiles(result, body(), 257)
    spread = reference[-1] - reference[0]
    np.testing.assert_allclose(found[1:-1], reference[1:-1], atol=0.005 * spread)


def test_matching_an_image_to_itself_changes_next_to_nothing() -> None:
    own = quantiles(limb(), body(), 2001)
    result = matched(limb(), body(), own).voxels[body().voxels]
    moved = np.abs(result - limb().voxels[body().voxels])
    assert np.quantile(moved, 0.995) < 12  # the rest lies in the gaps between tissues


def test_mean_quantiles_of_a_cohort_are_taken_one_by_one() -> None:
    assert mean_quantiles([(0, 10, 20), (2, 30, 40)]) == (1, 20, 30)


def test_percentiles_go_where_they_are_told_and_nothing_else_is_clipped() -> None:
    own = percentile_range(limb(), body(), (5, 95))
    result = mapped_to(limb(), own, (-1.0, 1.0))
    assert percentile_range(result, body(), (5, 95)) == pytest.approx((-1, 1), abs=1e-5)
    assert float(result.voxels.min()) < -1
    assert mean_range([(0, 10), (4, 30)]) == (2, 20)


def test_clipping_keeps_what_lies_within() -> None:
    clipped = clipped_to(limb(), (100.0, 900.0)).voxels
    assert (clipped.min(), clipped.max()) == (100, 900)
    within = (limb().voxels > 100) & (limb().voxels < 900)
    np.testing.assert_array_equal(clipped[within], limb().voxels[within])


def test_shift_to_positive_ends_at_0() -> None:
    shifted = shifted_to_positive(scaled(limb(), 1.0, -500.0), None)
    assert float(shifted.voxels.min()) == 0


def test_without_contrast_to_limit_clahe_only_rescales() -> None:
    result = clahe(limb(), tiles_xyz=(4, 4, 3), clip_limit=1.0).voxels
    values = limb().voxels
    plain = (values - values.min()) / (values.max() - values.min())
    np.testing.assert_allclose(result, plain, atol=1e-5)


def test_clahe_keeps_order_locally_and_its_slope_below_the_limit() -> None:
    result = clahe(limb(), tiles_xyz=(1, 1, 1), clip_limit=3.0).voxels.astype(float).ravel()
    values = limb().voxels.astype(float).ravel()
    plain = (values - values.min()) / (values.max() - values.min())
    order = np.argsort(plain, kind="stable")
    rise, run = np.diff(result[order]), np.diff(plain[order])
    assert (rise >= -1e-6).all()
    assert (rise <= 3.0 * run + 1e-6).all()
    assert (result.min(), result.max()) == pytest.approx((0, 1), abs=1e-6)


def test_clahe_raises_contrast_that_is_faint_where_it_is() -> None:
    values = np.full(GRID.shape_zyx, 100.0)
    z, y, x = np.indices(GRID.shape_zyx)
    values[:, :, 20:] = 1000
    values += 4.0 * ((x + y + z) % 2)
    result = clahe(Scan(values.astype(np.float32), GRID), tiles_xyz=(4, 4, 1), clip_limit=8.0)
    faint = result.voxels[:, :, :8]
    assert float(faint.std()) > 5 * 2.0 / 904


def test_more_tiles_than_voxels_are_as_many_as_voxels() -> None:
    assert np.isfinite(clahe(limb(), tiles_xyz=(99, 99, 99), clip_limit=2.0).voxels).all()


def test_bands_keep_their_energies_when_the_reference_is_the_image_itself() -> None:
    own = band_energies(limb(), body(), SCALES_MM)
    same = with_energies(limb(), body(), SCALES_MM, own, iterations=3, strongest=4)
    np.testing.assert_allclose(same.voxels, limb().voxels, atol=1e-2)


def test_a_blurred_image_gets_the_details_of_the_reference() -> None:
    from scipy.ndimage import gaussian_filter

    blurred = Scan(gaussian_filter(limb(seed=3).voxels, (0.3, 0.8, 0.8)), GRID)
    wanted = np.array(band_energies(REFERENCE, body(), SCALES_MM))
    before = np.array(band_energies(blurred, body(), SCALES_MM))
    result = with_energies(blurred, body(), SCALES_MM, wanted, iterations=10, strongest=4)
    after = np.array(band_energies(result, body(), SCALES_MM))
    assert np.abs(before / wanted - 1).max() > 0.25
    assert np.abs(after / wanted - 1).max() < 0.06


def test_the_body_is_all_but_air_in_any_units_and_pose() -> None:
    found = foreground_of(limb())
    agreement = (found.voxels == body().voxels).mean()
    assert agreement > 0.99
    other = foreground_of(scaled(limb(), 5.0, 300.0))
    assert (other.voxels == found.voxels).mean() > 0.999
    turned = Geometry(GRID.size_xyz, GRID.spacing_mm, (0.0, 0.0, 0.0), (0, 0, 1, 1, 0, 0, 0, 1, 0))
    posed = foreground_of(Scan(limb().voxels, turned))
    assert (posed.voxels == body().voxels).mean() > 0.95


def test_regions_must_fit_and_not_be_empty() -> None:
    with pytest.raises(EmptyMaskError, match="empty"):
        moments(limb(), Mask(np.zeros(GRID.shape_zyx, np.bool_), GRID))
    elsewhere = Geometry(GRID.size_xyz, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError, match="different grids"):
        moments(limb(), Mask(body().voxels, elsewhere))
