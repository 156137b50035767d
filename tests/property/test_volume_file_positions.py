"""Volume files hold every grid and every voxel."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from tests.property.strategies import masks, scans

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.io.volume_file import WRITABLE_SUFFIXES, read_mask, read_scan, write_mask, write_scan

# NIfTI stores positions as float32: 2 m from the origin that is 1e-4 mm, and a little more for
# rotations. NRRD and MetaImage store decimal text of double precision.
TOLERANCE_MM = {".nii.gz": 5e-4, ".nii": 5e-4, ".nrrd": 1e-9, ".mha": 1e-9}

suffixes = pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)


@suffixes
@settings(deadline=None, max_examples=60)
@given(mask=masks(min_size=2))
def test_mask_written_and_read_is_identical_and_in_place(suffix: str, mask: Mask) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"mask{suffix}"
        write_mask(mask, path)
        back = read_mask(path)
        assert [file.name for file in Path(folder).iterdir()] == [path.name]
    np.testing.assert_array_equal(back.voxels, mask.voxels)
    np.testing.assert_allclose(
        back.geometry.corners_mm(), mask.geometry.corners_mm(), atol=TOLERANCE_MM[suffix]
    )
    back.geometry.require_match(mask.geometry, this="file", that="mask")


@suffixes
@settings(deadline=None, max_examples=60)
@given(scan=scans(min_size=2))
def test_scan_written_and_read_is_identical_and_in_place(suffix: str, scan: Scan) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"scan{suffix}"
        write_scan(scan, path)
        back = read_scan(path)
        reference = sitk.ReadImage(str(path))  # another reader sees the same
    np.testing.assert_array_equal(back.voxels, scan.voxels)
    np.testing.assert_allclose(
        back.geometry.corners_mm(), scan.geometry.corners_mm(), atol=TOLERANCE_MM[suffix]
    )
    np.testing.assert_array_equal(sitk.GetArrayFromImage(reference), scan.voxels)
    last = [n - 1 for n in scan.geometry.size_xyz]
    np.testing.assert_allclose(
        reference.TransformIndexToPhysicalPoint(last),
        scan.geometry.to_point_mm(last),
        atol=TOLERANCE_MM[suffix],
    )
