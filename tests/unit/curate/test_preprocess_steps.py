"""Steps one after another: what goes along with the image, and what a cohort teaches them."""

import json

import numpy as np
import pytest
from tests.unit.imaging.limb_phantom import FAT, GRID, body, limb, scaled, tissues

from oncotrace.curate.prepared_image import PreparedImage
from oncotrace.curate.preprocess_fit import (
    fitted_from_json,
    fitted_json,
    parameters_of,
    summary_of,
)
from oncotrace.curate.preprocess_settings import Preprocessing, parse_preprocessing
from oncotrace.curate.preprocess_steps import as_it_comes, preprocessed
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError, InputError, SettingsError

CORE = Mask(tissues() == 620.0, GRID)

STEPS = {
    "n4": 'step = "n4"\niterations = [5]',
    "z-score": 'step = "z-score"',
    "white-stripe": 'step = "white-stripe"',
    "fat": 'step = "tissue-reference"',
    "muscle": 'step = "tissue-reference"\ntissue = "muscle"\nvalue = 100',
    "region": 'step = "tissue-reference"\ntissue = "region"',
    "clip": 'step = "clip-percentiles"',
    "window": 'step = "window"\nlimits = [0, 900]',
    "min-max": 'step = "min-max"\npercentiles = [1, 99]',
    "shift": 'step = "shift-to-positive"',
    "clahe": 'step = "clahe"\ntiles_xyz = [4, 4, 2]',
    "equalise": 'step = "equalise"',
    "median": 'step = "median"',
    "flow": 'step = "curvature-flow"',
    "non-local-means": 'step = "non-local-means"\nsearch_radius_xyz = [1, 1, 1]',
    "resample": 'step = "resample"\nspacing_mm = [3, 3, 5]',
    "crop": 'step = "crop-pad"\nsize_xyz = [20, 50, 12]\naround = "mask"',
}
FITTED = {
    "z-score": 'step = "z-score"\nmoments_of = "cohort"',
    "nyul": 'step = "nyul"',
    "range": 'step = "reference-range"',
    "match": 'step = "match"\nquantiles = 33',
    "frequency": 'step = "frequency"\nscales_mm = [2, 4]\niterations = 2',
}


def steps(*texts: str) -> Preprocessing:
    head = 'name = "test"\nsource = "test"\n'
    return parse_preprocessing(head + "".join(f"[[steps]]\n{text}\n" for text in texts), "test")


def run(settings: Preprocessing, scan: Scan, mask: Mask | None = None) -> PreparedImage:
    image = as_it_comes(settings, scan, mask)
    for done in preprocessed(settings, image, {}):
        image = done.image
    return image


@pytest.mark.parametrize("name", STEPS)
def test_every_step_gives_float32_on_one_grid_with_its_masks_and_repeats(name: str) -> None:
    settings = steps(STEPS[name])
    scan = scaled(limb(), 1.0, 3.0)
    result, again = run(settings, scan, CORE), run(settings, scan, CORE)
    assert result.scan.voxels.dtype == np.float32
    assert result.scan.modality == "mr-t1"
    assert result.scan.voxels.tobytes() == again.scan.voxels.tobytes()
    assert not np.array_equal(result.scan.voxels, scan.voxels)
    assert result.mask is not None
    result.mask.geometry.require_match(result.scan.geometry, this="mask", that="image")
    assert result.mask.voxels.any()
    if not settings.changes_grid:
        assert result.scan.geometry == GRID


@pytest.mark.parametrize("name", FITTED)
def test_a_cohort_teaches_a_step_and_the_file_keeps_every_bit(name: str) -> None:
    settings = steps(FITTED[name])
    assert settings.fitted == (0,)
    cohort = [as_it_comes(settings, limb(seed=n), None) for n in range(2)]
    fitted = {
        0: parameters_of(settings.steps[0], [summary_of(settings.steps[0], c) for c in cohort])
    }
    stored = json.loads(json.dumps(fitted_json(fitted)))
    assert fitted_from_json(settings, stored) == fitted
    image = as_it_comes(settings, scaled(limb(seed=5), 0.5, 10.0), None)
    (one,) = preprocessed(settings, image, fitted)
    (two,) = preprocessed(settings, image, fitted_from_json(settings, stored))
    assert one.image.scan.voxels.tobytes() == two.image.scan.voxels.tobytes()
    for damaged in ({}, {"0": {}}, {"0": {"mean": "x", "values": ["y"]}}, []):
        with pytest.raises(SettingsError, match=r"lack step 1") as refused:
            fitted_from_json(settings, damaged)
        assert refused.value.code == "damaged-parameters"


def test_a_cohorts_moments_are_transferred_and_not_the_images_own() -> None:
    settings = steps('step = "z-score"\nwithin = "image"\nmoments_of = "cohort"')
    first = as_it_comes(settings, limb(), None)
    fitted = {0: parameters_of(settings.steps[0], [summary_of(settings.steps[0], first)])}
    brighter = as_it_comes(settings, scaled(limb(), 2.0, 0.0), None)
    (done,) = preprocessed(settings, brighter, fitted)
    mean, sd = limb().voxels.mean(), limb().voxels.std()
    assert float(done.image.scan.voxels.mean()) == pytest.approx(float(mean / sd), rel=1e-4)


