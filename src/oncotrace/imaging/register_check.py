"""Which registrations are believed: every result is held against limits before it is used."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.imaging.register_settings import RegistrationLimits


@dataclass(frozen=True)
class RegistrationFindings:
    """What a registration did, in numbers.

    Parameters
    ----------
    metric_before_nats, metric_start_nats, metric_after_nats
        Mutual information of the images as they lie, at the start of the search and at its end.
    mean_displacement_mm, max_displacement_mm
        Of the fixed image's body, from where the images lie.
    shift_mm
        Of the middle of the body, from the start.
    mean_shift_mm
        Of the body's points, from the start.
    rotation_deg
        From the start; of an affine map or a B-spline that of its rigid part.
    stretch
        The largest factor by which lengths grow or shrink along any direction, of the affine part.
    jacobian_range
        Least and largest local change of volume within the body.
    overlap
        See `oncotrace.imaging.register_body.body_overlap`.
    scatter_mm
        The largest mean distance over the body between this rigid result and those from two
        starts beside it (6 mm along and 5 degrees about each axis).
    round_trip_mm
        The same between the body and where it is after moving there and back by the registration
        with fixed and moving image exchanged.
    """

    metric_before_nats: float
    metric_start_nats: float
    metric_after_nats: float
    mean_displacement_mm: float
    max_displacement_mm: float
    shift_mm: float
    mean_shift_mm: float
    rotation_deg: float
    stretch: float
    jacobian_range: tuple[float, float]
    overlap: float
    scatter_mm: float
    round_trip_mm: float

    @property
    def gain_nats(self) -> float:
        """Rise of the mutual information over the better of as they lie and the start."""
        return self.metric_after_nats - max(self.metric_before_nats, self.metric_start_nats)

    def is_aligned(self, limits: RegistrationLimits) -> bool:
        """Whether the result says no more than that the start was right."""
        return (
            self.gain_nats < limits.least_gain_nats
            and self.metric_start_nats >= self.metric_before_nats
            and self.mean_shift_mm <= limits.aligned_mm
        )


@dataclass(frozen=True)
class Refusal:
    """Why a result is not used: a word that scripts may test, and a sentence for people."""

    code: str
    text: str


def refusals(found: RegistrationFindings, limits: RegistrationLimits) -> tuple[Refusal, ...]:
    """Return every limit that a result breaks, those that say most first."""
    least, most = found.jacobian_range
    rules = (
        (
            found.overlap < limits.least_overlap,
            Refusal(
                code="registration-overlap",
                text=f"only {100 * found.overlap:.0f} % of the smaller body lie within the other "
                f"image, at least {100 * limits.least_overlap:.0f} % are needed",
            ),
        ),
        (
            not max(found.scatter_mm, found.round_trip_mm) <= limits.most_scatter_mm,
            Refusal(
                code="registration-unstable",
                text=f"other starts end {_far(found.scatter_mm)} from the result and the way back "
                f"{_far(found.round_trip_mm)}, at most {limits.most_scatter_mm:g} mm are allowed",
            ),
        ),
        (
            found.gain_nats < limits.least_gain_nats and not found.is_aligned(limits),
            Refusal(
                code="registration-no-gain",
                text=f"the mutual information is {found.metric_after_nats:.4f} nats after and "
                f"{max(found.metric_before_nats, found.metric_start_nats):.4f} before; it must "
                f"rise by {limits.least_gain_nats:g}",
            ),
        ),
        (
            found.shift_mm > limits.most_shift_mm or found.rotation_deg > limits.most_rotation_deg,
            Refusal(
                code="registration-too-far",
                text=f"the body moves by {found.shift_mm:.0f} mm and turns by "
                f"{found.rotation_deg:.0f} degrees, at most {limits.most_shift_mm:g} mm and "
                f"{limits.most_rotation_deg:g} degrees are allowed",
            ),
        ),
        (
            found.stretch > limits.most_stretch,
            Refusal(
                code="registration-stretched",
                text=f"lengths change by a factor of {found.stretch:.2f}, at most "
                f"{limits.most_stretch:g} is allowed",
            ),
        ),
        (
            least < limits.least_jacobian or most > limits.most_jacobian,
            Refusal(
                code="registration-folded",
                text=f"the local change of volume is {least:.2f} to {most:.2f}, "
                f"{limits.least_jacobian:g} to {limits.most_jacobian:g} is allowed",
            ),
        ),
    )
    return tuple(refusal for is_broken, refusal in rules if is_broken)


def rotation_deg(matrix: NDArray[np.float64]) -> float:
    """Angle of the rotation nearest to the linear part of a 4 x 4 matrix, 0 to 180."""
    left, _, right = np.linalg.svd(matrix[:3, :3])
    cosine = (np.trace(left @ right) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def stretch_of(matrix: NDArray[np.float64]) -> float:
    """Largest factor, at least 1, by which lengths grow or shrink under a 4 x 4 matrix."""
    factors = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    return float(max(factors.max(), 1 / max(factors.min(), 1e-9), 1.0))


def _far(distance_mm: float) -> str:
    return f"{distance_mm:.1f} mm" if np.isfinite(distance_mm) else "nowhere"
