"""Structure sets of real patients, written and judged by others: every voxel, and the standard."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.io.dicom_factory import GRID, enhanced, values, write

from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.rtstruct_write import write_structure

PATIENTS = ("STS_003", "STS_025")
SERIES = ("CT", "MR_T1", "PET")

Drawn = tuple[SourceSeries, Mask]


@pytest.fixture
def drawn(shared_data: Path) -> Callable[[str, str], Drawn]:
    """Images of a patient, and what a person drew on them."""

    def read(patient: str, series: str) -> Drawn:
        folder = shared_data / "sts_dicom" / patient / series
        source = read_source(folder / "image")
        return source, read_region(folder / "mask" / "RS.dcm", source.geometry).mask

    return read


@pytest.fixture
def errors_of() -> Callable[[Path], list[str]]:
    """Lines in which dciodvfy calls something in a file an error."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")

    def judge(path: Path) -> list[str]:
        run = subprocess.run([program, path], capture_output=True, text=True, check=False)
        report = run.stdout + run.stderr
        assert "RTStructureSet" in report  # it knew what it judged
        return [line for line in report.splitlines() if line.startswith("Error")]

    return judge


def with_holes(mask: Mask) -> Mask:
    """Take every fifth voxel of the inside out, slice by slice."""
    inside = mask.voxels.copy()
    for axis in (1, 2):
        inside &= np.roll(mask.voxels, 1, axis) & np.roll(mask.voxels, -1, axis)
    numbers = np.arange(inside.size).reshape(inside.shape)
    return replace(mask, voxels=mask.voxels & ~(inside & (numbers % 5 == 0)))


@pytest.mark.slow
@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("patient", PATIENTS)
@pytest.mark.parametrize("holes", [False, True], ids=["as drawn", "with holes"])
def test_every_voxel_comes_back(
    patient: str, series: str, holes: bool, drawn: Callable[[str, str], Drawn], tmp_path: Path
) -> None:
    source, mask = drawn(patient, series)
    mask = with_holes(mask) if holes else mask
    path = tmp_path / "rs.dcm"
    write_structure(mask, path, source, name="GTV", algorithm="MANUAL")
    found = read_region(
        path,
        source.geometry,
        name="GTV",
        frame_of_reference_uid=source.frame_of_reference_uid,
        sop_instance_uids=source.sop_instance_uids,
    )
    assert mask.voxels.sum() > 400
    assert int((found.mask.voxels != mask.voxels).sum()) == 0
    assert found.notes == ()  # on the planes of the images that they name, and of this series


@pytest.mark.slow
@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("patient", PATIENTS)
def test_nothing_in_the_file_breaks_the_standard(
    patient: str,
    series: str,
    drawn: Callable[[str, str], Drawn],
    errors_of: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    source, mask = drawn(patient, series)
    path = tmp_path / "rs.dcm"
    write_structure(with_holes(mask), path, source, name="GTV", algorithm="SEMIAUTOMATIC")
    assert errors_of(path) == []


def test_nothing_breaks_the_standard_where_contours_name_frames(
    errors_of: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    source = read_source(write(enhanced(values(), order=(2, 0, 3, 1)), tmp_path / "multi.dcm"))
    mask = Mask(values() % 3 == 0, GRID)
    path = tmp_path / "rs.dcm"
    write_structure(mask, path, source, name="GTV", algorithm="AUTOMATIC", interpreted_type="")
    assert errors_of(path) == []
