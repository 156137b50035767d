"""A recipe completed by what the data decide: all that is needed to train and to predict."""

import hashlib
import json
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

import oncotrace
from oncotrace.errors import SettingsError
from oncotrace.learning.fingerprint import Fingerprint, Triple
from oncotrace.learning.recipe import Recipe

FORMAT = 1
OLDEST_READER = "0.1.0"
"""Version of oncotrace that first read models of this format."""
SMALLEST_HALVED = 8
COARSE_RATIO = 2.0
FEWEST_LEVELS = 3
PUBLISHED_LEVELS = 5
"""Of the U-Net for slices."""
NOT_SUPERVISED = 3
"""Deep supervision leaves out the output itself and the two coarsest levels."""

Steps = tuple[int, int, int]
_Size = tuple[float, float, float]


class FileRecord(BaseModel):
    """Size and digest of one file of a model folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)


class Plan(BaseModel):
    """Content of ``plan.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    oldest_reader: str = OLDEST_READER
    made_by: str
    """Version of oncotrace that made it."""
    recipe: Recipe
    fingerprint: Fingerprint
    axis_order: Literal["zyx"] = "zyx"
    """Of the network's input, behind the channels."""
    grid_xyz: tuple[int, int, int] | None
    """Voxels of the network's input, which may be a patch; null where every case has its own."""
    spacing_mm: Triple
    """(x, y, z); on a fixed grid that of the median case, since the others are squeezed onto it."""
    kernels_zyx: tuple[Steps, ...] = Field(min_length=FEWEST_LEVELS)
    """Kernel of the convolutions at each level, the finest first."""
    strides_zyx: tuple[Steps, ...] = Field(min_length=FEWEST_LEVELS)
    """Stride into each level, the finest first (1, 1, 1)."""
    widths: tuple[int, ...] = Field(min_length=FEWEST_LEVELS)
    """Feature channels of each level."""
    preparation: dict[str, JsonValue] = Field(default_factory=dict)
    """What the stage that prepares channels and finishes masks needs to know; its own affair."""
    files: dict[str, FileRecord] = Field(default_factory=dict)
    """The other files of the model folder by name."""

    @property
    def sample_grid_zyx(self) -> Steps | None:
        """Voxels of a case's channels, if all cases have the same."""
        if self.grid_xyz is None or self.recipe.grid.mode != "fixed":
            return None
        x, y, z = self.grid_xyz
        return z, y, x

    @property
    def stride_zyx(self) -> Steps:
        """Voxels of the input per voxel of the coarsest level."""
        z, y, x = (int(n) for n in np.prod(self.strides_zyx, axis=0))
        return z, y, x

    @property
    def supervised_levels(self) -> int:
        """Levels besides the finest whose output is compared with the target."""
        if not self.recipe.network.deep_supervision:
            return 0
        return max(0, len(self.strides_zyx) - NOT_SUPERVISED)

    def training_digest(self) -> str:
        """SHA-256 of all that decides the weights, given the samples."""
        settings = self.model_dump(mode="json", exclude={"files", "made_by", "oldest_reader"})
        text = json.dumps(settings, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def make_plan(
    recipe: Recipe, data: Fingerprint, preparation: dict[str, JsonValue] | None = None
) -> Plan:
    """Complete a recipe by what the data decide.

    Raises
    ------
    SettingsError
        The grid is too small for three levels, or its size does not suit the strides.
    """
    size = recipe.grid.size_xyz
    spacing = recipe.grid.spacing_mm or data.target_spacing_mm
    if size and recipe.grid.mode == "fixed":
        spacing = _triple(np.divide(data.median_extent_mm, size))
    planned_for = np.array(size or np.divide(data.median_extent_mm, spacing), dtype=float)
    strides, kernels = strides_and_kernels(
        _triple(planned_for[::-1]), spacing[::-1], recipe.network.levels
    )
    if recipe.network.kind == "unet-2d":
        strides, kernels = _of_slices(recipe.network.levels or PUBLISHED_LEVELS)
    _require_enough_levels(len(strides), recipe.network.levels or FEWEST_LEVELS)
    network = recipe.network
    widths = [min(network.first_channels * 2**i, network.max_channels) for i in range(len(strides))]
    plan = Plan(
        made_by=oncotrace.__version__,
        recipe=recipe,
        fingerprint=data,
        grid_xyz=size,
        spacing_mm=spacing,
        kernels_zyx=kernels,
        strides_zyx=strides,
        widths=tuple(widths),
        preparation=preparation or {},
    )
    _require_fitting_grid(plan)
    return plan


def strides_and_kernels(
    size_zyx: _Size, spacing_zyx_mm: _Size, levels: int | None
) -> tuple[tuple[Steps, ...], tuple[Steps, ...]]:
    """Strides into the levels of a U-Net and their kernels, the finest level first.

    An axis is halved while it has at least 8 voxels and its spacing is within a factor of 2 of the
    finest; the kernel is 3, or 1 along an axis that is coarser than that; at the coarsest level
    it is 3.

    References
    ----------
    Isensee et al., nnU-Net, Nat Methods 2021, doi:10.1038/s41592-020-01008-z; in the form of
    Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8.
    """
    size, spacing = np.array(size_zyx), np.array(spacing_zyx_mm)
    strides: list[Steps] = [(1, 1, 1)]
    kernels: list[Steps] = []
    while levels is None or len(strides) < levels:
        fine = spacing / spacing.min() <= COARSE_RATIO
        halved = fine & (size >= SMALLEST_HALVED)
        if not halved.any():
            break
        strides.append(_steps(np.where(halved, 2, 1)))
        kernels.append(_steps(np.where(fine, 3, 1)))
        size, spacing = size / strides[-1], spacing * strides[-1]
    return tuple(strides), (*kernels, (3, 3, 3))


def _of_slices(levels: int) -> tuple[tuple[Steps, ...], tuple[Steps, ...]]:
    """Strides and kernels within a slice, whatever the distance of slices."""
    return ((1, 1, 1), *((1, 2, 2),) * (levels - 1)), ((1, 3, 3),) * levels


def _require_enough_levels(found: int, needed: int) -> None:
    if found < needed:
        raise SettingsError(
            f"the grid allows {found} levels, {needed} are needed.",
            hint="Take a larger grid or fewer levels.",
        )


def _require_fitting_grid(plan: Plan) -> None:
    if plan.grid_xyz and any(np.remainder(plan.grid_xyz[::-1], plan.stride_zyx)):
        raise SettingsError(
            f"a grid of {plan.grid_xyz} voxels cannot be halved evenly by {plan.stride_zyx[::-1]}.",
            hint="Take multiples of these numbers as grid.size_xyz, or fewer levels.",
        )


def _triple(values: np.typing.NDArray[np.float64]) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _steps(values: np.typing.NDArray[np.int64]) -> Steps:
    z, y, x = (int(value) for value in values)
    return z, y, x