def test_a_fitted_step_without_parameters_is_refused_before_anything_is_done() -> None:
    settings = steps(STEPS["median"], FITTED["nyul"])
    image = as_it_comes(settings, limb(), None)
    with pytest.raises(SettingsError, match=r"step 2 \(nyul\) needs parameters") as refused:
        next(preprocessed(settings, image, {}))
    assert refused.value.code == "parameters-needed"


def test_fat_is_at_its_value_after_n4_and_the_fat_step() -> None:
    result = run(steps(STEPS["fat"]), limb())
    assert float(np.median(result.scan.voxels[tissues() == FAT])) == pytest.approx(1, abs=0.03)


def test_resampling_to_the_own_spacing_is_the_identity() -> None:
    for interpolation in ("nearest", "linear", "cubic"):
        settings = steps(
            f'step = "resample"\nspacing_mm = [2, 2, 5]\ninterpolation = "{interpolation}"'
        )
        result = run(settings, limb(), body())
        np.testing.assert_allclose(result.scan.voxels, limb().voxels, rtol=1e-5, atol=1e-2)
        assert result.mask is not None
        np.testing.assert_array_equal(result.mask.voxels, body().voxels)
        assert result.scan.geometry.matches(GRID)


COARSER = Geometry((20, 20, 8), (5.0, 5.0, 10.0), GRID.origin_mm)


def on_grid(grid: Geometry, *before: str, mask: Mask | None = None) -> PreparedImage:
    settings = steps(*before, 'step = "resample-to"\ngrid = "mr-t2"')
    image = as_it_comes(settings, limb(), mask, {"mr-t2": grid})
    for done in preprocessed(settings, image, {}):
        image = done.image
    return image


def test_an_image_goes_onto_the_grid_of_another_with_its_mask_and_body() -> None:
    result = on_grid(COARSER, STEPS["z-score"], mask=CORE)
    assert result.scan.geometry == COARSER
    assert result.mask is not None
    assert result.body is not None
    assert result.mask.geometry == result.body.geometry == COARSER
    assert result.mask.voxels.any()
    # A straight ramp in millimetres stays one, whatever the grid.
    x_mm = GRID.to_point_mm(np.indices(GRID.shape_zyx)[::-1].reshape(3, -1).T)[:, 0]
    ramp = Scan(x_mm.reshape(GRID.shape_zyx).astype(np.float32), GRID)
    settings = steps('step = "resample-to"\ngrid = "pet"\ninterpolation = "linear"')
    (done,) = preprocessed(settings, as_it_comes(settings, ramp, None, {"pet": COARSER}), {})
    inner = COARSER.to_point_mm((10, 10, 4))
    assert done.image.scan.voxels[4, 10, 10] == pytest.approx(inner[0], abs=1e-3)


def test_an_image_that_lies_on_the_grid_already_stays_as_it_is() -> None:
    result = on_grid(GRID, mask=CORE)
    assert result.scan.voxels.tobytes() == limb().voxels.tobytes()
    assert result.mask is CORE


def test_a_grid_elsewhere_is_refused() -> None:
    far = Geometry(GRID.size_xyz, GRID.spacing_mm, (9000.0, 0.0, 0.0))
    with pytest.raises(InputError, match="share no place") as refused:
        on_grid(far)
    assert refused.value.code == "no-overlap"


def test_a_grid_that_is_not_given_is_refused_before_anything_is_done() -> None:
    settings = steps('step = "resample-to"\ngrid = "mr-t2"')
    assert settings.grids == ("mr-t2",)
    assert settings.changes_grid
    with pytest.raises(SettingsError, match="needs the grid of mr-t2") as refused:
        as_it_comes(settings, limb(), None)
    assert refused.value.code == "grid-needed"


def test_the_body_is_found_once_and_goes_along_to_another_grid() -> None:
    settings = steps(STEPS["resample"], STEPS["z-score"])
    result = run(settings, limb())
    assert result.body is not None
    values = result.scan.voxels[result.body.voxels]
    assert (float(values.mean()), float(values.std())) == pytest.approx((0, 1), abs=1e-5)


def test_a_mask_that_a_step_looks_at_must_be_given_and_fit() -> None:
    settings = steps('step = "z-score"\nwithin = "mask"')
    with pytest.raises(SettingsError, match="none was given") as refused:
        as_it_comes(settings, limb(), None)
    assert refused.value.code == "mask-needed"
    elsewhere = Geometry(GRID.size_xyz, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError, match="different grids"):
        as_it_comes(settings, limb(), Mask(CORE.voxels, elsewhere))
    values = run(settings, limb(), CORE).scan.voxels[CORE.voxels]
    assert (float(values.mean()), float(values.std())) == pytest.approx((0, 1), abs=1e-4)


def test_values_that_are_no_numbers_are_refused_first() -> None:
    voxels = limb().voxels.copy()
    voxels[3, 4, 5] = np.nan
    with pytest.raises(InputError, match="not numbers") as refused:
        as_it_comes(steps(STEPS["median"]), Scan(voxels, GRID), None)
    assert refused.value.code == "not-finite"


def test_white_stripe_needs_to_know_the_contrast() -> None:
    unknown = Scan(limb().voxels, GRID)
    with pytest.raises(SettingsError, match="no modality") as refused:
        run(steps(STEPS["white-stripe"]), unknown)
    assert refused.value.code == "modality-unknown"
    assert run(steps('step = "white-stripe"\ncontrast = "t2"'), unknown).scan.geometry == GRID
