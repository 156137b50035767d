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
    mask's grid (``axial_slice``, counted from 0).
    """

    volume_ml: float
    longest_axial: Diameter
    perpendicular: Diameter
    longest_3d: Diameter
    axial_slice: int
