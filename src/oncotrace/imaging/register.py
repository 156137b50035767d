"""One image found in another: rigid, affine or by B-splines, and judged before it is used.

SimpleITK does the search. Everything is on one thread and with a fixed seed: the same images,
settings and seed give the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan, require_finite
from oncotrace.errors import InputError
from oncotrace.imaging.register_body import body_overlap, body_points_mm, nearest_matrix
from oncotrace.imaging.register_check import (
    Refusal,
    RegistrationFindings,
    refusals,
    rotation_deg,
    stretch_of,
)
from oncotrace.imaging.register_levels import (
    Pyramid,
    affine_from,
    bspline_from,
    mutual_information,
    rigid_from,
)
from oncotrace.imaging.register_map import PointMap
from oncotrace.imaging.register_settings import RegistrationSettings, Start

_LOST = Refusal(
    code="registration-lost", text="the search lost one image outside the other, from every start"
)
_COARSE = 2  # levels that decide where the result lies; the others refine it
_OTHER_STARTS = ((1, 1, -1), (-1, -1, 1))
_OTHER_SHIFT_MM, _OTHER_TURN_DEG = 6.0, 5.0  # along each axis


@dataclass(frozen=True, eq=False)
class Registration:
    """What was found, and whether it may be used.

    Parameters
    ----------
    point_map
        From points of the fixed image to those of the moving one.
    start
        Where the search began.
    was_aligned
        The search found no more than its start: the start is the result, and ``found`` tells what
        the search had found.
    refused
        Why the result must not be used; empty for one that may.
    """

    point_map: PointMap
    start: Start
    found: RegistrationFindings
    was_aligned: bool
    refused: tuple[Refusal, ...]

    def require_usable(self, *, hint: str) -> None:
        """Refuse a result that broke a limit.

        Raises
        ------
        InputError
            With the code of the first limit that it broke, and all of them in its message.
        """
        if self.refused:
            raise InputError(
                "the registration is not used: "
                f"{'; '.join(refusal.text for refusal in self.refused)}.",
                hint=hint,
                code=self.refused[0].code,
            )


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two images, points of the bodies in them, and how they are registered."""

    fixed: Geometry
    moving: Geometry
    fixed_points_mm: NDArray[np.float64]
    moving_points_mm: NDArray[np.float64]
    pyramid: Pyramid
    settings: RegistrationSettings
    seed: int

    def metric(self, transform: sitk.Transform) -> float:
        images = self.pyramid.compared()
        return mutual_information(images, transform, bins=self.settings.bins)

    def rigid(
        self, start: sitk.Euler3DTransform, levels_mm: Sequence[float]
    ) -> sitk.Euler3DTransform | None:
        return rigid_from(self.pyramid, start, levels_mm, settings=self.settings, seed=self.seed)

    def apart_mm(self, one: PointMap, other: PointMap) -> float:
        """Mean distance over the fixed body between where two maps put it."""
        offset = one.moved(self.fixed_points_mm) - other.moved(self.fixed_points_mm)
        return float(np.linalg.norm(offset, axis=1).mean())


def register(
    moving: Scan, fixed: Scan, *, settings: RegistrationSettings, seed: int
) -> Registration:
    """Find where the points of ``fixed`` lie in ``moving``, and judge the result.

    Raises
    ------
    InputError
        An image is blank or holds NaN.
    EmptyMaskError
        An image shows no body.
    SettingsError
        The limits are impossible.
    """
    settings.limits.require_possible()
    for scan, what in ((fixed, "the fixed image"), (moving, "the moving image")):
        require_finite(scan, what)
    pair = _Pair(
        fixed.geometry,
        moving.geometry,
        body_points_mm(fixed),
        body_points_mm(moving),
        Pyramid(fixed, moving),
        settings,
        seed,
    )
    name, start, coarse = _best_start(pair)
    rigid = None if coarse is None else pair.rigid(coarse, settings.levels_mm[_COARSE:])
    result = None if rigid is None else _refined(pair, rigid)
    if result is None or coarse is None:
        nowhere = _findings(pair, start, PointMap(start), float("inf"), float("inf"))
        return Registration(PointMap(start), name, nowhere, False, (_LOST,))
    scatter_mm = _scatter_mm(pair, coarse)
    round_trip_mm = _round_trip_mm(pair, Pyramid(moving, fixed), start, coarse)
    found = _findings(pair, start, PointMap(result), scatter_mm, round_trip_mm)
    was_aligned = found.is_aligned(settings.limits)
    point_map = PointMap(start if was_aligned else result)
    return Registration(point_map, name, found, was_aligned, refusals(found, settings.limits))


def _refined(pair: _Pair, rigid: sitk.Euler3DTransform) -> sitk.Transform | None:
    """Affine or B-spline result, as wanted."""
    if pair.settings.transform == "rigid":
        return rigid
    affine = affine_from(pair.pyramid, rigid, settings=pair.settings, seed=pair.seed)
    if affine is None or pair.settings.transform == "affine":
        return affine
    return bspline_from(pair.pyramid, affine, settings=pair.settings, seed=pair.seed)


