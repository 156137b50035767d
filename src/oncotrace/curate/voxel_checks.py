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

_TENTH = 10  # percentile below which a CT is air, however tightly it was cropped
_BIN_HU = 10.0
_COARSE_MM = 5.0
_FACES_EDGES_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


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


def mask_flags(mask: Mask, scan: Scan, limits: Limits) -> Iterator[Flag]:
    """Yield the flags of a mask: elsewhere, empty, in pieces, outside the body."""
    grid, inside = mask.geometry, mask.geometry.matches(scan.geometry)
    yield Flag("mask-on-image-grid", inside, grid.describe(), scan.geometry.describe())
    yield Flag("mask-not-empty", not mask.is_empty, f"{mask.voxels.sum()} voxels", "> 0 voxels")
    if mask.is_empty:
        return
    count = pieces(mask, limits.smallest_piece_ml)
    rule = f"1 piece of at least {limits.smallest_piece_ml:g} ml"
    yield Flag("mask-in-one-piece", count == 1, f"{count} pieces", rule)
    beyond = share_outside(mask, scan.geometry)
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


def share_outside(mask: Mask, geometry: Geometry) -> float:
    """Share of a mask's voxels whose centres lie outside the voxels of a grid."""
    zyx = np.argwhere(mask.voxels)
    index = geometry.to_index(mask.geometry.to_point_mm(zyx[:, ::-1].astype(np.float64)))
    within = ((index >= -0.5) & (index <= np.array(geometry.size_xyz) - 0.5)).all(axis=1)
    return float(np.mean(~within))


def flip_flag(scan: Scan, other: Scan, limits: Limits) -> Flag | None:
    """Flag an image whose left is another image's right, by the bodies in both.

    Both must lie in one frame of reference. The body in the other image is compared with the body
    in this one and with its mirror image, about the middle of this image from left to right.

    Returns
    -------
    Flag or None
        None where one of the two shows no body, or they share no part of it.
    """
    body, their_body = coarse_body(scan), coarse_body(other)
    if body is None or their_body is None:
        return None
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
