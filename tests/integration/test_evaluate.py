"""Evaluating masks and models: per case, together, against another, resumed and verified."""

import csv
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk


def with_column(table: Path, name: str, values: list[str]) -> None:
    """Add a column to a cohort table."""
    header, *rows = table.read_text().splitlines()
    lines = [f"{row},{value}" for row, value in zip(rows, values, strict=True)]
    table.write_text("\n".join([f"{header},{name}", *lines]) + "\n")


def write_predictions(table: Path, folder: Path, *, erode: int = 1) -> Path:
    """Write each case's reference, with some slices less at its lower end, as a prediction."""
    folder.mkdir()
    for case in sorted(path for path in table.parent.iterdir() if path.is_dir()):
        image = sitk.ReadImage(str(case / "mask.nii.gz"))
        voxels = sitk.GetArrayFromImage(image)
        filled = np.flatnonzero(voxels.any(axis=(1, 2)))
        voxels[filled[:erode]] = 0
        changed = sitk.GetImageFromArray(voxels)
        changed.CopyInformation(image)
        sitk.WriteImage(changed, str(folder / f"{case.name}.nii.gz"))
    return folder


def without_images(table: Path) -> Path:
    """Remove the images, which only pictures need; drawing them takes longer than all else."""
    for image in table.parent.glob("*/image.nii.gz"):
        image.unlink()
    return table


def result_of(out: Path, case: str) -> dict[str, object]:
    return dict(json.loads((out / "cases" / case / "result.json").read_text()))


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_masks_in_a_folder_are_evaluated_and_summarised(cohort, cli, tmp_path):
    table, out = cohort(4), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks")
    run = cli("evaluate", table, "--predictions", masks, "--out", out)
    assert run.exit_code == 0, run.stderr
    result = result_of(out, "case-01")
    whole, part = (
        int(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).sum())
        for path in (table.parent / "case-01" / "mask.nii.gz", masks / "case-01.nii.gz")
    )
    assert result["dice"] == pytest.approx(2 * part / (whole + part))
    assert result["sensitivity"] == pytest.approx(part / whole)
    assert result["precision"] == 1
    assert result["volume_error_percent"] == pytest.approx(100 * (part / whole - 1))
    assert result["volume_ml"] == pytest.approx(part * 2 / 1000)
    assert result["longest_axial_diameter_error_mm"] == 0
    assert "Dice" in run.stdout
    names = {path.name for path in (out / "figures").iterdir()}
    worst = {f"worst_{rank}.png" for rank in range(1, 5)}
    drawn = ("dice", "volume_bland_altman", "volume_scatter")
    assert names == {f"{name}.{form}" for name in drawn for form in ("png", "svg")} | worst
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["cases"], summary["evaluated"]) == (4, 4)
    rows = {row["measure"]: row for row in table_of(out / "summary.csv")}
    dices = [result_of(out, f"case-{n:02d}")["dice"] for n in range(4)]
    assert float(rows["dice"]["mean"]) == pytest.approx(np.mean(dices))
    assert rows["dice"]["group"] == "all"
    assert "click_to_mask_s" not in rows


@pytest.mark.slow
def test_a_model_is_evaluated_by_name_and_the_run_can_be_verified(cohort, cli, tmp_path):
    table, out = cohort(3), tmp_path / "run"
    run = cli("evaluate", table, "--model", "ellipsoid", "--out", out)
    assert run.exit_code == 0, run.stderr
    result = result_of(out, "case-00")
    assert result["model"] == "ellipsoid"
    assert result["click_to_mask_s"] > 0
    assert (out / "cases" / "case-00" / "mask.nii.gz").exists()
    verified = cli("verify", out)
    assert verified.exit_code == 0, verified.stdout
    assert "all 3 cases are the same" in verified.stdout


