"""What a reader points at: six margin points, a box, corrections."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.domain.scan import read_only
from oncotrace.errors import ClickError

CorrectionKind = Literal["positive", "negative", "stroke", "undo"]


@dataclass(frozen=True, eq=False)
class Correction:
    """One correction after the first clicks.

    Parameters
    ----------
    kind
        ``positive``: inside the tumour; ``negative``: outside; ``stroke``: a line painted inside
        (``paints`` true) or outside; ``undo``: takes back the latest correction that still counts.
    points_mm
        Shape (n, 3), LPS mm.
    radius_mm
        Radius of the brush.
    at
        When it was made, ISO 8601, or empty when unknown.
    paints
        For strokes, whether the line marks tumour (else background).
    """

    kind: CorrectionKind
    points_mm: NDArray[np.float64]
    radius_mm: float = 0.0
    at: str = ""
    paints: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_mm", read_only(points_array(self.points_mm)))
        if not (np.isfinite(self.radius_mm) and self.radius_mm >= 0):
            raise ClickError(f"a correction's radius must be >= 0 mm, found {self.radius_mm}.")
        if self.kind != "undo" and len(self.points_mm) == 0:
            raise ClickError(f"a {self.kind} correction needs at least one point.")

    @property
    def marks_tumour(self) -> bool:
        """Whether the corrected points belong to the tumour."""
        return self.kind == "positive" or (self.kind == "stroke" and self.paints)


@dataclass(frozen=True, eq=False)
class Clicks:
    """Interior margin points of a tumour, in LPS mm, in any order.

    Parameters
    ----------
    points_mm
        Shape (n, 3): points just inside the tumour's boundary, two per patient axis, near its
        extremes (Spaanderman et al. 2024, doi:10.1007/s00330-024-11167-8). Empty when a box is
        given instead.
    corrections
        What the reader changed afterwards, oldest first; undo appends, never deletes.
    box_mm
        Shape (2, 3): two opposite corners of a box around the tumour, a coarser prompt.

    Raises
    ------
    ClickError
        Coordinates are missing or not finite, or there are neither points nor a box.
    """

    points_mm: NDArray[np.float64]
    corrections: tuple[Correction, ...] = ()
    box_mm: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_mm", read_only(points_array(self.points_mm)))
        if self.box_mm is not None:
            box = points_array(self.box_mm)
            if len(box) != 2:
                raise ClickError(f"a box is two opposite corners, found {len(box)} points.")
            object.__setattr__(self, "box_mm", read_only(box))
        elif len(self.points_mm) == 0:
            raise ClickError("there are no clicks.", hint="Give six points or a box.")

    def standing_corrections(self) -> tuple[Correction, ...]:
        """Corrections that have not been taken back by a later undo."""
        standing: list[Correction] = []
        for correction in self.corrections:
            if correction.kind != "undo":
                standing.append(correction)
            elif standing:
                standing.pop()
        return tuple(standing)


def points_array(points_mm: ArrayLike) -> NDArray[np.float64]:
    """Points as float64 of shape (n, 3).

    Raises
    ------
    ClickError
        A point does not have three finite coordinates; the message says which, counting from 1.
    """
    try:
        points = np.array(points_mm, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ClickError("every point needs three numbers x, y, z in LPS mm.") from error
    if points.size == 0:
        return points.reshape(0, 3)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ClickError(f"points must have shape (n, 3) in LPS mm, found {points.shape}.")
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise ClickError(f"point {bad[0] + 1} has a coordinate that is not a finite number.")
    return points
