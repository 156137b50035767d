"""Thumbnails and pages of slices: what is drawn lies where it lies in the patient."""

import time
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import GeometryMismatchError, SettingsError
from oncotrace.report.framed_case import framed_case
from oncotrace.report.grey_window import SOFT_TISSUE_HU, grey_window
from oncotrace.report.montage import montage, thumbnail
from oncotrace.report.picture_text import fitted, width_px
from oncotrace.report.tile import image_format_named, square_on
from oncotrace.report.tile_marks import Ink, mark_scale, position_text

ORANGE, GREEN = (255, 176, 0), (46, 230, 168)
GRID = Geometry((60, 50, 24), (1.0, 1.0, 2.5), (-30.0, -80.0, 400.0))
PX_PER_MM = 4.0  # of GRID's thumbnails: 60 mm on 240 pixels
TOP_MM = 5.0  # what stands above GRID's 50 mm in a square of 60 mm
HEADER, EDGE, GAP = 72, 16, 8  # of a page


def scan_on(geometry: Geometry, modality: Modality | None = "mr-t1", seed: int = 3) -> Scan:
    noise = np.random.default_rng(seed).normal(100, 20, geometry.shape_zyx)
    return Scan(noise.astype(np.float32), geometry, modality)


def cube() -> Mask:
    """Cube of 20 mm: x 25 to 44, y 12 to 31, z 8 to 15."""
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    voxels[8:16, 12:32, 25:45] = True
    return Mask(voxels, GRID)


def bright_in(mask: Mask, modality: Modality | None = "mr-t1") -> Scan:
    return Scan(np.where(mask.voxels, 100, 0).astype(np.float32), mask.geometry, modality)


def pixels(picture: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"), dtype=np.int16)


def where(
    image: NDArray[np.int16], colour: tuple[int, int, int], tolerance: int = 70
) -> NDArray[np.int64]:
    """Rows and columns of pixels that have the colour, but for smooth edges."""
    return np.argwhere((np.abs(image - colour) <= tolerance).all(axis=-1))


def flipped(scan: Scan, mask: Mask, axis: int) -> tuple[Scan, Mask]:
    """Return the same patient stored the other way along an axis of the array."""
    geometry, grid_axis = scan.geometry, 2 - axis
    last = np.zeros(3)
    last[grid_axis] = geometry.size_xyz[grid_axis] - 1
    axes = geometry.axes.copy()
    axes[:, grid_axis] *= -1
    x, y, z = geometry.to_point_mm(last).tolist()
    turned = Geometry(
        geometry.size_xyz, geometry.spacing_mm, (x, y, z), tuple(axes.ravel().tolist())
    )
    return (
        Scan(np.flip(scan.voxels, axis), turned, scan.modality),
        Mask(np.flip(mask.voxels, axis), turned),
    )


def ball(geometry: Geometry, radius_mm: float) -> Mask:
    """Ball around the middle of a grid."""
    z, y, x = np.indices(geometry.shape_zyx)
    offset_mm = (np.stack([x, y, z], axis=-1) - (np.array(geometry.size_xyz) - 1) / 2) * np.array(
        geometry.spacing_mm
    )
    return Mask(np.linalg.norm(offset_mm, axis=-1) <= radius_mm, geometry)


def test_thumbnail_is_a_square_jpeg_of_the_size_asked_for() -> None:
    for side_px in (240, 96):
        picture = thumbnail(scan_on(GRID), cube(), side_px=side_px)
        assert picture.startswith(b"\xff\xd8\xff")
        assert pixels(picture).shape == (side_px, side_px, 3)


def test_same_input_gives_same_bytes() -> None:
    others = {"edema": cube()}
    assert thumbnail(scan_on(GRID), cube()) == thumbnail(scan_on(GRID), cube())
    first, second = (montage(scan_on(GRID), cube(), others, title="case") for _ in range(2))
    assert first == second


@settings(max_examples=20, deadline=None)
@given(
    corner=st.tuples(*[st.integers(2, 20)] * 2),
    size=st.tuples(*[st.integers(4, 25)] * 2),
    index=st.integers(0, 23),
)
def test_contour_lies_on_the_border_of_the_mask(
    corner: tuple[int, int], size: tuple[int, int], index: int
) -> None:
    (x, y), (width, height) = corner, size
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    voxels[index, y : y + height, x : x + width] = True
    drawn = where(pixels(thumbnail(scan_on(GRID), Mask(voxels, GRID))), ORANGE)
    low = np.array([TOP_MM + y, x]) * PX_PER_MM
    high = np.array([TOP_MM + y + height, x + width]) * PX_PER_MM
    np.testing.assert_allclose(drawn.min(axis=0), low, atol=2)
    np.testing.assert_allclose(drawn.max(axis=0), high, atol=2)


def test_image_and_contour_fit_to_the_pixel() -> None:
    image = pixels(thumbnail(bright_in(cube()), cube()))
    top, bottom, left, right = 68, 148, 100, 180  # cube of 20 mm
    assert image[top + 6 : bottom - 6, left + 6 : right - 6].min() > 245
    outside = np.ones(image.shape[:2], dtype=bool)
    outside[top - 6 : bottom + 6, left - 6 : right + 6] = False
    assert image[outside].max() < 12


@pytest.mark.parametrize(
    "spacing_mm", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0, 2.5, 1.0), (0.8, 0.8, 5.0)]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_ball_is_round_whatever_the_voxels_and_the_plane(
    spacing_mm: tuple[float, float, float], place: int
) -> None:
    x, y, z = np.roll(spacing_mm, place).tolist()
    size = [round(100 / step) for step in (x, y, z)]
    grid = Geometry((size[0], size[1], size[2]), (x, y, z))
    drawn = where(pixels(thumbnail(scan_on(grid), ball(grid, 30.0))), ORANGE)
    height, width = np.ptp(drawn, axis=0)
    assert height == pytest.approx(60 * 2.4, rel=0.06)  # 100 mm on 240 pixels
    assert width == pytest.approx(height, rel=0.06)


