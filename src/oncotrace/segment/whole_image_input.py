"""What an automatic network sees: whole images of one or several sequences, without any click.

1. The first channel decides where: the grid is its own at the plan's spacing, and the result lies
   there. (In training it is the first channel of the recipe that the sample has, and its outline
   is the target.)
2. Every channel is averaged to the spacing of the plan and interpolated onto that grid.
3. Intensities are made comparable (`comparable`): Hounsfield units within the window of soft
   tissue, the square root of SUV, and for magnetic resonance values between nothing and the
   brightest tissue of the image, which on T1 is fat.
4. Beyond an image, and in a sequence that is missing, there are zeros. The channel
   ``has-<sequence>`` says so: 1 where the image is, 0 elsewhere.

5. ``detail-<sequence>`` and ``edges-<sequence>`` keep what is finer than the grid
   (``texture_channels``).

Channels by name, all [z, y, x] on that grid, are the sequences (``mr-t1``, ``ct``, ``pet``...) and
these three of each. A plan that names no ``has-`` channel of a sequence cannot do without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan, require_finite
from oncotrace.imaging.crop import Box
from oncotrace.imaging.intensity import SOFT_TISSUE_HU
from oncotrace.imaging.recrop import moved_sides, random_sides_mm, recropped
from oncotrace.imaging.resample import resample_array, with_spacing
from oncotrace.learning.augmentation import Augmentation
from oncotrace.learning.label_shares import labels_by_share
from oncotrace.learning.sample import Sample
from oncotrace.segment.network_input import stacked
from oncotrace.segment.texture_channels import detail, edges
from oncotrace.segment.working_grid import averaged_onto

PRESENCE = "has-"
TEXTURES = {"detail-": detail, "edges-": edges}
"""What makes a channel of texture, by the beginning of its name."""

_HALF_RANGE = 2.0
_LARGEST_SUV = 40.0
_BRIGHTEST = 99.0
_BACKGROUND_SHARE = 0.05

_Voxels = NDArray[np.float32]
_XYZ = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class WholeImages:
    """Channels of one patient on one grid, made once and looked at in many ways.

    Parameters
    ----------
    images
        Comparable intensities [z, y, x] by sequence; 0 beyond an image.
    textures
        Channels [z, y, x] by name, ``detail-mr-t1`` and the like, as far as they were asked for.
    fields
        Where each image is, [z, y, x].
    outlines
        Tumour [z, y, x] by sequence, each drawn on that image; none in prediction. Of several
        structures [l, z, y, x], in the recipe's order.
    """

    working: Geometry
    images: Mapping[Modality, _Voxels]
    textures: Mapping[str, _Voxels]
    fields: Mapping[Modality, NDArray[np.bool_]]
    outlines: Mapping[Modality, NDArray[np.bool_]]


def comparable(scan: Scan) -> _Voxels:
    """Intensities [z, y, x] on a scale that is the same for all images of a sequence, about +-2.

    ``ct``
        The window of soft tissue, -160 to 240 HU, becomes -2 to 2.
    ``pet``
        The square root of SUV, up to 40, minus 1.
    magnetic resonance
        0 becomes -2; the 99th percentile of what is not background becomes 2. Background is
        whatever is darker than a twentieth of the image's 99th percentile.

    Raises
    ------
    InputError
        The image holds NaN or infinite voxels.
    """
    require_finite(scan, f"the {scan.modality} image")
    if scan.modality == "pet":
        return np.sqrt(np.clip(scan.voxels, 0, _LARGEST_SUV)) - np.float32(1)
    low, high = (0.0, _brightest_tissue(scan.voxels))
    if scan.modality == "ct":
        low, high = SOFT_TISSUE_HU
    share = (np.clip(scan.voxels, low, high) - np.float32(low)) / np.float32(high - low)
    return np.asarray((2 * share - 1) * _HALF_RANGE, dtype=np.float32)


def whole_images(
    scans: Mapping[Modality, Scan],
    working: Geometry,
    outlines: Mapping[Modality, Mask | LabelVolume],
    names: tuple[str, ...] = (),
) -> WholeImages:
    """Images and outlines, each wherever it lies, on one grid.

    Parameters
    ----------
    names
        Channels that will be wanted: textures among them are made.

    Raises
    ------
    InputError
        An image holds NaN or infinite voxels.
    """
    images, textures, fields, drawn = {}, {}, {}, {}
    for name, scan in scans.items():
        there = _field(scan.geometry, working)
        even = Scan(comparable(scan), scan.geometry, scan.modality)
        images[name] = np.where(there, averaged_onto(even, working).voxels, np.float32(0))
        fields[name] = there
        for kind, texture in TEXTURES.items():
            if kind + name in names:
                textures[kind + name] = np.where(there, texture(even, working), np.float32(0))
    for name, outline in outlines.items():
        inside = outline.stack() if isinstance(outline, LabelVolume) else outline.voxels
        drawn[name] = _outlined(inside, outline.geometry, working)
    return WholeImages(working, images, textures, fields, drawn)


def channels_of(seen: WholeImages, names: tuple[str, ...]) -> _Voxels:
    """Channels [c, z, y, x] of the given names; zeros for sequences that are missing.

    Raises
    ------
    ModelError
        A name is none of those above.
    """
    nothing = np.zeros(seen.working.shape_zyx, dtype=np.float32)
    makers = {}
    for name in get_args(Modality):
        makers[name] = lambda name=name: seen.images.get(name, nothing)
        makers[PRESENCE + name] = lambda name=name: seen.fields.get(name, nothing).astype(
            np.float32
        )
        for kind in TEXTURES:
            makers[kind + name] = lambda name=kind + name: seen.textures.get(name, nothing)
    return stacked(names, makers)


def prediction_grid(first: Geometry, spacing_mm: _XYZ) -> Geometry:
    """Grid that the networks work on, for the image that the result lies on."""
    return with_spacing(first, spacing_mm)


def training_grid(grids: list[Geometry], spacing_mm: _XYZ) -> Geometry:
    """Grid at a spacing along the first grid's axes, around all grids."""
    first = with_spacing(grids[0], spacing_mm)
    corners = np.concatenate([first.to_index(grid.corners_mm()) for grid in grids])
    low = np.minimum(np.floor(corners.min(axis=0)), 0).astype(int)
    high = np.maximum(np.ceil(corners.max(axis=0)), np.array(first.size_xyz) - 1).astype(int)
    x0, y0, z0 = (int(n) for n in low)
    nx, ny, nz = (int(n) for n in high - low + 1)
    return first.crop((x0, y0, z0), (nx, ny, nz))


