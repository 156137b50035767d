"""How a trained network is adapted to few cases: settings, and the recipe that they make."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from oncotrace.errors import SettingsError
from oncotrace.learning.recipe import Recipe

Layers = Literal["last-layer", "decoder", "whole"]
"""Which weights change: those of the last layer, all behind the bottleneck, or all."""


class Tuning(BaseModel):
    """What is trained, for how long and how carefully; all else is the model's own recipe.

    There is no early stopping: of few cases none can be spared to stop by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    layers: Layers = "decoder"
    steps_share: float = Field(default=0.1, gt=0, le=1)
    """Of the recipe's steps."""
    learning_rate_share: float = Field(default=0.1, gt=0, le=1)
    """Of the recipe's learning rate."""

    def recipe_from(self, recipe: Recipe, *, seed: int) -> Recipe:
        """Recipe of the fine-tuning of a network that was trained by ``recipe``.

        The coarser levels are not supervised: a model does not hold the layers that this took.
        """
        before = recipe.optimiser
        optimiser = before.model_copy(
            update={
                "steps": max(1, round(self.steps_share * before.steps)),
                "warm_up_steps": round(self.steps_share * before.warm_up_steps),
                "learning_rate": self.learning_rate_share * before.learning_rate,
                "epochs": None,
            }
        )
        network = recipe.network.model_copy(update={"deep_supervision": False})
        changes = {"optimiser": optimiser, "network": network, "seed": seed}
        return recipe.model_copy(update=changes)


def layers_named(name: str) -> Layers:
    """Layers of that name.

    Raises
    ------
    SettingsError
        There are none.
    """
    for known in get_args(Layers):
        if known == name:
            return known  # type: ignore[no-any-return]
    raise SettingsError(
        f"unknown layers {name!r}.", hint=f"Known are {', '.join(get_args(Layers))}."
    )
