"""Surface meshes as binary STL, in LPS millimetres.

The format knows neither units nor axes. 3D Slicer looks for ``SPACE=LPS`` in the header; other
programs show the numbers as they are.

References
----------
3D Systems, StereoLithography Interface Specification, 1989: 80 bytes of header, the number of
triangles, 50 bytes for each. ``SPACE=``: github.com/Slicer/Slicer,
Libs/MRML/Core/vtkMRMLModelStorageNode.cxx, ``GetCoordinateSystemFromFileHeader``.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.atomic import write_bytes
from oncotrace.errors import OutputError
from oncotrace.imaging.surface_mesh import SurfaceMesh

# Text files begin with "solid"; readers tell the two apart by that.
_HEADER = b"oncotrace surface mesh; SPACE=LPS; unit mm; for research use only".ljust(80, b"\0")
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners_mm", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(mesh: SurfaceMesh, path: Path) -> None:
    """Write a mesh as binary STL; atomic, never over another file.

    Positions are stored in single precision: to 0.0001 mm within 2 m of the origin.

    Raises
    ------
    OutputError
        The name does not end in ``.stl``, the file exists, or it cannot be written.
    """
    if path.suffix.lower() != ".stl":
        raise OutputError(
            f"{path.name} does not end in .stl.", hint="Name it so.", code="unknown-format"
        )
    corners_mm = mesh.vertices_mm[mesh.triangles]
    content = np.zeros(len(corners_mm), dtype=_TRIANGLE)
    content["normal"] = _normals(corners_mm)
    content["corners_mm"] = corners_mm
    count = len(content).to_bytes(4, "little")
    write_bytes(path, b"".join((_HEADER, count, content.tobytes())))


def _normals(corners_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outward unit normals (n, 3); zero, as the format allows, where three corners are in line."""
    first, second, third = np.moveaxis(corners_mm, 1, 0)
    across = np.cross(second - first, third - first)
    length = np.linalg.norm(across, axis=-1, keepdims=True)
    return across / np.where(length > 0, length, 1)
