"""Arrays turned so that their axes run as the patient's do, and back; no value is changed."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.planes import patient_axes

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True)
class PatientPose:
    """Permutation and flips that make array axes run to the patient's head, back and left.

    Slices [z] then are the grid's planes nearest to axial, from the feet to the head; rows [y] run
    from front to back, columns [x] from the patient's right to the left. On an oblique grid the
    axes are the nearest to these.

    Parameters
    ----------
    source
        Grid as it came.
    turned
        The same voxels' grid after turning.
    axes_zyx
        Which array axis of the source becomes z, y, x.
    flipped_zyx
        Which of them run the other way, in the order of the turned array.
    """

    source: Geometry
    turned: Geometry
    axes_zyx: tuple[int, int, int]
    flipped_zyx: tuple[bool, bool, bool]

    def turn(self, voxels: NDArray[_Value]) -> NDArray[_Value]:
        """View of an array of the source's grid on the turned grid."""
        return voxels.transpose(self.axes_zyx)[self._flips()]

    def turn_back(self, voxels: NDArray[_Value]) -> NDArray[_Value]:
        """View of an array of the turned grid on the source's grid."""
        z, y, x = (self.axes_zyx.index(axis) for axis in range(3))
        return voxels[self._flips()].transpose(z, y, x)

    def turn_scan(self, scan: Scan) -> Scan:
        """Scan on the turned grid; its voxels are a view.

        Raises
        ------
        GeometryMismatchError
            The scan does not lie on the source's grid.
        """
        scan.geometry.require_match(self.source, this="image", that="pose")
        return Scan(self.turn(scan.voxels), self.turned, scan.modality)

    def _flips(self) -> tuple[slice, slice, slice]:
        z, y, x = (slice(None, None, -1 if flipped else 1) for flipped in self.flipped_zyx)
        return z, y, x


def patient_pose(geometry: Geometry) -> PatientPose:
    """Pose of a grid in the patient."""
    across, down, along = patient_axes(geometry)
    order_xyz = (across, down, along)
    signs = [float(np.sign(geometry.axes[row, axis]) or 1.0) for row, axis in enumerate(order_xyz)]
    first_xyz = np.zeros(3)
    for sign, axis in zip(signs, order_xyz, strict=True):
        first_xyz[axis] = 0 if sign > 0 else geometry.size_xyz[axis] - 1
    x, y, z = (float(value) for value in geometry.to_point_mm(first_xyz))
    columns = geometry.axes[:, order_xyz] * signs
    size, spacing = geometry.size_xyz, geometry.spacing_mm
    turned = Geometry(
        (size[across], size[down], size[along]),
        (spacing[across], spacing[down], spacing[along]),
        (x, y, z),
        tuple(float(cosine) for cosine in columns.ravel()),
    )
    flipped_x, flipped_y, flipped_z = (sign < 0 for sign in signs)
    return PatientPose(
        geometry, turned, (2 - along, 2 - down, 2 - across), (flipped_z, flipped_y, flipped_x)
    )
