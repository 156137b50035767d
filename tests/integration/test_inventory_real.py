"""Inventory of real patients: sequences, geometry and links of STS_001 as it was scanned."""

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from tests.unit.io.headers.agreement import disagreements, row_of

from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.series import Series
from oncotrace.pipeline.inventory import make_inventory


def inventory_of(source: Path, out: Path) -> list[Series]:
    for _ in make_inventory(source, out, update=False, jobs=1):
        pass
    return read_inventory(out)


@pytest.mark.parametrize(
    ("name", "sequence", "grid"),
    [
        ("MR_T1", "mr-t1", (512, 512, 40)),
        ("MR_T2", "mr-t2fs", (384, 384, 40)),
        ("FDG_PET", "pet", (128, 128, 267)),
    ],
)
def test_scanned_series_are_recognised_and_linked_to_their_outlines(
    raw_series: Callable[[str], Path], tmp_path, name, sequence, grid
) -> None:
    rows = inventory_of(raw_series(name), tmp_path / "t.csv")
    (image,) = [row for row in rows if row.holds_pixels]
    (outline,) = [row for row in rows if row.modality == "RTSTRUCT"]
    assert image.sequence == image.modality_name == sequence
    assert (image.columns, image.rows, image.slices) == grid
    assert image.plane == "axial"
    assert image.referred_by == (outline.series_uid,)
    assert outline.structures == ("GTV_Mass", "GTV_Edema")


def test_pet_has_what_suv_needs(raw_series, tmp_path) -> None:
    rows = inventory_of(raw_series("FDG_PET"), tmp_path / "t.csv")
    (pet,) = [row for row in rows if row.holds_pixels]
    assert (pet.units, pet.decay_correction, pet.patient_weight_kg) == ("BQML", "START", 71)
    assert pet.injected_dose_bq == pytest.approx(388.8e6, rel=1e-3)
    assert (pet.half_life_s, pet.injection_time) == (6588, "103500.00")


def test_outlines_that_name_images_which_do_not_exist_say_so(shared_data, tmp_path) -> None:
    rows = inventory_of(shared_data / "sts_dicom", tmp_path / "t.csv")
    outlines = [row for row in rows if row.modality == "RTSTRUCT"]
    assert len(outlines) == 6
    assert {row.sequence for row in rows} == {"ct", "mr-t1", "pet", "rtstruct"}
    for row in outlines:
        assert row.link == "series"
        assert any("do not exist" in note for note in row.notes)


def test_headers_of_real_files_are_read_as_pydicom_reads_them(shared_data) -> None:
    paths = sorted((shared_data / "sts_dicom").rglob("*.dcm"))
    for path in paths[::5]:
        content = path.read_bytes()
        assert disagreements(content) == []
        assert row_of(content).code == ""


def test_headers_that_come_with_pydicom_are_read_or_reported() -> None:
    # Only what is installed: asking pydicom for its test files would download others.
    paths = sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm"))
    assert paths
    for path in paths:
        assert disagreements(path.read_bytes()) == [], path.name
