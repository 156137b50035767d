import csv
from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.volume_file import read_mask
from oncotrace.measure.volume import volume_ml


def test_volume_is_voxels_times_their_size() -> None:
    voxels = np.zeros((4, 5, 6), dtype=bool)
    voxels[1:3, 1:4, 2:6] = True
    mask = Mask(voxels, Geometry((6, 5, 4), (0.5, 0.5, 4.0)))
    assert volume_ml(mask) == pytest.approx(24 * 1.0 / 1000)


def test_empty_mask_has_no_volume() -> None:
    assert volume_ml(Mask(np.zeros((2, 2, 2), dtype=bool), Geometry((2, 2, 2)))) == 0.0


def test_volume_is_a_plain_float() -> None:
    assert type(volume_ml(Mask(np.ones((2, 2, 2), dtype=bool), Geometry((2, 2, 2))))) is float


def test_volume_agrees_with_ibsi_digital_phantom(shared_data: Path) -> None:
    with (shared_data / "reference" / "ibsi1_reference.csv").open() as file:
        rows = list(csv.DictReader(file))
    (row,) = (
        row for row in rows if row["ibsi_code"] == "YEKZ" and row["config"] == "digital_phantom"
    )
    mask = read_mask(shared_data / "ibsi" / "digital_phantom" / "mask" / "mask.nii.gz")
    assert volume_ml(mask) * 1000 == pytest.approx(float(row["value"]), abs=float(row["tolerance"]))
