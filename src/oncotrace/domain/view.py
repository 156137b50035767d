"""In which plane of the patient an image was acquired: its view.

The slices of a magnetic resonance image are thick, so it shows detail within its plane and little
across it. Which plane that is follows from the grid alone: the normal of the slices and the
patient's axis nearest to it. DICOM gives the same by the direction cosines of rows and columns,
whose vector product is the normal.

References
----------
DICOM PS3.3, C.7.6.2.1.1, Image Orientation (Patient) (0020,0037).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import SettingsError

View = Literal["axial", "sagittal", "coronal"]
VIEWS: tuple[View, ...] = get_args(View)

_BY_PATIENT_AXIS: tuple[View, View, View] = ("sagittal", "coronal", "axial")  # across L, P, S
_THICK_RATIO = 1.5
_OBLIQUE_COSINE = 0.8  # 37 degrees; DICOM says nothing of it, PixelMed and GDCM call it so


def view_named(name: str) -> View:
    """Return the view called ``name``.

    Raises
    ------
    SettingsError
        No view has that name.
    """
    for view in VIEWS:
        if view == name:
            return view
    raise SettingsError(
        f"there is no view {name!r}.",
        hint=f"Known views: {', '.join(VIEWS)}.",
        code="unknown-view",
    )


@dataclass(frozen=True)
class AcquisitionPlane:
    """Plane of an image's slices, told by the patient's.

    Parameters
    ----------
    nearest
        The patient's plane to which it is nearest.
    tilt_deg
        Angle between the two, 0 to 55.
    is_thick_sliced
        Whether voxels are at least 1.5 times as long across the slices as within them. An image
        that is not shows as much in any plane.
    """

    nearest: View
    tilt_deg: float
    is_thick_sliced: bool

    @property
    def is_oblique(self) -> bool:
        """Whether the plane is too far from any of the patient's (37 degrees) to be called so."""
        return bool(np.cos(np.radians(self.tilt_deg)) < _OBLIQUE_COSINE)

    @property
    def name(self) -> str:
        """Name of the view, or ``oblique``."""
        return "oblique" if self.is_oblique else self.nearest

    def suits(self, view: View) -> bool:
        """Whether an image of this plane is one of the view; one without thick slices is of any."""
        return not self.is_thick_sliced or self.name == view

    def describe(self) -> str:
        """Return the plane in words for people, with its tilt if there is any."""
        tilt = round(self.tilt_deg)
        if self.is_oblique:
            return f"oblique, {tilt} degrees from {self.nearest}"
        return f"{self.nearest}, tilted by {tilt} degrees" if tilt else self.nearest


def acquisition_plane(geometry: Geometry) -> AcquisitionPlane:
    """Plane in which the image on a grid was acquired.

    Its slices lie across the axis with the largest spacing, however they are stored, where that is
    1.5 times the next one or more; otherwise across the grid's z axis, as they are stored.
    """
    order = np.argsort(geometry.spacing_mm, kind="stable")
    next_mm, largest_mm = (float(geometry.spacing_mm[axis]) for axis in order[1:])
    is_thick_sliced = largest_mm >= _THICK_RATIO * next_mm
    normal = np.abs(geometry.axes[:, order[-1] if is_thick_sliced else 2])
    patient_axis = int(np.argmax(np.round(normal, 6)))  # half-way: always the first of them
    tilt_deg = float(np.degrees(np.arccos(min(1.0, float(normal[patient_axis])))))
    return AcquisitionPlane(_BY_PATIENT_AXIS[patient_axis], tilt_deg, is_thick_sliced)
