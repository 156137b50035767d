"""The patient's body on CT, told apart from the couch and from other things in the picture.

The constants are anatomy and furniture, not fits: fat lies above -150 HU and foam below -700, so
-300 HU separates body from padding; couch tops and boards are plates of up to 10 mm; the thinnest
limb that lies apart from the trunk, a child's wrist or ankle, is about 30 mm thick.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.ct_window import AIR_HU
from oncotrace.imaging.morphology import depth_mm, dilated, disc_xyz, eroded, filled_slices
from oncotrace.imaging.patient_pose import patient_pose

_Value = TypeVar("_Value", bound=np.generic)

TISSUE_HU = -300.0
METAL_HU = 2500.0
"""Denser than cortical bone and enamel."""

_PADDING_HU = -700.0  # cloth, cushions' covers, tubes; foam itself is air to us
_PLATE_RADIUS_MM = 5.0
_LIMB_RADIUS_MM = 15.0
_REACH_MM = 20.0  # of ears, nose and folds of skin beyond the trunk
_RIM_MM = 2.0  # blur of the skin
_SPECK_ML = 0.5
_LOOK_MM = 3.0


@dataclass(frozen=True, eq=False)
class CtObjects:
    """What a CT shows: the body, and what is no part of it; all on the scan's grid.

    Parameters
    ----------
    body
        See `body_of`.
    couch
        Things outside the body that run through at least half of the slices, and things that lie
        wholly behind the body: table, boards, rails, sheets.
    metal
        Everything above 2,500 HU, in the body or outside: implants, wires, rails. The streaks
        around it are not in it.
    others
        Everything else outside the body: tubes, clothes, wedges, blankets.
    """

    body: Mask
    couch: Mask
    metal: Mask
    others: Mask


def body_of(ct: Scan) -> Mask:
    """Return the body, with what it encloses: the thick pieces above -300 HU without the couch.

    Plates are taken off slice by slice by opening with a disc of 5 mm. Of what is left, every
    piece that a ball of 15 mm fits into is body: the trunk, and limbs that lie apart from it. If
    there is none, the thickest piece is. What the opening took off and reaches no farther than
    20 mm from the body is given back; a plate reaches farther. Holes are filled in the planes
    nearest to axial, so lungs and bowel gas belong to the body.

    Returns
    -------
    Mask
        On the scan's grid; empty if nothing is as dense as tissue.
    """
    pose = patient_pose(ct.geometry)
    tissue = pose.turn(ct.voxels) > TISSUE_HU
    disc = disc_xyz(_PLATE_RADIUS_MM, pose.turned)
    opened = dilated(eroded(tissue, disc), disc) & tissue
    body = _thick_pieces(opened, pose.turned)
    body |= _close_pieces(tissue & ~opened, body, pose.turned)
    return Mask(pose.turn_back(filled_slices(body)), ct.geometry)


def ct_objects(ct: Scan) -> CtObjects:
    """Recognise body, couch, metal and other objects outside the body."""
    body = body_of(ct)
    pose = patient_pose(ct.geometry)
    voxels, inside = pose.turn(ct.voxels), pose.turn(body.voxels)
    rim = dilated(inside, disc_xyz(_RIM_MM, pose.turned))
    things = ((voxels > _PADDING_HU) & ~rim) | ((voxels > TISSUE_HU) & ~inside)
    couch, others = _told_apart(things, inside, pose.turned)
    return CtObjects(
        body,
        Mask(pose.turn_back(couch), ct.geometry),
        Mask(ct.voxels > METAL_HU, ct.geometry),
        Mask(pose.turn_back(others), ct.geometry),
    )


def without(ct: Scan, *objects: Mask) -> Scan:
    """Scan with air (-1024 HU) in place of the objects.

    Raises
    ------
    GeometryMismatchError
        An object lies on another grid.
    """
    voxels = ct.voxels.copy()
    for thing in objects:
        thing.geometry.require_match(ct.geometry, this="object", that="image")
        voxels[thing.voxels] = AIR_HU
    return Scan(voxels, ct.geometry, ct.modality)


def only_within(ct: Scan, body: Mask) -> Scan:
    """Scan with air (-1024 HU) everywhere outside the body: nothing of the couch is left.

    Raises
    ------
    GeometryMismatchError
        The body lies on another grid.
    """
    return without(ct, Mask(~body.voxels, body.geometry))


def _thick_pieces(opened: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """Pieces that a limb's ball fits into, or the one that the largest ball fits into."""
    labels, count = label(opened)
    if count == 0:
        return opened
    # Depths of 15 mm are read off well enough from every third millimetre.
    looked, coarse = _looked_at(opened, geometry)
    thickest = _maxima(depth_mm(looked, coarse), _strided(labels, geometry), count)
    thickest[0] = -np.inf
    kept = (thickest >= _LIMB_RADIUS_MM) | (thickest == thickest.max())
    return np.asarray(kept[labels])


def _close_pieces(
    lost: NDArray[np.bool_], body: NDArray[np.bool_], geometry: Geometry
) -> NDArray[np.bool_]:
    """Pieces that touch the body and reach no farther from it than an ear."""
    labels, count = label(lost)
    touching = np.zeros(count + 1, dtype=np.bool_)
    touching[labels[dilated(body, (1, 1, 0))]] = True
    looked, coarse = _looked_at(body, geometry)
    reach_mm = _maxima(-depth_mm(looked, coarse), _strided(labels, geometry), count)
    kept = touching & (reach_mm <= _REACH_MM)
    kept[0] = False
    return np.asarray(kept[labels])


def _told_apart(
    things: NDArray[np.bool_], body: NDArray[np.bool_], geometry: Geometry
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Couch and other objects; specks are neither."""
    labels, count = label(things)
    sizes_ml = np.bincount(labels.ravel(), minlength=count + 1) * geometry.voxel_volume_mm3 / 1000
    rows_of_body = np.flatnonzero(body.any(axis=(0, 2)))
    back = int(rows_of_body[-1]) if rows_of_body.size else things.shape[1]
    is_couch, is_other = np.zeros((2, count + 1), dtype=np.bool_)
    for number, (along, down, _) in enumerate(find_objects(labels), start=1):
        if sizes_ml[number] < _SPECK_ML:
            continue
        runs_through = along.stop - along.start >= things.shape[0] / 2
        is_couch[number] = runs_through or down.start > back
        is_other[number] = not is_couch[number]
    return is_couch[labels], is_other[labels]


def _looked_at(voxels: NDArray[np.bool_], geometry: Geometry) -> tuple[NDArray[np.bool_], Geometry]:
    """Every n-th voxel, about 3 mm apart, and the grid that they lie on."""
    x, y, z = (s * step for s, step in zip(geometry.spacing_mm, _steps(geometry), strict=True))
    taken = _strided(voxels, geometry)
    nz, ny, nx = taken.shape
    return taken, Geometry((nx, ny, nz), (x, y, z))


def _strided(voxels: NDArray[_Value], geometry: Geometry) -> NDArray[_Value]:
    x, y, z = _steps(geometry)
    return voxels[::z, ::y, ::x]


def _steps(geometry: Geometry) -> tuple[int, int, int]:
    x, y, z = (max(1, int(_LOOK_MM / spacing)) for spacing in geometry.spacing_mm)
    return x, y, z


def _maxima(
    values: NDArray[np.float32], labels: NDArray[np.signedinteger], count: int
) -> NDArray[np.float64]:
    """Largest value of every label from 0 to ``count``; minus infinity if it is not there."""
    largest = np.full(count + 1, -np.inf)
    np.maximum.at(largest, labels.ravel(), values.ravel())
    return largest