def test_the_slice_is_the_one_in_which_the_mask_is_largest() -> None:
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    voxels[5, 20:30, 20:30] = voxels[17, 18:32, 18:32] = True
    grey = np.zeros(GRID.shape_zyx, dtype=np.float32)
    grey[17] = 300.0
    image = pixels(thumbnail(Scan(grey, GRID, "ct"), Mask(voxels, GRID)))
    assert image[120, 30].min() > 250
    image = pixels(thumbnail(Scan(grey, GRID, "ct"), None))  # the middle one
    assert image[120, 30].max() < 110


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_axes_give_the_same_pictures(axis: int) -> None:
    scan, mask = scan_on(GRID), cube()
    turned, turned_mask = flipped(scan, mask, axis)
    assert thumbnail(scan, mask) == thumbnail(turned, turned_mask)
    assert thumbnail(scan, None) == thumbnail(turned, None)
    assert montage(scan, mask, {}, title="t") == montage(turned, turned_mask, {}, title="t")
    assert montage(scan, None, {}, title="t") == montage(turned, None, {}, title="t")


def test_axes_in_another_order_give_the_same_thumbnail() -> None:
    even = Geometry((50, 50, 50))
    scan = scan_on(even)
    mask = Mask(np.zeros(even.shape_zyx, dtype=bool), even)
    voxels = mask.voxels.copy()
    voxels[10:30, 12:20, 30:40] = True
    turned = Geometry((50, 50, 50), direction=(0, 0, 1, 1, 0, 0, 0, 1, 0))  # x: y, y: z, z: x
    order = (2, 0, 1)
    assert thumbnail(scan, Mask(voxels, even)) == thumbnail(
        Scan(scan.voxels.transpose(order), turned, "mr-t1"),
        Mask(voxels.transpose(order), turned),
    )


def test_sagittal_slices_are_shown_as_acquired_head_up_and_front_left() -> None:
    grid = Geometry((60, 60, 20), (1.0, 1.0, 5.0), direction=(0, 0, 1, 1, 0, 0, 0, -1, 0))
    grey = np.zeros(grid.shape_zyx, dtype=np.float32)
    grey[:, :20, :] = 100.0  # rows run from head to feet
    grey[:, :, :20] += 100.0  # columns from front to back
    image = pixels(thumbnail(Scan(grey, grid), None))[..., 0]
    assert image[40, 40] > 250
    assert 100 < image[40, 200] < 150
    assert 100 < image[200, 40] < 150
    assert image[200, 200] < 5


def test_contour_and_image_turn_together_on_an_oblique_grid() -> None:
    tilt = np.radians(25)
    cos, sin = float(np.cos(tilt)), float(np.sin(tilt))
    grid = Geometry((60, 50, 24), (1.0, 1.0, 4.0), direction=(1, 0, 0, 0, cos, -sin, 0, sin, cos))
    mask = Mask(cube().voxels, grid)
    image = pixels(thumbnail(bright_in(mask), mask))
    assert image[74:142, 106:174].min() > 245
    assert image[:60].max() < 12


