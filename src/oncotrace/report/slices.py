"""Planes of a grid as a radiologist looks at them."""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.outline import outline_segments
from oncotrace.imaging.planes import patient_axes, tilt_deg

_Scalar = TypeVar("_Scalar", bound=np.generic)

Plane = Literal["sagittal", "coronal", "axial"]
PLANES: tuple[Plane, ...] = ("sagittal", "coronal", "axial")  # across the patient's L, P, S axes

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
_SECOND_LETTER_COSINE = np.sin(np.radians(15))
_OBLIQUE_DEG = 5.0
_MARGIN, _LEAST_MARGIN_MM = 0.3, 10.0  # around what is shown: a share of its longer side

# What is to the right and what is down on the screen: patient axis (0 L, 1 P, 2 S) and sign.
_SCREEN: dict[Plane, tuple[tuple[int, int], tuple[int, int]]] = {
    "axial": ((0, 1), (1, 1)),  # seen from the feet, front up
    "coronal": ((0, 1), (2, -1)),  # seen from the front, head up
    "sagittal": ((1, 1), (2, -1)),  # seen from the patient's left, head up
}


@dataclass(frozen=True, eq=False)
class View:
    """One family of a grid's planes, turned as radiologists are used to see them.

    Positions on the screen are millimetres [right, down] from ``centre_mm``, an LPS point. The
    view depends on where the voxels are in the patient, not on the order in which they are stored.
    """

    plane: Plane
    geometry: Geometry
    centre_mm: NDArray[np.float64]

    @property
    def across(self) -> int:
        """Grid axis along which the planes follow each other."""
        return patient_axes(self.geometry)[PLANES.index(self.plane)]

    @property
    def screen_axes(self) -> tuple[int, int]:
        """Grid axes that run right (or left) and down (or up) on the screen."""
        (right, _), (down, _) = _SCREEN[self.plane]
        axes = patient_axes(self.geometry)
        return axes[right], axes[down]

    @property
    def screen_signs(self) -> tuple[int, int]:
        """Whether the screen's axes run with the grid's (1) or against them (-1)."""
        cosines = self.geometry.axes
        right, down = (
            sign if cosines[patient_axis, grid_axis] >= 0 else -sign
            for (patient_axis, sign), grid_axis in zip(
                _SCREEN[self.plane], self.screen_axes, strict=True
            )
        )
        return right, down

    @property
    def name(self) -> str:
        """Name for people; a plane more than 5 degrees off the patient's is called oblique."""
        angle_deg = tilt_deg(self.geometry, PLANES.index(self.plane))
        name = self.plane.capitalize()
        return f"{name}-oblique ({angle_deg:.0f}°)" if angle_deg > _OBLIQUE_DEG else name

    def letters(self) -> tuple[str, str, str, str]:
        """Return where the left, right, top and bottom edges of the screen are in the patient."""
        right, down = (
            self.geometry.axes[:, axis] * sign
            for axis, sign in zip(self.screen_axes, self.screen_signs, strict=True)
        )
        return (
            orientation_letters(-right),
            orientation_letters(right),
            orientation_letters(-down),
            orientation_letters(down),
        )

    def image(self, voxels: NDArray[_Scalar], index: int) -> NDArray[_Scalar]:
        """Slice ``index`` of an array [z, y, x] as rows from top to bottom, columns from left."""
        right, down = self.screen_axes
        planes = voxels.transpose(2 - self.across, 2 - down, 2 - right)
        right_sign, down_sign = self.screen_signs
        plane: NDArray[_Scalar] = planes[index, ::down_sign, ::right_sign]
        return plane

    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge of the whole grid on the screen."""
        last = np.asarray(self.geometry.size_xyz) - 0.5
        corners = self._to_screen(np.stack([np.full(3, -0.5), last]))
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return float(left), float(right), float(bottom), float(top)

    def to_screen_mm(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Positions (..., 2) on the screen of LPS points (..., 3), projected onto the plane."""
        return self._to_screen(self.geometry.to_index(points_mm))

    def distance_mm(self, points_mm: ArrayLike, index: int) -> NDArray[np.float64]:
        """Distance (...) of LPS points (..., 3) from slice ``index``."""
        offset = self.geometry.to_index(points_mm)[..., self.across] - index
        return np.asarray(np.abs(offset) * self.geometry.spacing_mm[self.across])

    def outline_mm(self, mask: Mask, index: int) -> NDArray[np.float64]:
        """Pieces of the mask's outline in slice ``index`` on the screen, shape (n, 2, 2)."""
        row, column = (axis for axis in (2, 1, 0) if axis != self.across)
        segments = outline_segments(np.take(mask.voxels, index, axis=2 - self.across))
        index_xyz = np.full((*segments.shape[:2], 3), float(index))
        index_xyz[..., [row, column]] = segments
        return self._to_screen(index_xyz)

    def position_mm(self, index: int) -> float:
        """Patient coordinate (x, y or z) at which slice ``index`` passes the centre."""
        at = self.geometry.to_index(self.centre_mm)
        at[self.across] = index
        return float(self.geometry.to_point_mm(at)[PLANES.index(self.plane)])

    def indices_from_top(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Slices in the order of the patient: from the head, the front, or the right."""
        along = self.geometry.axes[PLANES.index(self.plane), self.across]
        from_low = np.sort(indices)[:: 1 if along > 0 else -1]
        return from_low[::-1] if self.plane == "axial" else from_low

    def _to_screen(self, index_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        axes = list(self.screen_axes)
        offset = (index_xyz - self.geometry.to_index(self.centre_mm))[..., axes]
        step_mm = np.asarray(self.geometry.spacing_mm)[axes] * self.screen_signs
        return np.asarray(np.round(offset * step_mm, 6), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Frame:
    """The part of a grid that is shown: a box along the grid's axes.

    ``extent_mm`` are its full lengths along x, y, z of the grid.
    """

    geometry: Geometry
    centre_mm: NDArray[np.float64]
    extent_mm: NDArray[np.float64]

    def view(self, plane: Plane) -> View:
        """Return the frame's view of one family of planes."""
        return View(plane, self.geometry, self.centre_mm)

    def half_width_mm(self, plane: Plane) -> float:
        """Half the side of the square that shows the frame's larger side and what is around."""
        longer_mm = float(self.extent_mm[list(self.view(plane).screen_axes)].max())
        return longer_mm / 2 + max(_LEAST_MARGIN_MM, _MARGIN * longer_mm)

    def crop(self, voxels: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Voxels [z, y, x] of the frame and its margin, as far as the grid reaches."""
        margin_mm = np.maximum(_LEAST_MARGIN_MM, _MARGIN * self.extent_mm)
        reach = (self.extent_mm / 2 + margin_mm) / self.geometry.spacing_mm
        centre = self.geometry.to_index(self.centre_mm)
        last = np.asarray(self.geometry.size_xyz) - 1
        low = np.clip(np.ceil((centre - reach).round(6)), 0, last).astype(int)
        high = np.clip(np.floor((centre + reach).round(6)), 0, last).astype(int)
        x, y, z = (slice(a, b + 1) for a, b in zip(low, high, strict=True))
        return voxels[z, y, x]


def frame_around(geometry: Geometry, masks: list[Mask], points_mm: NDArray[np.float64]) -> Frame:
    """Return the smallest frame around masks and points of one grid; without any, the whole grid.

    Points outside the grid do not widen the frame.
    """
    ends = [geometry.to_index(points_mm[geometry.contains(points_mm)])]
    for mask in masks:
        if not mask.is_empty:
            z, y, x = mask.box_zyx()
            ends.append(np.array([(s.start - 0.5, s.stop - 0.5) for s in (x, y, z)]).T)
    index_xyz = np.concatenate(ends)
    if len(index_xyz) == 0:
        index_xyz = np.stack([np.full(3, -0.5), np.asarray(geometry.size_xyz) - 0.5])
    low, high = index_xyz.min(axis=0), index_xyz.max(axis=0)
    centre_mm = geometry.to_point_mm((low + high) / 2)
    return Frame(geometry, centre_mm, (high - low) * geometry.spacing_mm)


def orientation_letters(direction: ArrayLike) -> str:
    """Where a direction points in the patient: R, L, A, P, H, F, the nearest axis first.

    Further letters follow for axes to which the direction leans by at least 15 degrees.
    """
    vector = np.asarray(direction, dtype=np.float64)
    order = np.argsort(-np.abs(vector).round(6), kind="stable")
    letters = [_LETTERS[axis][0 if vector[axis] > 0 else 1] for axis in order]
    leans = [abs(vector[axis]) >= _SECOND_LETTER_COSINE for axis in order[1:]]
    return letters[0] + "".join(
        letter for letter, is_shown in zip(letters[1:], leans, strict=True) if is_shown
    )


def nearest_slice(view: View, indices: NDArray[np.int64], position: float) -> int:
    """Return the one of the slices nearest to a (fractional) index, the uppermost of equals."""
    from_top = view.indices_from_top(indices)
    return int(from_top[np.argmin(np.abs(from_top - position).round(6))])


def middle_slice(view: View, mask: Mask) -> int:
    """Return the slice through the mask nearest to its centre of mass."""
    areas = np.count_nonzero(mask.voxels, axis=_other_axes(view))
    centre = float(np.average(np.arange(len(areas)), weights=areas))
    return nearest_slice(view, np.flatnonzero(areas), centre)


def largest_slice(view: View, mask: Mask) -> int:
    """Return the slice in which the mask has most voxels, the uppermost of equals."""
    areas = np.count_nonzero(mask.voxels, axis=_other_axes(view))
    indices = view.indices_from_top(np.arange(len(areas)))
    return int(indices[np.argmax(areas[indices])])


def spread_slices(view: View, mask: Mask, count: int) -> list[int]:
    """At most ``count`` slices through the mask, evenly from its first to its last."""
    indices = view.indices_from_top(np.flatnonzero(mask.voxels.any(axis=_other_axes(view))))
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return [int(indices[int(place + 0.5)]) for place in places]


def _other_axes(view: View) -> tuple[int, ...]:
    return tuple(2 - axis for axis in view.screen_axes)
