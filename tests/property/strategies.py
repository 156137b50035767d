"""Hypothesis strategies that property tests share: grids, scans, masks, points."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan

coordinates_mm = st.floats(-2000, 2000)


@st.composite
def directions(draw: st.DrawFn) -> tuple[float, ...]:
    """Orthonormal axes: patient-aligned in any order and sense, or oblique; flipped or not."""
    axes = _rotation(draw(st.tuples(*[st.floats(-1, 1)] * 4)))
    if draw(st.booleans()):
        axes = np.eye(3)
    order = list(draw(st.permutations(range(3))))
    signs = np.array(draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)))
    return tuple(float(cosine) for cosine in (axes[:, order] * signs).ravel())


def _rotation(quaternion: tuple[float, ...]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(quaternion))
    w, x, y, z = np.array(quaternion) / length if length > 1e-3 else (1.0, 0.0, 0.0, 0.0)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@st.composite
def geometries(draw: st.DrawFn, min_size: int = 1, max_size: int = 7) -> Geometry:
    """Oblique, anisotropic, flipped grids: 0.05 to 12 mm, up to 2 m from the origin."""
    sizes = draw(st.tuples(*[st.integers(min_size, max_size)] * 3))
    spacing = draw(st.tuples(*[st.floats(0.05, 12)] * 3))
    origin = draw(st.tuples(*[coordinates_mm] * 3))
    return Geometry(sizes, spacing, origin, draw(directions()))


@st.composite
def masks(draw: st.DrawFn, min_size: int = 1, max_size: int = 7) -> Mask:
    """Masks on any grid, empty and full ones included."""
    geometry = draw(geometries(min_size, max_size))
    return Mask(draw(npst.arrays(np.bool_, geometry.shape_zyx)), geometry)


@st.composite
def scans(draw: st.DrawFn, min_size: int = 1, max_size: int = 7) -> Scan:
    """Scans of finite values on any grid."""
    geometry = draw(geometries(min_size, max_size))
    values = st.floats(allow_nan=False, allow_infinity=False, width=32)
    return Scan(draw(npst.arrays(np.float32, geometry.shape_zyx, elements=values)), geometry)


def points_mm(min_points: int = 1, max_points: int = 8) -> st.SearchStrategy[NDArray[np.float64]]:
    """Points of shape (n, 3) within 2 m of the origin."""
    return st.integers(min_points, max_points).flatmap(
        lambda n: npst.arrays(np.float64, (n, 3), elements=coordinates_mm)
    )


@st.composite
def _corrections(draw: st.DrawFn) -> Correction:
    kind = draw(st.sampled_from(["positive", "negative", "stroke", "undo", "redo"]))
    return Correction(
        kind=kind,
        points_mm=draw(points_mm(min_points=0 if kind in ("undo", "redo") else 1)),
        radius_mm=draw(st.floats(0, 50)),
        at=draw(st.text(max_size=12)),
        paints=draw(st.booleans()) if kind == "stroke" else True,
    )


@st.composite
def clicks(draw: st.DrawFn) -> Clicks:
    """Clicks of every sort: points or none, a box or none, corrections."""
    box = draw(st.none() | points_mm(2, 2))
    points = draw(points_mm(min_points=0 if box is not None else 1))
    return Clicks(points, tuple(draw(st.lists(_corrections(), max_size=4))), box)
