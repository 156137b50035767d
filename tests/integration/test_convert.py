"""`oncotrace convert`, on made series and on real ones."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import GRID, PLANTED_NAME, series, values, write_series
from typer.testing import CliRunner, Result

from oncotrace.cli.app import _Commands
from oncotrace.cli.convert import convert
from oncotrace.io.volume_file import read_mask, read_scan

Command = Callable[..., Result]


@pytest.fixture
def run() -> Command:
    """Run the command in this process, with the exit codes of the whole program."""
    app = typer.Typer(cls=_Commands)
    app.command("convert")(convert)
    app.command("another")(lambda: None)  # with one command alone typer drops its name

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["convert", *map(str, arguments)])

    return call


def made_ct(folder: Path) -> Path:
    return write_series(folder / "ct", series())


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_a_series_is_written_on_its_own_grid_with_its_record(
    suffix: str, run: Command, tmp_path: Path
) -> None:
    out = tmp_path / "new" / f"ct{suffix}"
    made = run(made_ct(tmp_path), "--out", out)
    assert made.exit_code == 0, made.stderr
    scan = read_scan(out)
    scan.geometry.require_match(GRID, this="written image", that="series")
    np.testing.assert_array_equal(scan.voxels, values())
    text = out.with_name("ct.json").read_text()
    record = json.loads(text)
    assert record["geometry"]["spacing_mm"] == [0.7, 0.9, 2.5]
    assert record["modality"] == "ct"
    assert (record["suv"], record["pet_units"], record["masks"]) == (None, None, [])
    assert len(record["inputs"]["image"]) == 64
    assert PLANTED_NAME not in text + made.output


def test_nothing_is_written_over_and_a_dry_run_writes_nothing(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "ct.nii.gz"
    dry = run(made_ct(tmp_path), "--out", out, "--dry-run")
    assert dry.exit_code == 0
    assert "Nothing is written" in dry.stdout
    assert not out.exists()
    out.with_name("ct.json").write_text("mine")
    refused = run(tmp_path / "ct", "--out", out)
    assert (refused.exit_code, "output-exists" in refused.stderr) == (2, True)
    assert not out.exists()
    assert out.with_name("ct.json").read_text() == "mine"


def test_pet_without_what_suv_needs_is_refused_or_kept_as_stored(
    run: Command, tmp_path: Path
) -> None:
    def in_activity(_: int, dataset: Dataset) -> None:
        dataset.Units, dataset.DecayCorrection = "BQML", "START"

    folder = write_series(tmp_path / "pet", series(modality="PT", change=in_activity))
    out = tmp_path / "pet.nii.gz"
    refused = run(folder, "--out", out)
    assert refused.exit_code == 2
    assert "suv-missing-tag" in refused.stderr
    assert "PatientWeight (0010,1030)" in refused.stderr
    kept = run(folder, "--out", out, "--pet-units", "stored")
    assert kept.exit_code == 0, kept.stderr
    np.testing.assert_array_equal(read_scan(out).voxels, values())
    assert json.loads(out.with_name("pet.json").read_text())["pet_units"] == "stored"
    assert run(folder, "--out", tmp_path / "b.nii.gz", "--pet-units", "kBq").exit_code == 2


def test_structures_need_their_file(run: Command, tmp_path: Path) -> None:
    made = run(made_ct(tmp_path), "--out", tmp_path / "x.nii.gz", "--region", "GTV")
    assert made.exit_code == 2
    assert "--mask" in made.stderr


def test_real_pet_is_suv_with_metabolic_volumes_of_its_structures(
    run: Command, tmp_path: Path, raw_series: Callable[[str], Path]
) -> None:
    folder = raw_series("FDG_PET")
    (structures,) = (folder / "mask").iterdir()
    out = tmp_path / "pet.nii.gz"
    made = run(folder / "image", "--out", out, "--mask", structures)
    assert made.exit_code == 0, made.stderr
    record = json.loads(out.with_name("pet.json").read_text())
    assert record["suv"]["decay_s"] == [2711, 2711]
    masks = {mask["name"]: mask for mask in record["masks"]}
    assert set(masks) == {"GTV_Mass", "GTV_Edema"}
    suv, mask = read_scan(out).voxels, read_mask(tmp_path / "pet_mask_GTV_Mass.nii.gz")
    uptake = masks["GTV_Mass"]["uptake"]
    assert uptake["suv_max"] == pytest.approx(float(suv[mask.voxels].max()), rel=1e-6)
    assert uptake["suv_max"] > uptake["suv_peak"] > uptake["suv_mean"]
    by_rule = {volume["rule"]: volume for volume in uptake["metabolic_volumes"]}
    assert by_rule["SUV 2.5"]["volume_ml"] > by_rule["SUV 4"]["volume_ml"] > 0
    assert by_rule["41 % of maximum"]["volume_ml"] > by_rule["50 % of maximum"]["volume_ml"] > 0
    assert masks["GTV_Mass"]["volume_ml"] > by_rule["SUV 2.5"]["volume_ml"]


@pytest.mark.parametrize("case", ["STS_003", "STS_025"])
@pytest.mark.parametrize(("folder", "name"), [("CT", "ct"), ("MR_T1", "mr_t1"), ("PET", "pet")])
def test_real_series_and_masks_are_those_of_the_prepared_files(
    case: str, folder: str, name: str, run: Command, tmp_path: Path, shared_data: Path
) -> None:
    source = shared_data / "sts_dicom" / case / folder
    structures = [path for path in source.rglob("*.dcm") if _is_rtstruct(path)]
    out = tmp_path / "image.nii.gz"
    made = run(source, "--out", out, "--mask", structures[0])
    assert made.exit_code == 0, made.stderr
    prepared = shared_data / "sts" / case
    (written,) = tmp_path.glob("image_mask_*.nii.gz")
    mask = read_mask(written)
    reference = read_mask(prepared / f"{name}_mask.nii.gz")
    mask.geometry.require_match(reference.geometry, this="mask", that="reference")
    np.testing.assert_array_equal(mask.voxels, reference.voxels)
    voxels, wanted = read_scan(out).voxels, read_scan(prepared / f"{name}.nii.gz").voxels
    tolerance = 0.0006 if name == "pet" else 0.5  # as the prepared ones are rounded
    assert float(np.abs(voxels - wanted).max()) <= tolerance


def _is_rtstruct(path: Path) -> bool:
    import pydicom

    return bool(pydicom.dcmread(path, stop_before_pixels=True).Modality == "RTSTRUCT")
