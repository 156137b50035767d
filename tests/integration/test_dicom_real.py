"""Real scans: DICOM series against the same images in NIfTI, and one series as scanned."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.scan import Modality
from oncotrace.io.dicom_series import read_series
from oncotrace.io.volume_file import read_scan

NIFTI: dict[str, str] = {"CT": "ct", "MR_T1": "mr_t1", "PET": "pet"}
PET_ROUNDING = 0.0006  # the NIfTI copies hold SUV rounded to 0.001


@pytest.mark.parametrize("patient", ["STS_003", "STS_025"])
@pytest.mark.parametrize(("series", "modality"), [("CT", "ct"), ("MR_T1", "mr-t1"), ("PET", "pet")])
def test_series_equals_its_nifti_copy(
    shared_data: Path, patient: str, series: str, modality: Modality
) -> None:
    read = read_series(shared_data / "sts_dicom" / patient / series / "image", modality=modality)
    expected = read_scan(shared_data / "sts" / patient / f"{NIFTI[series]}.nii.gz")

    np.testing.assert_allclose(
        read.scan.geometry.corners_mm(), expected.geometry.corners_mm(), atol=1e-4
    )
    tolerance = PET_ROUNDING if series == "PET" else 0
    assert np.abs(read.scan.voxels - expected.voxels).max() <= tolerance
    assert len(read.sop_instance_uids) == read.scan.geometry.size_xyz[2]


def test_raw_t1_has_the_grid_that_was_scanned(raw_series: Callable[[str], Path]) -> None:
    read = read_series(raw_series("MR_T1"))
    geometry = read.scan.geometry

    assert geometry.size_xyz == (512, 512, 40)
    # Slices of 4 mm with gaps of 1.2 mm: the positions say 5.2, SliceThickness says 4.
    assert geometry.spacing_mm == pytest.approx((0.390625, 0.390625, 5.2), abs=1e-4)
    assert read.notes == ("1 DICOM file(s) of type RTSTRUCT were ignored.",)


def test_raw_pet_whose_beds_do_not_quite_meet_is_read_with_a_note(
    raw_series: Callable[[str], Path],
) -> None:
    read = read_series(raw_series("FDG_PET"))

    assert read.scan.geometry.spacing_mm[2] == pytest.approx(3.27, abs=1e-3)
    assert read.scan.modality == "pet"
    assert any("beside their places" in note for note in read.notes)
    assert any("BQML, not converted to SUV" in note for note in read.notes)
