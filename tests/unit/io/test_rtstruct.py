"""Regions read from synthetic structure sets; references are exact and not made by our filling."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.unit.imaging.exact_fill import Point, exact_fill
from tests.unit.io.rtstruct_factory import (
    FRAME_UID,
    ContourSpec,
    FileSpec,
    RegionSpec,
    contours_from_indices,
    write_rtstruct,
)

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError, EmptyMaskError
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.rtstruct import Region, list_regions, read_region

Polygon = Sequence[Point]
HALF = Fraction(1, 2)

AXIAL = Geometry((30, 24, 5), (0.7, 0.7, 3.0), (-110.3, 45.1, -731.25))


def rotation(degrees_x: float, degrees_y: float, degrees_z: float) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = (
        f(np.radians([degrees_x, degrees_y, degrees_z])) for f in (np.cos, np.sin)
    )
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def turned(geometry: Geometry, axes: NDArray[np.float64]) -> Geometry:
    return replace(geometry, direction=tuple(float(v) for v in axes.ravel()))


def box(x0: int, y0: int, x1: int, y1: int) -> list[Point]:
    """Outline on pixel edges of the pixels x0..x1, y0..y1."""
    left, top, right, bottom = x0 - HALF, y0 - HALF, x1 + HALF, y1 + HALF
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


# Corners on pixel centres, on pixel edges and between; slanted edges through pixel centres.
STAR: list[Point] = [
    (3, 4), (9, 4), (12, 1), (13 + HALF, 6), (20, Fraction(25, 3)), (14, 11), (17, 17), (10, 13),
    (5, 18), (6, 12), (1, 9),
]  # fmt: skip


@dataclass(frozen=True)
class Synthetic:
    """Polygons by slice, where they are drawn, and on which grid."""

    geometry: Geometry
    slices: dict[int, list[Polygon]]
    offset: float = 0.0

    def reference(self) -> NDArray[np.bool_]:
        voxels = np.zeros(self.geometry.shape_zyx, dtype=np.bool_)
        for z, polygons in self.slices.items():
            voxels[z] = exact_fill(polygons, voxels.shape[1:])
        return voxels

    def contours(self) -> list[ContourSpec]:
        return contours_from_indices(
            self.geometry,
            [
                (z + self.offset, [(float(x), float(y)) for x, y in polygon])
                for z, polygons in self.slices.items()
                for polygon in polygons
            ],
        )


LESION: dict[int, list[Polygon]] = {1: [box(4, 5, 9, 12)], 2: [STAR], 3: [STAR, box(22, 2, 27, 20)]}
KEYHOLE: list[Point] = [
    (2, 2), (20, 2), (20, 18), (2, 18), (2, 10), (6, 8), (6, 14), (15, 14), (15, 5), (6, 5), (6, 8),
    (2, 10),
]  # fmt: skip
SAGITTAL = np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])
CORONAL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
PRONE = np.diag([-1.0, -1.0, 1.0])

SYNTHETIC = {
    "hole": Synthetic(AXIAL, {2: [box(3, 3, 20, 18), box(8, 7, 12, 12)]}),
    "island inside a hole": Synthetic(
        AXIAL, {2: [box(3, 3, 24, 20), box(6, 6, 20, 17), STAR[:3], box(10, 10, 15, 13)]}
    ),
    "keyhole": Synthetic(AXIAL, {1: [KEYHOLE], 2: [KEYHOLE]}),
    "second lesion beyond the row count": Synthetic(
        replace(AXIAL, size_xyz=(70, 24, 5)), {2: [box(2, 3, 9, 9), box(40, 5, 60, 18)], 3: [STAR]}
    ),
    "lesion beyond the column count": Synthetic(
        replace(AXIAL, size_xyz=(24, 70, 5)), {2: [box(2, 3, 9, 9), box(5, 40, 18, 60)], 3: [STAR]}
    ),
    "oblique": Synthetic(turned(AXIAL, rotation(23.7, 0, 0)), LESION),
    "double oblique": Synthetic(turned(AXIAL, rotation(-17.3, 31.9, 8.1)), LESION),
    "sagittal": Synthetic(turned(AXIAL, SAGITTAL), LESION),
    "coronal": Synthetic(turned(AXIAL, CORONAL), LESION),
    "prone": Synthetic(turned(AXIAL, PRONE), LESION),
    "left-handed": Synthetic(turned(AXIAL, np.diag([1.0, 1.0, -1.0])), LESION),
    "unequal pixel spacing": Synthetic(replace(AXIAL, spacing_mm=(0.31, 1.9, 4.4)), LESION),
    "off-slice contours": Synthetic(AXIAL, LESION, offset=-0.37),
    "edges through pixel centres": Synthetic(
        turned(AXIAL, rotation(41.3, -12.9, 77.7)),
        {z: [[(2, 3), (11, 3), (20, 12), (20, 20), (11, 20), (2, 11)], [(22, 5), (29, 5), (22, 19)]]
         for z in range(5)},
    ),
}  # fmt: skip


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write contours as the region 'GTV', or several regions."""

    def write(*contours: ContourSpec, regions: Sequence[RegionSpec] | None = None) -> Path:
        given = [RegionSpec("GTV", contours)] if regions is None else regions
        return write_rtstruct(tmp_path / "rs.dcm", given)

    return write


