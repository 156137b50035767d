"""What the published network sees: its volume of interest, its intensities, its guidance."""

import numpy as np
import pytest
import SimpleITK as sitk
from tests.unit.learning.builders import tiny_plan

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, ModelError
from oncotrace.imaging.geodesic import geodesic_guidance
from oncotrace.imaging.resample import resample_array, with_spacing
from oncotrace.learning.fingerprint import CaseSummary, fingerprint
from oncotrace.segment.network_input import network_input
from oncotrace.segment.planned_input import input_for
from oncotrace.segment.published_input import (
    normalised,
    published_input,
    published_volume_of_interest,
)
from oncotrace.segment.voi import clicks_on_grid

COARSE_Z = Geometry((160, 140, 40), (1.0, 1.0, 3.0), (-80.0, 20.0, -300.0))
CUBIC = Geometry((40, 44, 48), (1.0, 1.0, 1.0), (5.0, -3.0, 60.0))
LESIONS = fingerprint([CaseSummary("a", (1, 1, 1), (9, 9, 9), np.arange(1001, dtype=np.float32))])
NAMES = ("image", "guidance")


def clicks_between(geometry, low_xyz, high_xyz):
    """Six clicks in the middle of the faces of a box of voxels."""
    low, high = np.array(low_xyz, float), np.array(high_xyz, float)
    points = np.tile(np.floor((low + high) / 2), (6, 1))
    for axis in range(3):
        points[2 * axis, axis], points[2 * axis + 1, axis] = low[axis], high[axis]
    return Clicks(geometry.to_point_mm(points))


def noise(geometry, modality="mr-t1", seed=0):
    voxels = np.random.default_rng(seed).normal(400, 100, geometry.shape_zyx)
    return Scan(voxels.astype(np.float32), geometry, modality)


def voi(geometry, low_xyz, high_xyz):
    clicks = clicks_between(geometry, low_xyz, high_xyz)
    box = published_volume_of_interest(clicks_on_grid(clicks, geometry), geometry)
    return box.start_xyz, tuple(a + n - 1 for a, n in zip(box.start_xyz, box.size_xyz, strict=True))


def test_the_volume_of_interest_has_eight_voxels_around_the_clicks_and_three_along_a_coarse_axis():
    assert voi(COARSE_Z, (40, 50, 15), (60, 75, 25)) == ((32, 42, 12), (68, 83, 28))


def test_all_axes_of_cubic_voxels_have_eight():
    assert voi(CUBIC, (15, 16, 20), (20, 22, 24)) == ((7, 8, 12), (28, 30, 32))


@pytest.mark.parametrize(("extent", "margin"), [(80, 8), (81, 9), (90, 9), (95, 10)])
def test_a_tenth_of_a_large_extent_is_rounded_up_to_whole_voxels(extent, margin):
    low, high = voi(COARSE_Z, (30, 50, 15), (30 + extent, 75, 25))
    assert (low[0], high[0]) == (30 - margin, 30 + extent + margin)


def test_the_volume_of_interest_is_clipped_at_the_image():
    assert voi(COARSE_Z, (3, 50, 1), (60, 138, 38)) == ((0, 41, 0), (68, 139, 39))


def test_ct_is_clipped_to_the_lesions_percentiles_and_scaled_by_their_mean_and_deviation():
    values = np.array([-1000, 5, 400, 995, 3000], dtype=np.float32).reshape(1, 1, 5)
    scan = Scan(values, Geometry((5, 1, 1)), "ct")
    sd = np.arange(1001).std()
    expected = (np.array([5, 5, 400, 995, 995]) - 500) / sd
    np.testing.assert_allclose(normalised(scan, LESIONS, clip=True).ravel(), expected, rtol=1e-6)
    unclipped = (values.ravel() - 500) / sd
    np.testing.assert_allclose(normalised(scan, LESIONS, clip=False).ravel(), unclipped, rtol=1e-6)


