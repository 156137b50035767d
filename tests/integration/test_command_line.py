"""The commands on good input: what they write, print and exit with."""

import json
import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from oncotrace import __version__
from oncotrace.imaging.overlap import dice
from oncotrace.io.folds_table import read_folds
from oncotrace.io.volume_file import read_mask
from oncotrace.learning.model_folder import read_model
from oncotrace.pipeline.demo import FOLD, MODEL
from oncotrace.segment.trained import packaged_models

BUNDLED = files("oncotrace") / "demo_case"


def points_of(phantom) -> list[list[float]]:
    return json.loads(phantom.clicks.read_text())["points_mm"]


def segmented(cli, phantom, out, *clicks):
    run = cli("segment", phantom.image, *clicks, "--modality", "mr-t1", "--out", out)
    assert run.exit_code == 0, run.stderr
    return read_mask(out / "mask.nii.gz")


def test_the_demo_segments_the_bundled_patient(cli, tmp_path):
    out = tmp_path / "demo"
    run = cli("demo", "--out", out)
    assert run.exit_code == 0, run.stderr
    assert "fold 2, which never saw this patient" in run.stdout
    assert "Dice" in run.stdout
    assert str(out / "picture.png") in run.stdout
    result = json.loads((out / "result.json").read_text())
    assert result["format"] == 1
    assert 60 < result["volume_ml"] < 100  # the published outline holds 80 ml
    mask = sitk.ReadImage(str(out / "mask.nii.gz"))
    assert mask.GetSize() == (121, 138, 47)
    assert (out / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_demo_uses_the_network_that_never_saw_its_patient(cli, tmp_path):
    folds = read_folds(Path(__file__).parents[2] / "benchmarks" / "folds.csv")
    assert folds["STS_003"] == FOLD
    card = read_model(packaged_models()[MODEL]).card
    assert f"| STS_003/mr-t1 | {FOLD} |" in card
    out = tmp_path / "demo"
    assert cli("demo", "--out", out).exit_code == 0
    record = json.loads((out / "run.json").read_text())
    assert (record["settings"]["model"], record["settings"]["fold"]) == (MODEL, FOLD)
    history = json.loads((out / "result.json").read_text())["history"]
    assert any(f"network of fold {FOLD} on" in line for line in history)
    assert cli("verify", out).exit_code == 0


@pytest.mark.slow
def test_a_model_without_clicks_comes_with_oncotrace(cli, tmp_path):
    out, image = tmp_path / "automatic", BUNDLED / "STS_003_mr_t1.zip"
    run = cli("segment", image, "--modality", "mr-t1", "--recipe", "automatic", "--out", out)
    assert run.exit_code == 0, run.stderr
    result = json.loads((out / "result.json").read_text())
    assert 60 < result["volume_ml"] < 100  # the published outline holds 80 ml
    assert 0.5 < result["predicted_dice"] < 1
    assert cli("verify", out).exit_code == 0


def test_the_clicks_of_the_demo_are_those_that_its_source_says(cli, tmp_path):
    drawn = tmp_path / "clicks.json"
    run = cli(
        "clicks", "simulate", BUNDLED / "STS_003_mr_t1_rtstruct.dcm",
        "--image", BUNDLED / "STS_003_mr_t1.zip", "--person-like", "--seed", 0, "--out", drawn,
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert json.loads(drawn.read_text()) == json.loads((BUNDLED / "clicks.json").read_text())


@pytest.mark.slow
def test_the_demo_does_not_write_over_its_own_results(cli, tmp_path):
    out = tmp_path / "demo"
    assert cli("demo", "--out", out).exit_code == 0
    before = (out / "result.json").read_text()
    assert cli("demo", "--out", out).exit_code == 2
    assert (out / "result.json").read_text() == before


def test_the_mask_lies_on_the_grid_of_the_image(cli, phantom, tmp_path):
    mask = segmented(cli, phantom, tmp_path / "out", "--clicks", phantom.clicks)
    assert mask.geometry.matches(phantom.geometry)
    assert dice(mask, read_mask(phantom.mask)) > 0.85


@pytest.mark.slow
def test_points_on_the_command_line_are_the_same_as_points_in_a_file(cli, phantom, tmp_path):
    options = []
    for x, y, z in points_of(phantom):
        options += ["--point", f"{x},{y},{z}"]
    from_file = segmented(cli, phantom, tmp_path / "file", "--clicks", phantom.clicks)
    from_points = segmented(cli, phantom, tmp_path / "points", *options)
    np.testing.assert_array_equal(from_file.voxels, from_points.voxels)


@pytest.mark.slow
def test_a_box_serves_as_a_coarser_prompt(cli, phantom, tmp_path):
    low, high = (getattr(np.array(points_of(phantom)), name)(axis=0) for name in ("min", "max"))
    corners = [",".join(map(str, low - 3)), ",".join(map(str, high + 3))]
    mask = segmented(cli, phantom, tmp_path / "out", "--box", *corners)
    assert dice(mask, read_mask(phantom.mask)) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".mrk.json", ".fcsv"])
