"""Meshes that are closed, face outward, stay where the voxels are and hold their volume."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tests.property.strategies import masks

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.surface_mesh import SurfaceMesh, surface_mesh
from oncotrace.io.volume_file import read_mask

TILTED = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
FLIPPED = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)  # determinant -1


def mask_of(voxels: object, **place: object) -> Mask:
    array = np.asarray(voxels, dtype=bool)
    return Mask(array, Geometry(array.shape[::-1], **place))


def ball(radius: float, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Mask:
    size = [int(2 * radius / s) + 5 for s in spacing_mm]
    origin = tuple(-s * (n // 2 - 0.3) for s, n in zip(spacing_mm, size, strict=True))
    grid = Geometry((size[0], size[1], size[2]), spacing_mm, origin)
    points = grid.to_point_mm(np.moveaxis(np.indices(grid.shape_zyx)[::-1], 0, -1))
    return Mask(np.linalg.norm(points, axis=-1) <= radius, grid)


def volume_mm3(mesh: SurfaceMesh) -> float:
    """Volume that the mesh encloses, by the divergence theorem; negative if it faces inward."""
    about = mesh.vertices_mm - mesh.vertices_mm.mean(axis=0)
    first, second, third = np.moveaxis(about[mesh.triangles], 1, 0)
    return float(np.einsum("ij,ij", first, np.cross(second, third))) / 6


def voxel_volume_mm3(mask: Mask) -> float:
    return float(mask.voxels.sum()) * mask.geometry.voxel_volume_mm3


def vector_areas_mm2(mesh: SurfaceMesh) -> NDArray[np.float64]:
    first, second, third = np.moveaxis(mesh.vertices_mm[mesh.triangles], 1, 0)
    return np.cross(second - first, third - first) / 2


def times_along_edges(mesh: SurfaceMesh) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often triangles run along each edge, one way and the other."""
    ends = np.concatenate([mesh.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    is_up = ends[:, 0] < ends[:, 1]
    low, high = np.sort(ends, axis=1).T
    _, edge = np.unique(low * len(mesh.vertices_mm) + high, return_inverse=True)
    return np.bincount(edge, weights=is_up), np.bincount(edge, weights=~is_up)


def assert_closed(mesh: SurfaceMesh, most: int = 1) -> None:
    """Every edge is run along as often one way as the other."""
    up, down = times_along_edges(mesh)
    np.testing.assert_array_equal(up, down)
    assert up.max() <= most
    np.testing.assert_array_equal(np.unique(mesh.triangles), np.arange(len(mesh.vertices_mm)))


def pieces(mesh: SurfaceMesh) -> int:
    n = len(mesh.vertices_mm)
    a, b, c = mesh.triangles.T
    links = coo_array((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, c])), shape=(n, n))
    number, _ = connected_components(links, directed=False)
    return int(number)


# ---- closed, outward, in place ------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(mask=masks())
def test_any_mask_on_any_grid_has_a_closed_surface_that_faces_outward(mask: Mask) -> None:
    assume(not mask.is_empty)
    mesh = surface_mesh(mask)
    assert_closed(mesh, most=2)
    assert volume_mm3(mesh) > 0


@settings(deadline=None, max_examples=40)
@given(mask=masks())
def test_every_vertex_lies_in_a_cell_of_set_and_unset_voxels(mask: Mask) -> None:
    assume(not mask.is_empty)
    index_xyz = mask.geometry.to_index(surface_mesh(mask).vertices_mm)
    first_xyz = np.floor(index_xyz)
    assert np.abs(index_xyz - first_xyz - 0.5).max() <= 0.4 + 1e-6
    padded = np.pad(mask.voxels, 1)
    x, y, z = first_xyz.astype(int).T + 1
    corners = [padded[z + k, y + j, x + i] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    assert np.all(np.any(corners, axis=0) & ~np.all(corners, axis=0))


@pytest.mark.parametrize("direction", [FLIPPED, TILTED])
def test_mesh_does_not_depend_on_how_the_grid_lies(direction: tuple[float, ...]) -> None:
    straight = ball(5, (1.0, 1.0, 2.0))
    turned = Geometry(
        straight.geometry.size_xyz, straight.geometry.spacing_mm, (5.0, -70.0, 9.0), direction
    )
    mesh, other = surface_mesh(straight), surface_mesh(Mask(straight.voxels, turned))
    np.testing.assert_allclose(
        turned.to_index(other.vertices_mm), straight.geometry.to_index(mesh.vertices_mm), atol=1e-9
    )
    assert volume_mm3(other) == pytest.approx(volume_mm3(mesh))


def test_mask_at_the_border_of_its_grid_is_closed_there() -> None:
    full = mask_of(np.ones((6, 7, 8)))
    padded = Mask(np.pad(full.voxels, 2), full.geometry.crop((-2, -2, -2), (12, 11, 10)))
    np.testing.assert_allclose(surface_mesh(full).vertices_mm, surface_mesh(padded).vertices_mm)
    assert_closed(surface_mesh(full))


def test_mesh_cannot_be_changed() -> None:
    mesh = surface_mesh(ball(3))
    with pytest.raises(ValueError, match="read-only"):
        mesh.vertices_mm[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        mesh.triangles[0] = 0


def test_same_mask_gives_the_same_mesh() -> None:
    mesh, again = surface_mesh(ball(6)), surface_mesh(ball(6))
    np.testing.assert_array_equal(mesh.vertices_mm, again.vertices_mm)
    np.testing.assert_array_equal(mesh.triangles, again.triangles)


def test_empty_mask_has_no_surface() -> None:
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        surface_mesh(mask_of(np.zeros((3, 3, 3))))


# ---- voxels that hardly touch -------------------------------------------------------------------


@pytest.mark.parametrize("second", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1)])
def test_blocks_that_touch_along_an_edge_or_at_a_corner_are_separate(
    second: tuple[int, int, int],
) -> None:
    voxels = np.zeros((2, 2, 2), dtype=bool)
    voxels[0, 0, 0] = voxels[second] = True
    mesh = surface_mesh(mask_of(voxels.repeat(3, 0).repeat(3, 1).repeat(3, 2)))
    assert_closed(mesh)
    assert pieces(mesh) == 2
    assert len(np.unique(mesh.vertices_mm.astype(np.float32), axis=0)) == len(mesh.vertices_mm)


