"""Label volumes, written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import GeometryMismatchError, OutputError
from oncotrace.io.volume_file import read_scan, write_labels

GRID = Geometry((5, 4, 3), (0.5, 1.0, 3.0), (-10.0, 20.0, 30.0), (0, 1, 0, 1, 0, 0, 0, 0, -1.0))
LABELS = np.random.default_rng(0).integers(0, 256, GRID.shape_zyx, dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_labels_are_read_as_they_were_written(suffix: str, tmp_path: Path) -> None:
    write_labels(LABELS, GRID, tmp_path / f"new/labels{suffix}")
    written = read_scan(tmp_path / f"new/labels{suffix}")
    np.testing.assert_array_equal(written.voxels, LABELS)
    assert written.geometry.matches(GRID)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "labels.nrrd"
    write_labels(LABELS, GRID, path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already") as caught:
        write_labels(np.zeros_like(LABELS), GRID, path)
    assert caught.value.code == "output-exists"
    assert path.read_bytes() == before


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="volume format") as caught:
        write_labels(LABELS, GRID, tmp_path / "labels.png")
    assert caught.value.code == "unknown-format"


def test_an_array_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryMismatchError, match="label array"):
        write_labels(LABELS[1:], GRID, tmp_path / "labels.nrrd")
    assert list(tmp_path.iterdir()) == []
