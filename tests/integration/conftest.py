"""A small synthetic patient on disk, and the command line."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.unit.learning.builders import NETWORKS, tiny_plan
from typer.testing import CliRunner, Result

from oncotrace.cli.app import app
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.learning.model_folder import write_model

Cli = Callable[..., Result]


@dataclass(frozen=True)
class Phantom:
    """Files of one synthetic patient: an ellipsoid of raised intensity in noise."""

    image: Path
    mask: Path
    clicks: Path
    geometry: Geometry


def make_phantom(folder: Path, *, seed: int = 0) -> Phantom:
    """Write image, mask and clicks of a 24 x 20 x 16 mm ellipsoid on a 1 x 1 x 2 mm grid."""
    geometry = Geometry((48, 44, 24), (1.0, 1.0, 2.0), (-20.0, 13.0, 500.0))
    z, y, x = np.indices(geometry.shape_zyx)
    shift = seed % 3
    inside = ((x - 24 - shift) / 12) ** 2 + ((y - 22) / 10) ** 2 + ((z - 12) / 4) ** 2 <= 1
    noise = np.random.default_rng(seed).normal(scale=10, size=inside.shape)
    voxels = (200 + 150 * inside + noise).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    write_scan(Scan(voxels, geometry), folder / "image.nii.gz")
    write_mask(Mask(inside, geometry), folder / "mask.nii.gz")
    centre = np.array([24 + shift, 22, 12])
    steps = np.array([[10, 0, 0], [-10, 0, 0], [0, 8, 0], [0, -8, 0], [0, 0, 3], [0, 0, -3]])
    points = geometry.to_point_mm(centre + steps).tolist()
    content = {"format": 1, "frame": "LPS", "points_mm": points, "corrections": []}
    (folder / "clicks.json").write_text(json.dumps(content))
    return Phantom(
        folder / "image.nii.gz", folder / "mask.nii.gz", folder / "clicks.json", geometry
    )


def write_tiny_model(
    folder: Path, names: tuple[str, ...] = ("fold_0", "fold_1"), **recipe: object
) -> Path:
    """Write a model of two folds, as if trained on T1; its random networks find no tumour."""
    plan = tiny_plan(**recipe).model_copy(update={"preparation": {"modalities": ["mr-t1"]}})
    networks = {fold: (NETWORKS / f"{name}.onnx").read_bytes() for fold, name in enumerate(names)}
    write_model(folder, plan, networks, card="# Tiny\n\nFor \x1b[31mtests\x1b[0m.\n")
    return folder


@pytest.fixture
def phantom(tmp_path: Path) -> Phantom:
    """One synthetic patient."""
    return make_phantom(tmp_path / "phantom")


@pytest.fixture
def cohort(tmp_path: Path) -> Callable[[int], Path]:
    """Write a cohort of synthetic patients and return its table."""

    def write(cases: int) -> Path:
        rows = ["case_id,image_mr-t1,mask_mr-t1,clicks"]
        for number in range(cases):
            name = f"case-{number:02d}"
            make_phantom(tmp_path / "cohort" / name, seed=number)
            rows.append(f"{name},{name}/image.nii.gz,{name}/mask.nii.gz,{name}/clicks.json")
        table = tmp_path / "cohort" / "cohort.csv"
        table.write_text("\n".join(rows) + "\n")
        return table

    return write


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a good model of two folds."""
    return write_tiny_model(tmp_path / "tiny")


@pytest.fixture
def cli() -> Cli:
    """Run the command line in this process; paths may be given as they are."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run