@pytest.mark.slow
def test_a_run_of_segment_is_evaluated_like_its_model(cohort, cli, tmp_path):
    table = cohort(3)
    assert cli("segment", table, "--model", "ellipsoid", "--out", tmp_path / "masks").exit_code == 0
    for name, source in (
        ("a", ("--model", "ellipsoid")),
        ("b", ("--predictions", tmp_path / "masks")),
    ):
        assert cli("evaluate", table, *source, "--out", tmp_path / name).exit_code == 0
    differing = {"seconds", "click_to_mask_s", "inputs", "input_digest"}
    a, b = (result_of(tmp_path / name, "case-02") for name in "ab")
    assert {k: v for k, v in a.items() if k not in differing} == {
        k: v for k, v in b.items() if k not in differing
    }
    assert b["click_to_mask_s"] > 0
    assert cli("verify", tmp_path / "b").exit_code == 0


def test_groups_are_those_of_the_column_and_empty_cells_are_named(cohort, cli, tmp_path):
    table, out = without_images(cohort(4)), tmp_path / "run"
    with_column(table, "clinical_type", ["0.0", "MFH", "MFH", ""])
    masks = write_predictions(table, tmp_path / "masks")
    run = cli("evaluate", table, "--predictions", masks, "--out", out, "--by", "clinical_type")
    assert run.exit_code == 0, run.stderr
    dice = [row for row in table_of(out / "summary.csv") if row["measure"] == "dice"]
    assert [(row["group"], row["n"]) for row in dice] == [
        ("all", "4"),
        ("MFH", "2"),
        ("0.0", "1"),
        ("not given", "1"),
    ]
    assert "MFH" in run.stdout


@pytest.mark.slow
def test_a_finished_run_can_be_asked_another_question(cohort, cli, tmp_path):
    table, out = without_images(cohort(3)), tmp_path / "run"
    with_column(table, "centre", ["A", "B", "B"])
    masks = write_predictions(table, tmp_path / "masks")
    assert cli("evaluate", table, "--predictions", masks, "--out", out).exit_code == 0
    before = (out / "cases" / "case-00").stat().st_ino
    run = cli("evaluate", table, "--predictions", masks, "--out", out, "--by", "centre", "--resume")
    assert run.exit_code == 0, run.stderr
    assert (out / "cases" / "case-00").stat().st_ino == before
    assert json.loads((out / "summary.json").read_text())["by"] == "centre"


@pytest.mark.slow
def test_two_evaluations_are_compared_patient_by_patient(cohort, cli, tmp_path):
    table = without_images(cohort(6))
    good = write_predictions(table, tmp_path / "good", erode=1)
    poor = write_predictions(table, tmp_path / "poor", erode=3)
    first, second = tmp_path / "first", tmp_path / "second"
    assert cli("evaluate", table, "--predictions", poor, "--out", first).exit_code == 0
    run = cli("evaluate", table, "--predictions", good, "--out", second, "--against", first)
    assert run.exit_code == 0, run.stderr
    rows = {row["measure"]: row for row in table_of(second / "comparison.csv")}
    assert rows["dice"]["patients"] == "6"
    assert float(rows["dice"]["mean_difference"]) > 0
    assert float(rows["dice"]["p_value"]) >= 2 / 2**6
    assert float(rows["dice"]["p_holm"]) >= float(rows["dice"]["p_value"])
    assert "Holm" in run.stdout


def test_an_evaluation_by_an_earlier_version_is_not_compared(cohort, cli, tmp_path):
    table, first = without_images(cohort(3)), tmp_path / "first"
    masks = write_predictions(table, tmp_path / "masks")
    assert cli("evaluate", table, "--predictions", masks, "--out", first).exit_code == 0
    record = json.loads((first / "run.json").read_text())
    del record["settings"]["surface_distances"]
    (first / "run.json").write_text(json.dumps(record))
    again = cli(
        "evaluate", table, "--predictions", masks, "--out", tmp_path / "new", "--against", first
    )
    assert again.exit_code == 2
    assert "other-distances" in again.stderr


