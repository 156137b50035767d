"""From a CT to lesions, scores and volumes, with a stand-in for the network."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan
from tests.unit.segment.chest_phantom import GRID as FINE
from tests.unit.segment.chest_phantom import Chest, chest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import InputError, ModelError, SettingsError
from oncotrace.imaging.overlap import dice
from oncotrace.learning.onnx_predict import Prediction
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import preset
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.lung import LungSegmentation, LungSegmenter, with_lung_settings
from oncotrace.segment.lung_findings import (
    halves,
    numbered_lesions,
    sides_with_tumour,
    slice_confidences,
)
from oncotrace.segment.lung_input import (
    LungInput,
    block_means,
    channels_of,
    lung_input,
    reduced_grid,
    require_lung_recipe,
)
from oncotrace.segment.lung_location import location_of
from oncotrace.segment.lung_settings import LungSettings, read_lung_settings
from oncotrace.segment.lungs import Lungs

GRID = Geometry((116, 84, 50), (3.0, 3.0, 6.0), FINE.origin_mm)
"""Every second slice of the phantom."""

LARGE, SMALL = (-78.0, 0.0, 20.0), (78.0, 20.0, 40.0)
RADII = (18.0, 12.0)


def ball(centre: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    """Voxels of the phantom's grid within a ball."""
    z, y, x = np.indices(GRID.shape_zyx)
    points = GRID.to_point_mm(np.stack([x, y, z], axis=-1))
    return np.linalg.norm(points - centre, axis=-1) <= radius_mm


@pytest.fixture(scope="module")
def patient() -> Chest:
    whole = chest()
    ct = Scan(whole.ct.voxels[::2].copy(), GRID, "ct")
    return Chest(ct, whole.left[::2], whole.right[::2], whole.airway[::2])


@pytest.fixture(scope="module")
def with_tumours(patient: Chest) -> Scan:
    """Two lesions of calcium density, so that the stand-in tells them from all else but bone."""
    voxels = patient.ct.voxels.copy()
    for centre, radius in zip((LARGE, SMALL), RADII, strict=True):
        voxels[ball(centre, radius)] = 1000
    return Scan(voxels, GRID, "ct")


@pytest.fixture(scope="module")
def seen(patient: Chest) -> LungInput:
    return lung_input(patient.ct, 128)


def lung_plan(pixels: int = 128) -> Plan:
    return tiny_plan(
        name="lung",
        preparation="lung",
        channels={"images": ("ct",)},
        grid={"size_xyz": (pixels, pixels, 1)},
        network={"kind": "unet-2d", "first_channels": 1, "levels": 3, "deep_supervision": False},
    )


@dataclass(frozen=True)
class BrightWithinLung:
    """In the place of a predictor: what is white and not at the field's rim, which is bone."""

    plan: Plan
    folds: tuple[int, ...] = (0,)

    def predict(self, channels: np.ndarray) -> Prediction:
        assert channels.shape == (1, 1, 128, 128)
        logits = np.where(channels[0] > 0.99, 4.0, -6.0).astype(np.float32)
        middle = slice(40, 88)  # the spine of the phantom lies at x = 0
        logits[..., 62:66] = -6.0
        logits[:, : middle.start] = logits[:, middle.stop :] = -6.0
        return Prediction(logits, 1 / (1 + np.exp(-logits))[None], np.zeros((1, 2), np.float32))


def segmented(ct: Scan, **settings: object):
    segmenter = LungSegmenter("lung", BrightWithinLung(lung_plan()), LungSettings(**settings))
    return segmenter.segment(SegmentationRequest({"ct": ct}, None, seed=0))


def test_slices_hold_grey_levels_of_the_lung_field_alone(seen: LungInput) -> None:
    greys = seen.greys()
    assert greys.shape == (len(seen.shown), 128, 128)
    assert greys.dtype == np.uint8
    outside = block_means(~seen.field.field.voxels[seen.shown], 4) == 1
    assert (greys[outside] == 55).all()  # air
    assert channels_of(greys[0]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("pixels", "turn"), [(512, (-1, 1, -1)), (256, (1, 1, 1))])
def test_an_outline_comes_back_to_its_place(patient: Chest, pixels: int, turn: tuple) -> None:
    flips = tuple(slice(None, None, step) for step in turn)
    size = np.array(GRID.size_xyz)
    signs = np.array(turn[::-1])
    first = np.where(signs > 0, 0, size - 1)
    direction = tuple(np.diag(signs).ravel().astype(float))
    grid = Geometry(
        GRID.size_xyz, GRID.spacing_mm, tuple(GRID.to_point_mm(first).ravel()), direction
    )
    shown = lung_input(Scan(patient.ct.voxels[flips].copy(), grid, "ct"), pixels)
    tumour = Mask(ball(LARGE, 18)[flips].copy(), grid)
    on_slices = shown.outline(tumour)
    back = shown.on_source(np.where(on_slices, 5, -5).astype(np.float32)) >= 0
    assert dice(Mask(back, grid), tumour) > 0.97


