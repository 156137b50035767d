"""What is measured on a mask."""

from dataclasses import dataclass

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Diameter:
    """A straight line through a tumour: its length and its end points in LPS mm."""

    length_mm: float
    start_mm: Point
    end_mm: Point


@dataclass(frozen=True)
class TumourSize:
    """Volume and diameters of one mask.

    Diameters run between the outer edges of voxels. The axial diameters lie in one slice of the
    mask's grid: slice ``axial_slice``, counted from 0 along the grid axis ``axial_axis`` (0 x,
    1 y, 2 z), which is the axis nearest to the patient's head-foot axis: 2 unless the image was
    acquired or stored in another plane. ``axial_tilt_deg`` is the angle between that slice and
    the patient's axial plane.
    """

    volume_ml: float
    longest_axial: Diameter
    perpendicular: Diameter
    longest_3d: Diameter
    axial_slice: int
    axial_axis: int = 2
    axial_tilt_deg: float = 0.0