def test_an_empty_mask_shows_the_whole_image() -> None:
    nothing = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    assert thumbnail(scan_on(GRID), nothing) == thumbnail(scan_on(GRID), None)
    empty, none = (montage(scan_on(GRID), mask, {}, title="t") for mask in (nothing, None))
    assert empty != none  # the page says which it is
    assert len(where(pixels(empty)[:HEADER], ORANGE)) > 50


def test_a_volume_of_one_slice_has_a_page_of_one() -> None:
    grid = Geometry((60, 50, 1), (1.0, 1.0, 8.0))
    mask = Mask(np.zeros(grid.shape_zyx, dtype=bool), grid)
    voxels = mask.voxels.copy()
    voxels[0, 20:30, 20:40] = True
    page = pixels(montage(scan_on(grid), Mask(voxels, grid), {}, title="one"))
    assert len(where(pixels(thumbnail(scan_on(grid), Mask(voxels, grid))), ORANGE)) > 100
    rows, columns = (page[HEADER:-60].max(axis=-1) > 60).nonzero()
    assert columns.max() - columns.min() == pytest.approx(820, abs=20)
    assert rows.max() == pytest.approx(820, abs=90)


def test_values_that_are_no_numbers_or_all_the_same_are_drawn_as_background() -> None:
    voxels = np.full(GRID.shape_zyx, 5.0, dtype=np.float32)
    assert pixels(thumbnail(Scan(voxels, GRID), None)).max() < 5
    voxels[12] = np.nan
    voxels[12, 0, 0] = np.inf
    for modality in ("ct", "pet", "mr-t1"):
        assert pixels(thumbnail(Scan(voxels, GRID, modality), cube())).shape == (240, 240, 3)
        assert montage(Scan(voxels, GRID, modality), cube(), {}, title="t")


def test_a_mask_on_another_grid_is_refused() -> None:
    moved = Mask(cube().voxels, Geometry(GRID.size_xyz, GRID.spacing_mm))
    with pytest.raises(GeometryMismatchError, match="the mask and the image"):
        thumbnail(scan_on(GRID), moved)
    with pytest.raises(GeometryMismatchError, match="the mask and the image"):
        montage(scan_on(GRID), moved, {}, title="t")
    with pytest.raises(GeometryMismatchError, match="the edema and the image"):
        montage(scan_on(GRID), cube(), {"edema": moved}, title="t")


def test_soft_tissue_has_its_window_and_uptake_is_dark() -> None:
    grey = np.full(GRID.shape_zyx, -1000.0, dtype=np.float32)
    grey[cube().voxels] = 40.0
    image = pixels(thumbnail(Scan(grey, GRID, "ct"), cube()))
    assert image[108, 140].mean() == pytest.approx(127.5, abs=4)
    assert image[108, 30].max() < 5
    assert (SOFT_TISSUE_HU[0] + SOFT_TISSUE_HU[1]) / 2 == 40
    image = pixels(thumbnail(bright_in(cube(), "pet"), cube()))
    assert image[108, 140].max() < 10
    assert image[108, 30].min() > 245
    assert image[2, 120].min() > 245  # beside the image


def test_a_bladder_beside_the_tumour_does_not_make_it_pale() -> None:
    uptake = np.zeros(GRID.shape_zyx, dtype=np.float32)
    uptake[cube().voxels] = 8.0
    uptake[:, 5:30, 2:20] = 90.0
    image = pixels(thumbnail(Scan(uptake, GRID, "pet"), cube()))
    assert image[108, 140].max() < 10


def test_a_scan_without_uptake_looks_empty() -> None:
    noise = np.random.default_rng(0).uniform(0, 0.4, GRID.shape_zyx).astype(np.float32)
    assert pixels(thumbnail(Scan(noise, GRID, "pet"), None)).min() > 220
    assert grey_window("pet", noise.ravel()).describe("pet") == "window 0.0 to 5.0 SUV"
    assert grey_window("ct", noise.ravel()).describe("ct") == "window −160 to 240 HU"


def test_a_page_shows_slices_from_one_end_of_the_mask_to_the_other() -> None:
    case = framed_case(scan_on(GRID), cube())
    assert case.slices(14) == [15, 14, 13, 12, 11, 10, 9, 8]  # from the head
    assert case.slices(3) == [15, 11, 8]
    whole = framed_case(scan_on(GRID), None)
    assert whole.slices(4) == [20, 14, 8, 2]
    assert whole.slices(99) == list(range(23, -1, -1))


