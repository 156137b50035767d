"""How the images of a series lie in space: plane, slices and the gaps between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME_POSITION_MM = 0.01
OBLIQUE_DEG = 30.0

_PLANES = ("sagittal", "coronal", "axial")  # by the axis of the patient along their normal


@dataclass(frozen=True)
class SliceGeometry:
    """Positions of slices along their normal; see `oncotrace.curate.series.Series`."""

    slices: int = 0
    images_at_a_position: int = 0
    slice_distance_mm: float | None = None
    smallest_gap_mm: float | None = None
    largest_gap_mm: float | None = None
    extent_mm: float | None = None


def normal_of(orientation: Sequence[float]) -> NDArray[np.float64] | None:
    """Return the unit vector across the plane of an image, none when its axes span none.

    Parameters
    ----------
    orientation
        Cosines of the rows' and the columns' direction (DICOM PS3.3, C.7.6.2.1.1).
    """
    axes = np.asarray(orientation, np.float64)
    if axes.shape != (6,):
        return None
    normal = np.cross(axes[:3], axes[3:])
    length = float(np.linalg.norm(normal))
    return normal / length if 0.5 < length < 1.5 else None


def plane_of(normal: NDArray[np.float64]) -> tuple[str, float]:
    """Name of the plane across ``normal``, and its tilt in degrees from the nearest of the three.

    Tilts of more than 30 degrees are called oblique: a thigh that is scanned along its bone is
    still axial for those who read it.
    """
    cosines = np.abs(normal)
    nearest = int(np.argmax(cosines))
    angle = float(np.degrees(np.arccos(min(1.0, cosines[nearest]))))
    return ("oblique" if angle > OBLIQUE_DEG else _PLANES[nearest]), angle


def same_direction(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two normals differ by less than a degree; opposite ones are the same plane."""
    return abs(float(one @ other)) > float(np.cos(np.radians(1.0)))


def slice_geometry(
    positions_mm: Iterable[tuple[float, float, float]], normal: NDArray[np.float64]
) -> SliceGeometry:
    """Count slices and measure the gaps between them, along their normal.

    Positions closer than 0.01 mm are one slice. The distance is the median gap, of two in the
    middle the smaller: it is one that occurs, also where a slice is missing among four.
    """
    flat = np.fromiter((x for position in positions_mm for x in position), np.float64)
    if not len(flat):
        return SliceGeometry()
    depths = np.sort(flat.reshape(-1, 3) @ normal)
    begins = np.concatenate([[True], np.diff(depths) > SAME_POSITION_MM])
    counts = np.diff(np.append(np.flatnonzero(begins), len(depths)))
    gaps = np.diff(depths[begins])
    if not len(gaps):
        return SliceGeometry(1, int(counts.max()))
    return SliceGeometry(
        slices=len(counts),
        images_at_a_position=int(counts.max()),
        slice_distance_mm=float(np.sort(gaps)[(len(gaps) - 1) // 2]),
        smallest_gap_mm=float(gaps.min()),
        largest_gap_mm=float(gaps.max()),
        extent_mm=float(depths[-1] - depths[0]),
    )
