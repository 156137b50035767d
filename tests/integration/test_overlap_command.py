"""``oncotrace overlap``: two mask files of any kind, every measure."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from scipy.ndimage import binary_erosion
from typer.testing import CliRunner

from oncotrace.cli.overlap import overlap
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError, InputError, SettingsError
from oncotrace.io.volume_file import write_mask
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.pipeline.overlap import overlap_of_files

BUNDLED = files("oncotrace") / "demo_case"
IMAGE = Path(str(BUNDLED / "STS_003_mr_t1.zip"))
OUTLINE = Path(str(BUNDLED / "STS_003_mr_t1_rtstruct.dcm"))
GRID = Geometry((30, 24, 16), (0.8, 0.8, 3.0))
CONTRACT = (
    "dice", "jaccard", "f2", "sensitivity", "precision", "volume_similarity",
    "volume_error_percent", "volume_error_ml", "hd_mm", "hd95_mm", "assd_mm", "surface_dice",
    "added_path_length_mm", "centre_distance_mm",
)  # fmt: skip


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command("overlap")(overlap)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["overlap", *map(str, arguments)])


def ball(radius_mm: float, shift: int = 0) -> Mask:
    z, y, x = np.indices(GRID.shape_zyx)
    apart = ((z - 8) * 3.0) ** 2 + ((y - 12) * 0.8) ** 2 + ((x - 14 - shift) * 0.8) ** 2
    return Mask(apart < radius_mm**2, GRID)


@pytest.fixture
def masks(tmp_path: Path) -> tuple[Path, Path]:
    """Two mask files: a ball, and one moved by three voxels."""
    paths = tmp_path / "reference.nii.gz", tmp_path / "mask.nii.gz"
    for path, mask in zip(paths, (ball(8), ball(8, 3)), strict=True):
        write_mask(mask, path)
    return paths


def test_every_measure_is_one_json_object(masks):
    done = run(*masks, "--json")
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["format"] == 1
    for name in CONTRACT:
        assert isinstance(result[name], float), name
    assert result["tolerance_mm"] == 2
    assert result["centre_distance_mm"] == pytest.approx(2.4)
    assert result["hd_mm"] == pytest.approx(2.4)
    assert (result["infinite_measures"], result["warnings"]) == ("", [])
    assert (result["reference_lesions"], result["lesion_f1"]) == (1, 1)


def test_the_tolerance_is_that_of_the_surface_dice(masks):
    scores = [
        json.loads(run(*masks, "--json", "--tolerance-mm", mm).stdout)["surface_dice"]
        for mm in (0, 1, 2.4)
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1] == 1


def test_a_lesion_is_found_by_a_voxel_or_by_the_dice_that_is_asked_for(masks):
    found = [
        json.loads(run(*masks, "--json", "--lesion-dice", dice).stdout)["found_lesions"]
        for dice in (0.5, 0.99)
    ]
    assert found == [1, 0]
    assert json.loads(run(*masks, "--json").stdout)["found_lesions"] == 1


def test_people_get_a_table(masks):
    done = run(*masks)
    assert done.exit_code == 0
    for label in ("Dice", "HD95", "ASSD", "added path length", "Surface Dice at 2 mm"):
        assert label in done.stdout


def test_an_empty_mask_is_null_and_named_never_nan(masks, tmp_path):
    nothing = tmp_path / "nothing.nii.gz"
    write_mask(Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID), nothing)
    result = json.loads(run(masks[0], nothing, "--json").stdout)
    assert (result["dice"], result["hd95_mm"], result["volume_error_percent"]) == (0, None, -100)
    infinite = result["infinite_measures"].split()
    assert {"hd_mm", "hd95_mm", "assd_mm", "centre_distance_mm"} <= set(infinite)
    assert all(result[name] is None for name in infinite)
    assert result["lesion_precision"] is None
    assert "infinite" in run(masks[0], nothing).stdout
    both = json.loads(run(nothing, nothing, "--json").stdout)
    assert (both["dice"], both["hd_mm"], both["infinite_measures"]) == (1, 0, "")


def test_an_rtstruct_is_compared_on_the_image_it_was_drawn_on(tmp_path):
    outline = load_mask(OUTLINE, image=load_scan(IMAGE, "mr-t1")).mask
    smaller = tmp_path / "smaller.nii.gz"
    write_mask(Mask(binary_erosion(outline.voxels), outline.geometry), smaller)
    done = run(OUTLINE, smaller, "--image", IMAGE, "--json")
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["precision"], result["false_positive_lesions"]) == (1, 0)
    assert result["volume_error_ml"] < 0
    with pytest.raises(SettingsError, match="needs the grid of the images") as caught:
        overlap_of_files(OUTLINE, smaller, tolerance_mm=2)
    assert caught.value.code == "no-source"
    with pytest.raises(InputError, match="no such region"):
        overlap_of_files(OUTLINE, smaller, tolerance_mm=2, image=IMAGE, region="no such region")


def test_a_region_of_two_plain_volumes_is_refused(masks):
    with pytest.raises(SettingsError, match="plain volumes have none"):
        overlap_of_files(*masks, tolerance_mm=2, region="tumour")


def test_masks_on_different_grids_and_missing_files_are_refused(masks, tmp_path):
    other = tmp_path / "other.nii.gz"
    write_mask(Mask(ball(8).voxels, Geometry(GRID.size_xyz, (0.8, 0.8, 3.5))), other)
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        overlap_of_files(masks[0], other, tolerance_mm=2)
    with pytest.raises(InputError, match=r"nowhere\.nii\.gz"):
        overlap_of_files(masks[0], tmp_path / "nowhere.nii.gz", tolerance_mm=2)
    assert run(*masks, "--tolerance-mm", -1).exit_code == 2
