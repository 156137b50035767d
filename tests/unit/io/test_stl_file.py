"""STL files that other programs read as the mesh that was written."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from numpy.typing import NDArray
from tests.property.strategies import masks

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import OutputError
from oncotrace.imaging.surface_mesh import SurfaceMesh, surface_mesh
from oncotrace.io.stl_file import write_stl

TETRAHEDRON = SurfaceMesh(
    np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)


def read_stl(path: Path) -> tuple[bytes, NDArray[np.float64], NDArray[np.float64]]:
    """Header, normals (n, 3) and corners (n, 3, 3), read number by number from the layout."""
    content = path.read_bytes()
    (number,) = struct.unpack_from("<I", content, 80)
    assert len(content) == 84 + 50 * number
    records = [struct.unpack_from("<12fH", content, 84 + 50 * i) for i in range(number)]
    assert all(record[12] == 0 for record in records)
    numbers = np.array([record[:12] for record in records]).reshape(-1, 4, 3)
    return content[:80], numbers[:, 0], numbers[:, 1:]


def test_triangles_are_written_with_their_outward_normals(tmp_path: Path) -> None:
    write_stl(TETRAHEDRON, tmp_path / "tumour.stl")
    _, normals, corners = read_stl(tmp_path / "tumour.stl")
    np.testing.assert_array_equal(corners, TETRAHEDRON.vertices_mm[TETRAHEDRON.triangles])
    slanted = np.array([6.0, 4.0, 3.0])
    np.testing.assert_allclose(
        normals,
        [[0, 0, -1], [0, -1, 0], [-1, 0, 0], slanted / np.linalg.norm(slanted)],
        atol=1e-7,
    )


def test_header_names_the_coordinate_system_for_slicer_and_the_intended_use(
    tmp_path: Path,
) -> None:
    write_stl(TETRAHEDRON, tmp_path / "tumour.stl")
    header, _, _ = read_stl(tmp_path / "tumour.stl")
    assert not header.startswith(b"solid")  # which would make it a text file
    assert b"SPACE=LPS" in header
    assert b"SPACE=RAS" not in header
    assert b"research use only" in header


def test_header_is_the_same_for_every_patient(tmp_path: Path) -> None:
    write_stl(TETRAHEDRON, tmp_path / "DOE^JOHN.stl")
    write_stl(TETRAHEDRON, tmp_path / "other.stl")
    assert (tmp_path / "DOE^JOHN.stl").read_bytes() == (tmp_path / "other.stl").read_bytes()


def test_triangle_without_area_has_no_normal(tmp_path: Path) -> None:
    line = SurfaceMesh(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.array([[0, 1, 2]]))
    write_stl(line, tmp_path / "line.stl")
    _, normals, _ = read_stl(tmp_path / "line.stl")
    np.testing.assert_array_equal(normals, [[0, 0, 0]])


@settings(deadline=None, max_examples=30)
@given(mask=masks())
def test_surface_stays_closed_in_single_precision(
    mask: Mask, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume(not mask.is_empty)
    mesh = surface_mesh(mask)
    path = tmp_path_factory.mktemp("stl") / "tumour.stl"
    write_stl(mesh, path)
    _, _, corners = read_stl(path)
    np.testing.assert_allclose(corners, mesh.vertices_mm[mesh.triangles], atol=2e-4)
    _, number = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    triangles = number.reshape(-1, 3)
    ends = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    there, back = ({tuple(e): n for e, n in counted(way)} for way in (ends, ends[:, ::-1]))
    assert there == back


def counted(ends: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], int]]:
    found, times = np.unique(ends, axis=0, return_counts=True)
    return list(zip(found, times.tolist(), strict=True))


def test_existing_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "tumour.stl"
    path.write_text("something else")
    with pytest.raises(OutputError, match="exists already"):
        write_stl(TETRAHEDRON, path)
    assert path.read_text() == "something else"
    assert [file.name for file in tmp_path.iterdir()] == ["tumour.stl"]


@pytest.mark.parametrize("name", ["tumour.obj", "tumour", "tumour.stl.gz"])
def test_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"does not end in \.stl") as caught:
        write_stl(TETRAHEDRON, tmp_path / name)
    assert caught.value.code == "unknown-format"
    assert list(tmp_path.iterdir()) == []


def test_mask_becomes_a_file_in_the_patients_millimetres(tmp_path: Path) -> None:
    grid = Geometry((20, 20, 20), (0.5, 0.5, 2.0), (-100.0, 50.0, -900.0))
    voxels = np.zeros(grid.shape_zyx, dtype=bool)
    voxels[4:12, 3:15, 5:17] = True
    write_stl(surface_mesh(Mask(voxels, grid)), tmp_path / "Tumour.STL")
    _, _, corners = read_stl(tmp_path / "Tumour.STL")
    np.testing.assert_allclose(corners.reshape(-1, 3).min(axis=0), [-97.75, 51.25, -893], atol=0.3)
    np.testing.assert_allclose(corners.reshape(-1, 3).max(axis=0), [-91.75, 57.25, -877], atol=0.3)
