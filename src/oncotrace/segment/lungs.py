"""The lungs on CT, left and right, without any dilation.

What is lung is decided on cubes of 2.5 mm along the patient's axes, whatever the pose of the scan;
where its surface runs, on the scan's own voxels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan, read_only, require_shape
from oncotrace.imaging.body import TISSUE_HU
from oncotrace.imaging.crop import Box, box_around, crop_scan
from oncotrace.imaging.ct_window import AIR_HU
from oncotrace.imaging.morphology import ball_xyz, closed, depth_mm, filled_slices
from oncotrace.imaging.patient_grid import on_patient_grid
from oncotrace.imaging.patient_pose import patient_pose
from oncotrace.imaging.resample import resample_array
from oncotrace.segment.airway import box_of, main_airway, trachea_seed_mm
from oncotrace.segment.lung_air import air_inside, lung_cores, pieces_with
from oncotrace.segment.lung_sides import LEFT, RIGHT, lung_sides
from oncotrace.segment.spine_axis import spine_axis

COARSE_MM = 2.5
NODULE_RADIUS_MM = 15.0  # by definition a nodule is up to 30 mm wide; vessels are narrower


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lungs of one CT, on its grid; no voxel is set if the CT shows none.

    Parameters
    ----------
    labels
        Voxels [z, y, x]: 0 elsewhere, 1 left lung, 2 right lung; the patient's left and right.
    geometry
        Grid of the CT.
    airway_found
        Whether trachea and main bronchi were recognised and told apart from the lungs.
    """

    labels: NDArray[np.uint8]
    geometry: Geometry
    airway_found: bool = False

    def __post_init__(self) -> None:
        require_shape(self.labels.shape, self.geometry, "lungs")
        object.__setattr__(self, "labels", read_only(self.labels))

    @property
    def found(self) -> bool:
        """Whether there is any lung."""
        return bool(self.labels.any())

    @property
    def mask(self) -> Mask:
        """Both lungs."""
        return Mask(self.labels != 0, self.geometry)

    @property
    def left_ml(self) -> float:
        """Volume of the left lung in millilitres."""
        return self._volume_ml(LEFT)

    @property
    def right_ml(self) -> float:
        """Volume of the right lung in millilitres."""
        return self._volume_ml(RIGHT)

    def _volume_ml(self, side: int) -> float:
        voxels = int(np.count_nonzero(self.labels == side))
        return voxels * self.geometry.voxel_volume_mm3 / 1000


def find_lungs(ct: Scan) -> Lungs:
    """Lungs of a CT, undilated; vessels and what the lungs enclose belong to them.

    Trachea and main bronchi, gas in the bowel and air around the patient do not. The field may be
    larger than the chest, or hold no lung: then no voxel is set.

    Parameters
    ----------
    ct
        Hounsfield units, on any grid.
    """
    pose = patient_pose(ct.geometry)
    labels = np.zeros(ct.geometry.shape_zyx, dtype=np.uint8)
    coarse = _on_cubes(ct)
    air = air_inside(coarse)
    cores = lung_cores(air, coarse)
    if not cores.any():
        return Lungs(labels, ct.geometry)
    slices = np.flatnonzero(cores.any(axis=(1, 2)))
    axis = spine_axis(coarse, int(slices[0]), int(slices[-1]))
    turned = pose.turn_scan(ct)
    seed_mm = trachea_seed_mm(air, cores, coarse, axis)
    airway = None if seed_mm is None else main_airway(turned, seed_mm)
    if airway is not None:
        air = air & ~_on_grid(airway, coarse.geometry)
    lungs = pieces_with(air, cores, coarse.geometry)
    sides = lung_sides(lungs, coarse.voxels, axis)
    fine = _refined(sides, coarse.geometry, turned)
    if airway is not None:
        part = box_of(airway.geometry, turned.geometry).slices_zyx
        fine[part][airway.voxels] = 0
    labels[...] = pose.turn_back(fine)
    return Lungs(labels, ct.geometry, airway is not None)


def _on_cubes(ct: Scan) -> Scan:
    """Scan on cubes of 2.5 mm, with nothing below air: some scanners pad with -2000 or less."""
    coarse = on_patient_grid(ct, COARSE_MM, outside=AIR_HU)
    return Scan(np.maximum(coarse.voxels, np.float32(AIR_HU)), coarse.geometry, ct.modality)


def _on_grid(mask: Mask, target: Geometry) -> NDArray[np.bool_]:
    """Voxels of another grid of which a quarter or more is in the mask."""
    share = resample_array(
        mask.voxels.astype(np.float32), mask.geometry, target, interpolation="linear", outside=0.0
    )
    return np.asarray(share >= 0.25)


def _refined(sides: NDArray[np.uint8], coarse: Geometry, ct: Scan) -> NDArray[np.uint8]:
    """Lungs on the scan's voxels, from their sides on cubes: vessels closed, surface by density."""
    labels = np.zeros(ct.geometry.shape_zyx, dtype=np.uint8)
    depths = {
        side: _depth_of(sides == side, coarse) for side in (LEFT, RIGHT) if (sides == side).any()
    }
    box = _box_of_lungs(sides != 0, coarse, ct.geometry)
    part = crop_scan(ct, box)
    air = part.voxels < TISSUE_HU
    deepest = np.full(part.voxels.shape, -np.inf, dtype=np.float32)
    within = np.zeros(part.voxels.shape, dtype=np.uint8)
    for side, depth in depths.items():
        fine = resample_array(depth, coarse, part.geometry, interpolation="linear", outside=-np.inf)
        # Depth is 0 in the middle of the outermost cubes, whose faces lie half a cube farther.
        # Tissue counts up to half-way between, air up to one cube beyond the faces.
        is_lung = (fine > -COARSE_MM / 4) | (air & (fine > -1.5 * COARSE_MM))
        within[is_lung & (fine > deepest)] = side
        deepest = np.maximum(deepest, fine)
    labels[box.slices_zyx] = within
    return labels


def _depth_of(lung: NDArray[np.bool_], coarse: Geometry) -> NDArray[np.float32]:
    """Distance to the surface of a lung with its vessels and with what it encloses."""
    return depth_mm(filled_slices(closed(lung, ball_xyz(NODULE_RADIUS_MM, coarse))), coarse)


def _box_of_lungs(lungs: NDArray[np.bool_], coarse: Geometry, fine: Geometry) -> Box:
    z, y, x = Mask(lungs, coarse).box_zyx()
    ends = [[s.start - 2, s.stop + 1] for s in (x, y, z)]
    corners = [[ends[0][i], ends[1][j], ends[2][k]] for i, j, k in np.ndindex(2, 2, 2)]
    return box_around(fine.to_index(coarse.to_point_mm(corners)), np.zeros(3), fine)
