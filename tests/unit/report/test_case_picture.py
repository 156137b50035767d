from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import AXIS_ALIGNED, Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter, TumourSize
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.report.case_picture import case_picture

PANEL, TOP = 448, 74
LEFT = {"axial": 16, "coronal": 476, "sagittal": 936}
ORANGE, BLUE, PINK = (255, 176, 0), (86, 180, 233), (255, 127, 208)
GRID = Geometry((60, 50, 24), (1.0, 1.0, 2.5), (-30.0, -80.0, 400.0))
CUBE_MM = 20.0  # side of the cube that `cube` holds
HALF_MM = CUBE_MM / 2 + 10.0  # of a panel: the margin is 10 mm at least


def scan_on(geometry: Geometry, modality: Modality | None = "mr-t1", seed: int = 3) -> Scan:
    noise = np.random.default_rng(seed).normal(100, 20, geometry.shape_zyx)
    return Scan(noise.astype(np.float32), geometry, modality)


def cube() -> Mask:
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    voxels[8:16, 12:32, 25:45] = True
    return Mask(voxels, GRID)


def empty() -> Mask:
    return Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)


def size_of_cube() -> TumourSize:
    """Lines through the middle of slice 11: along x and along y."""
    along, across, through = (
        Diameter(20.0, (-5.5, -58.5, 427.5), (14.5, -58.5, 427.5)),
        Diameter(20.0, (4.5, -68.5, 427.5), (4.5, -48.5, 427.5)),
        Diameter(20.0, (4.5, -58.5, 418.75), (4.5, -58.5, 438.75)),
    )
    return TumourSize(8.0, along, across, through, axial_slice=11)


def pixels(png: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=np.int16)


def panel(png: bytes, plane: str) -> NDArray[np.int16]:
    return pixels(png)[TOP : TOP + PANEL, LEFT[plane] : LEFT[plane] + PANEL]


def where(image: NDArray[np.int16], colour: tuple[int, int, int]) -> NDArray[np.int64]:
    """Rows and columns of pixels that have the colour, but for anti-aliasing."""
    return np.argwhere((np.abs(image - colour) <= 40).all(axis=-1))


def test_picture_is_a_png_of_1400_pixels() -> None:
    png = case_picture(scan_on(GRID), cube(), title="case 1")
    assert png.startswith(b"\x89PNG")
    assert pixels(png).shape[1] == 1400


