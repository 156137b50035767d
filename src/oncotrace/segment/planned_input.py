"""How the channels of a plan are made: the recipe's preparation decides.

``six-click``
    Ours: the volume of interest around the clicks, squeezed onto one grid (``network_input``).
``interactivenet``
    The published one: the volume of interest at one spacing (``published_input``).
``whole-image``
    Whole images of one or several sequences, without clicks (``whole_image_input``).
``located``, ``roi-net``
    Such images within the box that a locator has found, ours and published (``located_input``).
``lung``
    The lung field of a CT slice by slice, without clicks (``lung_input``).
"""

from itertools import combinations
from typing import Literal, get_args

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Scan
from oncotrace.errors import ModelError
from oncotrace.learning.onnx_predict import Flip
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.segment.network_input import NetworkInput, network_input
from oncotrace.segment.published_input import published_input

Preparation = Literal["six-click", "interactivenet", "whole-image", "located", "roi-net", "lung"]

_ON_FIXED_GRIDS = ("six-click", "lung")
_ON_ANY_GRID = ("located", "roi-net")
_WITHOUT_CLICKS = ("whole-image", "located", "roi-net", "lung")


def preparation_of(recipe: Recipe) -> Preparation:
    """Return the preparation that a recipe asks for.

    A recipe that does not say, as none did before there was a choice, has the published one unless
    its grid is fixed.

    Raises
    ------
    ModelError
        It asks for one that this version does not know, or that does not go with its grid.
    """
    named = recipe.preparation
    if named is None:
        return "six-click" if recipe.grid.mode == "fixed" else "interactivenet"
    for known in get_args(Preparation):
        if known == named:
            fixed = recipe.grid.mode == "fixed"
            if known not in _ON_ANY_GRID and (known in _ON_FIXED_GRIDS) != fixed:
                break
            return known  # type: ignore[no-any-return]
    raise ModelError(
        f"the recipe {recipe.name} asks for the preparation {named!r} on a {recipe.grid.mode} "
        "grid, which this version does not make.",
        hint="Known are six-click and lung on a fixed grid, interactivenet and whole-image on "
        "others, located and roi-net on any.",
        code="unsuitable-model",
    )


def needs_clicks(recipe: Recipe) -> bool:
    """Whether a recipe's networks look around clicks."""
    return preparation_of(recipe) not in _WITHOUT_CLICKS


def is_for_lungs(recipe: Recipe) -> bool:
    """Whether a recipe's networks look at lung fields slice by slice."""
    return preparation_of(recipe) == "lung"


def is_located(recipe: Recipe) -> bool:
    """Whether a recipe's networks look where a locator has found something, if it has one."""
    return preparation_of(recipe) in _ON_ANY_GRID


def orientations_of(recipe: Recipe) -> tuple[Flip, ...]:
    """Orientations in which a recipe's networks look, as the axes to flip.

    Whole images are seen in every orientation in which they were seen in training: there is time
    for it, since nobody waits with clicks, and eight looks fail less often than one.
    """
    if preparation_of(recipe) != "whole-image":
        return ((),)
    axes = recipe.augmentation.flip_axes
    return tuple(chosen for count in range(len(axes) + 1) for chosen in combinations(axes, count))


def is_published(plan: Plan) -> bool:
    """Whether a plan asks for the published preparation and finish."""
    return preparation_of(plan.recipe) == "interactivenet"


def input_for(plan: Plan, scan: Scan, clicks: Clicks) -> NetworkInput:
    """Channels of the plan around the clicks; training and prediction both come through here.

    Raises
    ------
    ClickError
        The clicks cannot be used on this image.
    InputError
        The voxels around the clicks are not finite.
    ModelError
        The plan names a channel that its preparation does not make, or needs no clicks.
    """
    names = plan.recipe.channels.names
    if not needs_clicks(plan.recipe):
        raise ModelError(
            f"the recipe {plan.recipe.name} looks at whole images, not around clicks.",
            hint="Segment with it by NetworkSegmenter.",
            code="unsuitable-model",
        )
    if plan.grid_xyz is None or is_published(plan):
        return published_input(scan, clicks, names, plan.spacing_mm, plan.fingerprint)
    return network_input(scan, clicks, names, plan.grid_xyz)
