"""The steps of a pre-processing: settings as data, read from TOML, unknown keys refused."""

import tomllib
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oncotrace.errors import SettingsError
from oncotrace.learning.recipe import first_complaint

_CLOSED = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_PRESETS = files("oncotrace.curate") / "presets"
_STEPS_OF_SHAPE = ("resample", "resample-to", "crop-pad")

Region = Literal["image", "body", "mask"]
"""Which voxels a step looks at: all, the body as oncotrace finds it, or the mask that is given."""
Millimetres = Annotated[float, Field(gt=0, le=100)]
Percent = Annotated[float, Field(ge=0, le=100)]
Voxels = Annotated[int, Field(ge=1, le=2048)]
Reach = Annotated[int, Field(ge=0, le=10)]
"""Voxels to either side."""
Finite = Annotated[float, Field(ge=-1e9, le=1e9)]


class _Settings(BaseModel):
    model_config = _CLOSED


class N4(_Settings):
    """Bias field correction; see `oncotrace.imaging.bias_field`."""

    step: Literal["n4"]
    within: Region = "body"
    working_mm: Millimetres = 4.0
    iterations: tuple[Annotated[int, Field(ge=1, le=500)], ...] = Field(
        default=(50, 50, 50, 50), min_length=1, max_length=8
    )
    convergence: float = Field(default=1e-3, gt=0, lt=1)


class Resample(_Settings):
    """Image by ``interpolation``; masks by their own, then cut at ``mask_threshold``."""

    step: Literal["resample"]
    spacing_mm: tuple[Millimetres, Millimetres, Millimetres]
    interpolation: Literal["nearest", "linear", "cubic"] = "cubic"
    mask_interpolation: Literal["nearest", "linear"] = "linear"
    mask_threshold: float = Field(default=0.5, gt=0, le=1)


class ResampleTo(_Settings):
    """Image and masks onto the grid of another image in the same frame of reference."""

    step: Literal["resample-to"]
    grid: str = Field(min_length=1, max_length=4096)
    """Another sequence of the case as it comes, such as ``mr-t1``; or a file or DICOM folder."""
    interpolation: Literal["nearest", "linear", "cubic"] = "cubic"
    mask_interpolation: Literal["nearest", "linear"] = "linear"
    mask_threshold: float = Field(default=0.5, gt=0, le=1)


class ZScore(_Settings):
    """Minus the mean, over the standard deviation, of ``moments_of``; see `imaging.z_score`."""

    step: Literal["z-score"]
    within: Region = "body"
    moments_of: Literal["image", "cohort"] = "image"
    scale: float = Field(default=1.0, gt=0, le=1e6)
    """Standard deviation afterwards."""


class WhiteStripe(_Settings):
    """White matter at 0, its stripe's standard deviation 1; see `imaging.white_stripe`."""

    step: Literal["white-stripe"]
    within: Region = "body"
    contrast: Literal["t1", "t2", "by-modality"] = "by-modality"
    width: float = Field(default=0.05, gt=0, le=0.5)


class TissueReference(_Settings):
    """Fat, muscle or the given region at ``value``; see `imaging.reference_tissue`."""

    step: Literal["tissue-reference"]
    tissue: Literal["fat", "muscle", "region"] = "fat"
    value: float = Field(default=1.0, gt=0, le=1e6)


