"""How the channels of a plan are made: the recipe's preparation decides.

``six-click``
    Ours: the volume of interest around the clicks, squeezed onto one grid (``network_input``).
``interactivenet``
    The published one: the volume of interest at one spacing (``published_input``).
``whole-image``
    Whole images of one or several sequences, without clicks (``whole_image_input``).
"""

from typing import Literal, get_args

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Scan
from oncotrace.errors import ModelError
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.segment.network_input import NetworkInput, network_input
from oncotrace.segment.published_input import published_input

Preparation = Literal["six-click", "interactivenet", "whole-image"]


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
            if (known == "six-click") != (recipe.grid.mode == "fixed"):
                break
            return known  # type: ignore[no-any-return]
    raise ModelError(
        f"the recipe {recipe.name} asks for the preparation {named!r} on a {recipe.grid.mode} "
        "grid, which this version does not make.",
        hint="Known are six-click on a fixed grid, interactivenet and whole-image on others.",
        code="unsuitable-model",
    )


def needs_clicks(recipe: Recipe) -> bool:
    """Whether a recipe's networks look around clicks."""
    return preparation_of(recipe) != "whole-image"


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
