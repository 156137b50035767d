"""The graph cut from clicks: what it finds, and that nothing makes it fail."""

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ClickError, InputError
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter

GRID = Geometry((80, 80, 30), (1.0, 1.0, 3.0), (-40.0, 60.0, -200.0))


def offsets_mm(geometry, centre_xyz=None):
    centre = centre_xyz or [(n - 1) / 2 for n in geometry.size_xyz]
    z, y, x = np.ogrid[tuple(slice(0, n) for n in geometry.shape_zyx)]
    return [(a - c) * s for a, c, s in zip((x, y, z), centre, geometry.spacing_mm, strict=True)]


def pear(geometry=GRID):
    """Two overlapping balls of unequal size: no ellipsoid."""
    x, y, z = offsets_mm(geometry)
    large = x**2 + y**2 + z**2 <= 18**2
    small = (x - 20) ** 2 + (y - 8) ** 2 + z**2 <= 10**2
    return Mask(large | small, geometry)


def image_of(mask, contrast=100.0, noise=20.0, modality="mr-t1"):
    rng = np.random.default_rng(0)
    voxels = 200 + contrast * mask.voxels + rng.normal(0, noise, mask.voxels.shape)
    return Scan(voxels.astype(np.float32), mask.geometry, modality)


def segmented(scan, clicks, *corrections):
    clicks = Clicks(clicks.points_mm, corrections, clicks.box_mm)
    request = SegmentationRequest({scan.modality: scan}, clicks, seed=0)
    return GraphCutSegmenter().segment(request)