def square(z: float = 2.0, *, kind: str = "CLOSED_PLANAR", **others: object) -> ContourSpec:
    """Contour around 3 x 3 pixels from (5, 5)."""
    (contour,) = contours_from_indices(
        AXIAL, [(z, [(4.5, 4.5), (7.5, 4.5), (7.5, 7.5), (4.5, 7.5)])]
    )
    return replace(contour, kind=kind, **others)  # type: ignore[arg-type]


def region(name: str, *contours: ContourSpec, number: int = 1) -> RegionSpec:
    return RegionSpec(name, contours, number=number)


def filled_slices(voxels: NDArray[np.bool_]) -> list[int]:
    return [int(z) for z in np.flatnonzero(voxels.any(axis=(1, 2)))]


# ---- the mask -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SYNTHETIC.values(), ids=SYNTHETIC.keys())
def test_no_voxel_differs_from_the_reference(case: Synthetic, save: Callable[..., Path]) -> None:
    found = read_region(save(*case.contours()), case.geometry)
    reference = case.reference()
    assert reference.sum() > 50
    assert int((found.mask.voxels != reference).sum()) == 0
    assert found.mask.geometry == case.geometry
    assert found.name == "GTV"


def test_exact_reference_of_boxes_is_the_boxes() -> None:
    reference = Synthetic(AXIAL, {2: [box(3, 3, 20, 18), box(8, 7, 12, 12)]}).reference()
    expected = np.zeros(AXIAL.shape_zyx, dtype=np.bool_)
    expected[2, 3:19, 3:21] = True
    expected[2, 7:13, 8:13] = False
    np.testing.assert_array_equal(reference, expected)


def test_xor_contours_are_filled_like_planar_ones(save: Callable[..., Path]) -> None:
    case = SYNTHETIC["hole"]
    contours = [replace(contour, kind="CLOSEDPLANAR_XOR") for contour in case.contours()]
    found = read_region(save(*contours), case.geometry)
    np.testing.assert_array_equal(found.mask.voxels, case.reference())
    assert found.notes == ()


def test_hole_a_trace_off_the_plane_of_its_outline_is_still_a_hole(
    save: Callable[..., Path],
) -> None:
    outer, inner = (
        contours_from_indices(AXIAL, [(z, [(float(x), float(y)) for x, y in polygon])])[0]
        for z, polygon in ((2.502, box(3, 3, 20, 18)), (2.47, box(8, 7, 12, 12)))
    )
    voxels = read_region(save(outer, inner), AXIAL).mask.voxels
    assert filled_slices(voxels) == [2]
    assert int(voxels.sum()) == 18 * 16 - 5 * 6


def test_planes_denser_than_slices_are_not_mixed(save: Callable[..., Path]) -> None:
    dense = [
        contours_from_indices(AXIAL, [(z, [(4, 4), (width, 4), (width, 8), (4, 8)])])[0]
        for z, width in ((1.67, 20), (2.0, 10), (2.33, 24))
    ]
    found = read_region(save(*dense), AXIAL)
    assert filled_slices(found.mask.voxels) == [2]
    assert int(found.mask.voxels.sum()) == 6 * 4
    assert found.notes == (
        "2 contours left out: contours of another plane lie nearer to the centre of the same "
        "slice.",
    )


