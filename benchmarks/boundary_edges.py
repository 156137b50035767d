"""Edges of an image along an outline: their strength, and where nearby it is greatest.

Points and shifts are [z, y, x] in mm along the grid's axes, from the first voxel's centre.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import box_around, crop_scan
from oncotrace.imaging.intensity import clipped, standardised
from oncotrace.imaging.surface_elements import surface_elements

BLUR_MM = 1.5
LEAST_BLUR_VOXELS = 0.6
MARGIN_MM = 15.0
MOST_POINTS = 2000
REACH_MM = 3.0
LARGEST_SHIFT_MM = 6.0
STEPS_MM = (1.0, 0.5, 0.25)

_Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surface:
    """Points of an outline with their unit normals and areas."""

    points_mm: _Points
    normals: _Points
    area_mm2: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> "Surface":
        """Part of the surface."""
        return Surface(self.points_mm[chosen], self.normals[chosen], self.area_mm2[chosen])


@dataclass(frozen=True, eq=False)
class EdgeImage:
    """Gradient [3, z, y, x] of a blurred image, per mm, and its spacing."""

    gradient: NDArray[np.float32]
    spacing_zyx_mm: _Points

    def along(self, points_mm: _Points, normals: _Points) -> NDArray[np.float64]:
        """Size of the gradient's part along the normals, at points (..., 3)."""
        index = np.moveaxis(points_mm / self.spacing_zyx_mm, -1, 0)
        parts = [map_coordinates(g, index, order=1, mode="nearest") for g in self.gradient]
        return np.abs(np.einsum("c...,...c->...", np.stack(parts), normals))


def cropped(scan: Scan, mask: Mask) -> tuple[Scan, Mask]:
    """Scan and mask around the tumour."""
    z, y, x = mask.box_zyx()
    ends = np.array([[x.start, y.start, z.start], [x.stop - 1, y.stop - 1, z.stop - 1]], float)
    box = box_around(ends, MARGIN_MM / np.asarray(scan.geometry.spacing_mm), scan.geometry)
    part = crop_scan(scan, box)
    return part, Mask(mask.voxels[box.slices_zyx], part.geometry)


def edge_image(scan: Scan) -> EdgeImage:
    """Gradient of the scan without what hides the contrast, blurred."""
    spacing_mm = np.asarray(scan.geometry.spacing_zyx_mm)
    even = standardised(clipped(scan.voxels, scan.modality))
    blurred = gaussian_filter(even, np.maximum(BLUR_MM / spacing_mm, LEAST_BLUR_VOXELS))
    return EdgeImage(np.stack(np.gradient(blurred, *spacing_mm)).astype(np.float32), spacing_mm)


def outline_surface(mask: Mask, rng: np.random.Generator) -> Surface:
    """Points of the outline, at most 2000, drawn evenly."""
    elements = surface_elements(mask)
    spacing_mm = np.asarray(mask.geometry.spacing_zyx_mm)
    count = len(elements.area_mm2)
    drawn = rng.choice(count, min(count, MOST_POINTS), replace=False)
    points_mm = elements.position_mm[drawn]
    smooth = gaussian_filter(mask.voxels.astype(np.float32), np.maximum(3.0 / spacing_mm, 1.0))
    index = (points_mm / spacing_mm).T
    slopes = [
        map_coordinates(g, index, order=1, mode="nearest") for g in np.gradient(smooth, *spacing_mm)
    ]
    normals = np.stack(slopes, axis=1).astype(np.float64)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(points_mm, normals / np.maximum(length, 1e-12), elements.area_mm2[drawn])


def nearest_shift_mm(edges: EdgeImage, surface: Surface) -> _Points:
    """Shift (z, y, x) that leads uphill from the outline to the nearest optimum, at most 6 mm.

    What is climbed is the mean over the surface of g / (g + median g), so that strong edges, such
    as of bone or air, count little more than middling ones. The best shift of all within 6 mm would
    mostly lie at that limit, on the edges of other tissue.
    """
    middle = float(np.median(edges.along(surface.points_mm, surface.normals))) + 1e-9

    def score(shift_mm: _Points) -> float:
        strength = edges.along(surface.points_mm + shift_mm, surface.normals)
        return float(np.average(strength / (strength + middle), weights=surface.area_mm2))

    here, best = np.zeros(3), score(np.zeros(3))
    for step_mm in STEPS_MM:
        while True:
            around = [here + step_mm * np.array(way) for way in product((-1, 0, 1), repeat=3)]
            around = [place for place in around if np.linalg.norm(place) <= LARGEST_SHIFT_MM]
            scores = [score(place) for place in around]
            if max(scores) <= best:
                break
            here, best = around[int(np.argmax(scores))], max(scores)
    return here


def strongest_edges(edges: EdgeImage, points_mm: _Points, normals: _Points) -> NDArray[np.float64]:
    """Strongest edge within 3 mm of each point along its normal."""
    steps = np.arange(-REACH_MM, REACH_MM + 0.25, 0.5)
    places = points_mm[:, None, :] + steps[None, :, None] * normals[:, None, :]
    return edges.along(places, np.broadcast_to(normals[:, None, :], places.shape)).max(axis=1)


def interior_edges(
    edges: EdgeImage, mask: Mask, normals: _Points, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Strongest edges about points inside, farther than 3 mm from the outline, the same normals.

    They are what the tumour's own texture and the noise look like. In a tumour too thin for such
    points, those in the deepest fifth are taken.
    """
    spacing_mm = np.asarray(mask.geometry.spacing_zyx_mm)
    depth_mm = distance_transform_edt(np.pad(mask.voxels, 1), sampling=spacing_mm)
    depth_mm = depth_mm[1:-1, 1:-1, 1:-1]
    least = min(REACH_MM + BLUR_MM, float(np.quantile(depth_mm[mask.voxels], 0.8)))
    inside = np.argwhere(depth_mm >= least)
    drawn = inside[rng.choice(len(inside), len(normals))]
    return strongest_edges(edges, drawn * spacing_mm, rng.permutation(normals))