class Nyul(_Settings):
    """Landmarks on a standard scale that a cohort has taught; see `imaging.nyul`."""

    step: Literal["nyul"]
    within: Region = "body"
    percentiles: tuple[Percent, ...] = Field(
        default=(1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99), min_length=2, max_length=101
    )
    scale: tuple[Finite, Finite] = (1.0, 100.0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising(self.percentiles, "percentiles")
        _require_rising(self.scale, "scale")
        return self


class ClipPercentiles(_Settings):
    """Values beyond two percentiles are set to these."""

    step: Literal["clip-percentiles"]
    within: Region = "body"
    percentiles: tuple[Percent, Percent] = (0.5, 99.5)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising(self.percentiles, "percentiles")
        return self


class Window(_Settings):
    """Values beyond two fixed ones are set to these (Hounsfield units, SUV)."""

    step: Literal["window"]
    limits: tuple[Finite, Finite]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising(self.limits, "limits")
        return self


class MinMax(_Settings):
    """Two percentiles of the image to two values, by a straight line; 0 and 100: its extremes."""

    step: Literal["min-max"]
    within: Region = "image"
    percentiles: tuple[Percent, Percent] = (0.0, 100.0)
    range: tuple[Finite, Finite] = (0.0, 1.0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising(self.percentiles, "percentiles")
        _require_rising(self.range, "range")
        return self


class ReferenceRange(_Settings):
    """Two percentiles of the image to those of a data base: the mean over a cohort."""

    step: Literal["reference-range"]
    within: Region = "body"
    percentiles: tuple[Percent, Percent] = (1.0, 99.0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising(self.percentiles, "percentiles")
        return self


class ShiftToPositive(_Settings):
    """Minus the smallest value."""

    step: Literal["shift-to-positive"]
    within: Region = "image"


class Clahe(_Settings):
    """Contrast-limited adaptive histogram equalisation; see `imaging.clahe`."""

    step: Literal["clahe"]
    tiles_xyz: tuple[Voxels, Voxels, Voxels] = (8, 8, 8)
    clip_limit: float = Field(default=2.5, ge=1, le=256)
    bins: int = Field(default=256, ge=2, le=4096)


class Equalise(_Settings):
    """Every intensity as often as any other, 0 to 1; see `imaging.histogram_equalise`."""

    step: Literal["equalise"]
    within: Region = "body"


class Match(_Settings):
    """The quantiles of a reference image or a cohort's mean; see `imaging.histogram_match`."""

    step: Literal["match"]
    within: Region = "body"
    quantiles: int = Field(default=257, ge=2, le=10_001)


class Frequency(_Settings):
    """As much detail of every size as a reference has; see `imaging.frequency`."""

    step: Literal["frequency"]
    within: Region = "body"
    scales_mm: tuple[Millimetres, ...] = Field(default=(1, 2, 4, 8), min_length=1, max_length=12)
    iterations: int = Field(default=5, ge=1, le=50)
    strongest: float = Field(default=4.0, gt=1, le=100)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _require_rising(self.scales_mm, "scales_mm")
        return self


class Median(_Settings):
    """The median of every voxel's neighbourhood."""

    step: Literal["median"]
    radius_xyz: tuple[Reach, Reach, Reach] = (1, 1, 1)


class CurvatureFlow(_Settings):
    """Noise smoothed along surfaces, not across; see `imaging.denoise`."""

    step: Literal["curvature-flow"]
    iterations: int = Field(default=5, ge=1, le=200)
    time_step: float = Field(default=0.0625, gt=0, le=0.0625)


class NonLocalMeans(_Settings):
    """Means over voxels whose surroundings look alike; see `oncotrace.imaging.non_local_means`."""

    step: Literal["non-local-means"]
    patch_radius_xyz: tuple[Reach, Reach, Reach] = (1, 1, 1)
    search_radius_xyz: tuple[Reach, Reach, Reach] = (3, 3, 1)
    strength: float = Field(default=1.0, gt=0, le=100)

    @model_validator(mode="after")
    def _searches(self) -> Self:
        if not any(self.search_radius_xyz):
            raise ValueError("search_radius_xyz must reach some voxel")
        return self


class CropPad(_Settings):
    """So many voxels around the middle of the grid or of the mask; ``fill`` beyond the image."""

    step: Literal["crop-pad"]
    size_xyz: tuple[Voxels, Voxels, Voxels]
    around: Literal["image", "mask"] = "image"
    fill: Finite | Literal["minimum"] = "minimum"


Step = (
    N4
    | Resample
    | ResampleTo
    | ZScore
    | WhiteStripe
    | TissueReference
    | Nyul
    | ClipPercentiles
    | Window
    | MinMax
    | ReferenceRange
    | ShiftToPositive
    | Clahe
    | Equalise
    | Match
    | Frequency
    | Median
    | CurvatureFlow
    | NonLocalMeans
    | CropPad
)


class Preprocessing(_Settings):
    """Steps in their order."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)
    source: str = Field(max_length=500)
    """The publication, or who decided so."""
    steps: tuple[Annotated[Step, Field(discriminator="step")], ...] = Field(
        min_length=1, max_length=50
    )

    @property
    def fitted(self) -> tuple[int, ...]:
        """Numbers of the steps, from 0, whose parameters a training cohort or reference gives."""
        return tuple(number for number, step in enumerate(self.steps) if is_fitted(step))

    @property
    def changes_grid(self) -> bool:
        """Whether the result lies on another grid than the image."""
        return any(step.step in _STEPS_OF_SHAPE for step in self.steps)

    @property
    def grids(self) -> tuple[str, ...]:
        """Sequences and files whose grids the steps need, each once."""
        named = (step.grid for step in self.steps if isinstance(step, ResampleTo))
        return tuple(dict.fromkeys(named))

    @property
    def needs_mask(self) -> bool:
        """Whether a step looks at the mask that is given."""
        return any(
            "mask" in (getattr(step, "within", ""), getattr(step, "around", ""))
            or getattr(step, "tissue", "") == "region"
            for step in self.steps
        )


def is_fitted(step: Step) -> bool:
    """Whether a step needs parameters that come from other images."""
    if isinstance(step, ZScore):
        return step.moments_of == "cohort"
    return isinstance(step, Nyul | ReferenceRange | Match | Frequency)


def described(step: Step) -> str:
    """One line for people: the step and its settings."""
    settings = step.model_dump(mode="json", exclude={"step"})
    listed = ", ".join(f"{name} {_shown(value)}" for name, value in settings.items())
    return f"{step.step}: {listed}" if listed else step.step


def preset_names() -> tuple[str, ...]:
    """Names of the pre-processings that come with oncotrace."""
    names = (entry.name for entry in _PRESETS.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def preprocessing(name: str) -> Preprocessing:
    """Pre-processing that comes with oncotrace under that name, or lies in that TOML file.

    Raises
    ------
    SettingsError
        There is none, or the file is something else; the message names the setting.
    """
    if name in preset_names():
        return parse_preprocessing(
            (_PRESETS / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml"
        )
    path = Path(name)
    if path.suffix.lower() != ".toml":
        raise SettingsError(
            f"there is no preset called {name!r}.",
            hint=f"Known presets: {', '.join(preset_names())}; or give a TOML file.",
            code="unknown-preset",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path.name} cannot be read as settings: {type(error).__name__}.",
            hint=f"Give a TOML file, or one of {', '.join(preset_names())}.",
        ) from error
    return parse_preprocessing(text, path.name)


def parse_preprocessing(text: str, name: str) -> Preprocessing:
    """Pre-processing in TOML ``text``; ``name`` is what messages call it.

    Raises
    ------
    SettingsError
        It is not TOML, or a setting is wrong or unknown.
    """
    try:
        return Preprocessing.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not TOML: {error}.") from error
    except ValidationError as error:
        raise SettingsError(
            f"{name}: {first_complaint(error)}",
            hint=f"Compare with a preset of oncotrace: {', '.join(preset_names())}.",
        ) from error


def _require_rising(values: tuple[float, ...], name: str) -> None:
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ValueError(f"{name} must rise")


def _shown(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)
