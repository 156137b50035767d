"""Frames sorted into one regular grid, or refused with the reason.

Nothing but ``ImagePositionPatient`` and ``ImageOrientationPatient`` decides where a slice lies:
file names and instance numbers are not looked at (DICOM PS3.3, C.7.6.2.1.1).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError
from oncotrace.io.dicom_frames import Frame

# Cosines written with three decimals err by up to this much.
_ORIENTATION_TOLERANCE = 1e-3
# Slices whose origins leave the straight stack by less: a tenth of a pixel, or what cosines
# rounded to four decimals amount to over the stack.
_DRIFT_FRACTION_OF_PIXEL = 0.1
_DRIFT_FRACTION_OF_LENGTH = 5e-4
# A slice may lie this fraction of the spacing beside its place in the even grid: PET scanners
# write steps that differ by 3 % where two bed positions meet. Beyond the lower one it is noted.
_PLACE_TOLERANCE = 0.05
_NOTED_PLACE_ERROR = 0.01
_PLACE_TOLERANCE_MM = 0.011  # positions written with two decimals
_SAME_PLACE_MM = 1e-3
_SAME_PLACE_FRACTION = 1e-3  # of the largest step
_MULTIPLE_TOLERANCE = 0.1


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames in the order of the grid's z axis, and the grid."""

    frames: list[Frame]
    geometry: Geometry
    notes: tuple[str, ...]


def stack(frames: list[Frame]) -> Stack:
    """Sort frames along the normal of their planes into a regular grid.

    The grid's x axis runs along a row (increasing column index), its y axis along a column and its
    z axis along their cross product.

    Raises
    ------
    DicomError
        The frames differ in size, spacing or orientation, lie twice at one position, leave gaps or
        form a sheared stack; ``code`` tells which.
    """
    _require_one_plane(frames)
    axes = _axes(frames[0].orientation)
    _require_several(frames)
    along_mm = np.array([frame.position_mm @ axes[2] for frame in frames])
    order = np.argsort(along_mm, kind="stable")
    frames, along_mm = [frames[i] for i in order], along_mm[order]
    _require_distinct(frames, along_mm)
    _require_even(along_mm)
    _require_straight(frames, axes, along_mm)
    spacing_mm = float(along_mm[-1] - along_mm[0]) / (len(frames) - 1)
    columns, rows = frames[0].size_xy
    origin_mm = frames[0].position_mm
    geometry = Geometry(
        (columns, rows, len(frames)),
        (*frames[0].pixel_spacing_mm, spacing_mm),
        (float(origin_mm[0]), float(origin_mm[1]), float(origin_mm[2])),
        tuple(map(float, axes.T.ravel())),
    )
    return Stack(frames, geometry, _spacing_notes(frames, spacing_mm, _place_error_mm(along_mm)))


def same_plane(first: Frame, second: Frame) -> bool:
    """Whether two frames have the same size and orientation, and so may be slices of one stack."""
    turn = np.abs(first.orientation - second.orientation).max()
    return first.size_xy == second.size_xy and bool(turn <= _ORIENTATION_TOLERANCE)


