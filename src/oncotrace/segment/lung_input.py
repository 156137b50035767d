"""What the lung network sees: axial slices of the lung field of a CT, and the way back.

1. What is outside body and lungs, the couch above all, becomes air, and on request metal, too.
2. The lungs are found (`oncotrace.segment.lungs`), mirrored about the spine and dilated; outside
   of that lies air (`oncotrace.segment.lung_field`): axial slices of 512 x 512 pixels of 1 mm, by
   the nearest voxel, cropped or padded with air.
3. The lung window, level -600 and width 1500 HU, in 256 grey levels of equal width.
4. Where the recipe's slices have fewer pixels, groups of pixels are averaged.

Slices without lung field are not looked at: nothing but air is in them.

References
----------
Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan, require_finite
from oncotrace.errors import InputError, ModelError
from oncotrace.imaging.axial_slices import PIXELS, mask_on
from oncotrace.imaging.body import CtObjects, ct_objects, only_within, without
from oncotrace.imaging.ct_window import LUNG_WINDOW
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.segment.finish import CERTAIN_LOG_ODDS
from oncotrace.segment.lung_field import LungField, lung_field
from oncotrace.segment.lungs import Lungs, find_lungs

Artefact = Literal["couch", "metal", "others"]
CHANNEL = "ct"

_WHITEST = 255.0
_HALF = 0.5


@dataclass(frozen=True, eq=False)
class LungInput:
    """The lung field of a CT as a network takes it.

    Parameters
    ----------
    lungs
        Lungs on the CT's grid, undilated.
    field
        Slices of 1 mm pixels with air outside the lung field.
    objects
        Body, couch, metal and other objects on the CT's grid.
    pixels
        Pixels of the network's slices along x and along y.
    """

    lungs: Lungs
    field: LungField
    objects: CtObjects
    pixels: int

    @property
    def shown(self) -> NDArray[np.intp]:
        """Slices [z] with lung field, from feet to head."""
        return np.flatnonzero(self.field.field.voxels.any(axis=(1, 2)))

    @property
    def grid(self) -> Geometry:
        """Grid of the network's slices."""
        return reduced_grid(self.field.slices.geometry, PIXELS // self.pixels)

    @property
    def artefacts(self) -> dict[Artefact, Mask]:
        """Everything in the picture that is no patient, on the CT's grid."""
        return _artefacts(self.objects)

    def greys(self) -> NDArray[np.uint8]:
        """Grey levels [n, y, x] of the slices that are shown."""
        whole = LUNG_WINDOW.grey_levels(self.field.slices.voxels[self.shown])
        return np.rint(block_means(whole, PIXELS // self.pixels)).astype(np.uint8)

    def outline(self, mask: Mask) -> NDArray[np.bool_]:
        """Mask of the CT's grid on the slices that are shown, [n, y, x], within the lung field."""
        on_slices = mask_on(mask, self.field.slices.geometry).voxels & self.field.field.voxels
        share = block_means(on_slices[self.shown], PIXELS // self.pixels)
        return np.asarray(share >= _HALF)

    def on_source(self, log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-odds of the slices that are shown, [n, y, x], on the CT's grid.

        Interpolated linearly; where there is no lung field, tumour is as good as excluded.
        """
        grid = self.grid
        whole = np.full(grid.shape_zyx, -CERTAIN_LOG_ODDS, dtype=np.float32)
        whole[self.shown] = log_odds
        there = resample_array(
            whole, grid, self.field.source, interpolation="linear", outside=-CERTAIN_LOG_ODDS
        )
        within = self.field.on_source(self.field.field).voxels
        return np.where(within, there, np.float32(-CERTAIN_LOG_ODDS))


def lung_input(ct: Scan, pixels: int = PIXELS, *, exclude: Collection[Artefact] = ()) -> LungInput:
    """Find the lung field of a CT, of the chest or of more.

    Parameters
    ----------
    pixels
        Of a slice along x and along y: 512, 256, 128...
    exclude
        What becomes air before anything else is done.

    Raises
    ------
    InputError
        The image holds NaN or infinite voxels, or shows no lungs (``no-lungs``).
    """
    require_finite(ct, "the CT")
    objects = ct_objects(ct)
    found = _artefacts(objects)
    clean = without(ct, *(found[name] for name in exclude))
    lungs = find_lungs(clean)
    if not lungs.found:
        raise InputError(
            "no lungs were found: nothing in the image is enclosed by the body, as dense as "
            "aerated lung and large enough.",
            hint="Give a CT that shows at least a part of the chest, in Hounsfield units.",
            code="no-lungs",
        )
    # A lung that the side of the image cuts off is not enclosed by the body.
    patient = Mask(objects.body.voxels | (lungs.labels != 0), ct.geometry)
    field = lung_field(only_within(clean, patient), lungs.mask)
    return LungInput(lungs, field, objects, pixels)


def channels_of(greys: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Channels [c, z, y, x] of one slice [y, x]: black is 0, white is 1."""
    return (greys.astype(np.float32) / np.float32(_WHITEST))[None, None]


def pixels_of(plan: Plan) -> int:
    """Pixels of a plan's slices along x and along y.

    Raises
    ------
    ModelError
        See `require_lung_recipe`.
    """
    return require_lung_recipe(plan.recipe)


def require_lung_recipe(recipe: Recipe) -> int:
    """Refuse a recipe for lungs that cannot be prepared; returns the pixels of its slices.

    Raises
    ------
    ModelError
        Its channels are others than ``ct``, or its slices are not squares of 512 pixels or of a
        whole fraction of that.
    """
    x, y, z = recipe.grid.size_xyz or (0, 0, 0)
    if x != y or z != 1 or not x or PIXELS % x:
        raise ModelError(
            f"the recipe {recipe.name} asks for slices of {x} x {y} x {z} voxels.",
            hint=f"Take {PIXELS}, {PIXELS // 2} or {PIXELS // 4} along x and y, 1 along z.",
            code="unsuitable-model",
        )
    if recipe.channels.names != (CHANNEL,):
        raise ModelError(
            f"the recipe {recipe.name} asks for the channels {', '.join(recipe.channels.names)}.",
            hint=f"The preparation lung makes one, {CHANNEL}: train with --modality {CHANNEL}.",
            code="unsuitable-model",
        )
    return x


def _artefacts(objects: CtObjects) -> dict[Artefact, Mask]:
    return {"couch": objects.couch, "metal": objects.metal, "others": objects.others}


def reduced_grid(slices: Geometry, factor: int) -> Geometry:
    """Grid of groups of ``factor`` x ``factor`` pixels of the slices."""
    nx, ny, nz = slices.size_xyz
    sx, sy, sz = slices.spacing_mm
    x, y, z = (float(v) for v in slices.to_point_mm([(factor - 1) / 2, (factor - 1) / 2, 0]))
    return Geometry(
        (nx // factor, ny // factor, nz),
        (sx * factor, sy * factor, sz),
        (x, y, z),
        slices.direction,
    )


def block_means(slices: NDArray[np.uint8] | NDArray[np.bool_], factor: int) -> NDArray[np.float32]:
    """Means over groups of ``factor`` x ``factor`` pixels of slices [n, y, x]."""
    n, y, x = slices.shape
    groups = slices.reshape(n, y // factor, factor, x // factor, factor)
    means: NDArray[np.float32] = groups.mean(axis=(2, 4), dtype=np.float32)
    return means