def test_two_holes_that_touch_at_a_corner_are_separate() -> None:
    voxels = np.ones((10, 10, 10), dtype=bool)
    voxels[2:5, 2:5, 2:5] = voxels[5:8, 5:8, 5:8] = False
    mesh = surface_mesh(mask_of(voxels))
    assert_closed(mesh)
    assert pieces(mesh) == 3


def test_hole_is_taken_from_the_volume() -> None:
    whole = np.ones((16, 16, 16), dtype=bool)
    hollow = whole.copy()
    hollow[5:11, 5:11, 5:11] = False
    mesh = surface_mesh(mask_of(hollow))
    hole = surface_mesh(mask_of(np.ones((6, 6, 6))))
    assert pieces(mesh) == 2
    assert volume_mm3(mesh) == pytest.approx(
        volume_mm3(surface_mesh(mask_of(whole))) - volume_mm3(hole)
    )


def test_gaps_that_meet_in_an_edge_share_it_and_leave_the_surface_closed() -> None:
    voxels = np.ones((3, 2, 2), dtype=bool)
    voxels[1] = [[True, False], [False, True]]
    mesh = surface_mesh(mask_of(voxels))
    assert_closed(mesh, most=2)
    assert times_along_edges(mesh)[0].max() == 2


# ---- shape and volume ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("radius", "spacing_mm", "tolerance"),
    [
        (3.0, (1.0, 1.0, 1.0), 0.01),
        (6.0, (1.0, 1.0, 1.0), 0.01),
        (15.0, (1.0, 1.0, 1.0), 0.002),
        (6.0, (1.0, 1.0, 3.0), 0.015),
        (15.0, (1.0, 1.0, 3.0), 0.002),
    ],
)
def test_ball_has_the_volume_of_its_voxels(
    radius: float, spacing_mm: tuple[float, float, float], tolerance: float
) -> None:
    mask = ball(radius, spacing_mm)
    mesh = surface_mesh(mask)
    assert_closed(mesh)
    assert volume_mm3(mesh) == pytest.approx(voxel_volume_mm3(mask), rel=tolerance)


def test_ball_is_round() -> None:
    """The faces of the voxels themselves have 1.5 times its area and point 45 degrees aside."""
    mesh = surface_mesh(ball(12))
    vector_mm2 = vector_areas_mm2(mesh)
    area_mm2 = np.linalg.norm(vector_mm2, axis=1)
    assert area_mm2.sum() == pytest.approx(4 * np.pi * 12**2, rel=0.03)
    middle = mesh.vertices_mm[mesh.triangles].mean(axis=1)
    outward = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    cosine = (vector_mm2 * outward).sum(axis=1) / area_mm2
    aside = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert np.average(aside, weights=area_mm2) < 9
    assert np.abs(np.linalg.norm(mesh.vertices_mm, axis=1) - 12).max() < 0.5


def test_vector_areas_of_a_closed_surface_cancel() -> None:
    np.testing.assert_allclose(vector_areas_mm2(surface_mesh(ball(7))).sum(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("patient", ["STS_001", "STS_003", "STS_004", "STS_013", "STS_025"])
def test_real_tumours_have_watertight_surfaces_of_their_volume(
    patient: str, shared_data: Path
) -> None:
    mask = read_mask(shared_data / "sts" / patient / "mr_t1_mask.nii.gz")
    mesh = surface_mesh(mask)
    assert_closed(mesh)
    assert volume_mm3(mesh) == pytest.approx(voxel_volume_mm3(mask), rel=0.001)
