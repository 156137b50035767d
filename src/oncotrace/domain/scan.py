"""An image of a patient on its grid."""

from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import GeometryMismatchError, InputError, SettingsError

_Scalar = TypeVar("_Scalar", bound=np.generic)

Modality = Literal["ct", "pet", "mr-t1", "mr-t1gd", "mr-t1fs", "mr-t2", "mr-t2fs"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


def modality_named(name: str) -> Modality:
    """Return the modality called ``name``.

    Raises
    ------
    SettingsError
        No modality has that name.
    """
    for modality in MODALITIES:
        if modality == name:
            return modality
    raise SettingsError(
        f"there is no modality {name!r}.", hint=f"Known modalities: {', '.join(MODALITIES)}."
    )


@dataclass(frozen=True, eq=False)
class Scan:
    """One image volume: voxels [z, y, x] on a grid in LPS millimetres.

    Voxel values are Hounsfield units for ``ct``, SUV for ``pet`` and the scanner's own units for
    magnetic resonance. The array is held as a read-only view.

    Raises
    ------
    GeometryMismatchError
        The array's shape is not the grid's.
    """

    voxels: NDArray[np.float32]
    geometry: Geometry
    modality: Modality | None = None

    def __post_init__(self) -> None:
        require_shape(self.voxels.shape, self.geometry, "image")
        object.__setattr__(self, "voxels", read_only(self.voxels))


def read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """View of the array that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


def require_shape(shape: tuple[int, ...], geometry: Geometry, what: str) -> None:
    """Refuse an array whose shape is not the grid's."""
    if shape != geometry.shape_zyx:
        raise GeometryMismatchError(
            f"the {what} array has shape {shape} [z, y, x], its grid {geometry.shape_zyx}."
        )


def require_finite(scan: Scan, what: str) -> None:
    """Refuse a scan that holds NaN or infinity.

    Raises
    ------
    InputError
        With the number of such voxels and the first one's index.
    """
    bad = ~np.isfinite(scan.voxels)
    if bad.any():
        z, y, x = np.argwhere(bad)[0]
        raise InputError(
            f"{what} holds {int(bad.sum())} voxels that are not numbers (NaN or infinite), the "
            f"first at index x {x}, y {y}, z {z}.",
            hint="Replace them by the background value before segmenting.",
            code="not-finite",
        )
