"""Checks of an image and its mask by their voxels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from oncotrace.curate.check_rules import Limits
from oncotrace.curate.flag import Flag
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.foreground import foreground_of
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.patient_grid import on_patient_grid
from oncotrace.imaging.resample_mask import resample_mask

Points = NDArray[np.float64]

_TENTH = 10  # percentile below which a CT is air, however tightly it was cropped
_BIN_HU = 10.0
_COARSE_MM = 5.0
_AT_THE_EDGE = 0.05  # voxels: contours are rounded, and masks begin at the very edge
_FACES_EDGES_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


IMAGE_CHECKS = (
    "not-blank",
    "no-negative-uptake",
    "air-hu",
    "body-hu",
    "whole-body",
    "left-is-left",
)
MASK_CHECKS = (
    "mask-on-image-grid",
    "mask-not-empty",
    "mask-in-one-piece",
    "mask-in-image",
    "mask-in-body",
)
"""Names of all flags of this module."""


def image_flags(scan: Scan, limits: Limits) -> Iterator[Flag]:
    """Yield the flags of an image: blank, wrongly rescaled, or with the body cut off."""
    low, high = float(scan.voxels.min()), float(scan.voxels.max())
    yield Flag("not-blank", high > low, f"{low:g} to {high:g}", "more than one value")
    if not high > low:
        return
    if scan.modality == "pet":
        yield Flag("no-negative-uptake", low >= 0, f"{low:g}", ">= 0")
    if scan.modality == "ct":
        yield from _ct_flags(scan, limits)


def _ct_flags(ct: Scan, limits: Limits) -> Iterator[Flag]:
    air = commonest_of_darkest(ct.voxels)
    rule = f"{limits.air_hu[0]:g} to {limits.air_hu[1]:g} HU"
    is_air = limits.air_hu[0] <= air <= limits.air_hu[1]
    yield Flag(
        "air-hu", is_air or (None if _is_all_body(ct, air) else False), f"{air:.0f} HU", rule
    )
    if not is_air:  # nothing else in Hounsfield units can be told then
        return
    body = body_in(ct)
    if body is None:
        yield Flag("whole-body", None, "no body", "a body")
        return
    middle = float(np.median(ct.voxels[body.voxels]))
    rule = f"{limits.body_hu[0]:g} to {limits.body_hu[1]:g} HU"
    is_body = limits.body_hu[0] <= middle <= limits.body_hu[1]
    yield Flag("body-hu", is_body, f"{middle:.0f} HU", rule)
    share = share_of_sides(body)
    rule = f"<= {limits.truncated_share:.1%} of the sides"
    yield Flag("whole-body", share <= limits.truncated_share, f"{share:.1%}", rule)


def _is_all_body(ct: Scan, darkest_hu: float) -> bool:
    """Whether a field of view may lie wholly within the body: fat is darkest, and bone is rare."""
    return -200 <= darkest_hu <= 100 and float(np.percentile(ct.voxels, 90)) < 500


def commonest_of_darkest(voxels: NDArray[np.float32]) -> float:
    """Return the mode of the least dense tenth of the voxels, in bins of 10 HU."""
    values = voxels[voxels <= np.percentile(voxels, _TENTH)]
    bins, counts = np.unique(np.floor(values / _BIN_HU), return_counts=True)
    return float((bins[np.argmax(counts)] + 0.5) * _BIN_HU)


def share_of_sides(body: Mask) -> float:
    """Share of the four sides of the slices' field of view that a body reaches."""
    voxels = body.voxels
    sides = (voxels[:, 0], voxels[:, -1], voxels[:, :, 0], voxels[:, :, -1])
    return float(sum(map(np.count_nonzero, sides))) / sum(side.size for side in sides)