def test_an_empty_prediction_is_infinitely_far_and_shown(cohort, cli, tmp_path):
    table, out = without_images(cohort(3)), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks")
    write_predictions(table, tmp_path / "none", erode=100)
    (masks / "case-01.nii.gz").unlink()
    (tmp_path / "none" / "case-01.nii.gz").rename(masks / "case-01.nii.gz")
    run = cli("evaluate", table, "--predictions", masks, "--out", out)
    assert run.exit_code == 0, run.stderr
    result = result_of(out, "case-01")
    assert (result["dice"], result["hausdorff95_mm"], result["volume_ml"]) == (0, None, 0)
    infinite = result["infinite_measures"].split()
    assert {"hausdorff_mm", "hausdorff95_mm", "assd_mm", "centre_distance_mm"} <= set(infinite)
    assert result["longest_3d_diameter_mm"] is None
    rows = {row["measure"]: row for row in table_of(out / "summary.csv")}
    assert (rows["hausdorff95_mm"]["n"], rows["hausdorff95_mm"]["not_finite"]) == ("2", "1")
    assert "HD95 is not finite in 1 of 3 cases" in run.stdout


def test_a_case_without_prediction_fails_and_is_said_to_be_missing(cohort, cli, tmp_path):
    table, out = without_images(cohort(3)), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks")
    (masks / "case-02.nii.gz").unlink()
    run = cli("evaluate", table, "--predictions", masks, "--out", out)
    assert run.exit_code == 1
    assert "1 of 3 cases are missing from these figures" in run.stderr
    (failure,) = table_of(out / "failures.csv")
    assert (failure["case_id"], failure["code"]) == ("case-02", "missing-prediction")
    assert json.loads((out / "summary.json").read_text())["evaluated"] == 2


def test_a_prediction_on_another_grid_and_an_empty_reference_fail(cohort, cli, tmp_path):
    table, out = without_images(cohort(3)), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks")
    image = sitk.ReadImage(str(masks / "case-00.nii.gz"))
    image.SetSpacing((1.0, 1.0, 2.5))
    sitk.WriteImage(image, str(masks / "case-00.nii.gz"))
    path = str(table.parent / "case-01" / "mask.nii.gz")
    sitk.WriteImage(sitk.ReadImage(path) * 0, path)
    assert cli("evaluate", table, "--predictions", masks, "--out", out).exit_code == 1
    codes = {row["case_id"]: row["code"] for row in table_of(out / "failures.csv")}
    assert codes == {"case-00": "geometry-mismatch", "case-01": "empty-mask"}


