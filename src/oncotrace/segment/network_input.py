"""What a six-click network sees: the volume of interest squeezed onto one grid, channel by channel.

Channels by name, all [z, y, x] on the network's grid:

``image``
    Intensities without what hides the contrast, mean 0 and standard deviation 1.
``is-ct``
    1 on CT, 0 elsewhere, so that one network may serve several modalities.
``guidance``
    exp(-D), D the geodesic distance from the clicks, four sweeps as published (Spaanderman et al.,
    Eur Radiol 2024, doi:10.1007/s00330-024-11167-8).
``ellipsoid``, ``hull``, ``likelihood``, ``typical``, ``geodesic``
    The cues of the graph cut (``cues``), limited to the range in which they tell voxels apart.

Training and prediction both come through here, so that a network never meets a channel that was
made in another way than those it has learnt from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import ModelError
from oncotrace.imaging.crop import Box, crop_scan
from oncotrace.imaging.geodesic import geodesic_guidance
from oncotrace.imaging.intensity import clipped, standardised
from oncotrace.imaging.resample import with_spacing
from oncotrace.segment.cues import Cues, tumour_cues
from oncotrace.segment.voi import GridClicks, clicks_on_grid, volume_of_interest, voxels_at
from oncotrace.segment.working_grid import averaged_onto, require_finite_around_clicks

Maker = Callable[[], NDArray[np.float32]]
"""Makes one channel [z, y, x]."""

_CUE_RANGES: dict[str, tuple[float, float]] = {
    "ellipsoid": (-2.0, 1.0),
    "hull": (-2.0, 1.0),
    "likelihood": (-4.0, 4.0),
    "typical": (-4.0, 0.0),
    "geodesic": (-1.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """Channels [c, z, y, x] on the working grid, and where they come from.

    ``image`` holds the intensities as they were read, on that grid; ``part`` is the volume of
    interest on the source grid, ``box`` its place there.
    """

    channels: NDArray[np.float32]
    image: Scan
    part: Geometry
    box: Box
    clicks: GridClicks

    @property
    def working(self) -> Geometry:
        """The working grid."""
        return self.image.geometry


def network_input(
    scan: Scan, clicks: Clicks, names: tuple[str, ...], size_xyz: tuple[int, int, int]
) -> NetworkInput:
    """Channels of the given names around the clicks, on a grid of the given size.

    Raises
    ------
    ClickError
        The clicks cannot be used on this image.
    InputError
        The voxels around the clicks are not finite.
    ModelError
        A name is not one of the module's.
    """
    checked = clicks_on_grid(clicks, scan.geometry)
    box = volume_of_interest(checked, scan.geometry)
    part = crop_scan(scan, box)
    require_finite_around_clicks(part)
    working = averaged_onto(part, _squeezed(part.geometry, size_xyz))
    channels = stacked(names, _makers(working, checked))
    return NetworkInput(channels, working, part.geometry, box, checked)


def stacked(names: tuple[str, ...], makers: Mapping[str, Maker]) -> NDArray[np.float32]:
    """Channels [c, z, y, x] of the given names, in their order; no other is made.

    Raises
    ------
    ModelError
        Nothing makes a channel of that name.
    """
    unknown = [name for name in names if name not in makers]
    if unknown:
        raise ModelError(
            f"the model needs the channel {unknown[0]!r}, which this version does not make.",
            hint=f"Known channels: {', '.join(makers)}.",
            code="unknown-channel",
        )
    return np.stack([makers[name]() for name in names]).astype(np.float32, copy=False)


def _squeezed(geometry: Geometry, size_xyz: tuple[int, int, int]) -> Geometry:
    """Grid of that many voxels over the same volume."""
    extent_mm = np.multiply(geometry.size_xyz, geometry.spacing_mm)
    x, y, z = (float(mm) for mm in extent_mm / size_xyz)
    return with_spacing(geometry, (x, y, z))


def _makers(scan: Scan, clicks: GridClicks) -> dict[str, Maker]:
    """Return what makes each channel; nothing is made before it is asked for."""
    even = standardised(clipped(scan.voxels, scan.modality))
    made: list[Cues] = []

    def cue(name: str) -> NDArray[np.float32]:
        if not made:
            made.append(tumour_cues(scan, clicks))
        values: NDArray[np.float32] = np.clip(getattr(made[0], name), *_CUE_RANGES[name])
        return values

    def guidance() -> NDArray[np.float32]:
        seeds = voxels_at(clicks.outline_mm, scan.geometry)
        return geodesic_guidance(even, seeds, scan.geometry.spacing_zyx_mm)

    return {
        "image": lambda: even,
        "is-ct": lambda: np.full_like(even, scan.modality == "ct"),
        "guidance": guidance,
        **{name: lambda name=name: cue(name) for name in _CUE_RANGES},  # type: ignore[misc]
    }