def test_of_two_planes_as_near_the_lower_is_taken(save: Callable[..., Path]) -> None:
    low, high = (
        contours_from_indices(AXIAL, [(z, [(4, 4), (width, 4), (width, 8), (4, 8)])])[0]
        for z, width in ((1.7501, 10), (2.25, 20))
    )
    assert int(read_region(save(high, low), AXIAL).mask.voxels.sum()) == 6 * 4


@pytest.mark.parametrize("z", [1.4999, 1.5, 1.5001])
def test_contour_half_way_belongs_to_the_higher_slice(z: float, save: Callable[..., Path]) -> None:
    assert filled_slices(read_region(save(square(z)), AXIAL).mask.voxels) == [2]


def test_contour_exported_twice_does_not_vanish(save: Callable[..., Path]) -> None:
    found = read_region(save(square(), square()), AXIAL)
    assert int(found.mask.voxels.sum()) == 9
    assert found.notes == ("1 contour left out: exact repetitions of others.",)


def test_repeated_xor_contours_cancel_as_the_standard_says(save: Callable[..., Path]) -> None:
    contours = [square(kind="CLOSEDPLANAR_XOR"), square(kind="CLOSEDPLANAR_XOR"), square(3.0)]
    assert filled_slices(read_region(save(*contours), AXIAL).mask.voxels) == [3]


def test_region_too_small_for_the_grid_is_an_error(save: Callable[..., Path]) -> None:
    (speck,) = contours_from_indices(AXIAL, [(2, [(4.2, 4.2), (4.8, 4.2), (4.8, 4.8)])])
    with pytest.raises(EmptyMaskError, match="region 'GTV' encloses no voxel centre"):
        read_region(save(speck), AXIAL)


# ---- notes on what does not fit -----------------------------------------------------------------


def test_contours_off_the_slices_are_counted_and_measured(save: Callable[..., Path]) -> None:
    found = read_region(save(square(1.0), square(2.2), square(3.3)), AXIAL)
    assert found.notes == (
        "2 contours off the centre of the nearest slice, by up to 0.90 mm (slices are 3 mm apart).",
    )


def test_slices_without_a_contour_are_counted_and_left_empty(save: Callable[..., Path]) -> None:
    found = read_region(save(square(0), square(4)), AXIAL)
    assert filled_slices(found.mask.voxels) == [0, 4]
    assert found.notes == ("3 slices between contoured slices have no contour.",)


def test_contours_above_and_beside_the_image_are_counted(save: Callable[..., Path]) -> None:
    (beside,) = contours_from_indices(AXIAL, [(2, [(40, 4), (44, 4), (44, 8)])])
    found = read_region(save(square(2), square(5), square(-1), beside), AXIAL)
    assert filled_slices(found.mask.voxels) == [2]
    assert found.notes == ("3 of 4 contours left out: outside of the image.",)


def test_contour_across_the_edge_is_cut_off_there(save: Callable[..., Path]) -> None:
    (across,) = contours_from_indices(
        AXIAL, [(2, [(27.5, 3.5), (39.5, 3.5), (39.5, 5.5), (27.5, 5.5)])]
    )
    found = read_region(save(across), AXIAL)
    assert int(found.mask.voxels.sum()) == 2 * 2
    assert found.notes == (
        "1 contour cut off at the edge of the image, beyond which they reach by up to 7.0 mm.",
    )


def test_points_and_open_lines_are_left_out(save: Callable[..., Path]) -> None:
    found = read_region(
        save(
            square(),
            square(3, kind="POINT"),
            square(3, kind="OPEN_PLANAR"),
            square(4, kind="POINT"),
        ),
        AXIAL,
    )
    assert filled_slices(found.mask.voxels) == [2]
    assert found.notes == (
        "2 contours left out: not a closed outline (POINT).",
        "1 contour left out: not a closed outline (OPEN_PLANAR).",
    )


def test_contours_of_two_points_or_none_are_left_out(save: Callable[..., Path]) -> None:
    two = ContourSpec(AXIAL.to_point_mm([[1, 1, 3], [5, 5, 3]]))
    found = read_region(save(square(), two, ContourSpec()), AXIAL)
    assert filled_slices(found.mask.voxels) == [2]
    assert found.notes == ("2 contours left out: fewer than three points.",)


def test_stated_number_of_points_that_is_wrong_is_noted(save: Callable[..., Path]) -> None:
    found = read_region(save(square(stated_points=7)), AXIAL)
    assert int(found.mask.voxels.sum()) == 9
    assert found.notes == (
        "1 contour with more or fewer points than the file states; the points that are there were "
        "used.",
    )