def test_nothing_to_summarise_is_no_error_of_its_own(cohort, cli, tmp_path):
    table, out = cohort(1), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks")
    (masks / "case-00.nii.gz").write_bytes(b"not an image")
    assert cli("evaluate", table, "--predictions", masks, "--out", out).exit_code == 1
    assert json.loads((out / "summary.json").read_text())["measures"] == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), "settings", "needs predicted masks"),
        (("--model", "ellipsoid", "--predictions", "{masks}"), "settings", "needs predicted masks"),
        (("--predictions", "{masks}", "--seed", "1"), "settings", "cannot be used with"),
        (("--predictions", "{empty}"), "no-predictions", "for any of the 2 cases"),
        (("--model", "no-such-model"), "unknown-model", "no segmenter called"),
        (("--predictions", "{masks}", "--by", "histology"), "unknown-column", "no column"),
        (("--predictions", "{masks}", "--against", "{empty}"), "not-a-run", "no run.json"),
        (("--predictions", "{masks}", "--against", "{segmented}"), "not-an-evaluation", "is not"),
    ],
)  # fmt: skip
def test_wrong_questions_are_refused_before_any_work(options, code, words, cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    write_predictions(table, tmp_path / "masks")
    (tmp_path / "empty").mkdir()
    (tmp_path / "segmented").mkdir()
    record = {"format": 1, "settings": {"journey": "segment"}}
    (tmp_path / "segmented" / "run.json").write_text(json.dumps(record))
    places = {name: tmp_path / name for name in ("masks", "empty", "segmented")}
    run = cli("evaluate", table, "--out", out, *(option.format(**places) for option in options))
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert words in " ".join(run.stderr.split())
    assert not out.exists()


def test_evaluations_of_other_cases_or_other_references_are_not_compared(cohort, cli, tmp_path):
    table = without_images(cohort(3))
    masks = write_predictions(table, tmp_path / "masks")
    first = tmp_path / "first"
    assert cli("evaluate", table, "--predictions", masks, "--out", first).exit_code == 0
    path = table.parent / "case-01" / "mask.nii.gz"
    path.write_bytes((masks / "case-01.nii.gz").read_bytes())
    run = cli(
        "evaluate", table, "--predictions", masks, "--out", tmp_path / "second", "--against", first
    )
    assert run.exit_code == 2
    assert "(other-references): case case-01" in run.stderr
    renamed = table.with_name("other.csv")
    renamed.write_text(table.read_text().replace("\ncase-", "\nother-"))
    for mask in masks.iterdir():
        mask.rename(mask.with_name(mask.name.replace("case", "other")))
    run = cli(
        "evaluate", renamed, "--predictions", masks, "--out", tmp_path / "third", "--against", first
    )
    assert run.exit_code == 2
    assert "(no-common-cases)" in run.stderr


@pytest.mark.slow
def test_two_jobs_give_the_same_tables_as_one(cohort, cli, tmp_path):
    table = without_images(cohort(4))
    masks = write_predictions(table, tmp_path / "masks")
    for jobs in (1, 2):
        out = tmp_path / f"run{jobs}"
        run = cli("evaluate", table, "--predictions", masks, "--out", out, "--jobs", jobs)
        assert run.exit_code == 0, run.stderr
    for name in ("table.csv", "summary.csv", "figures/dice.png"):
        assert (tmp_path / "run1" / name).read_bytes() == (tmp_path / "run2" / name).read_bytes()


def test_cases_without_an_image_are_evaluated_but_not_pictured(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks")
    (table.parent / "case-00" / "image.nii.gz").unlink()
    assert cli("evaluate", table, "--predictions", masks, "--out", out).exit_code == 0
    assert {path.name for path in (out / "figures").iterdir()} == {
        "dice.png",
        "dice.svg",
        "worst_1.png",
    }
    cells = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("".join(",".join([row[0], *row[2:]]) + "\n" for row in cells))
    assert cli("evaluate", table, "--predictions", masks, "--out", tmp_path / "bare").exit_code == 0
    assert {path.name for path in (tmp_path / "bare" / "figures").iterdir()} == {
        "dice.png",
        "dice.svg",
    }


def test_a_reference_drawn_on_dicom_is_laid_on_its_image(cli, tmp_path):
    demo = files("oncotrace") / "demo_case"
    table = tmp_path / "cohort.csv"
    names = ("STS_003_mr_t1.zip", "STS_003_mr_t1_rtstruct.dcm", "clicks.json")
    row = ",".join(str(demo / name) for name in names)
    table.write_text(f"case_id,image_mr-t1,mask_mr-t1,clicks\nSTS_003,{row}\n")
    run = cli("evaluate", table, "--model", "ellipsoid", "--out", tmp_path / "run")
    assert run.exit_code == 0, run.stderr
    result = result_of(tmp_path / "run", "STS_003")
    assert 0.6 < float(str(result["dice"])) < 0.95
    assert set(result["inputs"]) == {"reference_mask", "reference_image", "image", "clicks"}


def test_a_perfect_prediction_has_no_error_at_all(cohort, cli, tmp_path):
    table, out = without_images(cohort(4)), tmp_path / "run"
    masks = write_predictions(table, tmp_path / "masks", erode=0)
    run = cli("evaluate", table, "--predictions", masks, "--out", out)
    assert run.exit_code == 0, run.stderr
    summary = json.loads((out / "summary.json").read_text())
    limits = summary["volume_bland_altman_percent"]
    assert (limits["bias"], limits["sd"], limits["upper"]) == (0, 0, 0)
    rows = {row["measure"]: row for row in table_of(out / "summary.csv")}
    assert {rows[name]["mean"] for name in ("dice", "jaccard", "surface_dice")} == {"1.0"}
    assert {rows[name]["greatest"] for name in ("hausdorff95_mm", "assd_mm")} == {"0.0"}