def _axes(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal axes x, y, z in rows, as close to the two given cosines as can be.

    Raises
    ------
    DicomError
        The cosines are further from orthonormal than rounding explains.
    """
    error = np.abs(orientation @ orientation.T - np.eye(2)).max()
    if error > 2 * _ORIENTATION_TOLERANCE:
        raise DicomError(
            f"ImageOrientationPatient is not two unit vectors at a right angle (off by "
            f"{error:.2g}); the slices cannot be placed.",
            code="bad-orientation",
        )
    left, _, right = np.linalg.svd(orientation, full_matrices=False)
    row, column = left @ right
    return np.stack([row, column, np.cross(row, column)])


def _require_one_plane(frames: list[Frame]) -> None:
    first = frames[0]
    sizes = sorted({frame.size_xy for frame in frames})
    if len(sizes) > 1:
        listed = ", ".join(f"{columns} x {rows}" for columns, rows in sizes[:5])
        raise DicomError(
            f"the slices of the series have {len(sizes)} different sizes: {listed} pixels.",
            hint="Keep the slices of one size in a folder of their own.",
            code="several-sizes",
        )
    turned = sum(not same_plane(first, frame) for frame in frames)
    if turned:
        raise DicomError(
            f"the slices of the series have several orientations: {turned} of {len(frames)} differ "
            "from the first.",
            hint="Remove localisers; keep the slices of one orientation in a folder of their own.",
            code="several-orientations",
        )
    _require_one_spacing(frames)
    _require_one_value(frames, "FrameOfReferenceUID", "frames of reference")
    _require_one_value(frames, "Modality", "modalities")


def _require_one_spacing(frames: list[Frame]) -> None:
    spacings_mm = np.array([frame.pixel_spacing_mm for frame in frames])
    if not np.allclose(spacings_mm, spacings_mm[0], rtol=1e-4, atol=0):
        low, high = spacings_mm.min(), spacings_mm.max()
        raise DicomError(
            f"the slices of the series differ in PixelSpacing ({low:.4g} to {high:.4g} mm).",
            hint="Keep the slices of one acquisition in a folder of their own.",
            code="several-spacings",
        )


def _require_one_value(frames: list[Frame], keyword: str, what: str) -> None:
    values = {frame.header.text(keyword) for frame in frames}
    if len(values) > 1:
        raise DicomError(
            f"the slices of the series lie in {len(values)} different {what} ({keyword}); their "
            "positions cannot be compared.",
            code=f"several-{what.replace(' ', '-')}",
        )


def _require_several(frames: list[Frame]) -> None:
    if len(frames) == 1:
        raise DicomError(
            "the series has one slice only: it is a 2D image, and a volume is needed.",
            hint="Give the folder that holds all slices of the series.",
            code="not-3d",
        )


def _require_distinct(frames: list[Frame], along_mm: NDArray[np.float64]) -> None:
    stacks = {frame.traits.get("StackID", "") for frame in frames}
    if len(stacks) > 1:
        raise DicomError(
            f"the series holds {len(stacks)} stacks (StackID).",
            hint="Export each stack as a series of its own.",
            code="several-stacks",
        )
    steps_mm = np.diff(along_mm)
    same = np.flatnonzero(steps_mm < max(_SAME_PLACE_MM, _SAME_PLACE_FRACTION * steps_mm.max()))
    if same.size:
        first, second = frames[same[0]], frames[same[0] + 1]
        differing = [name for name, value in first.traits.items() if second.traits[name] != value]
        raise DicomError(
            f"{same.size} of {len(frames)} slices lie where another slice of the series lies, the "
            f"first at {along_mm[same[0]]:.2f} mm along the slice axis; the two differ in "
            f"{', '.join(differing) or 'nothing but their identifier'}.",
            hint="Keep one echo, time point, phase or b-value in a folder of its own.",
            code="duplicate-slices",
        )


def _require_even(along_mm: NDArray[np.float64]) -> None:
    """Refuse stacks with a slice that lies beside its place in the even grid."""
    steps_mm = np.diff(along_mm)
    allowed_mm = max(_PLACE_TOLERANCE * steps_mm.mean(), _PLACE_TOLERANCE_MM)
    if _place_error_mm(along_mm) <= allowed_mm:
        return
    _refuse_gaps(along_mm, steps_mm)
    raise DicomError(
        f"the slices are unevenly spaced: steps from {steps_mm.min():.3f} to {steps_mm.max():.3f} "
        "mm.",
        hint="Resample the series to even slices, or give an evenly spaced reconstruction.",
        code="uneven-slices",
    )


def _place_error_mm(along_mm: NDArray[np.float64]) -> float:
    """Largest distance of a slice from its place between the first and the last."""
    even_mm = np.linspace(along_mm[0], along_mm[-1], len(along_mm))
    return float(np.abs(along_mm - even_mm).max())


def _refuse_gaps(along_mm: NDArray[np.float64], steps_mm: NDArray[np.float64]) -> None:
    """Refuse a stack whose steps are all whole multiples of the usual step.

    The usual step is the median of those near the smallest, so that half of the slices may be
    missing; with more, the steps are called uneven.
    """
    smallest_mm = steps_mm.min()
    usual_mm = float(np.median(steps_mm[steps_mm < 1.5 * smallest_mm]))
    multiples = np.rint(steps_mm / usual_mm)
    missing = int((multiples - 1).sum())
    is_whole = np.abs(steps_mm / usual_mm - multiples) <= _MULTIPLE_TOLERANCE
    if not is_whole.all() or not 0 < missing <= len(along_mm):
        return
    gaps = np.flatnonzero(multiples > 1)
    listed = "; ".join(
        f"{int(multiples[gap]) - 1} between {along_mm[gap]:.2f} and {along_mm[gap + 1]:.2f} mm"
        for gap in gaps[:3]
    )
    raise DicomError(
        f"{missing} slice(s) are missing from the series of {len(along_mm)}, {usual_mm:.3g} mm "
        f"apart: {listed}{'; and more' if len(gaps) > 3 else ''} (along the slice axis).",
        hint="Fetch the whole series again.",
        code="missing-slice",
    )


def _require_straight(
    frames: list[Frame], axes: NDArray[np.float64], along_mm: NDArray[np.float64]
) -> None:
    """Refuse stacks whose slice origins leave the line through the first along the normal."""
    positions_mm = np.stack([frame.position_mm for frame in frames])
    drift_mm = (positions_mm - positions_mm[0]) @ axes[:2].T
    length_mm = float(along_mm[-1] - along_mm[0])
    allowed_mm = max(
        _DRIFT_FRACTION_OF_PIXEL * min(frames[0].pixel_spacing_mm),
        _DRIFT_FRACTION_OF_LENGTH * length_mm,
    )
    if np.linalg.norm(drift_mm, axis=1).max() <= allowed_mm:
        return
    fraction = (along_mm - along_mm[0]) / length_mm
    residual_mm = np.linalg.norm(drift_mm - fraction[:, None] * drift_mm[-1], axis=1).max()
    end_mm = float(np.linalg.norm(drift_mm[-1]))
    if residual_mm <= max(allowed_mm, 0.05 * end_mm):
        raise DicomError(
            f"the stack is sheared by {math.degrees(math.atan2(end_mm, length_mm)):.1f} degrees "
            f"(gantry tilt): slices shift by {end_mm:.1f} mm within their planes over "
            f"{length_mm:.1f} mm.",
            hint="Resample the series onto a grid at right angles first.",
            code="gantry-tilt",
        )
    raise DicomError(
        f"slices are shifted within their planes by up to "
        f"{np.linalg.norm(drift_mm, axis=1).max():.1f} mm against each other.",
        hint="Give the slices of one acquisition only.",
        code="shifted-slices",
    )


def _spacing_notes(
    frames: list[Frame], spacing_mm: float, place_error_mm: float
) -> tuple[str, ...]:
    notes = []
    tag_mm = frames[0].spacing_between_slices_mm
    if tag_mm != 0 and abs(abs(tag_mm) - spacing_mm) > max(0.01 * spacing_mm, 0.01):
        notes.append(
            f"SpacingBetweenSlices says {tag_mm:g} mm, the slice positions {spacing_mm:.4g} mm; "
            "the positions were used."
        )
    if place_error_mm > _NOTED_PLACE_ERROR * spacing_mm:
        notes.append(
            f"Slices lie up to {place_error_mm:.3f} mm beside their places in an even grid of "
            f"{spacing_mm:.4g} mm."
        )
    return tuple(notes)
