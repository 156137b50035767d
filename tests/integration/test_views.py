"""Two images of one tumour in different planes, joined from the command line."""

import json

import numpy as np
import pytest
from tests.integration.conftest import write_tiny_model
from tests.unit.pipeline.test_views import of_view

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.resample import resample_scan
from oncotrace.io.volume_file import read_mask, read_scan, write_scan

CUT = "six-click-graphcut"
SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@pytest.fixture
def sagittal(phantom, tmp_path):
    """Write the phantom in sagittal slices of 3 mm, and return the file."""
    grid = Geometry((44, 46, 16), (1.0, 1.0, 3.0), (-19.0, 13.0, 500.5), SAGITTAL)
    scan = read_scan(phantom.image, "mr-t1")
    path = tmp_path / "sagittal.nii.gz"
    write_scan(resample_scan(scan, grid, interpolation="linear", outside=200.0), path)
    return path


def segment(cli, phantom, out, *options, model=CUT):
    return cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--model", model, "--out", out, *options,
    )  # fmt: skip


def result_of(out):
    return json.loads((out / "result.json").read_text())


@pytest.mark.slow
def test_two_views_are_joined_and_verified(cli, phantom, sagittal, tmp_path):
    out = tmp_path / "out"
    run = segment(cli, phantom, out, "--view", f"{sagittal}={CUT}")
    assert run.exit_code == 0, run.stderr
    result = result_of(out)
    assert [view["view"] for view in result["views"]] == ["axial", "sagittal"]
    assert [view["model"] for view in result["views"]] == [CUT, CUT]
    assert set(result["inputs"]) == {"image", "clicks", "view_1"}
    assert any("joined on the grid of the axial view" in line for line in result["history"])
    assert result["predicted_dice"] is None
    assert result["slices_to_check"]
    assert dice(read_mask(out / "mask.nii.gz"), read_mask(phantom.mask)) > 0.9
    own = read_mask(out / "view-sagittal_mask.nii.gz")
    own.geometry.require_match(read_scan(sagittal).geometry, this="mask", that="image")
    read_mask(out / "view-axial_mask.nii.gz").geometry.require_match(
        phantom.geometry, this="mask", that="image"
    )
    verified = cli("verify", out)
    assert verified.exit_code == 0, verified.stdout


@pytest.mark.slow
def test_verify_notices_that_the_image_of_a_view_was_changed(cli, phantom, sagittal, tmp_path):
    out = tmp_path / "out"
    assert segment(cli, phantom, out, "--view", f"{sagittal}={CUT}").exit_code == 0
    scan = read_scan(sagittal)
    sagittal.unlink()
    write_scan(Scan(np.zeros_like(scan.voxels), scan.geometry), sagittal)
    verified = cli("verify", out)
    assert verified.exit_code == 1
    assert "inputs" in verified.stdout


def test_without_the_option_nothing_of_views_is_written(cli, phantom, tmp_path):
    out = tmp_path / "out"
    assert segment(cli, phantom, out).exit_code == 0
    assert "views" not in result_of(out)
    assert "views" not in json.loads((out / "run.json").read_text())["settings"]
    assert not [*out.glob("view-*")]


def test_a_model_of_another_view_is_used_with_a_warning(cli, phantom, tmp_path):
    out = tmp_path / "out"
    run = segment(cli, phantom, out, model=of_view(tmp_path / "coronal", "coronal"))
    assert run.exit_code == 0, run.stderr
    (warning,) = [text for text in result_of(out)["warnings"] if "was trained on coronal" in text]
    assert "this one is axial" in warning
    assert "was trained on coronal" in " ".join(run.stderr.split())
    assert cli("verify", out).exit_code == 0


def test_each_view_is_segmented_by_its_own_model(cli, phantom, sagittal, tmp_path):
    out, tiny = tmp_path / "out", write_tiny_model(tmp_path / "tiny")
    own = of_view(tmp_path / "sagittal-model", "sagittal")
    run = segment(cli, phantom, out, "--view", f"{sagittal}={own}", model=tiny)
    assert run.exit_code == 0, run.stderr
    result = result_of(out)
    assert [view["model"] for view in result["views"]] == ["tiny", "sagittal-model"]
    assert not any("was trained on" in text for text in result["warnings"])
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert settings["model_digest"] != settings["views"][0]["model_digest"]
    assert cli("verify", out).exit_code == 0


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("{image}", "is not IMAGE=MODEL"),
        ("={model}", "is not IMAGE=MODEL"),
        ("{image}=", "is not IMAGE=MODEL"),
        ("nowhere.nii.gz={model}", "nowhere.nii.gz"),
        ("{image}=no-such-model", "no segmenter called 'no-such-model'"),
        ("{image}=ellipsoid", "ellipsoid gives no probabilities"),
    ],
)
def test_views_that_cannot_be_used_are_refused(cli, phantom, sagittal, tmp_path, view, said):
    out = tmp_path / "out"
    run = segment(cli, phantom, out, "--view", view.format(image=sagittal, model=CUT))
    assert run.exit_code == 2
    assert said in " ".join(run.stderr.split())
    assert not out.exists()


def test_an_image_of_another_place_is_refused(cli, phantom, tmp_path):
    scan = read_scan(phantom.image)
    elsewhere = Geometry(scan.geometry.size_xyz, scan.geometry.spacing_mm, (900.0, 0.0, 0.0))
    write_scan(Scan(scan.voxels, elsewhere), tmp_path / "elsewhere.nii.gz")
    out = tmp_path / "out"
    run = segment(cli, phantom, out, "--view", f"{tmp_path / 'elsewhere.nii.gz'}={CUT}")
    assert run.exit_code == 2
    assert "axial-2 view: point 1" in " ".join(run.stderr.split())


def test_a_cohort_has_no_further_views(cli, cohort, sagittal, tmp_path):
    run = cli("segment", cohort(1), "--view", f"{sagittal}={CUT}", "--out", tmp_path / "out")
    assert run.exit_code == 2
    assert "--view cannot be used with a cohort" in " ".join(run.stderr.split())


@pytest.mark.slow
def test_a_joined_mask_is_corrected_where_it_lies(cli, phantom, sagittal, tmp_path):
    out = tmp_path / "out"
    assert segment(cli, phantom, out, "--view", f"{sagittal}={CUT}").exit_code == 0
    mask = read_mask(phantom.mask)
    outside = mask.geometry.to_point_mm((24 + 13, 22, 12))
    before = read_mask(out / "mask.nii.gz").voxels
    run = cli("refine", out, "--positive=" + ",".join(f"{mm:.1f}" for mm in outside))
    assert run.exit_code == 0, run.stderr
    assert (read_mask(out / "mask.nii.gz").voxels != before).any()
    result = result_of(out)
    assert result["corrections"] == 1
    assert [view["view"] for view in result["views"]] == ["axial", "sagittal"]
    verified = cli("verify", out)
    assert verified.exit_code == 0, verified.stdout


def test_a_correction_names_the_image_of_a_view_that_was_changed(cli, phantom, sagittal, tmp_path):
    out = tmp_path / "out"
    assert segment(cli, phantom, out, "--view", f"{sagittal}={CUT}").exit_code == 0
    scan = read_scan(sagittal)
    sagittal.unlink()
    write_scan(Scan(np.zeros_like(scan.voxels), scan.geometry), sagittal)
    run = cli("refine", out, "--positive=0,30,520")
    assert run.exit_code == 2
    said = " ".join(run.stderr.split())
    assert "sagittal.nii.gz is not what the mask in out was made from" in said
