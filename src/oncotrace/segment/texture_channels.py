"""What an image shows that is finer than the grid it is brought to: texture and edges.

Averaging to voxels of several millimetres keeps how bright a tissue is and loses how even: muscle
with its septa of fat and a tumour of the same mean look alike. Two channels keep it. Both are on a
log scale, on which another contrast or noise is a shift:

``detail``
    standard deviation of the intensities within a voxel of the working grid
``edges``
    mean length of the gradient within the slices, of the image blurred by 1.5 mm
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.segment.working_grid import averaged_onto

EDGE_BLUR_MM = 1.5
_USUAL_DETAIL = 0.2
_USUAL_EDGE_PER_MM = 0.1
_FLOOR = 0.05
_HALF_RANGE_IN_OCTAVES = 2.0

_Voxels = NDArray[np.float32]


def detail(image: Scan, working: Geometry) -> _Voxels:
    """Spread of the intensities within each voxel of the working grid, [z, y, x], in log2 / 2.

    Parameters
    ----------
    image
        Comparable intensities, about +-2, on a grid at least as fine.
    """
    mean = averaged_onto(image, working).voxels
    squares = Scan(np.square(image.voxels), image.geometry, image.modality)
    variance = averaged_onto(squares, working).voxels - np.square(mean)
    spread: _Voxels = np.sqrt(np.maximum(variance, np.float32(0)))
    return _octaves(spread / np.float32(_USUAL_DETAIL))


def edges(image: Scan, working: Geometry) -> _Voxels:
    """Mean length of the gradient within the slices, [z, y, x], in log2 / 2.

    Parameters
    ----------
    image
        Comparable intensities, about +-2, on a grid at least as fine.
    """
    _, *in_plane_mm = image.geometry.spacing_zyx_mm
    pixel_mm = float(np.mean(in_plane_mm))
    slopes: _Voxels = np.stack(
        [gaussian_gradient_magnitude(plane, EDGE_BLUR_MM / pixel_mm) for plane in image.voxels],
        dtype=np.float32,
    )
    per_mm = Scan(slopes / np.float32(pixel_mm), image.geometry, image.modality)
    return _octaves(averaged_onto(per_mm, working).voxels / np.float32(_USUAL_EDGE_PER_MM))


def _octaves(ratio: _Voxels) -> _Voxels:
    return np.asarray(
        np.log2(np.maximum(ratio, 0) + _FLOOR) / _HALF_RANGE_IN_OCTAVES, dtype=np.float32
    )