def test_images_that_are_not_in_the_series_are_counted(save: Callable[..., Path]) -> None:
    path = save(square(1, image_uid="1.2.3"), square(2, image_uid="1.2.4"), square(3))
    assert read_region(path, AXIAL, sop_instance_uids=["1.2.3", "1.2.9"]).notes == (
        "1 of 3 contours refer to images that are not in this series; matched by position.",
    )
    assert read_region(path, AXIAL, sop_instance_uids=["1.2.3", "1.2.4"]).notes == ()
    assert read_region(path, AXIAL).notes == ()


# ---- contours that cannot be used ---------------------------------------------------------------


def test_contour_across_slices_is_refused_with_its_angle(save: Callable[..., Path]) -> None:
    oblique = turned(AXIAL, rotation(30, 0, 0))
    path = save(*Synthetic(oblique, LESION).contours())
    with pytest.raises(DicomError, match=r"4 of 4 contours.*turned by 30\.0 degrees") as caught:
        read_region(path, AXIAL)
    assert caught.value.code == "contour-not-in-plane"


def test_axial_contours_do_not_fit_a_sagittal_image(save: Callable[..., Path]) -> None:
    path = save(*Synthetic(AXIAL, LESION).contours())
    with pytest.raises(DicomError, match=r"turned by 90\.0 degrees.*Give the series on which"):
        read_region(path, turned(AXIAL, SAGITTAL))


@pytest.mark.parametrize(
    ("shift_index", "distance"),
    [((0, 0, 10), "22.5"), ((100, 0, 0), "52.5"), ((0, -60, 0), "36.4")],
)
def test_region_outside_of_the_image_is_refused_with_its_distance(
    shift_index: tuple[int, int, int], distance: str, save: Callable[..., Path]
) -> None:
    # Square: x and y 4.5 to 7.5, z 2; image: x -0.5 to 29.5, y -0.5 to 23.5, z -0.5 to 4.5.
    shift_mm = np.multiply(shift_index, AXIAL.spacing_mm)
    moved = replace(square(), points_mm=np.asarray(square().points_mm) + shift_mm)
    with pytest.raises(DicomError, match=f"outside of the image.*{distance} mm away") as caught:
        read_region(save(moved), AXIAL)
    assert caught.value.code == "region-outside-image"


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (r"1\2\3\4\5\6\7\8", "8 coordinates, not three for every point"),
        (r"1\2\3\4\five\6\7\8\9", "a coordinate that is not a number"),
        (r"1\2\3\4\\6\7\8\9", "a coordinate that is not a number"),
        (r"1\2\3\4\nan\6\7\8\9", "a coordinate that is not finite"),
        (r"1\2\3\4\1e999\6\7\8\9", "a coordinate that is not finite"),
        (r"1\2\3\4\1e308\6\-1e308\8\9", "a point far outside of any image"),
        (r"1\2\3\4\1e12\6\7\8\9", "a point far outside of any image"),
    ],
)
def test_damaged_coordinates_are_refused(
    data: str, finding: str, save: Callable[..., Path]
) -> None:
    with pytest.raises(DicomError, match=f"of region 'GTV' has {finding}") as caught:
        read_region(save(square(), ContourSpec(data=data)), AXIAL)
    assert caught.value.code == "bad-contour"


def test_numbers_with_blanks_and_signs_are_read(save: Callable[..., Path]) -> None:
    points = np.asarray(square().points_mm).ravel()
    data = "\\".join(f" {value:+.4f} " for value in points)
    found = read_region(save(ContourSpec(data=data, stated_points=4)), AXIAL)
    assert int(found.mask.voxels.sum()) == 9
    assert found.notes == ()


def test_contour_longer_than_an_explicit_value_may_be_is_read(save: Callable[..., Path]) -> None:
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    ring = np.column_stack([15 + 9.2 * np.cos(angles), 12 + 9.2 * np.sin(angles)])
    y, x = np.indices(AXIAL.shape_zyx[1:])
    disk = np.hypot(x - 15, y - 12) < 9.2
    found = read_region(save(*contours_from_indices(AXIAL, [(2, ring)])), AXIAL)
    np.testing.assert_array_equal(found.mask.voxels[2], disk)


# ---- regions by name ----------------------------------------------------------------------------


