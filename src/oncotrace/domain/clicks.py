"""What a reader points at: six margin points, a box, corrections."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.domain.scan import read_only
from oncotrace.errors import ClickError

CorrectionKind = Literal["positive", "negative", "stroke", "undo", "redo"]


@dataclass(frozen=True, eq=False)
class Correction:
    """One correction after the first clicks.

    Parameters
    ----------
    kind
        ``positive``: inside the tumour; ``negative``: outside; ``stroke``: a line painted inside
        (``paints`` true) or outside; ``undo``: takes back the latest correction that still counts;
        ``redo``: makes the one that was taken back last count again.
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
        if self.marks_something and len(self.points_mm) == 0:
            raise ClickError(f"a {self.kind} correction needs at least one point.")

    @property
    def marks_something(self) -> bool:
        """Whether it says what voxels are, rather than undo or redo what said so."""
        return self.kind not in ("undo", "redo")

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
        given instead, or nothing: a mask that was made without clicks can be corrected too.
    corrections
        What the reader changed afterwards, oldest first; undo and redo append, nothing is deleted.
    box_mm
        Shape (2, 3): two opposite corners of a box around the tumour, a coarser prompt.

    Raises
    ------
    ClickError
        Coordinates are missing or not finite.
    """

    points_mm: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))
    corrections: tuple[Correction, ...] = ()
    box_mm: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_mm", read_only(points_array(self.points_mm)))
        if self.box_mm is not None:
            box = points_array(self.box_mm)
            if len(box) != 2:
                raise ClickError(f"a box is two opposite corners, found {len(box)} points.")
            object.__setattr__(self, "box_mm", read_only(box))

    @property
    def has_first(self) -> bool:
        """Whether there are first clicks or a box, not corrections alone."""
        return len(self.points_mm) > 0 or self.box_mm is not None

    def standing_corrections(self) -> tuple[Correction, ...]:
        """Corrections that count: not taken back, or made to count again by a redo.

        As in any editor, a new correction forgets those taken back: they cannot be redone. An undo
        or redo without anything to undo or redo changes nothing.
        """
        standing, _ = self._standing_and_undone()
        return tuple(standing)

    def with_correction(self, correction: Correction) -> Self:
        """Return the same clicks after one more correction, undo or redo.

        Raises
        ------
        ClickError
            There is nothing to undo or redo.
        """
        standing, undone = self._standing_and_undone()
        if correction.kind == "undo" and not standing:
            raise ClickError(
                "no correction counts, so there is nothing to undo.", code="nothing-to-undo"
            )
        if correction.kind == "redo" and not undone:
            raise ClickError(
                "there is nothing to redo: no correction was undone, or a new one was made since.",
                code="nothing-to-redo",
            )
        return replace(self, corrections=(*self.corrections, correction))

    def _standing_and_undone(self) -> tuple[list[Correction], list[Correction]]:
        """Corrections that count, and those that can be redone, each with the latest at its end."""
        standing: list[Correction] = []
        undone: list[Correction] = []
        for correction in self.corrections:
            if correction.marks_something:
                standing.append(correction)
                undone.clear()
            elif correction.kind == "undo" and standing:
                undone.append(standing.pop())
            elif correction.kind == "redo" and undone:
                standing.append(undone.pop())
        return standing, undone


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
