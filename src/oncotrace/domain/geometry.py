"""Where a voxel grid lies in the patient."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import GeometryMismatchError, InputError

AXIS_ALIGNED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

_ORTHONORMAL_TOLERANCE = 1e-3
_ROUNDING = 1e-9  # of double precision, and then some
_MATCH_FRACTION_OF_VOXEL = 0.01


@dataclass(frozen=True)
class Geometry:
    """A regular voxel grid in DICOM patient coordinates (LPS, millimetres).

    Parameters
    ----------
    size_xyz
        Number of voxels along the columns (x), rows (y) and slices (z) of the grid.
    spacing_mm
        Distance between voxel centres along x, y, z of the grid.
    origin_mm
        Position of the centre of voxel (0, 0, 0).
    direction
        Direction cosines, row-major 3 x 3: column j is the unit vector of grid axis j in LPS.
        A determinant of -1 (a flipped grid) is allowed. Axes that miss right angles or unit length
        by less than 0.001, as rounded text does, are replaced by the nearest exact ones, which
        every file format can hold.

    Raises
    ------
    InputError
        A size or spacing is not positive, a number is not finite, or the axes are not orthonormal.
    """

    size_xyz: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = AXIS_ALIGNED

    def __post_init__(self) -> None:
        if len(self.size_xyz) != 3 or min(self.size_xyz) < 1:
            raise InputError(f"a grid needs three positive sizes, found {self.size_xyz}.")
        numbers = (*self.spacing_mm, *self.origin_mm, *self.direction)
        lengths = (len(self.spacing_mm), len(self.origin_mm), len(self.direction))
        if lengths != (3, 3, 9) or not np.all(np.isfinite(numbers)):
            raise InputError(
                "a grid needs 3 spacings, 3 origin coordinates, 9 direction cosines, all finite; "
                f"found {self.spacing_mm}, {self.origin_mm}, {self.direction}."
            )
        if min(self.spacing_mm) <= 0:
            raise InputError(f"voxel spacing must be positive, found {self.spacing_mm} mm.")
        object.__setattr__(self, "direction", _orthonormal(self.direction))

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """Direction cosines, 3 x 3; column j is grid axis j."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @cached_property
    def _index_to_mm(self) -> NDArray[np.float64]:
        return np.asarray(self.axes * np.asarray(self.spacing_mm), dtype=np.float64)

    @cached_property
    def _mm_to_index(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self._index_to_mm), dtype=np.float64)

    @property
    def affine(self) -> NDArray[np.float64]:
        """Homogeneous 4 x 4 matrix from voxel index (x, y, z) to LPS millimetres."""
        matrix = np.eye(4)
        matrix[:3, :3] = self._index_to_mm
        matrix[:3, 3] = self.origin_mm
        return matrix

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Shape of the numpy array that lies on this grid."""
        x, y, z = self.size_xyz
        return z, y, x

    @property
    def spacing_zyx_mm(self) -> tuple[float, float, float]:
        """Voxel spacing in array axis order."""
        x, y, z = self.spacing_mm
        return z, y, x

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_mm))

    def to_point_mm(self, index_xyz: ArrayLike) -> NDArray[np.float64]:
        """Positions (..., 3) in LPS mm of (fractional) voxel indices (..., 3), x, y, z."""
        index = np.asarray(index_xyz, dtype=np.float64)
        return np.asarray(index @ self._index_to_mm.T + self.origin_mm, dtype=np.float64)

    def to_index(self, point_mm: ArrayLike) -> NDArray[np.float64]:
        """Fractional voxel indices (..., 3) in x, y, z of positions in LPS mm (..., 3)."""
        offset = np.asarray(point_mm, dtype=np.float64) - np.asarray(self.origin_mm)
        return np.asarray(offset @ self._mm_to_index.T, dtype=np.float64)

    def contains(self, point_mm: ArrayLike) -> NDArray[np.bool_]:
        """Whether positions (..., 3) lie in the volume that the voxels fill, edges included."""
        index = self.to_index(point_mm)
        inside = (index >= -0.5 - 1e-6) & (index <= np.asarray(self.size_xyz) - 0.5 + 1e-6)
        return np.asarray(inside.all(axis=-1))

    def corners_mm(self) -> NDArray[np.float64]:
        """Centres of the eight corner voxels, shape (8, 3)."""
        return self.to_point_mm(list(product(*((0, size - 1) for size in self.size_xyz))))

    def crop(self, start_xyz: tuple[int, int, int], size_xyz: tuple[int, int, int]) -> "Geometry":
        """Grid of the sub-volume of ``size_xyz`` voxels that begins at voxel ``start_xyz``.

        A start below zero or a size beyond the grid gives a padded grid.
        """
        x, y, z = (float(value) for value in self.to_point_mm(start_xyz))
        return Geometry(size_xyz, self.spacing_mm, (x, y, z), self.direction)

    def matches(self, other: "Geometry") -> bool:
        """Whether both grids have the same voxels in the same places.

        Sizes must be equal and the corner voxels within 1 % of the smallest spacing, which is
        wider than the rounding of any file format and far below a voxel.
        """
        if self.size_xyz != other.size_xyz:
            return False
        tolerance_mm = _MATCH_FRACTION_OF_VOXEL * min(*self.spacing_mm, *other.spacing_mm)
        return bool(np.abs(self.corners_mm() - other.corners_mm()).max() <= tolerance_mm)

    def require_match(self, other: "Geometry", *, this: str, that: str) -> None:
        """Refuse two grids that differ.

        Raises
        ------
        GeometryMismatchError
            The grids differ; the message describes both under the names ``this`` and ``that``.
        """
        if not self.matches(other):
            raise GeometryMismatchError(
                f"the {this} and the {that} lie on different grids: {this} {self.describe()}, "
                f"{that} {other.describe()}.",
                hint=f"Resample the {this} onto the {that}'s grid first.",
            )

    def describe(self) -> str:
        """One line for people: size, spacing, origin, and the axes if not the patient's."""
        size = " x ".join(str(n) for n in self.size_xyz)
        spacing = " x ".join(f"{s:.4g}" for s in self.spacing_mm)
        origin = ", ".join(f"{o:.2f}" for o in self.origin_mm)
        line = f"{size} voxels of {spacing} mm from ({origin})"
        if np.allclose(self.axes, np.eye(3), atol=1e-4):
            return line
        return f"{line}, axes {np.round(self.axes, 3).tolist()}"


def _orthonormal(direction: tuple[float, ...]) -> tuple[float, ...]:
    """Direction cosines with exactly orthonormal axes; unchanged if they are so already."""
    axes = np.asarray(direction, dtype=np.float64).reshape(3, 3)
    error = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if error > _ORTHONORMAL_TOLERANCE:
        raise InputError(
            f"the direction cosines are not orthonormal (sheared or scaled grid): {direction}.",
            code="sheared-grid",
        )
    if error <= _ROUNDING:
        return tuple(float(cosine) for cosine in direction)
    left, _, right = np.linalg.svd(axes)  # polar decomposition: the nearest orthonormal matrix
    return tuple(float(cosine) for cosine in (left @ right).ravel())
