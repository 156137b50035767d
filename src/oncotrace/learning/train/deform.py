"""Rotation, zoom and elastic deformation in one resampling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation
from torch.nn.functional import grid_sample

from oncotrace.learning.label_shares import labels_by_share
from oncotrace.learning.sample import Sample

_Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Deformation:
    """Where each voxel of the result comes from."""

    matrix_zyx: _Real
    """From a place in the result to its place in the source, both in mm from the centre."""
    control: _Real | None
    """[3, n, n, n]: displacements (z, y, x) at evenly spaced points, as fractions of the grid."""
    shift_zyx: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Displacement of all voxels, as fractions of the grid."""


def rotation_matrix(degrees_zyx: Sequence[float]) -> _Real:
    """Rotation about z, then y, then x, of (z, y, x) vectors."""
    about_xyz = Rotation.from_euler("zyx", degrees_zyx, degrees=True).as_matrix()
    return np.ascontiguousarray(about_xyz[::-1, ::-1])


def deformed(sample: Sample, deformation: Deformation) -> Sample:
    """Channels and target at the deformed places, linearly interpolated; edges are continued.

    Of several labels each voxel takes the one with the greatest share (`labels_by_share`).
    """
    places = _source_voxels(sample, deformation)
    shape, count = sample.shape_zyx, len(sample.channels)
    together = np.concatenate(
        [sample.channels, sample.target.reshape(-1, *shape)], dtype=np.float32
    )
    values = _values_at(together, places)
    shares = values[count:].reshape(sample.target.shape)
    return Sample(values[:count], labels_by_share(shares), sample.spacing_zyx_mm)


def _source_voxels(sample: Sample, deformation: Deformation) -> _Real:
    """Source place [3, z, y, x] of every voxel of the result, in voxels."""
    shape = sample.shape_zyx
    spacing = np.array(sample.spacing_zyx_mm)
    centre = (np.array(shape) - 1) / 2
    matrix = deformation.matrix_zyx * spacing / spacing[:, None]  # in voxels on both sides
    axes = [np.arange(n) - middle for n, middle in zip(shape, centre, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    places: _Real = np.stack([row[0] * z + row[1] * y + row[2] * x for row in matrix])
    places += (centre + np.multiply(deformation.shift_zyx, shape)).reshape(3, 1, 1, 1)
    if deformation.control is not None:
        for axis, displacement in enumerate(deformation.control):
            places[axis] += shape[axis] * _spread(displacement, shape)
    return places


def _spread(control: _Real, shape: tuple[int, ...]) -> _Real:
    """Cubic spline through control points, whose first and last lie on the grid's ends."""
    axes = [np.linspace(0, n - 1, m) for n, m in zip(control.shape, shape, strict=True)]
    field: _Real = control
    for axis, places in enumerate(axes):
        field = np.moveaxis(
            np.tensordot(_spline(field.shape[axis], places), field, (1, axis)), 0, axis
        )
    return field


def _spline(points: int, places: _Real) -> _Real:
    """Weights [place, point] of a cubic spline through ``points`` values at 0, 1, 2..."""
    unit = np.eye(points)
    return np.stack(
        [map_coordinates(row, places[None], order=3, mode="nearest") for row in unit], axis=1
    )


def _values_at(channels: NDArray[np.float32], places: _Real) -> NDArray[np.float32]:
    """Values [c, z, y, x] at places [3, z, y, x] in voxels."""
    last = np.maximum(np.array(channels.shape[1:]) - 1, 1).reshape(3, 1, 1, 1)
    from_minus_1_to_1 = (2 * places / last - 1)[::-1].astype(np.float32)
    values = grid_sample(
        torch.from_numpy(channels)[None],
        torch.from_numpy(np.ascontiguousarray(np.moveaxis(from_minus_1_to_1, 0, -1)))[None],
        padding_mode="border",
        align_corners=True,
    )
    sampled: NDArray[np.float32] = values[0].numpy()
    return sampled
