"""What a network is trained on, how it is built and how it is trained: settings as data."""

import math
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oncotrace.errors import SettingsError
from oncotrace.learning.augmentation import Augmentation
from oncotrace.learning.labels import Label, complaint_about

_CLOSED = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_PRESETS = files("oncotrace.learning") / "recipes"
_LABELLED = "whole-image"
"""The one preparation that knows several labels."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Size = Annotated[int, Field(ge=1, le=1024)]
Millimetres = Annotated[float, Field(gt=0, le=100)]


def _is_absent(value: object) -> bool:
    return value is None


def _is_off(value: object) -> bool:
    return not value


class Channels(BaseModel):
    """Channels by name, in the order of the network's input: images first, then cues."""

    model_config = _CLOSED

    images: tuple[Name, ...] = Field(min_length=1)
    """Channels with image values; intensity augmentation changes these alone."""
    cues: tuple[Name, ...] = ()
    """Channels that guide the network."""

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.names)) != len(self.names):
            raise ValueError("a channel's name stands twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the network's input."""
        return (*self.images, *self.cues)


class Grid(BaseModel):
    """What the network looks at in one step.

    ``fixed``: every sample has ``size_xyz`` voxels, whatever their size in millimetres.
    ``free``: every sample has a size of its own at a spacing that the data decide; it is padded
    with zeros up to what the network's strides need.
    ``patch``: such samples too, of which the network sees patches of ``size_xyz`` voxels.
    """

    model_config = _CLOSED

    mode: Literal["fixed", "free", "patch"] = "fixed"
    size_xyz: tuple[Size, Size, Size] | None = None
    share_on_target: float = Field(default=1 / 3, ge=0, le=1)
    """How many of the training patches have a target voxel at their centre."""
    # Not written where it is not given: plans of before keep their digests.
    spacing_mm: tuple[Millimetres, Millimetres, Millimetres] | None = Field(
        default=None, exclude_if=_is_absent
    )
    """(x, y, z), on a free grid and in patches; the data decide unless given."""

    @model_validator(mode="after")
    def _size_unless_free(self) -> Self:
        if (self.mode == "free") == (self.size_xyz is not None):
            raise ValueError("size_xyz is given unless mode is 'free', and only then")
        if self.mode == "fixed" and self.spacing_mm is not None:
            raise ValueError("spacing_mm is given unless mode is 'fixed'")
        return self


class Network(BaseModel):
    """A U-Net with instance norm and leaky ReLU; strides and kernels come from the plan."""

    model_config = _CLOSED

    kind: Literal["dynunet", "vnet", "unet-2d"] = "dynunet"
    """``vnet`` has residual stages with PReLU, and kernels of 5 where the plan says 3;
    ``unet-2d`` is the published U-Net for slices: without norm, with ELU and dropout."""
    first_channels: int = Field(default=16, ge=1, le=512)
    max_channels: int = Field(default=320, ge=1, le=2048)
    levels: int | None = Field(default=None, ge=3, le=8)
    """Resolutions, the finest included; as many as the grid allows unless given."""
    affine_norm: bool = True
    """Whether instance norm learns a scale and an offset."""
    linear_skip: bool = False
    """Whether the network adds to a linear model of its channels, which is fitted first."""
    deep_supervision: bool = True
    """Whether coarser levels, all but the two coarsest, are compared with the target too."""
    dropout: float = Field(default=0.0, ge=0, lt=1, exclude_if=_is_off)
    """Share of features left out at random: of channels at the coarsest level, and of values at the
    two coarsest levels for ``unet-2d``. Such a network can be asked what it says without some."""


class Loss(BaseModel):
    """Soft Dice and cross-entropy, averaged over deep supervision with weights 0.5^i."""

    model_config = _CLOSED

    dice_weight: float = Field(default=1.0, ge=0)
    cross_entropy_weight: float = Field(default=1.0, ge=0)
    dice_of_background: bool = False
    """Whether the Dice term is the mean of tumour's and background's."""
    # Off, these are not written: plans of before keep their digests.
    dice_over_batch: bool = Field(default=False, exclude_if=_is_off)
    """Whether a batch is one sample to the Dice term, so that samples without a target teach it."""
    early_share: float = Field(default=0.0, ge=0, le=1, exclude_if=_is_off)
    """First share of the steps, in which Dice is privileged."""
    early_cross_entropy_weight: float = Field(default=0.0, ge=0, exclude_if=_is_off)
    """Weight of the cross-entropy in these."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.dice_weight + self.cross_entropy_weight == 0:
            raise ValueError("one of the two weights must be above 0")
        return self


class Optimiser(BaseModel):
    """Steps and their sizes."""

    model_config = _CLOSED

    kind: Literal["adamw", "sgd", "muon"] = "adamw"
    """``muon`` is for the kernels of convolutions; all other weights take AdamW's steps."""
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    momentum: float = Field(default=0.99, gt=0, lt=1)
    """Nesterov momentum, for ``sgd`` alone."""
    schedule: Literal["cosine", "poly"] = "cosine"
    """``poly`` is (1 - step / steps)^0.9."""
    warm_up_steps: int = Field(default=0, ge=0)
    steps: int = Field(default=1000, ge=1, le=10_000_000)
    epochs: int | None = Field(default=None, ge=1, le=100_000, exclude_if=_is_absent)
    """Rounds over all samples; where it is given, the data decide on ``steps`` (`in_steps`)."""
    batch_size: int = Field(default=2, ge=1, le=256)
    """Samples per step; on a free grid they pass one by one and their gradients are averaged."""
    largest_gradient: float | None = Field(default=12.0, gt=0)
    """Gradients of a larger norm are scaled down to it."""
    average_decay: float | None = Field(default=None, gt=0, lt=1)
    """Decay per step of a running mean of the weights, which then is the result."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions while training; weights, loss and the exported network are float32."""


class Locator(BaseModel):
    """A network that finds the box in which another one then looks."""

    model_config = _CLOSED

    margin_mm: float = Field(default=20.0, ge=0, le=200)
    """The box around what was found is widened by this much on every side."""
    recipe: "Recipe"
    """In a file also the name of one that comes with oncotrace."""


class Recipe(BaseModel):
    """Everything that is decided before the data are looked at."""

    model_config = _CLOSED

    name: Name
    preparation: Name | None = Field(default=None, exclude_if=_is_absent)
    """How channels are made and masks finished; known to the stage that does it. By default the
    grid's mode decides, as it did before there was a choice."""
    channels: Channels
    grid: Grid
    network: Network = Network()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    augmentation: Augmentation = Augmentation()
    empty_targets: bool = Field(default=False, exclude_if=_is_off)
    """Whether samples without any target are learnt from, too: what is no tumour."""
    labels: tuple[Label, ...] = Field(default=(), exclude_if=_is_off)
    """Structures that one network tells apart, the tumour first; where none is named, one."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    locator: Locator | None = Field(default=None, exclude_if=_is_absent)
    """What looks first, where this recipe is the second of two stages."""

    @property
    def outputs(self) -> int:
        """How many logits the network gives of a voxel."""
        return max(1, len(self.labels))

    @property
    def label_axis(self) -> tuple[int, ...]:
        """Lengths of the axes before [z, y, x] of targets and logits: one of labels, or none."""
        return (len(self.labels),) if self.labels else ()

    @model_validator(mode="after")
    def _labels_that_can_be_told_apart(self) -> Self:
        complaint = complaint_about(self.labels)
        if complaint is not None:
            raise ValueError(complaint)
        if self.labels and (self.preparation != _LABELLED or self.locator is not None):
            raise ValueError(
                "only a recipe without clicks on whole images (automatic, multi-sequence) can have "
                "several labels"
            )
        if self.labels and (self.network.linear_skip or self.network.kind == "unet-2d"):
            raise ValueError("a network of several labels is no unet-2d and has no linear_skip")
        return self

    @model_validator(mode="after")
    def _two_stages_at_most(self) -> Self:
        if self.locator is None:
            return self
        if self.locator.recipe.locator is not None:
            raise ValueError("a locator has no locator of its own")
        if self.locator.recipe.grid.spacing_mm is None:
            raise ValueError("a locator's grid needs spacing_mm")
        if self.locator.recipe.labels:
            raise ValueError("a locator finds one structure and has no labels")
        return self

    @model_validator(mode="after")
    def _slices_for_slices(self) -> Self:
        network, grid = self.network, self.grid
        if network.kind != "unet-2d":
            return self
        if grid.mode != "fixed" or grid.size_xyz is None or grid.size_xyz[2] != 1:
            raise ValueError("a unet-2d needs grid.mode 'fixed' and a size_xyz of one slice")
        if network.deep_supervision or network.linear_skip:
            raise ValueError("a unet-2d has neither deep_supervision nor linear_skip")
        return self


def with_labels(recipe: Recipe, labels: Sequence[Label]) -> Recipe:
    """Recipe with these labels in the place of its own; unchanged if there are none.

    Raises
    ------
    SettingsError
        The labels do not go together, or the recipe cannot have several.
    """
    if not labels:
        return recipe
    try:
        return Recipe.model_validate({**recipe.model_dump(), "labels": tuple(labels)})
    except ValidationError as error:
        raise SettingsError(
            f"the recipe {recipe.name} cannot have these labels: {first_complaint(error)}",
            hint="Take --recipe automatic or multi-sequence, and give every label another name and "
            "value.",
            code="labels-not-possible",
        ) from error


def in_steps(recipe: Recipe, samples: int) -> Recipe:
    """Recipe with the steps that its epochs take with so many samples; unchanged without epochs."""
    settings = recipe.optimiser
    if settings.epochs is None:
        return recipe
    steps = max(1, math.ceil(settings.epochs * samples / settings.batch_size))
    return recipe.model_copy(update={"optimiser": settings.model_copy(update={"steps": steps})})


def preset_names() -> tuple[str, ...]:
    """Names of the recipes that come with oncotrace."""
    names = (entry.name for entry in _PRESETS.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def preset(name: str) -> Recipe:
    """Recipe of that name that comes with oncotrace.

    Raises
    ------
    SettingsError
        There is none.
    """
    if name not in preset_names():
        raise SettingsError(
            f"there is no recipe called {name!r}.",
            hint=f"Known recipes: {', '.join(preset_names())}; or give a TOML file.",
            code="unknown-recipe",
        )
    return parse_recipe((_PRESETS / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def read_recipe(path: Path) -> Recipe:
    """Recipe in a TOML file.

    Raises
    ------
    SettingsError
        The file cannot be read or is not a recipe; the message names the setting.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path.name} cannot be read as a recipe: {type(error).__name__}.",
            hint=f"Give a TOML file, or one of {', '.join(preset_names())}.",
        ) from error
    return parse_recipe(text, path.name)


def parse_recipe(text: str, name: str) -> Recipe:
    """Recipe in TOML ``text``; ``name`` is what messages call it."""
    try:
        return Recipe.model_validate(_with_named_locator(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not TOML: {error}.") from error
    except ValidationError as error:
        raise SettingsError(
            f"{name}: {first_complaint(error)}",
            hint=f"Compare with a recipe of oncotrace: {', '.join(preset_names())}.",
        ) from error


def _with_named_locator(settings: dict[str, object]) -> dict[str, object]:
    """Spell out a locator that is given by its name, as plans have it."""
    locator = settings.get("locator")
    if not isinstance(locator, dict) or not isinstance(locator.get("recipe"), str):
        return settings
    return {**settings, "locator": {**locator, "recipe": preset(locator["recipe"]).model_dump()}}


def first_complaint(error: ValidationError) -> str:
    """Return which setting is wrong and why, for the first that is."""
    complaint = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in complaint["loc"]) or "settings"
    return f"{where}: {complaint['msg'].removeprefix('Value error, ')}."