def _best_start(
    pair: _Pair,
) -> tuple[Start, sitk.Euler3DTransform, sitk.Euler3DTransform | None]:
    """Return the start that leads farthest, its name, and where it leads to; none if nowhere."""
    wanted = pair.settings.initial
    names: tuple[Start, ...] = ("none", "geometry", "moments") if wanted == "auto" else (wanted,)
    reached = []
    for name in names:
        start = _start(pair, name)
        coarse = pair.rigid(start, pair.settings.levels_mm[:_COARSE])
        metric = -1.0
        if coarse is not None and _overlap(pair, PointMap(coarse)) >= (
            pair.settings.limits.least_overlap if len(names) > 1 else 0.0
        ):
            metric = pair.metric(coarse)
        reached.append((metric, name, start, coarse))
    _, name, start, coarse = max(reached, key=lambda one: one[0])  # the first of equals
    return name, start, coarse


def _start(pair: _Pair, name: Start) -> sitk.Euler3DTransform:
    """Pose without rotation, about the middle of the fixed body."""
    middle_mm = pair.fixed_points_mm.mean(axis=0)
    shift_mm = np.zeros(3)
    if name == "moments":
        shift_mm = pair.moving_points_mm.mean(axis=0) - middle_mm
    elif name == "geometry":
        shift_mm = _middle_mm(pair.moving) - _middle_mm(pair.fixed)
    start = sitk.Euler3DTransform(middle_mm.tolist())
    start.SetTranslation(shift_mm.tolist())
    return start


def _middle_mm(geometry: Geometry) -> NDArray[np.float64]:
    return np.asarray(geometry.corners_mm().mean(axis=0), dtype=np.float64)


def _overlap(pair: _Pair, point_map: PointMap) -> float:
    return body_overlap(
        point_map, (pair.fixed_points_mm, pair.fixed), (pair.moving_points_mm, pair.moving)
    )


def _scatter_mm(pair: _Pair, coarse: sitk.Euler3DTransform) -> float:
    """Farthest that searches from beside the result end from it; infinite if one ends nowhere."""
    apart_mm = []
    turned = (coarse.GetAngleX(), coarse.GetAngleY(), coarse.GetAngleZ())
    for x, y, z in _OTHER_STARTS:
        other = sitk.Euler3DTransform(coarse)
        turn = np.radians(np.multiply((y, z, x), _OTHER_TURN_DEG))
        other.SetRotation(*np.add(turned, turn).tolist())
        shift_mm = np.multiply((x, y, z), _OTHER_SHIFT_MM)
        other.SetTranslation(np.add(coarse.GetTranslation(), shift_mm).tolist())
        end = pair.rigid(other, pair.settings.levels_mm[:_COARSE])
        apart_mm.append(np.inf if end is None else pair.apart_mm(PointMap(end), PointMap(coarse)))
    return max(apart_mm)


def _round_trip_mm(
    pair: _Pair,
    swapped: Pyramid,
    start: sitk.Euler3DTransform,
    coarse: sitk.Euler3DTransform,
) -> float:
    """Mean distance over the body after going there and coming back by the swapped search."""
    inverse = sitk.Euler3DTransform(np.add(start.GetCenter(), start.GetTranslation()).tolist())
    inverse.SetTranslation((-np.asarray(start.GetTranslation())).tolist())
    back = rigid_from(
        swapped,
        inverse,
        pair.settings.levels_mm[:_COARSE],
        settings=pair.settings,
        seed=pair.seed,
    )
    if back is None:
        return float("inf")
    returned = PointMap(back).moved(PointMap(coarse).moved(pair.fixed_points_mm))
    return float(np.linalg.norm(returned - pair.fixed_points_mm, axis=1).mean())


def _findings(
    pair: _Pair,
    start: sitk.Euler3DTransform,
    result: PointMap,
    scatter_mm: float,
    round_trip_mm: float,
) -> RegistrationFindings:
    points_mm = pair.fixed_points_mm
    ends_mm = result.moved(points_mm)
    from_start_mm = ends_mm - PointMap(start).moved(points_mm)
    displacement_mm = np.linalg.norm(ends_mm - points_mm, axis=1)
    jacobians = result.jacobians(points_mm)
    matrix = nearest_matrix(result, points_mm)
    return RegistrationFindings(
        metric_before_nats=pair.metric(sitk.Transform()),
        metric_start_nats=pair.metric(start),
        metric_after_nats=pair.metric(result.transform),
        mean_displacement_mm=float(displacement_mm.mean()),
        max_displacement_mm=float(displacement_mm.max()),
        shift_mm=float(np.linalg.norm(from_start_mm.mean(axis=0))),
        mean_shift_mm=float(np.linalg.norm(from_start_mm, axis=1).mean()),
        rotation_deg=rotation_deg(matrix),
        stretch=stretch_of(matrix),
        jacobian_range=(float(jacobians.min()), float(jacobians.max())),
        overlap=_overlap(pair, result),
        scatter_mm=scatter_mm,
        round_trip_mm=round_trip_mm,
    )
