"""What an automatic network sees of whole images, and what of missing ones."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, ModelError
from oncotrace.learning.augmentation import Augmentation
from oncotrace.segment.whole_image_input import (
    channels_of,
    comparable,
    prediction_grid,
    training_grid,
    training_sample,
    whole_images,
)

T1_GRID = Geometry((80, 70, 40), (1.0, 1.0, 3.0), (10.0, -20.0, 5.0))
CT_GRID = Geometry((60, 60, 40), (2.0, 2.0, 3.0), (-10.0, -40.0, 5.0))
SPACING_MM = (4.0, 4.0, 4.0)
NAMES = ("mr-t1", "ct", "has-mr-t1", "has-ct")


def ball_on(geometry: Geometry, *, inside: float, outside: float) -> tuple[np.ndarray, Mask]:
    z, y, x = np.indices(geometry.shape_zyx)
    points = geometry.to_point_mm(np.stack([x, y, z], axis=-1))
    tumour = np.linalg.norm(points - [50.0, 15.0, 60.0], axis=-1) <= 20
    voxels = np.where(tumour, inside, outside).astype(np.float32)
    return voxels, Mask(tumour, geometry)


def patient() -> tuple[dict, dict]:
    t1, t1_mask = ball_on(T1_GRID, inside=400, outside=1000)
    ct, ct_mask = ball_on(CT_GRID, inside=60, outside=-100)
    scans = {"mr-t1": Scan(t1, T1_GRID, "mr-t1"), "ct": Scan(ct, CT_GRID, "ct")}
    return scans, {"mr-t1": t1_mask, "ct": ct_mask}


def seen():
    scans, masks = patient()
    grid = training_grid([scan.geometry for scan in scans.values()], SPACING_MM)
    return whole_images(scans, grid, masks)


def test_intensities_are_comparable():
    ct = Scan(np.array([[[-1000.0, -160.0, 40.0, 240.0, 2000.0]]], np.float32),
              Geometry((5, 1, 1)), "ct")  # fmt: skip
    np.testing.assert_allclose(comparable(ct)[0, 0], [-2, -2, 0, 2, 2])
    pet = Scan(np.array([[[0.0, 1.0, 4.0, 9.0, 1e4]]], np.float32), Geometry((5, 1, 1)), "pet")
    np.testing.assert_allclose(comparable(pet)[0, 0], [-1, 0, 1, 2, np.sqrt(40) - 1], rtol=1e-6)


@pytest.mark.parametrize("factor", [0.01, 1.0, 37.0])
def test_the_scale_of_a_scanner_does_not_matter(factor):
    scans, _ = patient()
    t1 = scans["mr-t1"]
    other = Scan(t1.voxels * np.float32(factor), t1.geometry, "mr-t1")
    np.testing.assert_allclose(comparable(other), comparable(t1), atol=1e-4)
    assert comparable(t1).max() == pytest.approx(2)


def test_a_blank_image_is_no_error():
    blank = Scan(np.zeros((3, 3, 3), np.float32), Geometry((3, 3, 3)), "mr-t2")
    assert np.isfinite(comparable(blank)).all()


def test_voxels_that_are_not_numbers_are_refused():
    voxels = np.zeros((3, 3, 3), np.float32)
    voxels[1, 1, 1] = np.nan
    with pytest.raises(InputError, match="the pet image holds 1 voxels that are not numbers"):
        comparable(Scan(voxels, Geometry((3, 3, 3)), "pet"))


def test_images_on_different_grids_show_the_tumour_in_the_same_place():
    both = seen()
    assert both.working.spacing_mm == SPACING_MM
    volume_ml = {n: o.sum() * 64 / 1000 for n, o in both.outlines.items()}
    expected = 4 / 3 * np.pi * 2**3
    for name, found in volume_ml.items():
        assert found == pytest.approx(expected, rel=0.06)
        tumour = both.images[name][both.outlines[name]].mean()
        around = both.images[name][both.fields[name] & ~both.outlines[name]].mean()
        assert abs(tumour - around) > 1
    overlap = (both.outlines["ct"] & both.outlines["mr-t1"]).sum()
    assert 2 * overlap / sum(o.sum() for o in both.outlines.values()) > 0.95


def test_beyond_an_image_are_zeros_and_the_presence_says_so():
    channels = channels_of(seen(), NAMES)
    t1, ct, has_t1, has_ct = channels
    assert has_t1.sum() < has_ct.sum() <= has_ct.size
    assert not t1[has_t1 == 0].any()
    assert not ct[has_ct == 0].any()


def test_a_missing_sequence_is_zeros_and_absent():
    scans, _ = patient()
    grid = prediction_grid(CT_GRID, SPACING_MM)
    channels = channels_of(whole_images({"ct": scans["ct"]}, grid, {}), NAMES)
    assert not channels[0].any()
    assert not channels[2].any()
    assert channels[3].all()


WITH_TEXTURE = (*NAMES, "detail-mr-t1", "edges-mr-t1", "detail-ct")


def test_textures_go_with_their_image():
    scans, masks = patient()
    grid = training_grid([scan.geometry for scan in scans.values()], SPACING_MM)
    both = whole_images(scans, grid, masks, WITH_TEXTURE)
    assert set(both.textures) == {"detail-mr-t1", "edges-mr-t1", "detail-ct"}
    channels = dict(zip(WITH_TEXTURE, channels_of(both, WITH_TEXTURE), strict=True))
    assert not channels["detail-mr-t1"][channels["has-mr-t1"] == 0].any()
    alone = whole_images({"ct": scans["ct"]}, grid, masks, WITH_TEXTURE)
    assert not channels_of(alone, WITH_TEXTURE)[4].any()

    hidden = Augmentation(channel_dropout=0.5)
    for seed in range(30):
        sample = training_sample(both, WITH_TEXTURE, hidden, np.random.default_rng(seed))
        has_t1, t1_detail = sample.channels[2], sample.channels[4]
        assert bool(t1_detail.any()) == bool(has_t1.any())


def test_another_scanners_texture_is_a_shift_of_the_whole_channel():
    scans, masks = patient()
    grid = training_grid([scan.geometry for scan in scans.values()], SPACING_MM)
    both = whole_images(scans, grid, masks, WITH_TEXTURE)
    samples = [
        training_sample(
            both, WITH_TEXTURE, Augmentation(texture_shift=most), np.random.default_rng(0)
        )
        for most in (0.0, 0.3)
    ]
    shifts = samples[1].channels - samples[0].channels
    assert not shifts[:4].any()
    for shift in shifts[4:]:
        assert 0 < np.abs(shift).max() <= 0.3
        np.testing.assert_allclose(shift, shift.flat[0], atol=1e-6)


def test_an_unknown_channel_is_refused():
    with pytest.raises(ModelError, match="'x-ray'"):
        channels_of(seen(), ("x-ray",))


def test_without_changes_a_sample_is_the_first_images_field():
    sample = training_sample(seen(), NAMES, Augmentation(), np.random.default_rng(0))
    assert sample.channels[2].all()  # all of it is T1's field
    assert sample.target.shape == sample.channels.shape[1:]
    extent_mm = np.multiply(sample.target.shape, 4.0)
    np.testing.assert_allclose(extent_mm, [120, 70, 80], atol=4)
    assert sample.target.sum() == seen().outlines["mr-t1"].sum()


def test_hidden_sequences_leave_at_least_one():
    rng = np.random.default_rng(0)
    settings = Augmentation(channel_dropout=0.5, recrop_mm=30)
    both = seen()
    kept = []
    for _ in range(200):
        sample = training_sample(both, NAMES, settings, rng)
        there = tuple(bool(channel.any()) for channel in sample.channels[2:])
        assert any(there)
        assert sample.target.sum() > 400
        if not there[0]:
            assert not sample.channels[0].any()
        kept.append(there)
    assert {(True, True), (True, False), (False, True)} == set(kept)


def test_a_sequence_without_a_presence_channel_is_never_hidden():
    settings = Augmentation(channel_dropout=0.9)
    rng = np.random.default_rng(0)
    for _ in range(20):
        sample = training_sample(seen(), ("mr-t1", "ct", "has-mr-t1"), settings, rng)
        assert sample.channels[1].any()


def test_samples_depend_on_the_generator_alone():
    settings = Augmentation(channel_dropout=0.5, recrop_mm=30)
    one, two, other = (
        training_sample(seen(), NAMES, settings, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.channels, two.channels)
    assert one.channels.shape != other.channels.shape or (one.channels != other.channels).any()
