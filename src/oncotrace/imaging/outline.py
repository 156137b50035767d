"""The line around the voxels of one slice."""

import numpy as np
from numpy.typing import NDArray

# Middles of a cell's four sides, from the cell's first pixel: [row, column].
_TOP, _RIGHT, _BOTTOM, _LEFT = (0.0, 0.5), (0.5, 1.0), (1.0, 0.5), (0.5, 0.0)

# Which sides the outline joins in a cell of 2 x 2 pixels whose set pixels add up to the key
# (1 first row left, 2 first row right, 4 second row right, 8 second row left). Two pixels that
# touch at a corner (5 and 10) belong together, as in eight-connected components.
_SEGMENTS_OF_CELL: dict[int, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    1: ((_LEFT, _TOP),),
    2: ((_TOP, _RIGHT),),
    3: ((_LEFT, _RIGHT),),
    4: ((_RIGHT, _BOTTOM),),
    5: ((_TOP, _RIGHT), (_LEFT, _BOTTOM)),
    6: ((_TOP, _BOTTOM),),
    7: ((_LEFT, _BOTTOM),),
    8: ((_BOTTOM, _LEFT),),
    9: ((_TOP, _BOTTOM),),
    10: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
    11: ((_RIGHT, _BOTTOM),),
    12: ((_LEFT, _RIGHT),),
    13: ((_TOP, _RIGHT),),
    14: ((_LEFT, _TOP),),
}


def outline_segments(area: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Straight pieces of the outline of a slice's set pixels, shape (n, 2 ends, 2) [row, column].

    Marching squares at level one half: the outline passes through the middle of every pixel edge
    that separates a set pixel from an unset one, pixel centres being whole numbers. Beyond the
    array lies background.

    References
    ----------
    Lorensen and Cline, SIGGRAPH 1987, doi:10.1145/37402.37422 (the three-dimensional form).
    """
    padded = np.pad(area, 1).astype(np.uint8)
    cells = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, 1:] + 8 * padded[1:, :-1]
    pieces = [np.empty((0, 2, 2))]
    for key, segments in _SEGMENTS_OF_CELL.items():
        first_pixel = np.argwhere(cells == key) - 1.0
        pieces.extend(first_pixel[:, None, :] + np.asarray(segment) for segment in segments)
    return np.concatenate(pieces)