def test_groups_of_pixels_have_their_middle_where_it_was() -> None:
    slices = Geometry((8, 8, 3), (1.0, 1.0, 5.0), (10.0, 20.0, 30.0))
    reduced = reduced_grid(slices, 4)
    assert reduced.size_xyz == (2, 2, 3)
    np.testing.assert_allclose(
        reduced.to_point_mm([0.5, 0.5, 1]), slices.to_point_mm([3.5, 3.5, 1])
    )


def test_a_ct_without_lungs_has_no_input() -> None:
    with pytest.raises(InputError, match="no lungs were found") as caught:
        lung_input(chest(lungs=False).ct)
    assert caught.value.code == "no-lungs"


def test_voxels_that_are_no_numbers_are_refused(patient: Chest) -> None:
    voxels = patient.ct.voxels.copy()
    voxels[3, 4, 5] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        lung_input(Scan(voxels, GRID, "ct"))


@pytest.fixture(scope="module")
def made(with_tumours: Scan) -> LungSegmentation:
    return segmented(with_tumours)


def test_the_largest_lesion_is_the_mask_and_the_others_are_numbered(made) -> None:
    assert dice(made.mask, Mask(ball(LARGE, 18), GRID)) > 0.8
    np.testing.assert_array_equal(made.mask.voxels, made.findings.lesions == 1)
    assert dice(Mask(made.findings.lesions == 2, GRID), Mask(ball(SMALL, 12), GRID)) > 0.7
    volumes = made.findings.lesions_ml
    assert list(volumes) == sorted(volumes, reverse=True)
    assert any("more lesions were found" in warning for warning in made.warnings)
    np.testing.assert_array_equal(made.findings.lesions > 0, made.probability >= 0.5)


@pytest.mark.slow
def test_small_pieces_are_left_out_on_request(with_tumours: Scan) -> None:
    made = segmented(with_tumours, smallest_lesion_ml=15.0)
    assert len(made.findings.lesions_ml) == 1


def test_each_lung_has_the_greatest_probability_in_its_half(without: LungSegmentation) -> None:
    left, right = without.findings.lungs
    assert (left.side, right.side) == ("left", "right")
    assert left.score > 0.9  # x above 0 is the patient's left, where the small one is
    assert right.score < 0.1
    assert right.volume_ml > 500


@pytest.mark.slow
def test_a_chest_without_tumour_has_an_empty_mask_and_warnings(patient: Chest) -> None:
    segmenter = LungSegmenter("lung", BrightWithinLung(lung_plan()))
    found = segmenter.segment(
        SegmentationRequest({"ct": patient.ct, "pet": patient.ct}, None, seed=0)
    )
    assert found.mask.is_empty
    assert found.findings.lesions_ml == ()
    assert found.warnings[0] == "pet was not looked at."
    assert "the mask is empty" in found.warnings[1]


@pytest.fixture(scope="module")
def of_metal(with_tumours: Scan) -> Scan:
    """The larger lesion is metal."""
    voxels = with_tumours.voxels.copy()
    voxels[ball(LARGE, 18)] = 3000
    return Scan(voxels, GRID, "ct")


@pytest.fixture(scope="module")
def without(of_metal: Scan) -> LungSegmentation:
    return segmented(of_metal, exclude=("metal",))


@pytest.mark.slow
def test_metal_in_the_lung_is_noted(of_metal: Scan) -> None:
    noted = segmented(of_metal)
    assert noted.findings.metal_in_field_ml == pytest.approx(24, rel=0.15)
    assert any("of metal lie where" in warning for warning in noted.warnings)


def test_metal_is_excluded_on_request(without: LungSegmentation) -> None:
    assert not without.findings.lesions[ball(LARGE, 18)].any()
    assert without.findings.artefacts_ml["metal"] == pytest.approx(24, rel=0.15)
    assert not any("of metal" in warning for warning in without.warnings)
    assert dice(without.mask, Mask(ball(SMALL, 12), GRID)) > 0.6


@pytest.mark.parametrize("name", ["couch", "metal", "others"])
def test_what_is_excluded_is_tumour_nowhere(patient: Chest, seen: LungInput, name: str) -> None:
    thing = Mask(ball(LARGE, 18), GRID)
    shown = replace(seen, objects=replace(seen.objects, **{name: thing}))
    everywhere = np.full((len(seen.shown), 128, 128), 5, dtype=np.float32)
    predictor = BrightWithinLung(lung_plan())
    for exclude, is_left in (((), True), ((name,), False)):
        segmenter = LungSegmenter("lung", predictor, LungSettings(exclude=exclude))
        made = segmenter._finished(patient.ct, shown, everywhere)
        assert (made.findings.lesions[thing.voxels] > 0).any() == is_left