def test_same_input_gives_same_bytes() -> None:
    first, second = (
        case_picture(scan_on(GRID), cube(), title="case 1", size=size_of_cube()) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_outline_is_drawn_around_the_mask_in_right_proportions(plane: str) -> None:
    # A cube in the patient, of 20 x 20 x 8 voxels, is a square on every plane.
    found = where(panel(case_picture(scan_on(GRID), cube(), title="cube"), plane), ORANGE)
    px_per_mm = PANEL / (2 * HALF_MM)
    middle, half = PANEL / 2, CUBE_MM / 2 * px_per_mm
    np.testing.assert_allclose(found.min(axis=0), middle - half, atol=2)
    np.testing.assert_allclose(found.max(axis=0), middle + half, atol=2)


def test_axial_plane_shows_the_right_of_the_patient_on_the_left() -> None:
    voxels = np.full(GRID.shape_zyx, 0.0, dtype=np.float32)
    voxels[:, :, :35] = 100.0  # the smaller x, the farther right in the patient
    image = panel(case_picture(Scan(voxels, GRID), cube(), title="right"), "axial")
    assert image[100:130, 60:200].mean() > 240
    assert image[100:130, 250:400].mean() < 15


def test_coronal_plane_shows_the_head_on_top() -> None:
    voxels = np.full(GRID.shape_zyx, 0.0, dtype=np.float32)
    voxels[12:] = 100.0
    image = panel(case_picture(Scan(voxels, GRID), cube(), title="head"), "coronal")
    assert image[60:200, 30:60].mean() > 240
    assert image[250:400, 30:60].mean() < 15


@pytest.mark.parametrize("axis", [1, 2])
def test_flipped_grid_gives_the_same_picture(axis: int) -> None:
    scan, mask = scan_on(GRID), cube()
    clicks = Clicks(np.array([[0.0, -60.0, 425.0], [9.0, -50.0, 434.0]]))
    flipped = flipped_grid(axis)
    straight = case_picture(scan, mask, title="t", size=size_of_cube(), clicks=clicks)
    turned = case_picture(
        Scan(np.flip(scan.voxels, axis), flipped, "mr-t1"),
        Mask(np.flip(mask.voxels, axis), flipped),
        title="t",
        size=size_of_cube(),
        clicks=clicks,
    )
    assert straight == turned


def test_grid_stored_from_head_to_feet_differs_in_slice_numbers_alone() -> None:
    scan, mask = scan_on(GRID), cube()
    flipped = flipped_grid(0)
    straight = case_picture(scan, mask, title="t")
    turned = case_picture(
        Scan(np.flip(scan.voxels, 0), flipped, "mr-t1"),
        Mask(np.flip(mask.voxels, 0), flipped),
        title="t",
    )
    for plane in ("coronal", "sagittal"):
        np.testing.assert_array_equal(panel(straight, plane), panel(turned, plane))
    np.testing.assert_array_equal(panel(straight, "axial")[40:], panel(turned, "axial")[40:])


def flipped_grid(axis_zyx: int) -> Geometry:
    """Return the grid of the array that is flipped along one of its axes."""
    axis = 2 - axis_zyx
    first = np.zeros(3)
    first[axis] = GRID.size_xyz[axis] - 1
    x, y, z = (float(v) for v in GRID.to_point_mm(first))
    direction = np.asarray(AXIS_ALIGNED).reshape(3, 3).copy()
    direction[axis, axis] = -1
    return Geometry(
        GRID.size_xyz, GRID.spacing_mm, (x, y, z), tuple(float(v) for v in direction.ravel())
    )


def test_diameters_are_drawn_where_they_were_measured() -> None:
    black = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "mr-t1")
    image = panel(case_picture(black, cube(), title="t", size=size_of_cube()), "axial")
    middle, near = PANEL // 2, 60  # in the cube, away from its outline and from letters
    row = where(image[middle - 3 : middle + 4, middle - near : middle - near + 20], (255,) * 3)
    column = where(image[middle + 40 : middle + near, middle - 3 : middle + 4], (255,) * 3)
    assert len(np.unique(row[:, 1])) == 20
    assert len(np.unique(column[:, 0])) == near - 40


def test_reference_has_its_own_colour() -> None:
    voxels = np.roll(cube().voxels, 3, axis=2)
    without = pixels(case_picture(scan_on(GRID), cube(), title="t"))
    with_one = pixels(case_picture(scan_on(GRID), cube(), title="t", reference=Mask(voxels, GRID)))
    assert len(where(without, BLUE)) == 0
    assert len(where(with_one, BLUE)) > 500


def test_click_at_the_plane_is_filled_and_elsewhere_hollow() -> None:
    black = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "mr-t1")
    drawn = {}
    for name, off_plane_mm in (("near", 2.0), ("far", 8.0)):
        clicks = Clicks(np.array([[4.5 + 8.0, -58.5 + 4.0, 427.5 + off_plane_mm]]))
        png = case_picture(black, cube(), title="t", size=size_of_cube(), clicks=clicks)
        drawn[name] = where(panel(png, "axial"), PINK)
        # 8 mm to the left of the patient and 4 mm to the back of the cube's middle.
        place = PANEL / 2 + np.array([4.0, 8.0]) / (2 * HALF_MM) * PANEL
        np.testing.assert_allclose(drawn[name].mean(axis=0), place, atol=1.5)
    assert len(drawn["near"]) > 1.5 * len(drawn["far"])