def test_clicks_of_other_programs_give_the_same_mask(cli, phantom, tmp_path, suffix):
    other = tmp_path / f"clicks{suffix}"
    assert cli("clicks", "convert", phantom.clicks, other).exit_code == 0
    ours = segmented(cli, phantom, tmp_path / "ours", "--clicks", phantom.clicks)
    theirs = segmented(cli, phantom, tmp_path / "theirs", "--clicks", other)
    np.testing.assert_array_equal(ours.voxels, theirs.voxels)


@pytest.mark.slow
def test_the_clicks_are_kept_beside_the_mask(cli, phantom, tmp_path):
    segmented(cli, phantom, tmp_path / "out", "--clicks", phantom.clicks)
    kept = json.loads((tmp_path / "out" / "clicks.json").read_text())
    assert kept["points_mm"] == points_of(phantom)


def test_result_json_has_every_key_that_scripts_rely_on(cli, phantom, tmp_path):
    segmented(cli, phantom, tmp_path / "out", "--clicks", phantom.clicks)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    promised = {
        "format", "volume_ml", "longest_axial_diameter_mm", "perpendicular_diameter_mm",
        "longest_3d_diameter_mm", "who_product_mm2", "sphere_diameter_mm",
        "predicted_dice", "predicted_dice_interval",
        "slices_to_check", "ends_to_check", "seconds", "model", "version",
    }  # fmt: skip
    assert promised <= result.keys()
    assert result["version"] == __version__
    assert result["longest_axial_diameter_mm"] >= result["perpendicular_diameter_mm"]
    assert result["longest_3d_diameter_mm"] >= result["longest_axial_diameter_mm"]
    assert result["sphere_diameter_mm"] == pytest.approx(
        (6000 * result["volume_ml"] / math.pi) ** (1 / 3)
    )


@pytest.mark.slow
def test_ct_from_dicom_needs_no_modality(cli, shared_data, tmp_path):
    folder = shared_data / "sts_dicom" / "STS_025" / "CT"
    clicks = tmp_path / "clicks.json"
    drawn = cli(
        "clicks", "simulate", folder / "mask" / "RS.dcm", "--image", folder / "image",
        "--out", clicks,
    )  # fmt: skip
    assert drawn.exit_code == 0, drawn.stderr
    run = cli("segment", folder / "image", "--clicks", clicks, "--out", tmp_path / "out")
    assert run.exit_code == 0, run.stderr
    reference = read_mask(shared_data / "sts" / "STS_025" / "ct_mask.nii.gz")
    assert dice(read_mask(tmp_path / "out" / "mask.nii.gz"), reference) > 0.7


def test_measuring_an_rtstruct_gives_the_published_volume(cli):
    image, outline = BUNDLED / "STS_003_mr_t1.zip", BUNDLED / "STS_003_mr_t1_rtstruct.dcm"
    run = cli("measure", outline, "--image", image, "--json")
    assert run.exit_code == 0, run.stderr
    result = json.loads(run.stdout)
    # 25,693 voxels of the reference mask of this patient (IBSI validation set).
    assert result["volume_ml"] == pytest.approx(25693 * 0.976562**2 * 3.269955 / 1000, rel=1e-4)


def test_measure_prints_json_and_nothing_else(cli, phantom):
    run = cli("measure", phantom.mask, "--json")
    voxels = np.count_nonzero(read_mask(phantom.mask).voxels)
    assert json.loads(run.stdout)["volume_ml"] == pytest.approx(voxels * 2 / 1000)


def test_drawn_clicks_depend_on_the_seed_alone(cli, phantom, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.json"
        run = cli("clicks", "simulate", phantom.mask, "--person-like", "--seed", seed, "--out", out)
        assert run.exit_code == 0, run.stderr
    a, b, c = ((tmp_path / f"{name}.json").read_text() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.slow
def test_clicks_drawn_for_a_cohort_can_be_segmented(cli, cohort, tmp_path):
    run = cli("clicks", "simulate", cohort(2), "--person-like", "--out", tmp_path / "drawn")
    assert run.exit_code == 0, run.stderr
    run = cli("segment", tmp_path / "drawn" / "cohort.csv", "--out", tmp_path / "run")
    assert run.exit_code == 0, run.stderr
    assert len((tmp_path / "run" / "table.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_the_same_seed_gives_the_same_mask_and_picture(cli, phantom, tmp_path):
    for name in ("one", "two"):
        segmented(cli, phantom, tmp_path / name, "--clicks", phantom.clicks)
    for file in ("mask.nii.gz", "picture.png", "clicks.json"):
        one, two = ((tmp_path / name / file).read_bytes() for name in ("one", "two"))
        assert one == two


def test_options_of_a_cohort_are_refused_for_one_image(cli, phantom, tmp_path):
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", tmp_path / "out", "--resume",
    )  # fmt: skip
    assert run.exit_code == 2
    assert "--resume cannot be used with one image" in run.stderr


def test_the_version_is_printed(cli):
    assert cli("--version").stdout.strip() == __version__