def test_only_a_ct_is_looked_at(patient: Chest) -> None:
    segmenter = LungSegmenter("lung", BrightWithinLung(lung_plan()))
    with pytest.raises(InputError, match="needs a ct image"):
        segmenter.segment(SegmentationRequest({"pet": patient.ct}, None, seed=0))
    with pytest.raises(ModelError, match="the image is pet"):
        segmenter.segment(SegmentationRequest({"pet": patient.ct, "ct": patient.ct}, None, seed=0))


def test_halves_of_the_field_are_the_patients_sides(seen: LungInput, patient: Chest) -> None:
    sides = halves(seen.field)
    assert sides["left"].voxels[patient.left].all()
    assert sides["right"].voxels[patient.right].all()
    assert not (sides["left"].voxels & sides["right"].voxels).any()


def test_a_piece_of_a_reference_belongs_to_the_side_with_most_of_it(seen: LungInput) -> None:
    both = Mask(ball(LARGE, 10) | ball(SMALL, 10), GRID)
    assert sides_with_tumour(seen.field, both) == {"left", "right"}
    assert sides_with_tumour(seen.field, Mask(ball((-60, 0, 20), 10), GRID)) == {"right"}
    assert sides_with_tumour(seen.field, Mask(np.zeros(GRID.shape_zyx, bool), GRID)) == frozenset()


def test_a_reference_outside_the_lung_field_is_not_taken_for_no_tumour(seen: LungInput) -> None:
    within = seen.field.on_source(seen.field.field).voxels
    for x, side in ((30, "left"), (-30, "right")):
        above = Mask(ball((x, 0, 135), 8), GRID)
        assert not (above.voxels & within).any()
        assert sides_with_tumour(seen.field, above) == {side}


def test_pieces_are_numbered_by_size_and_touch_by_corners() -> None:
    voxels = np.zeros((3, 4, 9), dtype=bool)
    voxels[0, 0, 0] = voxels[1, 1, 1] = True  # one piece, over a corner
    voxels[0, 0, 4:8] = True
    voxels[2, 3, 8] = True
    labels, volumes = numbered_lesions(voxels, 0.5)
    assert volumes == (2.0, 1.0, 0.5)
    assert (labels[0, 0, 4], labels[0, 0, 0], labels[1, 1, 1], labels[2, 3, 8]) == (1, 2, 2, 3)
    _, kept = numbered_lesions(voxels, 0.5, smallest_ml=1.0)
    assert kept == (2.0, 1.0)


def test_confidence_is_the_mean_chance_of_being_right() -> None:
    probability = np.zeros((3, 2, 2), dtype=np.float32)
    probability[1] = [[0.9, 0.7], [0.2, 0.01]]
    (of,) = slice_confidences(probability, probability >= 0.5)
    assert (of.slice, of.voxels) == (1, 3)
    assert of.confidence == pytest.approx((0.9 + 0.7 + 0.8) / 3)


def test_the_location_follows_from_what_is_touched(patient: Chest) -> None:
    labels = (patient.left * 1 + patient.right * 2).astype(np.uint8)
    lungs = Lungs(labels, GRID)
    assert location_of(Mask(ball((78, 0, 20), 10), GRID), lungs) == "parenchyma"
    assert location_of(Mask(ball((-133, 0, 20), 12), GRID), lungs) == "chest wall"
    assert location_of(Mask(ball((22, 0, 20), 10), GRID), lungs) == "mediastinum"


def test_settings_are_read_and_misspelt_ones_refused(tmp_path) -> None:
    path = tmp_path / "lung.toml"
    path.write_text('exclude = ["metal", "couch"]\nsolid_by = ["texture"]\n')
    settings = read_lung_settings(path)
    assert settings.exclude == ("metal", "couch")
    assert settings.solid_by == ("texture",)
    path.write_text("solid_hus = 3\n")
    with pytest.raises(SettingsError, match="solid_hus"):
        read_lung_settings(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_lung_settings(tmp_path / "none.toml")


def test_settings_are_for_lungs_alone() -> None:
    segmenter = LungSegmenter("lung", BrightWithinLung(lung_plan()))
    settings = LungSettings(solid_hu=-500)
    assert with_lung_settings(segmenter, None) is segmenter
    changed = with_lung_settings(segmenter, settings)
    assert isinstance(changed, LungSegmenter)
    assert changed.settings == settings
    with pytest.raises(ModelError, match="not of the recipe lung"):
        with_lung_settings(GraphCutSegmenter(), settings)


def test_the_published_recipe_can_be_prepared_and_others_are_refused() -> None:
    assert require_lung_recipe(preset("lung")) == 512
    odd = lung_plan(pixels=96).recipe
    with pytest.raises(ModelError, match="96 x 96 x 1"):
        require_lung_recipe(odd)
