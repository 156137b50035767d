"""Structure sets of real patients."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.io.rtstruct_factory import RegionSpec, contours_from_indices, write_rtstruct

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_series import DicomSeries, read_series
from oncotrace.io.rtstruct import Region, list_regions, read_region
from oncotrace.io.volume_file import read_mask, read_scan

PATIENTS = ("STS_003", "STS_025")
CLOSED_CONTOURS = {"STS_003": 20, "STS_025": 15}
SERIES = ("CT", "MR_T1", "PET")


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("patient", PATIENTS)
def test_no_voxel_differs_from_the_reference_mask(
    patient: str, series: str, shared_data: Path
) -> None:
    path = shared_data / "sts_dicom" / patient / series / "mask" / "RS.dcm"
    converted = shared_data / "sts" / patient
    reference = read_mask(converted / f"{series.lower()}_mask.nii.gz")
    geometry = read_scan(converted / f"{series.lower()}.nii.gz").geometry
    found = read_region(path, geometry)
    assert reference.voxels.sum() > 500
    assert int((found.mask.voxels != reference.voxels).sum()) == 0
    assert list_regions(path) == [Region(1, f"GTV_Mass_{series}", CLOSED_CONTOURS[patient])]


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("patient", PATIENTS)
def test_region_is_the_same_on_the_grid_of_the_dicom_series(
    patient: str, series: str, shared_data: Path
) -> None:
    folder = shared_data / "sts_dicom" / patient / series
    reference = read_mask(shared_data / "sts" / patient / f"{series.lower()}_mask.nii.gz")
    images = read_series(folder / "image")
    found = _read(folder / "mask" / "RS.dcm", images)
    assert int((found[0].voxels != reference.voxels).sum()) == 0
    n = CLOSED_CONTOURS[patient]
    assert found[1] == (
        f"{n} of {n} contours refer to images that are not in this series; matched by position.",
    )


def _read(path: Path, images: DicomSeries, name: str | None = None) -> tuple[Mask, tuple[str, ...]]:
    found = read_region(
        path,
        images.scan.geometry,
        name=name,
        frame_of_reference_uid=images.frame_of_reference_uid,
        sop_instance_uids=images.sop_instance_uids,
    )
    return found.mask, found.notes


def _volume_ml(mask: Mask) -> float:
    return float(mask.voxels.sum()) * mask.geometry.voxel_volume_mm3 / 1000


@pytest.mark.parametrize("series", ["MR_T1", "MR_T2", "FDG_PET"])
def test_both_regions_of_the_raw_series_are_read(
    series: str, raw_series: Callable[[str], Path], shared_data: Path
) -> None:
    folder = raw_series(series)
    images = read_series(folder / "image")
    (path,) = (folder / "mask").iterdir()
    counts = {"GTV_Mass": 20, "GTV_Edema": 32}
    if series == "FDG_PET":
        counts = {"GTV_Mass": 32, "GTV_Edema": 43}
    assert [(r.name, r.contours) for r in list_regions(path)] == list(counts.items())

    mass, mass_notes = _read(path, images, "gtv_mass")
    edema, _ = _read(path, images, "GTV_Edema")
    assert mass_notes == ()  # every contour lies on a slice of the series and names its image
    assert not (mass.voxels & ~edema.voxels).any()  # the oedema was drawn around the mass
    # The published mask of the same outline lies on another grid: other slices, other pixels.
    published = read_mask(shared_data / "sts" / "STS_001" / "mr_t1_mask.nii.gz")
    assert _volume_ml(mass) == pytest.approx(_volume_ml(published), rel=0.005)


@pytest.mark.slow
def test_two_hundred_contours_on_large_slices_take_well_under_a_second(tmp_path: Path) -> None:
    geometry = Geometry((512, 512, 200), (0.7, 0.7, 1.0), (-180.0, -180.0, 30.0))
    angles = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    radius = 120 + 20 * np.sin(7 * angles)
    star = np.column_stack([256 + radius * np.cos(angles), 256 + radius * np.sin(angles)])
    contours = contours_from_indices(geometry, [(z, star) for z in range(200)])
    path = write_rtstruct(tmp_path / "rs.dcm", [RegionSpec("GTV", contours)])
    start = time.process_time()
    found = read_region(path, geometry)
    assert time.process_time() - start < 1.0
    # Area of the curve r = 120 + 20 sin 7t: pi (120^2 + 20^2 / 2).
    pixels = found.mask.voxels.sum(axis=(1, 2))
    np.testing.assert_allclose(pixels, np.pi * (120**2 + 20**2 / 2), rtol=1e-3)
