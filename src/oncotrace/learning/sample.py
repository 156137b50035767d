"""What a network learns from: samples on its grid, asked for one by one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import EmptyMaskError, InputError
from oncotrace.learning.plan import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Channels and target on one grid."""

    channels: NDArray[np.float32]
    """[c, z, y, x], in the recipe's order."""
    target: NDArray[np.bool_]
    """[z, y, x]; [l, z, y, x] where the recipe names labels, in its order."""
    spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """So that augmentation turns and zooms in space, not in voxels."""

    @property
    def shape_zyx(self) -> tuple[int, ...]:
        """Voxels of the grid that channels and target lie on."""
        return self.target.shape[-3:]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Cases to learn from."""

    case_ids: tuple[str, ...]
    sample: Callable[[int, np.random.Generator], Sample]
    """Makes a sample of the case of that index; called from several threads, and any chance in it
    comes from the generator, so that training can be repeated."""

    def digest(self) -> str:
        """SHA-256 of the cases' ids in their order."""
        return hashlib.sha256("\n".join(self.case_ids).encode()).hexdigest()


def checked_sample(data: TrainingData, index: int, rng: np.random.Generator, plan: Plan) -> Sample:
    """Sample of a case, fit for the plan.

    Raises
    ------
    EmptyMaskError
        Its target is empty.
    InputError
        It is not what the plan expects.
    """
    sample = data.sample(index, rng)
    case_id = data.case_ids[index]
    grid = plan.sample_grid_zyx or sample.shape_zyx
    expected = (len(plan.recipe.channels.names), *grid)
    wanted = (*plan.recipe.label_axis, *grid)
    if len(grid) != 3 or sample.channels.shape != expected or sample.target.shape != wanted:
        raise InputError(
            f"a sample has channels {sample.channels.shape} and target {sample.target.shape}, "
            f"expected {expected} and {wanted}.",
            case_id=case_id,
            code="bad-sample",
        )
    if not np.isfinite(sample.channels).all():
        raise InputError(
            "a sample holds values that are not numbers (NaN or infinite).",
            hint="Replace them, or leave the case out.",
            case_id=case_id,
            code="not-finite",
        )
    if not (sample.target.any() or plan.recipe.empty_targets):
        raise EmptyMaskError(
            "the training mask is empty.",
            hint="Correct the mask or leave the case out.",
            case_id=case_id,
        )
    return sample