def test_regions_are_listed_with_their_closed_contours(save: Callable[..., Path]) -> None:
    path = save(
        regions=[
            region("GTV", square(), square(3), square(kind="POINT"), number=4),
            region("Isocentre", square(kind="POINT"), number=2),
            RegionSpec("Empty", None, number=9),
        ]
    )
    assert list_regions(path) == [
        Region(4, "GTV", 2),
        Region(2, "Isocentre", 0),
        Region(9, "Empty", 0),
    ]


def test_only_region_with_contours_needs_no_name(save: Callable[..., Path]) -> None:
    path = save(regions=[region("POI", square(kind="POINT")), region("GTV", square(), number=2)])
    assert read_region(path, AXIAL).name == "GTV"


def test_several_regions_need_a_name(save: Callable[..., Path]) -> None:
    path = save(regions=[region("GTV", square()), region("Edema", square(3), number=2)])
    with pytest.raises(DicomError, match="2 regions with contours: 'GTV', 'Edema'") as caught:
        read_region(path, AXIAL)
    assert caught.value.code == "region-not-named"
    assert filled_slices(read_region(path, AXIAL, name="Edema").mask.voxels) == [3]


def test_exact_name_goes_before_one_in_other_case(save: Callable[..., Path]) -> None:
    path = save(regions=[region("gtv", square(1)), region("GTV", square(3), number=2)])
    assert filled_slices(read_region(path, AXIAL, name="GTV").mask.voxels) == [3]
    with pytest.raises(DicomError, match=r"numbers 1 \('gtv'\), 2 \('GTV'\)"):
        read_region(path, AXIAL, name="Gtv")


def test_name_is_found_in_any_case_and_with_blanks(save: Callable[..., Path]) -> None:
    assert (
        read_region(save(regions=[region("GTV_Mass ", square())]), AXIAL, name=" gtv_mass").name
        == "GTV_Mass"
    )


def test_name_given_twice_is_refused_with_the_numbers(save: Callable[..., Path]) -> None:
    path = save(regions=[region("GTV", square(), number=3), region("GTV", square(3), number=8)])
    with pytest.raises(DicomError, match="2 regions called 'GTV', with the numbers 3") as caught:
        read_region(path, AXIAL, name="GTV")
    assert caught.value.code == "region-ambiguous"


def test_unknown_name_is_answered_with_the_names_there_are(save: Callable[..., Path]) -> None:
    path = save(regions=[region("GTV", square()), region("Edema", square(), number=2)])
    with pytest.raises(
        DicomError, match=r"no region called 'PTV'\. Its regions: 'GTV', 'Edema'"
    ) as e:
        read_region(path, AXIAL, name="PTV")
    assert e.value.code == "region-not-found"


@pytest.mark.parametrize("name", ["GTV", None])
@pytest.mark.parametrize(
    "contours", [None, (), (square(kind="POINT"), square(kind="OPEN_NONPLANAR"))]
)
def test_region_without_closed_contours_is_refused(
    contours: Sequence[ContourSpec] | None, name: str | None, save: Callable[..., Path]
) -> None:
    with pytest.raises(DicomError, match="closed contours; points and open lines") as caught:
        read_region(save(regions=[RegionSpec("GTV", contours)]), AXIAL, name=name)
    assert caught.value.code == "no-closed-contours"


def test_region_of_contours_that_enclose_nothing_is_refused(save: Callable[..., Path]) -> None:
    with pytest.raises(DicomError, match="no contour of region 'GTV' has three points") as caught:
        read_region(save(ContourSpec([[1, 2, 3]])), AXIAL)
    assert caught.value.code == "no-closed-contours"


def test_number_given_to_two_regions_is_refused(save: Callable[..., Path]) -> None:
    path = save(regions=[region("GTV", square()), region("Edema", square())])
    with pytest.raises(DicomError, match="gives the number 1 to 2 regions") as caught:
        list_regions(path)
    assert caught.value.code == "duplicate-region-number"


def test_other_frame_of_reference_is_refused(save: Callable[..., Path]) -> None:
    path = save(square())
    with pytest.raises(DicomError, match="'GTV' was drawn in another frame of reference") as caught:
        read_region(path, AXIAL, frame_of_reference_uid=FRAME_UID + ".7")
    assert caught.value.code == "wrong-frame-of-reference"
    assert read_region(path, AXIAL, frame_of_reference_uid=FRAME_UID).notes == ()
    unknown = save(regions=[RegionSpec("GTV", [square()], frame_uid="")])
    assert read_region(unknown, AXIAL, frame_of_reference_uid=FRAME_UID).notes == ()