def mask_flags(
    mask: Mask, scan: Scan, limits: Limits, *, drawn_mm: Points | None = None
) -> Iterator[Flag]:
    """Yield the flags of a mask: elsewhere, empty, in pieces, outside the image or the body.

    Parameters
    ----------
    drawn_mm
        Points (n, 3) of the contours that the mask was made of. Those outside the image leave no
        trace in a mask on its grid; without them the mask's own voxels are asked.
    """
    grid, inside = mask.geometry, mask.geometry.matches(scan.geometry)
    yield Flag("mask-on-image-grid", inside, grid.describe(), scan.geometry.describe())
    yield Flag("mask-not-empty", not mask.is_empty, f"{mask.voxels.sum()} voxels", "> 0 voxels")
    if mask.is_empty:
        return
    count = pieces(mask, limits.smallest_piece_ml)
    rule = f"1 piece of at least {limits.smallest_piece_ml:g} ml"
    yield Flag("mask-in-one-piece", count == 1, f"{count} pieces", rule)
    beyond = share_outside(centres_mm(mask) if drawn_mm is None else drawn_mm, scan.geometry)
    yield Flag("mask-in-image", beyond == 0, f"{beyond:.1%} outside", "0% outside the image")
    body = body_in(scan) if inside else None
    if body is not None:
        share = float(np.mean(~body.voxels[mask.voxels]))
        rule = f"<= {limits.outside_body_share:.0%} outside the body"
        passed = share <= limits.outside_body_share
        yield Flag("mask-in-body", passed, f"{share:.1%} outside", rule)


def pieces(mask: Mask, smallest_ml: float) -> int:
    """Count the connected pieces of a mask, without those that are smaller."""
    labels, _ = label(mask.voxels, _FACES_EDGES_CORNERS)
    volumes_ml = np.bincount(labels.ravel())[1:] * mask.geometry.voxel_volume_mm3 / 1000
    return int(np.count_nonzero(volumes_ml >= smallest_ml)) or int(len(volumes_ml) > 0)


def centres_mm(mask: Mask) -> Points:
    """Centres (n, 3) of a mask's voxels."""
    zyx = np.argwhere(mask.voxels)
    return mask.geometry.to_point_mm(zyx[:, ::-1].astype(np.float64))


def share_outside(points_mm: Points, geometry: Geometry) -> float:
    """Share of points that lie outside the voxels of a grid, by more than a twentieth of one."""
    index = geometry.to_index(points_mm)
    edge = 0.5 + _AT_THE_EDGE
    within = ((index >= -edge) & (index <= np.array(geometry.size_xyz) - 1 + edge)).all(axis=1)
    return float(np.mean(~within))


def flip_flag(scan: Scan, other: Scan, limits: Limits) -> Flag | None:
    """Flag an image whose left is another image's right, by the bodies in both.

    Both must lie in one frame of reference.

    Returns
    -------
    Flag or None
        None where one of the two shows no body, or they share no part of it.
    """
    body, their_body = coarse_body(scan), coarse_body(other)
    if body is None or their_body is None:
        return None
    return flip_of_bodies(body, their_body, limits)


def flip_of_bodies(body: Mask, their_body: Mask, limits: Limits) -> Flag | None:
    """Flag a body whose left is the other's right, both as `coarse_body` finds them.

    The other body is compared with this one and with its mirror image, about the middle of its grid
    from left to right; none where the two share no part.
    """
    theirs = resample_mask(their_body, body.geometry, interpolation="linear", threshold=0.5)
    if theirs.is_empty:
        return None
    mirrored = Mask(body.voxels[:, :, ::-1], body.geometry)
    as_is, flipped = dice(body, theirs), dice(mirrored, theirs)
    return Flag(
        "left-is-left",
        flipped - as_is <= limits.mirrored_gain,
        f"Dice {as_is:.2f}, mirrored {flipped:.2f}",
        f"mirrored no better by more than {limits.mirrored_gain:g}",
    )


def coarse_body(scan: Scan) -> Mask | None:
    """Body on cubes of 5 mm along the patient's axes; none if there is no body."""
    return body_in(on_patient_grid(scan, _COARSE_MM, outside=float(scan.voxels.min())))


def body_in(scan: Scan) -> Mask | None:
    """Body in a scan; none if it is blank or shows none."""
    try:
        body = foreground_of(scan)
    except InputError:
        return None
    return None if body.is_empty else body
