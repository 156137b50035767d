"""`oncotrace prepare` on real patients: STS_001 as it was scanned, STS_003 and STS_025."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.prepare import Wanted, prepare
from oncotrace.pipeline.run.case_run import CaseOutcome

FILES = {"ct": "ct", "mr-t1": "mr_t1", "pet": "pet"}


def prepare_all(source: Path, out: Path) -> Path:
    for happening in prepare(source, out, Wanted()):
        assert not isinstance(happening, CaseOutcome) or happening.failure is None
    return out


@pytest.fixture(scope="module")
def of_two(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cohort of the two patients whose NIfTI files are known."""
    return prepare_all(shared_data / "sts_dicom", tmp_path_factory.mktemp("two") / "cohort")


@pytest.mark.slow
def test_masks_are_those_of_the_reference_voxel_by_voxel(of_two, shared_data) -> None:
    cases = read_cohort(of_two / "cohort.csv").cases
    assert [case.case_id for case in cases] == ["STS_003", "STS_025"]
    for case in cases:
        assert set(case.masks) == set(FILES)
        for modality, name in FILES.items():
            mask = read_mask(case.masks[modality])
            reference = read_mask(shared_data / "sts" / case.case_id / f"{name}_mask.nii.gz")
            mask.geometry.require_match(reference.geometry, this="mask", that="reference")
            np.testing.assert_array_equal(mask.voxels, reference.voxels)
            scan = read_scan(case.images[modality], modality)
            known = read_scan(shared_data / "sts" / case.case_id / f"{name}.nii.gz", modality)
            np.testing.assert_allclose(scan.voxels, known.voxels, atol=0.00051)  # PET is rounded


def area_mm2(points: np.ndarray) -> float:
    """Area of a closed planar contour with vertices (n, 3): Stokes' theorem."""
    around = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
    return float(np.linalg.norm(around)) / 2


def contour_volumes_ml(structures: Path, slice_mm: float) -> dict[str, float]:
    """Sum of contour areas times slice distance, by region; inner contours count as holes."""
    dataset = pydicom.dcmread(structures)
    names = {item.ROINumber: item.ROIName for item in dataset.StructureSetROISequence}
    volumes = {}
    for region in dataset.ROIContourSequence:
        areas = [
            area_mm2(np.asarray(contour.ContourData, dtype=float).reshape(-1, 3))
            for contour in region.ContourSequence
        ]
        volumes[names[region.ReferencedROINumber]] = sum(areas) * slice_mm / 1000
    return volumes


@pytest.mark.slow
def test_the_scanned_patient_becomes_two_time_points_with_every_role(
    raw_series: Callable[[str], Path], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("MR_T1", "MR_T2", "FDG_PET"):
        (source / name).symlink_to(raw_series(name))
    out = prepare_all(source, tmp_path / "cohort")
    mr, pet = read_cohort(out / "cohort.csv").cases
    assert (mr.case_id, pet.case_id) == ("STS_001_1", "STS_001_2")
    assert set(mr.images) == set(mr.masks) == {"mr-t1", "mr-t2fs"}
    assert set(pet.images) == set(pet.masks) == {"pet"}
    for case, role, folder, slice_mm in (
        (mr, "mr-t1", "MR_T1", 5.2),
        (mr, "mr-t2fs", "MR_T2", 5.2),
        (pet, "pet", "FDG_PET", 3.27),
    ):
        result = json.loads((out / "cases" / case.case_id / "result.json").read_text())
        image = result["images"][role]
        assert image["structure"] == "GTV_Mass"
        assert image["geometry"]["spacing_mm"][2] == pytest.approx(slice_mm, abs=1e-3)
        (structures,) = (source / folder / "mask").iterdir()
        expected = contour_volumes_ml(structures, slice_mm)
        made = volume_ml(read_mask(case.masks[role]))
        assert made == pytest.approx(image["volume_ml"])
        assert made == pytest.approx(expected["GTV_Mass"], rel=0.01)
        (oedema,) = image["structures"]
        assert oedema["name"] == "GTV_Edema"
    found = result["images"]["pet"]
    assert (found["pet_units"], found["suv"]["weight_kg"]) == ("suv", 71)
    assert found["uptake"]["suv_max"] == pytest.approx(
        read_scan(pet.images["pet"]).voxels[read_mask(pet.masks["pet"]).voxels].max()
    )


@pytest.mark.slow
def test_segment_takes_the_cohort_as_it_is(cli, of_two, tmp_path) -> None:
    result = cli(
        "segment", of_two / "cohort.csv", "--modality", "mr-t1", "--recipe", "automatic",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    for case in read_cohort(of_two / "cohort.csv").cases:
        made = read_mask(tmp_path / "run" / "cases" / case.case_id / "mask.nii.gz")
        scan = read_scan(case.images["mr-t1"])
        made.geometry.require_match(scan.geometry, this="mask", that="image")