def clicked(mask, seed=0):
    return exact_clicks(mask, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("modality", ["mr-t1", "ct"])
def test_a_visible_tumour_is_found_better_than_by_the_ellipsoid(modality):
    mask = pear()
    scan = image_of(mask, contrast=60.0, modality=modality)
    if modality == "ct":
        scan = Scan(scan.voxels - 180, scan.geometry, "ct")
    made = segmented(scan, clicked(mask))
    request = SegmentationRequest({modality: scan}, clicked(mask), seed=0)
    assert dice(made.mask, mask) > 0.85
    assert dice(made.mask, mask) > dice(EllipsoidSegmenter().segment(request).mask, mask) + 0.05


def test_the_result_says_who_made_it_how_and_how_long_it_took():
    mask = pear()
    made = segmented(image_of(mask), clicked(mask))
    assert made.maker == "six-click-graphcut"
    assert set(made.seconds) == {"crop", "cut", "paste", "quality"}
    assert made.history[0] == "6 clicks"
    assert made.warnings == ()
    assert made.probability[mask.voxels].mean() > 0.7


def test_the_same_request_gives_the_same_result():
    mask = pear()
    first, second = (segmented(image_of(mask), clicked(mask)) for _ in range(2))
    np.testing.assert_array_equal(first.probability, second.probability)


def test_brightness_and_contrast_of_magnetic_resonance_do_not_matter():
    mask = pear()
    scan = image_of(mask)
    other = Scan(scan.voxels * 7 - 1000, scan.geometry, scan.modality)
    first, second = (segmented(s, clicked(mask)).mask for s in (scan, other))
    assert dice(first, second) > 0.999


def test_a_dark_tumour_is_found_as_well_as_a_bright_one():
    mask = pear()
    dark = segmented(image_of(mask, contrast=-100.0), clicked(mask)).mask
    assert dice(dark, mask) > 0.9


def test_a_click_that_the_image_contradicts_is_kept_and_named():
    mask = pear()
    points = clicked(mask).points_mm.copy()
    rightmost = np.argmax(points[:, 0])
    points[rightmost, 0] += 12.0
    made = segmented(image_of(mask, contrast=300.0), Clicks(points))
    x, y, z = np.rint(GRID.to_index(points[rightmost])).astype(int)
    assert made.mask.voxels[z, y, x]
    assert any("lie apart from the segmented tumour" in warning for warning in made.warnings)


def test_a_box_is_enough():
    mask = pear()
    z, y, x = mask.box_zyx()
    corners = [(s.start - 0.5, s.stop - 0.5) for s in (x, y, z)]
    box = GRID.to_point_mm(np.array(corners).T)
    made = segmented(image_of(mask), Clicks(np.empty((0, 3)), box_mm=box))
    assert dice(made.mask, mask) > 0.85


def test_a_constant_image_gives_what_the_clicks_say():
    mask = pear()
    flat = Scan(np.full(GRID.shape_zyx, 7.0, dtype=np.float32), GRID, "mr-t1")
    assert dice(segmented(flat, clicked(mask)).mask, mask) > 0.8


def test_clicks_in_one_slice_give_a_thin_mask_and_a_warning():
    mask = pear()
    points = GRID.to_index(clicked(mask).points_mm)[2:]
    points[:, 2] = 15
    flat = Clicks(GRID.to_point_mm(points))
    made = segmented(image_of(mask), flat)
    assert "all points lie in slice 15" in made.warnings[0]
    slices = np.flatnonzero(made.mask.voxels.any(axis=(1, 2)))
    assert 15 in slices
    assert np.ptp(slices) <= 6


@pytest.mark.parametrize(
    ("size_xyz", "spacing_mm", "radius_mm"),
    [
        ((60, 60, 12), (0.4, 0.4, 8.0), 9.0),
        ((40, 40, 40), (1.0, 1.0, 1.0), 3.0),
        ((200, 200, 8), (0.5, 0.5, 10.0), 45.0),
        ((30, 30, 30), (5.0, 5.0, 5.0), 60.0),
    ],
)
def test_thick_slices_tiny_and_large_tumours_are_found(size_xyz, spacing_mm, radius_mm):
    geometry = Geometry(size_xyz, spacing_mm)
    x, y, z = offsets_mm(geometry)
    mask = Mask(x**2 + y**2 + z**2 <= radius_mm**2, geometry)
    # The published rule counts voxels, which are far apart here; people look at millimetres.
    clicks = person_like_clicks(mask, rng=np.random.default_rng(0))
    assert dice(segmented(image_of(mask), clicks).mask, mask) > 0.6


def test_a_tumour_at_the_edge_of_the_image_reaches_the_edge():
    x, y, z = offsets_mm(GRID, (2, 40, 15))
    mask = Mask(x**2 + y**2 + z**2 <= 16**2, GRID)
    made = segmented(image_of(mask), clicked(mask))
    assert made.mask.voxels[:, :, 0].any()
    assert dice(made.mask, mask) > 0.85


def test_a_tumour_that_fills_the_image_is_no_error():
    geometry = Geometry((12, 12, 6), (1.0, 1.0, 1.0))
    points = [(0, 6, 3), (11, 6, 3), (6, 0, 3), (6, 11, 3), (6, 6, 0), (6, 6, 5)]
    scan = Scan(np.ones(geometry.shape_zyx, dtype=np.float32), geometry, "ct")
    made = segmented(scan, Clicks(geometry.to_point_mm(points)))
    assert made.mask.voxels.mean() > 0.4


def test_a_negative_brush_over_everything_leaves_an_empty_mask_and_says_so():
    mask = pear()
    everything = Correction("negative", GRID.to_point_mm([(40, 40, 15)]), radius_mm=500.0)
    made = segmented(image_of(mask), clicked(mask), everything)
    assert made.mask.is_empty
    assert any("nothing is left" in warning for warning in made.warnings)


def test_voxels_that_are_not_finite_are_refused_near_the_clicks_only():
    mask = pear()
    voxels = image_of(mask).voxels.copy()
    voxels[0, 0, 0] = np.nan
    assert not segmented(Scan(voxels, GRID, "mr-t1"), clicked(mask)).mask.is_empty
    voxels[15, 40, 40] = np.nan
    with pytest.raises(InputError, match="1 voxels around the clicks are not numbers"):
        segmented(Scan(voxels, GRID, "mr-t1"), clicked(mask))


def test_a_request_without_clicks_is_refused():
    scan = image_of(pear())
    with pytest.raises(ClickError, match="six-click-graphcut needs clicks"):
        GraphCutSegmenter().segment(SegmentationRequest({"mr-t1": scan}, None, 0))


def test_the_image_is_left_as_it_was():
    mask = pear()
    scan = image_of(mask)
    before = scan.voxels.copy()
    segmented(scan, clicked(mask))
    np.testing.assert_array_equal(scan.voxels, before)


@pytest.mark.parametrize("name", ["mr_t1", "ct"])
def test_a_sarcoma_is_found_better_than_by_the_ellipsoid(shared_data, name):
    folder = shared_data / "sts" / "STS_003"
    scan = read_scan(folder / f"{name}.nii.gz", "ct" if name == "ct" else "mr-t1")
    mask = read_mask(folder / f"{name}_mask.nii.gz")
    clicks = person_like_clicks(mask, rng=np.random.default_rng(7))
    request = SegmentationRequest({scan.modality: scan}, clicks, seed=0)
    ours, baseline = (
        dice(kind().segment(request).mask, mask) for kind in (GraphCutSegmenter, EllipsoidSegmenter)
    )
    assert ours > 0.85
    assert ours > baseline


def test_only_the_first_of_several_channels_is_used_and_the_reader_is_told():
    mask = pear()
    scan = image_of(mask)
    other = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "mr-t2fs")
    clicks = Clicks(clicked(mask).points_mm)
    both = SegmentationRequest({"mr-t1": scan, "mr-t2fs": other}, clicks, seed=0)
    made = GraphCutSegmenter().segment(both)
    np.testing.assert_array_equal(made.mask.voxels, segmented(scan, clicks).mask.voxels)
    assert made.warnings == ("only mr-t1 was looked at, not mr-t2fs.",)