def test_other_images_are_standardised_over_the_voxels_that_are_not_zero():
    values = np.array([0, 2, 4, 0, 6], dtype=np.float32).reshape(1, 1, 5)
    scan = Scan(values, Geometry((5, 1, 1)), "mr-t1")
    deviation = np.sqrt(8 / 3)
    expected = np.array([0, -2, 0, 0, 2]) / deviation
    np.testing.assert_allclose(normalised(scan, LESIONS, clip=True).ravel(), expected, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_even_image_becomes_zero(value):
    scan = Scan(np.full((2, 3, 4), value, dtype=np.float32), Geometry((4, 3, 2)), "mr-t1")
    assert not normalised(scan, LESIONS, clip=True).any()


@pytest.mark.parametrize("modality", ["mr-t1", "ct"])
def test_an_image_of_the_spacing_is_cropped_and_not_resampled(modality):
    scan, clicks = noise(COARSE_Z, modality), clicks_between(COARSE_Z, (40, 50, 15), (60, 75, 25))
    nearly = (1.0004, 0.9996, 3.0)
    seen = published_input(scan, clicks, NAMES, nearly, LESIONS)
    assert seen.working == seen.part == COARSE_Z.crop((32, 42, 12), (37, 42, 17))
    cropped = Scan(scan.voxels[12:29, 42:84, 32:69], seen.part, modality)
    np.testing.assert_array_equal(seen.channels[0], normalised(cropped, LESIONS, clip=True))
    seeds = np.rint(seen.part.to_index(clicks.points_mm)).astype(int)[:, ::-1]
    unclipped = normalised(cropped, LESIONS, clip=False)
    expected = geodesic_guidance(unclipped, seeds, seen.part.spacing_zyx_mm)
    np.testing.assert_array_equal(seen.channels[1], expected)


def test_cropping_first_gives_what_resampling_the_whole_image_gives():
    scan, clicks = noise(CUBIC, "ct"), clicks_between(CUBIC, (16, 18, 20), (22, 25, 28))
    seen = published_input(scan, clicks, ("image",), (1.3, 0.8, 1.1), LESIONS)
    assert seen.working.spacing_mm == (1.3, 0.8, 1.1)
    assert seen.working.size_xyz < with_spacing(CUBIC, (1.3, 0.8, 1.1)).size_xyz
    whole = resample_array(scan.voxels, CUBIC, seen.working, interpolation="cubic", outside=0.0)
    expected = normalised(Scan(whole, seen.working, "ct"), LESIONS, clip=True)
    np.testing.assert_allclose(seen.channels[0], expected, atol=2e-4)


def test_a_coarse_axis_takes_the_nearest_slice_and_the_others_a_spline_within_it():
    scan = noise(COARSE_Z, "ct")
    clicks = clicks_between(COARSE_Z, (40, 50, 15), (60, 75, 25))
    wide = fingerprint([CaseSummary("a", (1, 1, 1), (9, 9, 9), np.float32([-1e4, 1e4]))])
    seen = published_input(scan, clicks, ("image",), (1.4, 1.4, 2.2), wide)
    values = seen.channels[0] * wide.lesion_sd + wide.lesion_mean
    for z in (0, 5, values.shape[0] - 1):
        point = seen.working.to_point_mm((0, 0, z))
        nearest = round(float(COARSE_Z.to_index(point)[2]))
        image = sitk.GetImageFromArray(scan.voxels[nearest])
        image.SetSpacing(COARSE_Z.spacing_mm[:2])
        image.SetOrigin(COARSE_Z.origin_mm[:2])
        _, ny, nx = values.shape
        expected = sitk.Resample(
            image, (nx, ny), sitk.Transform(2, sitk.sitkIdentity), sitk.sitkBSpline3,
            seen.working.origin_mm[:2], (1.4, 1.4),
        )  # fmt: skip
        np.testing.assert_allclose(values[z], sitk.GetArrayFromImage(expected), atol=0.1)


def test_the_part_is_the_source_voxels_whose_centres_lie_in_the_volume_of_interest():
    clicks = clicks_between(CUBIC, (16, 18, 20), (22, 25, 28))
    seen = published_input(noise(CUBIC), clicks, ("image",), (1.3, 0.8, 1.1), LESIONS)
    centres = CUBIC.to_point_mm(np.argwhere(np.ones(CUBIC.shape_zyx))[:, ::-1])
    inside = seen.working.contains(centres).reshape(CUBIC.shape_zyx)
    expected = np.zeros(CUBIC.shape_zyx, dtype=bool)
    expected[seen.box.slices_zyx] = True
    np.testing.assert_array_equal(expected, inside)
    assert seen.part.matches(CUBIC.crop(seen.box.start_xyz, seen.box.size_xyz))


def test_the_guidance_is_one_at_the_clicks_and_falls_off():
    clicks = clicks_between(CUBIC, (16, 18, 20), (22, 25, 28))
    seen = published_input(noise(CUBIC), clicks, ("guidance",), (1.0, 1.0, 1.0), LESIONS)
    guidance = seen.channels[0]
    assert np.count_nonzero(guidance == 1) == 6
    assert guidance.min() < 0.1


def test_voxels_that_are_no_numbers_are_refused():
    scan = noise(CUBIC)
    voxels = scan.voxels.copy()
    voxels[24, 22, 18] = np.nan
    clicks = clicks_between(CUBIC, (16, 18, 20), (22, 25, 28))
    with pytest.raises(InputError, match="1 voxels around the clicks"):
        published_input(Scan(voxels, CUBIC, "ct"), clicks, NAMES, (1.0, 1.0, 1.0), LESIONS)


def test_a_channel_that_the_published_method_does_not_have_is_refused():
    clicks = clicks_between(CUBIC, (16, 18, 20), (22, 25, 28))
    with pytest.raises(ModelError, match=r"'hull'.*Known channels: image, guidance"):
        published_input(noise(CUBIC), clicks, ("image", "hull"), (1.0, 1.0, 1.0), LESIONS)


def test_the_plan_decides_between_our_grid_and_the_published_spacing():
    scan, clicks = noise(CUBIC), clicks_between(CUBIC, (16, 18, 20), (22, 25, 28))
    fixed = tiny_plan()
    ours = network_input(scan, clicks, NAMES, fixed.grid_xyz)
    np.testing.assert_array_equal(input_for(fixed, scan, clicks).channels, ours.channels)
    free = tiny_plan(grid={"mode": "free"})
    theirs = published_input(scan, clicks, NAMES, free.spacing_mm, free.fingerprint)
    np.testing.assert_array_equal(input_for(free, scan, clicks).channels, theirs.channels)
    assert theirs.channels.shape != ours.channels.shape
