"""A network as small as networks can be, and cases for it; no torch."""

from pathlib import Path

import numpy as np

from oncotrace.learning.fingerprint import CaseSummary, Fingerprint, fingerprint
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import Recipe
from oncotrace.learning.sample import Sample

NETWORKS = Path(__file__).parent / "networks"
"""Two of `tiny_plan` with random weights, by ``python -m tests.train.write_tiny_networks``."""

GRID_XYZ = (8, 16, 24)
"""Different along each axis, so that exchanged axes do not go unnoticed."""


def tiny_recipe(**changes: object) -> Recipe:
    """Recipe of two channels and three levels on a grid of a few voxels."""
    settings: dict[str, object] = {
        "name": "tiny",
        "channels": {"images": ("image",), "cues": ("guidance",)},
        "grid": {"size_xyz": GRID_XYZ},
        "network": {"first_channels": 1, "levels": 3},
        "optimiser": {"steps": 6, "batch_size": 2},
    }
    return Recipe.model_validate({**settings, **changes})


def tiny_fingerprint() -> Fingerprint:
    """Fingerprint of one case of cubic voxels on the tiny grid."""
    values = np.linspace(-1, 1, 50, dtype=np.float32)
    return fingerprint([CaseSummary("a", (1.0, 1.0, 1.0), GRID_XYZ, values)])


def tiny_plan(**changes: object) -> Plan:
    """Plan of `tiny_recipe`."""
    return make_plan(tiny_recipe(**changes), tiny_fingerprint())


def ball(index: int, rng: np.random.Generator, grid_xyz: tuple[int, int, int] = GRID_XYZ) -> Sample:
    """Bright ellipsoid in noise; its axes depend on the index, its centre on chance."""
    shape = grid_xyz[::-1]
    radii = np.multiply(shape, 0.3 + 0.02 * index)
    centre = np.array(shape) / 2 + rng.uniform(-1, 1, 3)
    z, y, x = np.indices(shape)
    distance = sum(((v - c) / r) ** 2 for v, c, r in zip((z, y, x), centre, radii, strict=True))
    target = distance <= 1
    image = np.where(target, 1.0, -1.0) + rng.normal(scale=0.3, size=shape)
    return Sample(np.stack([image, np.exp(-distance)]).astype(np.float32), target)
