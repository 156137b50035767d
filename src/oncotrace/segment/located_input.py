"""What a network sees that looks only where another one, the locator, has found something.

1. The locator says where tumour is, at its own coarse spacing.
2. The box around the largest piece of that, widened by the recipe's margin and clipped at the
   image, is the field of the second network. On a fixed grid the box is squeezed onto it, so that
   small tumours fill as much of it as large ones; otherwise it has the plan's spacing.
3. Channels are those of whole images (``whole_image_input``) within the box, and ``coarse``, the
   locator's probability, if the recipe names it.

In training the locator's answers are simulated (``coarse_simulation``), anew for every sample: what
it says of patients that it was trained on is better than what it says of others, and the second
network would learn to believe it.

The preparation ``roi-net`` differs in the images, for both stages: every voxel takes the nearest
value, and every image is scaled to mean 0 and standard deviation 1 (Zhu et al., Skeletal Radiol
2024, doi:10.1007/s00256-024-04837-7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.imaging.coarse_simulation import simulated_coarse_probability
from oncotrace.imaging.components import largest_component
from oncotrace.imaging.crop import Box, box_around
from oncotrace.imaging.intensity import standardised
from oncotrace.imaging.resample import resample_array, with_spacing
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Channels, Recipe
from oncotrace.learning.sample import Sample
from oncotrace.segment.automatic import with_sequences
from oncotrace.segment.planned_input import is_located
from oncotrace.segment.whole_image_input import (
    PRESENCE,
    WholeImages,
    channels_of,
    training_sample,
    whole_images,
)
from oncotrace.segment.working_grid import averaged_onto

COARSE = "coarse"
"""Channel with the locator's probability."""
ROI_NET = "roi-net"

_HALF = 0.5

_Voxels = NDArray[np.float32]
_XYZ = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Field:
    """Channels [c, z, y, x] of the second network, and the grid that they lie on."""

    channels: _Voxels
    working: Geometry


def recipe_for(recipe: Recipe, sequences: tuple[Modality, ...]) -> Recipe:
    """Recipe, and its locator, for those sequences; unchanged if it is for exactly those."""
    if not is_located(recipe):
        return with_sequences(recipe, sequences)
    changes: dict[str, object] = {}
    if recipe.locator is not None:
        stage = recipe_for(recipe.locator.recipe, sequences)
        changes["locator"] = recipe.locator.model_copy(update={"recipe": stage})
    if set(recipe.channels.images) != set(sequences):
        images = tuple(dict.fromkeys(sequences))
        named = any(cue.startswith(PRESENCE) for cue in recipe.channels.cues)
        cues = tuple(PRESENCE + name for name in images) if named else ()
        cues += (COARSE,) if COARSE in recipe.channels.cues else ()
        changes["channels"] = Channels(images=images, cues=cues)
    return recipe.model_copy(update=changes)


def images_on(
    recipe: Recipe,
    scans: Mapping[Modality, Scan],
    working: Geometry,
    outlines: Mapping[Modality, Mask],
) -> WholeImages:
    """Images and outlines on one grid, as the recipe's preparation wants them.

    Raises
    ------
    InputError
        An image holds NaN or infinite voxels.
    """
    seen = whole_images(scans, working, outlines, recipe.channels.names)
    if recipe.preparation != ROI_NET:
        return seen
    images = {
        name: _nearest(standardised(scan.voxels), scan.geometry, working)
        for name, scan in scans.items()
    }
    drawn = {
        name: _nearest(mask.voxels.astype(np.float32), mask.geometry, working) >= _HALF
        for name, mask in outlines.items()
    }
    return replace(seen, images=images, outlines=drawn)


def found_box(probability: Scan, image: Geometry, margin_mm: float) -> Box | None:
    """Box of the image's voxels around the largest piece that was found; none if nothing was."""
    found = Mask(largest_component(probability.voxels >= _HALF), probability.geometry)
    if found.is_empty:
        return None
    ends = [(side.start - 0.5, side.stop - 0.5) for side in found.box_zyx()[::-1]]
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1).T
    points = image.to_index(found.geometry.to_point_mm(corners))
    # A point on the border of two voxels would touch both.
    inwards = np.sign(points.mean(axis=0) - points) * 1e-6
    return box_around(points + inwards, np.divide(margin_mm, image.spacing_mm), image)