def training_sample(
    seen: WholeImages, names: tuple[str, ...], settings: Augmentation, rng: np.random.Generator
) -> Sample:
    """Sample of some of a patient's sequences, within a part of the first one's field.

    Sequences are hidden as `Augmentation.channel_dropout` says, unless the network cannot do
    without them, and the sides of the field are moved as `Augmentation.recrop_mm` says, for all
    channels alike. Channels of texture are shifted as `Augmentation.texture_shift` says.
    """
    there = tuple(image for name in names for image in seen.images if image == name)
    optional = np.array([PRESENCE + name in names for name in there])
    kept = _kept(there, optional, settings, rng)
    box = _box(seen.fields[kept[0]])
    outline = seen.outlines[kept[0]][..., *box.slices_zyx]
    spacing = seen.working.spacing_zyx_mm
    structures = outline.reshape(-1, *outline.shape[-3:])
    drawn = random_sides_mm(settings.recrop_mm, rng)
    sides = moved_sides(np.logical_or.reduce(structures), spacing, drawn)
    part = WholeImages(
        seen.working.crop(box.start_xyz, box.size_xyz).crop(sides.start_xyz, sides.size_xyz),
        {name: recropped(seen.images[name][box.slices_zyx], sides) for name in kept},
        {
            name: recropped(channel[box.slices_zyx], sides) + _shift(settings, rng)
            for name, channel in seen.textures.items()
            if name.endswith(tuple(f"-{image}" for image in kept))
        },
        {name: recropped(seen.fields[name][box.slices_zyx], sides) for name in kept},
        {},
    )
    target = np.stack([recropped(one, sides, continued=False) for one in structures])
    shape = (*outline.shape[:-3], *target.shape[1:])
    return Sample(channels_of(part, names), target.reshape(shape), spacing)


def _outlined(inside: NDArray[np.bool_], source: Geometry, working: Geometry) -> NDArray[np.bool_]:
    """Outlines [..., z, y, x] on the working grid."""
    shares = [
        averaged_onto(Scan(one.astype(np.float32), source), working).voxels
        for one in inside.reshape(-1, *source.shape_zyx)
    ]
    return labels_by_share(np.stack(shares).reshape(*inside.shape[:-3], *working.shape_zyx))


def _kept(
    there: tuple[Modality, ...],
    optional: NDArray[np.bool_],
    settings: Augmentation,
    rng: np.random.Generator,
) -> tuple[Modality, ...]:
    if settings.channel_dropout == 0:
        return there
    drawn = (rng.random(len(there)) >= settings.channel_dropout) | ~optional
    if not drawn.any():
        drawn[rng.integers(len(there))] = True
    return tuple(name for name, stays in zip(there, drawn, strict=True) if stays)


def _shift(settings: Augmentation, rng: np.random.Generator) -> np.float32:
    return np.float32(settings.texture_shift * rng.uniform(-1, 1))


def _box(field: NDArray[np.bool_]) -> Box:
    z, y, x = (
        np.flatnonzero(field.any(axis=tuple(other for other in range(3) if other != axis)))
        for axis in range(3)
    )
    return Box(
        (int(x[0]), int(y[0]), int(z[0])),
        (int(x[-1] - x[0] + 1), int(y[-1] - y[0] + 1), int(z[-1] - z[0] + 1)),
    )


def _field(source: Geometry, working: Geometry) -> NDArray[np.bool_]:
    """Where on the working grid the source grid is."""
    everywhere = np.ones(source.shape_zyx, dtype=np.float32)
    there = resample_array(everywhere, source, working, interpolation="nearest", outside=0.0)
    return there > 0


def _brightest_tissue(voxels: _Voxels) -> float:
    highest = float(np.percentile(voxels, _BRIGHTEST))
    tissue = voxels[voxels > _BACKGROUND_SHARE * highest]
    brightest = float(np.percentile(tissue, _BRIGHTEST)) if tissue.size else highest
    return brightest if brightest > 0 else 1.0
