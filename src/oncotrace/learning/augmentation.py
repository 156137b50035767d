"""How often and how far training samples are changed at random.

`Augmentation.recrop_mm`, `channel_dropout` and `texture_shift` change how a sample is taken from a
case and are up to whoever makes samples; all others are done by the trainer to samples of any kind.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_LOWEST = {
    "zoom": 0.1,
    "elastic": 0.0,
    "noise": 0.0,
    "blur": 0.0,
    "gamma": 0.01,
    "low_resolution": 1.0,
    "bias_field": 0.0,
}


def _is_off(value: float) -> bool:
    return value == 0


def _is_every_axis(value: tuple[str, ...]) -> bool:
    return set(value) == {"x", "y", "z"}


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the lower end of a range stands first")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Draw(BaseModel):
    """One kind of change: how often it happens, and the range its strength is drawn from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    probability: Probability = 0.0
    range: Range


def _never(draw: Draw) -> bool:
    return draw.probability == 0


class Augmentation(BaseModel):
    """Random changes of training samples; by default none.

    Flips, rotation, zoom and elastic deformation move all channels and the target together; the
    others change image channels alone, whose values are expected to be normalised (about -3 to 3).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    flip_axes: tuple[Literal["x", "y", "z"], ...] = ()
    """Axes that are each flipped in half of the samples."""
    rotation: Draw = Draw(range=(-15.0, 15.0))
    """Degrees, drawn for each axis."""
    rotation_axes: tuple[Literal["x", "y", "z"], ...] = Field(
        default=("x", "y", "z"), exclude_if=_is_every_axis
    )
    """Axes that are turned about; ``z`` alone where a sample is one slice."""
    shift: Draw = Field(default=Draw(range=(-0.1, 0.1)), exclude_if=_never)
    """Shift along x and along y, as a fraction of the grid."""
    zoom: Draw = Draw(range=(0.8, 1.25))
    """Factor; above 1 makes things larger. Drawn evenly on a logarithmic scale."""
    elastic: Draw = Draw(range=(0.0, 0.03))
    """Standard deviation of the displacement of control points, as a fraction of the grid."""
    elastic_control_points: int = Field(default=5, ge=4, le=16)
    """Control points along each axis."""
    noise: Draw = Draw(range=(0.0, 0.1))
    """Standard deviation of Gaussian noise."""
    blur: Draw = Draw(range=(0.5, 1.0))
    """Standard deviation of a Gaussian filter, in voxels."""
    scale: Draw = Draw(range=(0.7, 1.3))
    """Factor that values are multiplied by."""
    brightness: Draw = Draw(range=(-0.3, 0.3))
    """What is added to all values."""
    contrast: Draw = Draw(range=(0.75, 1.25))
    """Factor about the mean; values stay within the range they had."""
    gamma: Draw = Draw(range=(0.7, 1.5))
    """Exponent between the lowest and the highest value."""
    low_resolution: Draw = Draw(range=(1.0, 2.0))
    """How many voxels are averaged to one; along z alone (thick slices) or along all axes."""
    bias_field: Draw = Draw(range=(0.0, 0.3))
    """Standard deviation of the logarithm of a smooth field that multiplies values."""
    # Off, these two are not written: plans of before keep their digests, and older versions read
    # new plans.
    recrop_mm: float = Field(default=0.0, ge=0, le=100, exclude_if=_is_off)
    """Each side of a whole image is cropped or edge-padded by at most this much, drawn anew."""
    channel_dropout: Probability = Field(default=0.0, exclude_if=_is_off)
    """How often each image channel is hidden as if it were missing; one always stays."""
    texture_shift: float = Field(default=0.0, ge=0, le=2, exclude_if=_is_off)
    """Largest shift of a whole channel of texture up or down, as another scanner would do it."""

    @model_validator(mode="after")
    def _strengths_that_make_sense(self) -> Self:
        for name, lowest in _LOWEST.items():
            if getattr(self, name).range[0] < lowest:
                raise ValueError(f"{name} must be {lowest} at least")
        return self