def field_within(
    scans: Mapping[Modality, Scan], plan: Plan, part: Geometry, coarse: Scan | None
) -> Field:
    """Channels of the plan within a part of the first image.

    Parameters
    ----------
    coarse
        Probability of tumour that the locator gives, if there is one.

    Raises
    ------
    InputError
        An image holds NaN or infinite voxels.
    ModelError
        The plan names a channel that is not made here.
    """
    even = with_spacing(part, plan.spacing_mm)
    seen = images_on(plan.recipe, scans, even, {})
    return _field(channels_of(seen, _image_names(plan.recipe)), even, plan, coarse)


def located_sample(seen: WholeImages, plan: Plan, rng: np.random.Generator) -> Sample:
    """Sample of a patient as it is seen behind a locator that errs, or without one, whole.

    Parameters
    ----------
    seen
        At the plan's spacing.
    """
    recipe = plan.recipe
    whole = training_sample(seen, _image_names(recipe), recipe.augmentation, rng)
    if recipe.locator is None:
        return whole
    grid = _grid_of(whole)
    coarse = _simulated(whole, recipe.locator.recipe.grid.spacing_mm or plan.spacing_mm, rng)
    box = found_box(coarse, grid, recipe.locator.margin_mm)
    if box is None:  # the simulation always finds something; but its grid may be a voxel larger
        return whole
    part = grid.crop(box.start_xyz, box.size_xyz)
    inside = (slice(None), *box.slices_zyx)
    field = _field(whole.channels[inside], part, plan, coarse)
    share = _onto(whole.target[box.slices_zyx].astype(np.float32), part, field.working)
    return Sample(field.channels, _at_least_one(share), field.working.spacing_zyx_mm)


def _field(channels: _Voxels, grid: Geometry, plan: Plan, coarse: Scan | None) -> Field:
    """Channels on the network's own grid, with the coarse one in its place."""
    working = grid
    if plan.recipe.grid.mode == "fixed" and plan.grid_xyz is not None:
        working = _squeezed(grid, plan.grid_xyz)
    made = dict(zip(_image_names(plan.recipe), channels, strict=True))
    stack = []
    for name in plan.recipe.channels.names:
        if name != COARSE:
            stack.append(_onto(made[name], grid, working))
        elif coarse is None:
            stack.append(np.zeros(working.shape_zyx, dtype=np.float32))
        else:
            stack.append(_interpolated(coarse, working))
    return Field(np.stack(stack).astype(np.float32, copy=False), working)


def _simulated(whole: Sample, spacing_mm: _XYZ, rng: np.random.Generator) -> Scan:
    grid = _grid_of(whole)
    coarse = with_spacing(grid, spacing_mm)
    share = averaged_onto(Scan(whole.target.astype(np.float32), grid), coarse).voxels
    probability = simulated_coarse_probability(_at_least_one(share), coarse.spacing_zyx_mm, rng=rng)
    return Scan(probability, coarse)


def _grid_of(sample: Sample) -> Geometry:
    """Grid of a sample, with the patient's axes left aside."""
    z, y, x = sample.target.shape
    dz, dy, dx = sample.spacing_zyx_mm
    return Geometry((x, y, z), (dx, dy, dz))


def _image_names(recipe: Recipe) -> tuple[str, ...]:
    return tuple(name for name in recipe.channels.names if name != COARSE)


def _squeezed(grid: Geometry, size_xyz: tuple[int, int, int]) -> Geometry:
    """Grid of that many voxels over the same volume."""
    x, y, z = (
        float(n * mm / m) for n, mm, m in zip(grid.size_xyz, grid.spacing_mm, size_xyz, strict=True)
    )
    return with_spacing(grid, (x, y, z))


def _onto(voxels: _Voxels, grid: Geometry, working: Geometry) -> _Voxels:
    if working is grid:
        return voxels
    return averaged_onto(Scan(np.ascontiguousarray(voxels), grid), working).voxels


def _interpolated(coarse: Scan, working: Geometry) -> _Voxels:
    return resample_array(
        coarse.voxels, coarse.geometry, working, interpolation="linear", outside=0.0
    )


def _nearest(voxels: _Voxels, source: Geometry, working: Geometry) -> _Voxels:
    return resample_array(voxels, source, working, interpolation="nearest", outside=0.0)


def _at_least_one(share: _Voxels) -> NDArray[np.bool_]:
    """Voxels that are mostly tumour; where none is, those that hold most of it."""
    return np.asarray(share >= min(_HALF, float(share.max())))
