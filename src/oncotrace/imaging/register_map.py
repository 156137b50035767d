"""Where the points of one image lie in another: what a registration finds."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

_STEP_MM = 1.0  # of the differences that a Jacobian is made of


@dataclass(frozen=True, eq=False)
class PointMap:
    """Map from points of the fixed image to those of the moving one, both in LPS millimetres.

    It is what resampling needs: the value at a point of the fixed grid is looked up where the map
    says. Points, surfaces and clicks of the *moving* image go the other way.
    """

    transform: sitk.Transform

    @property
    def matrix(self) -> NDArray[np.float64] | None:
        """Homogeneous 4 x 4 matrix that does the same to (x, y, z, 1); none of a B-spline."""
        if not self.transform.IsLinear():
            return None
        corners = np.vstack([np.zeros(3), np.eye(3)])
        ends = np.array([self.transform.TransformPoint(point) for point in corners.tolist()])
        matrix = np.eye(4)
        matrix[:3, :3] = (ends[1:] - ends[0]).T
        matrix[:3, 3] = ends[0]
        return matrix

    def moved(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 3) of the moving image at which those of the fixed one lie."""
        matrix = self.matrix
        if matrix is not None:
            return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3], dtype=np.float64)
        ends = [self.transform.TransformPoint(point) for point in points_mm.tolist()]
        return np.array(ends, dtype=np.float64).reshape(-1, 3)

    def jacobians(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Local change of volume, shape (n,), by central differences over 2 mm.

        Above 1 where the moving image is larger than the fixed one; zero or less where it folds.
        """
        matrix = self.matrix
        if matrix is not None:
            return np.full(len(points_mm), float(np.linalg.det(matrix[:3, :3])))
        steps = _STEP_MM * np.eye(3)
        columns = [
            (self.moved(points_mm + step) - self.moved(points_mm - step)) / (2 * _STEP_MM)
            for step in steps
        ]
        return np.asarray(np.linalg.det(np.stack(columns, axis=-1)), dtype=np.float64)


def map_of_matrix(matrix: NDArray[np.float64]) -> PointMap:
    """Map that a 4 x 4 matrix describes."""
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return PointMap(affine)