def test_a_page_has_a_tile_for_every_slice_and_a_survey() -> None:
    page = pixels(montage(bright_in(cube()), cube(), {}, title="t"))
    assert page.shape[1] == 1400
    bright = (page[HEADER:-60] > 250).all(axis=-1)
    side = (820 - 2 * GAP) // 3  # nine tiles stand in rows of four
    step = side + GAP
    left = (1400 - 4 * step + GAP) // 2
    for place in range(9):
        row, column = divmod(place, 4)
        inside = bright[row * step : row * step + side, left + column * step :][:, :side]
        assert inside.mean() > 0.05, place
    assert bright[2 * step :, left + step :].mean() < 0.01


def test_every_structure_has_its_colour_in_the_slices_and_in_the_legend() -> None:
    core = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    voxels = core.voxels.copy()
    voxels[10:14, 18:26, 30:40] = True
    plain = montage(scan_on(GRID), cube(), {}, title="t", form="png")
    assert plain.startswith(b"\x89PNG")
    page = montage(
        scan_on(GRID), cube(), {"core\x00 é中": Mask(voxels, GRID)},
        title="t", structure="GTV_Mass", volumes_ml={"GTV_Mass": 8.0}, form="png",
    )  # fmt: skip
    assert len(where(pixels(plain), GREEN, 20)) == 0
    assert len(where(pixels(page)[HEADER:-66], GREEN, 20)) > 100
    for colour in (ORANGE, GREEN):
        assert len(where(pixels(page)[-62:-36], colour, 1)) >= 60


def test_many_structures_with_long_names_make_the_legend_grow() -> None:
    masks = {f"structure number {n} " * 3: cube() for n in range(20)}
    few = pixels(montage(scan_on(GRID), cube(), {}, title="t" * 300)).shape
    many = pixels(montage(scan_on(GRID), cube(), masks, title="t", footer="f" * 900)).shape
    assert many[0] > few[0] + 100
    assert many[1] == few[1] == 1400


def test_the_position_is_a_coordinate_of_the_patient() -> None:
    view = framed_case(scan_on(GRID), cube()).view
    assert position_text(view, 4) == "z 410.0 mm"
    low = framed_case(scan_on(Geometry((9, 9, 9), origin_mm=(0.0, 0.0, -512.34))), None).view
    assert position_text(low, 0) == "z −512.3 mm"
    assert "−0.0" not in position_text(
        framed_case(scan_on(Geometry((9, 9, 9), origin_mm=(0.0, 0.0, -0.04))), None).view, 0
    )


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    square = square_on(framed_case(scan_on(GRID), None).view, half_width_mm=30.0, side_px=240)
    tile = Image.new("RGB", (240, 240), "black")
    mark_scale(tile, square, Ink("white", "black"))
    bar = (np.asarray(tile)[240 - 8] == 255).all(axis=-1)
    assert bar.sum() == 10 * PX_PER_MM  # 10 mm is the longest within 0.3 of 60 mm


def test_the_square_stays_on_the_image_where_it_can() -> None:
    view = framed_case(scan_on(GRID), cube()).view
    left, _, _, top = view.extent_mm()
    small = square_on(view, half_width_mm=20.0, side_px=100)
    assert small.part_of(np.zeros((50, 60))).shape == (40, 40)
    far = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID).voxels.copy()
    far[3, 0:2, 0:2] = True
    cornered = square_on(
        framed_case(scan_on(GRID), Mask(far, GRID)).view, half_width_mm=20.0, side_px=100
    )
    low, _ = cornered.reach((50, 60))
    np.testing.assert_allclose(low, 0)
    assert left < 0
    assert top < 0


def test_text_is_cut_to_the_room_there_is() -> None:
    assert fitted("short", size_px=14, most_px=200) == "short"
    cut = fitted("a case id that is very long", size_px=14, most_px=100)
    assert cut.endswith("…")
    assert width_px(cut, size_px=14) <= 100
    assert fitted("anything", size_px=14, most_px=0) == ""


def test_a_format_must_be_known() -> None:
    assert image_format_named("png") == "png"
    with pytest.raises(SettingsError, match="jpeg or png, not 'gif'"):
        image_format_named("gif")


def test_a_thumbnail_takes_far_less_than_a_third_of_a_second() -> None:
    grid = Geometry((256, 256, 40), (0.8, 0.8, 4.0))
    scan, mask = scan_on(grid), ball(grid, 50.0)
    thumbnail(scan, mask)
    start = time.process_time()
    thumbnail(scan, mask)
    assert time.process_time() - start < 0.3