# ---- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        FileSpec(transfer_syntax=syntax, undefined_length=undefined, preamble=preamble)
        for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
        for undefined in (False, True)
        for preamble in (True, False)
    ]
    + [FileSpec(transfer_syntax=DeflatedExplicitVRLittleEndian)],
    ids=str,
)
def test_file_is_read_in_every_encoding(spec: FileSpec, tmp_path: Path) -> None:
    case = SYNTHETIC["double oblique"]
    path = write_rtstruct(tmp_path / "rs.dcm", [RegionSpec("GTV", case.contours())], spec)
    voxels = read_region(path, case.geometry, name="GTV").mask.voxels
    np.testing.assert_array_equal(voxels, case.reference())


def test_region_name_is_decoded(tmp_path: Path) -> None:
    spec = FileSpec(extra={"SpecificCharacterSet": "ISO_IR 192"})
    path = write_rtstruct(tmp_path / "rs.dcm", [region("Ödem", square())], spec)
    assert read_region(path, AXIAL, name="ödem").name == "Ödem"


@pytest.mark.parametrize("undefined_length", [False, True])
def test_file_cut_off_anywhere_is_refused(undefined_length: bool, tmp_path: Path) -> None:
    spec = FileSpec(undefined_length=undefined_length)
    whole = write_rtstruct(tmp_path / "rs.dcm", [region("GTV", square(), square(3))], spec)
    content = whole.read_bytes()
    cut = tmp_path / "cut.dcm"
    for length in [*range(0, len(content), 7), *range(len(content) - 20, len(content))]:
        cut.write_bytes(content[:length])
        with pytest.raises(DicomError) as caught:
            list_regions(cut)
        assert caught.value.code in ("truncated", "not-dicom", "not-rtstruct"), length
        assert length < 400 or caught.value.code == "truncated", length


def test_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    spec = FileSpec(sop_class="1.2.840.10008.5.1.4.1.1.2", modality="CT")
    path = write_rtstruct(tmp_path / "ct.dcm", [], spec)
    with pytest.raises(DicomError, match=r"not an RTSTRUCT but CT Image Storage") as e:
        list_regions(path)
    assert e.value.code == "not-rtstruct"


def test_rtstruct_without_contours_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="damaged or cut off"):
        list_regions(write_rtstruct(tmp_path / "rs.dcm", []))


@pytest.mark.parametrize(
    "content", [b"", b"x", b"patient,outcome\n1,2\n" * 40, bytes(4000), bytes(range(256)) * 9]
)
def test_file_that_is_not_dicom_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rs.dcm"
    path.write_bytes(content)
    with pytest.raises(DicomError, match=r"rs\.dcm is not a DICOM file") as caught:
        list_regions(path)
    assert caught.value.code == "not-dicom"


def test_damaged_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    content = bytearray(write_rtstruct(tmp_path / "rs.dcm", [region("GTV", square())]).read_bytes())
    rng = np.random.default_rng(11)
    damaged = tmp_path / "damaged.dcm"
    for _ in range(300):
        copy = content.copy()
        for position in rng.integers(132, len(copy), size=3):
            copy[position] = rng.integers(256)
        damaged.write_bytes(copy)
        with suppress(DicomError, EmptyMaskError):
            read_region(damaged, AXIAL)


@pytest.mark.parametrize("name", ["missing.dcm", "."])
def test_missing_file_is_named_without_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(DicomError, match=r"^there is no file [^/]*\.$") as caught:
        list_regions(tmp_path / name)
    assert caught.value.code == "missing-file"


def test_file_too_large_for_a_structure_set_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.dcm"
    with path.open("wb") as stream:
        stream.truncate(600 << 20)
    with pytest.raises(DicomError, match="has 600 MiB, far more than any structure set") as caught:
        list_regions(path)
    assert caught.value.code == "too-large"


def test_a_class_that_runs_on_into_a_name_is_not_repeated(tmp_path: Path) -> None:
    spec = FileSpec(sop_class="1.2.3 PLANTED")
    with quiet_pydicom():
        path = write_rtstruct(tmp_path / "damaged.dcm", [], spec)
    with pytest.raises(DicomError, match="not an RTSTRUCT but of no known kind") as e:
        list_regions(path)
    assert "PLANTED" not in str(e.value)