def test_box_and_corrections_are_drawn_without_clicks() -> None:
    corrections = (
        Correction("positive", np.array([[4.0, -58.0, 428.0]])),
        Correction("negative", np.array([[20.0, -58.0, 428.0]])),
        Correction("negative", np.array([[21.0, -50.0, 428.0]])),
        Correction("undo", np.empty((0, 3))),
    )
    box_mm = np.array([[-6.0, -70.0, 418.0], [15.0, -48.0, 440.0]])
    clicks = Clicks(np.empty((0, 3)), corrections, box_mm)
    png = case_picture(scan_on(GRID), empty(), title="t", clicks=clicks)
    for plane in LEFT:
        assert len(where(panel(png, plane), PINK)) > 100


def test_empty_mask_is_said_in_every_panel() -> None:
    png = case_picture(scan_on(GRID), empty(), title="t")
    assert pixels(png).shape[0] < TOP + PANEL + 100  # no slices through a mask that is not there
    for plane in LEFT:
        assert len(where(panel(png, plane)[240:290], ORANGE)) > 50


def test_ct_is_shown_in_a_soft_tissue_window() -> None:
    for hu, grey in ((-160, 0), (40, 127), (240, 255), (1200, 255)):
        scan = Scan(np.full(GRID.shape_zyx, hu, dtype=np.float32), GRID, "ct")
        image = panel(case_picture(scan, cube(), title="t"), "axial")
        assert image[300:330, 300:330].mean() == pytest.approx(grey, abs=1)


def test_one_voxel_and_a_whole_grid_are_drawn() -> None:
    voxel = np.zeros(GRID.shape_zyx, dtype=bool)
    voxel[4, 0, 59] = True
    for mask in (Mask(voxel, GRID), Mask(np.ones(GRID.shape_zyx, dtype=bool), GRID)):
        image = panel(case_picture(scan_on(GRID), mask, title="t"), "axial")
        assert len(where(image, ORANGE)) > 20


def test_title_may_hold_any_text() -> None:
    title = "case $x_1$ {\\bf 1} 症例\n" + "very long " * 40
    assert case_picture(scan_on(GRID), cube(), title=title).startswith(b"\x89PNG")


def test_mask_on_another_grid_is_refused() -> None:
    other = Geometry(GRID.size_xyz, GRID.spacing_mm)
    with pytest.raises(GeometryMismatchError, match="the mask and the image lie on different"):
        case_picture(scan_on(GRID), Mask(cube().voxels, other), title="t")
    with pytest.raises(GeometryMismatchError, match="the reference mask and the image lie on"):
        case_picture(scan_on(GRID), cube(), title="t", reference=Mask(cube().voxels, other))


def test_measurements_of_another_mask_are_refused() -> None:
    size = size_of_cube()
    other = TumourSize(8.0, size.longest_axial, size.perpendicular, size.longest_3d, 24)
    with pytest.raises(GeometryMismatchError, match="lie in slice 24, the mask has 24"):
        case_picture(scan_on(GRID), cube(), title="t", size=other)


@pytest.mark.parametrize(("level", "is_shown"), [(0.1, True), (0.9, True), (0.3, False)])
def test_lines_of_ten_and_ninety_percent_are_drawn_where_they_are(
    level: float, is_shown: bool
) -> None:
    across = np.broadcast_to(np.arange(60), GRID.shape_zyx)  # the cube is from 24.5 to 44.5
    probability = np.clip((across - 24.5) / 20, 0, 1).astype(np.float32)
    picture = case_picture(scan_on(GRID), cube(), title="p", probability=probability)
    column = PANEL / 2 + (level - 0.5) * CUBE_MM * PANEL / (2 * HALF_MM)
    found = where(panel(picture, "axial"), ORANGE)[:, 1]
    assert (np.count_nonzero(np.abs(found - column) < 3) > PANEL / 10) == is_shown
