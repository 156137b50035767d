"""How images are registered, and which results are believed."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from oncotrace.errors import SettingsError

TransformKind = Literal["rigid", "affine", "bspline"]
TRANSFORM_KINDS: tuple[TransformKind, ...] = get_args(TransformKind)

Start = Literal["none", "geometry", "moments"]
"""Where the search begins: as the images lie, middle on middle, or body on body."""

Initial = Literal["auto", "none", "geometry", "moments"]
_INITIALS: tuple[Initial, ...] = get_args(Initial)


@dataclass(frozen=True)
class RegistrationLimits:
    """What a result must keep to be used.

    Parameters
    ----------
    least_gain_nats
        The mutual information must rise by so much over that of the images as they lie and of the
        start.
    aligned_mm
        A result that gains less, but lies within so much of the start, mean over the body, says
        that the images were aligned already: the start is kept.
    most_shift_mm, most_rotation_deg
        Of the body, from the start.
    most_stretch
        Affine: along no direction may lengths change by a larger factor, or shrink by one.
    least_jacobian, most_jacobian
        B-spline: local change of volume within the body; at 0 the image folds.
    least_overlap
        Share of the smaller of the two bodies that must lie within the other image.
    most_scatter_mm
        Between this rigid result and those from other starts and in the other direction, mean over
        the body: a search that finds something else each time has found nothing.
    """

    least_gain_nats: float = 0.005
    aligned_mm: float = 3.0
    most_shift_mm: float = 60.0
    most_rotation_deg: float = 30.0
    most_stretch: float = 1.25
    least_jacobian: float = 0.1
    most_jacobian: float = 10.0
    least_overlap: float = 0.5
    most_scatter_mm: float = 5.0

    def require_possible(self) -> None:
        """Refuse limits that nothing can keep.

        Raises
        ------
        SettingsError
            One is negative, the overlap above 1, or a factor allows not even no change.
        """
        negative = (
            self.least_gain_nats,
            self.aligned_mm,
            self.most_shift_mm,
            self.most_rotation_deg,
            self.least_jacobian,
            self.least_overlap,
            self.most_scatter_mm,
        )
        if min(negative) < 0 or self.least_overlap > 1:
            raise SettingsError(
                "limits of a registration are not negative, and an overlap is at most 1.",
                code="registration-limits",
            )
        if self.most_stretch < 1 or not self.least_jacobian < 1 < self.most_jacobian:
            raise SettingsError(
                "a registration that changes no length or volume must keep the limits of stretch "
                f"and Jacobian, found {self.most_stretch:g} and {self.least_jacobian:g} to "
                f"{self.most_jacobian:g}.",
                code="registration-limits",
            )


@dataclass(frozen=True)
class RegistrationSettings:
    """How two images are registered.

    Parameters
    ----------
    transform
        ``affine`` begins with the rigid result, ``bspline`` with the affine one.
    initial
        ``auto`` tries all starts and goes on from the one with the most mutual information.
    levels_mm
        Images are averaged to about so large voxels, coarse to fine. Axes that are coarser stay.
    affine_levels_mm, bspline_levels_mm
        The same of the affine map and of the B-spline.
    bspline_spacing_mm
        Distance of the B-spline's control points.
    samples, bspline_samples
        Points of the fixed image that are looked at, drawn anew at each level.
    bins
        Of the joint histogram, along each side.
    """

    transform: TransformKind = "rigid"
    initial: Initial = "auto"
    levels_mm: tuple[float, ...] = (8.0, 4.0, 2.0)
    affine_levels_mm: tuple[float, ...] = (4.0, 2.0)
    bspline_levels_mm: tuple[float, ...] = (4.0,)
    bspline_spacing_mm: float = 50.0
    samples: int = 30_000
    bspline_samples: int = 20_000
    bins: int = 32
    limits: RegistrationLimits = field(default_factory=RegistrationLimits)


def transform_kind_named(name: str) -> TransformKind:
    """Return the kind of transform called ``name``.

    Raises
    ------
    SettingsError
        There is none.
    """
    for kind in TRANSFORM_KINDS:
        if kind == name:
            return kind
    raise SettingsError(f"--transform is one of {', '.join(TRANSFORM_KINDS)}, not {name!r}.")


def initial_named(name: str) -> Initial:
    """Return the start called ``name``.

    Raises
    ------
    SettingsError
        There is none.
    """
    for initial in _INITIALS:
        if initial == name:
            return initial
    raise SettingsError(f"--initial is one of {', '.join(_INITIALS)}, not {name!r}.")
