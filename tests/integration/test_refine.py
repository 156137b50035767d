"""A segmented case is corrected where it lies: at once, undone, redone, verified, never lost."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.pipeline.killer import Killed, every_moment, killed_after

from oncotrace.domain.clicks import Correction
from oncotrace.errors import SettingsError
from oncotrace.io.clicks_file import read_clicks
from oncotrace.io.volume_file import read_mask, write_mask
from oncotrace.pipeline.refine import refine_case
from oncotrace.pipeline.run.replacement import is_half_replaced
from oncotrace.pipeline.segment import segment_case
from oncotrace.segment.voi import voxels_at

DEMO = Path(__file__).parents[2] / "src" / "oncotrace" / "demo_case"
KEPT = ("clicks.json", "mask.nii.gz", "picture.png", "result.json", "run.json")
FAST = ("--model", "ellipsoid")


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled patient, segmented without a network."""
    folder = tmp_path_factory.mktemp("refine") / "case"
    segment_case(
        DEMO / "STS_003_mr_t1.zip",
        read_clicks(DEMO / "clicks.json"),
        folder,
        modality="mr-t1",
        model="six-click-graphcut",
        seed=0,
        case_id="STS_003",
    )
    return folder


@pytest.fixture
def case(segmented: Path, tmp_path: Path) -> Path:
    """Return a copy of the case, to be corrected."""
    return shutil.copytree(segmented, tmp_path / "case")


@pytest.fixture
def small(cli, phantom, tmp_path: Path) -> Path:
    """Return a small synthetic case that is quickly corrected."""
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", tmp_path / "small", *FAST,
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    return tmp_path / "small"


def result_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def mask_of(folder: Path) -> NDArray[np.bool_]:
    return read_mask(folder / "mask.nii.gz").voxels


def state_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def inside_and_outside(folder: Path) -> tuple[str, str]:
    """Return two points to be typed, 6 mm within the mask's end along x and 6 mm beyond it."""
    mask = read_mask(folder / "mask.nii.gz")
    z, y, _ = (round(v) for v in np.argwhere(mask.voxels).mean(axis=0))
    row = np.flatnonzero(mask.voxels[z, y])
    steps = round(6 / mask.geometry.spacing_mm[0])
    inside, outside = (
        mask.geometry.to_point_mm(np.array([x, y, z])) for x in (row[-1] - steps, row[-1] + steps)
    )
    return ",".join(map(str, inside.tolist())), ",".join(map(str, outside.tolist()))


def is_in_mask(folder: Path, typed: str) -> bool:
    mask = read_mask(folder / "mask.nii.gz")
    point = np.array([[float(number) for number in typed.split(",")]])
    return bool(mask.voxels[tuple(voxels_at(point, mask.geometry)[0])])


def test_a_correction_is_obeyed_and_everything_follows(cli, case):
    _, outside = inside_and_outside(case)
    before = result_of(case)
    (case / "segmentation.dcm").write_text("an export of the mask before")
    (case / "mine.txt").write_text("mine")
    run = cli("refine", case, f"--positive={outside}")
    assert run.exit_code == 0, run.stderr
    assert "Corrections that count: 1." in run.stdout
    assert "note: segmentation.dcm in this folder hold the mask as it was before" in run.stderr
    assert is_in_mask(case, outside)
    result = result_of(case)
    assert (before["corrections"], result["corrections"]) == (0, 1)
    assert before["predicted_dice"] is not None
    assert result["predicted_dice"] is result["slices_to_check"] is None
    assert result["voxels"] == np.count_nonzero(mask_of(case)) > before["voxels"]
    assert result["input_digest"] == before["input_digest"]
    assert result["inputs"]["image"] == before["inputs"]["image"]
    assert result["inputs"]["clicks"] != before["inputs"]["clicks"]
    [correction] = read_clicks(case / "clicks.json").corrections
    assert correction.kind == "positive"
    assert correction.at.endswith("+00:00")
    assert len(json.loads((case / "run.json").read_text())["refined"]) == 1
    others = {"history", "segmentation.dcm", "mine.txt"}
    assert {path.name for path in case.iterdir()} == {*KEPT, *others}
    kept = case / "history" / "0001"
    assert {path.name for path in kept.iterdir()} == set(KEPT)
    assert result_of(kept) == before
    assert (case / "mine.txt").read_text() == "mine"
    assert (case / "segmentation.dcm").read_text() == "an export of the mask before"
    verified = cli("verify", case)
    assert verified.exit_code == 0, verified.stdout


@pytest.mark.slow
def test_undo_and_redo_bring_back_every_voxel_and_number(cli, case):
    inside, outside = inside_and_outside(case)
    masks, results = [mask_of(case)], [result_of(case)]
    for option in (f"--negative={inside}", f"--positive={outside}"):
        assert cli("refine", case, option).exit_code == 0
        masks.append(mask_of(case))
        results.append(result_of(case))
    assert not is_in_mask(case, inside)
    assert is_in_mask(case, outside)
    for option, state in (("--undo", 1), ("--undo", 0), ("--redo", 1), ("--redo", 2)):
        run = cli("refine", case, option)
        assert run.exit_code == 0, run.stderr
        np.testing.assert_array_equal(mask_of(case), masks[state])
        now = result_of(case)
        for name in ("corrections", "volume_ml", "predicted_dice", "ends_to_check", "history"):
            assert now[name] == results[state][name]
    kinds = [correction.kind for correction in read_clicks(case / "clicks.json").corrections]
    assert kinds == ["negative", "positive", "undo", "undo", "redo", "redo"]
    assert len(json.loads((case / "run.json").read_text())["refined"]) == 6
    assert cli("verify", case).exit_code == 0


@pytest.mark.slow
def test_corrections_at_once_are_those_one_by_one(cli, small, tmp_path):
    inside, outside = inside_and_outside(small)
    line = [[float(n) for n in point.split(",")] for point in (inside, outside)]
    strokes = tmp_path / "strokes.json"
    stroke = {"kind": "stroke", "points_mm": line, "radius_mm": 1.5, "paints": False}
    strokes.write_text(json.dumps({"format": 1, "frame": "LPS", "corrections": [stroke]}))
    single = shutil.copytree(small, tmp_path / "single")
    options = (f"--positive={outside}", f"--negative={inside}", f"--stroke={strokes}")
    assert cli("refine", small, *reversed(options)).exit_code == 0
    for option in options:
        assert cli("refine", single, option).exit_code == 0
    np.testing.assert_array_equal(mask_of(small), mask_of(single))
    assert not is_in_mask(small, inside)
    assert not is_in_mask(small, outside)
    kinds = [correction.kind for correction in read_clicks(small / "clicks.json").corrections]
    assert kinds == ["positive", "negative", "stroke"]


@pytest.mark.slow
def test_segmenting_with_corrected_clicks_gives_the_corrected_mask(cli, phantom, small, tmp_path):
    _, outside = inside_and_outside(small)
    assert cli("refine", small, f"--positive={outside}").exit_code == 0
    run = cli(
        "segment", phantom.image, "--clicks", small / "clicks.json", "--modality", "mr-t1",
        "--out", tmp_path / "again", *FAST,
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    np.testing.assert_array_equal(mask_of(tmp_path / "again"), mask_of(small))
    assert result_of(tmp_path / "again")["corrections"] == 1


@pytest.mark.slow
def test_a_corrected_case_of_a_cohort_is_kept_verified_and_listed(cli, cohort, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    case = out / "cases" / "case-00"
    _, outside = inside_and_outside(case)
    run = cli("refine", case, f"--positive={outside}")
    assert run.exit_code == 0, run.stderr
    corrected = state_of(case)
    files = set(KEPT) - {"run.json"}
    assert set(corrected) == files | {f"history/0001/{name}" for name in files}
    rows = (out / "table.csv").read_text().splitlines()
    assert f",{result_of(case)['voxels']}" in rows[1]
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert (last["case_id"], last["event"]) == ("case-00", "refined")
    verified = cli("verify", out)
    assert verified.exit_code == 0, verified.stdout
    resumed = cli("segment", table, "--out", out, "--resume", *FAST)
    assert resumed.exit_code == 0, resumed.stderr
    assert "2 of 2 cases done" in resumed.stdout
    assert state_of(case) == corrected
    assert (out / "table.csv").read_text().splitlines() == rows
    assert cli("refine", case, "--undo").exit_code == 0
    assert cli("verify", out).exit_code == 0


def test_a_changed_clicks_file_of_a_cohort_is_still_noticed(cli, cohort, tmp_path):
    table, out = cohort(1), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    clicks = table.parent / "case-00" / "clicks.json"
    content = json.loads(clicks.read_text())
    content["points_mm"][0][0] += 1
    clicks.write_text(json.dumps(content))
    run = cli("verify", out)
    assert run.exit_code == 1
    assert "inputs: recorded" in run.stdout


# ---- refusals ----------------------------------------------------------------------------------


def require_refusal(cli, folder: Path, code: str, *options: object) -> str:
    """Ask for what is refused; nothing in the folder changes."""
    before = state_of(folder)
    run = cli("refine", folder, *options)
    assert run.exit_code == 2, run.stdout
    assert f"({code})" in run.stderr
    assert state_of(folder) == before
    return run.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "no-corrections"),
        (("--undo",), "nothing-to-undo"),
        (("--redo",), "nothing-to-redo"),
        (("--positive", "9999,0,0"), "click-outside"),
        (("--positive", "1,2"), "not-a-point"),
        (("--undo", "--positive", "1,2,3"), "settings"),
        (("--undo", "--redo"), "settings"),
        (("--redo", "--negative", "1,2,3"), "settings"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(cli, small, options, code):
    require_refusal(cli, small, code, *options)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("nowhere.json", None, "missing-file"),
        ("strokes.json", "{", "not-json"),
        ("strokes.mrk.json", "{}", "unknown-format"),
        ("strokes.json", '{"format": 1, "frame": "LPS", "corrections": []}', "not-strokes"),
    ],
)
def test_strokes_that_cannot_be_read_are_refused(cli, small, tmp_path, name, content, code):
    if content is not None:
        (tmp_path / name).write_text(content)
    require_refusal(cli, small, code, "--stroke", tmp_path / name)


@pytest.mark.slow
def test_a_new_correction_makes_redo_impossible(cli, small):
    inside, outside = inside_and_outside(small)
    for option in (f"--positive={outside}", "--undo", f"--negative={inside}"):
        assert cli("refine", small, option).exit_code == 0
    require_refusal(cli, small, "nothing-to-redo", "--redo")


def test_a_mask_that_somebody_edited_is_not_lost(cli, small):
    mask = read_mask(small / "mask.nii.gz")
    voxels = mask.voxels.copy()
    voxels[tuple(np.argwhere(voxels)[0])] = False
    (small / "mask.nii.gz").unlink()
    write_mask(type(mask)(voxels, mask.geometry), small / "mask.nii.gz")
    inside, _ = inside_and_outside(small)
    text = require_refusal(cli, small, "mask-changed", f"--negative={inside}")
    assert "1 voxels differ" in text


def test_changed_clicks_are_noticed(cli, small):
    inside, _ = inside_and_outside(small)
    content = json.loads((small / "clicks.json").read_text())
    content["points_mm"][0][0] += 1
    (small / "clicks.json").write_text(json.dumps(content))
    text = require_refusal(cli, small, "inputs-changed", f"--negative={inside}")
    assert "clicks.json is not what the mask in small was made from" in text


@pytest.mark.slow
def test_an_image_that_is_gone_or_another_is_refused(cli, small, phantom):
    inside, _ = inside_and_outside(small)
    content = phantom.image.read_bytes()
    phantom.image.unlink()
    text = require_refusal(cli, small, "image-gone", f"--negative={inside}")
    assert "image.nii.gz is not where it was" in text
    shutil.copy(phantom.mask, phantom.image)
    require_refusal(cli, small, "inputs-changed", f"--negative={inside}")
    phantom.image.write_bytes(content)
    assert cli("refine", small, f"--negative={inside}").exit_code == 0


def test_a_model_that_was_replaced_is_refused(cli, phantom, model, tmp_path):
    out = tmp_path / "out"
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", out, "--model", model,
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    plan = model / "plan.json"
    plan.write_text(plan.read_text() + "\n")
    require_refusal(cli, out, "settings-changed", "--positive=0,30,520")


def test_what_is_no_segmented_case_is_refused(cli, cohort, small, tmp_path):
    (tmp_path / "empty").mkdir()
    require_refusal(cli, tmp_path / "empty", "not-a-case", "--undo")
    table, out = cohort(1), tmp_path / "measured"
    assert cli("measure", table, "--out", out).exit_code == 0
    require_refusal(cli, out, "not-a-case", "--undo")
    require_refusal(cli, out / "cases" / "case-00", "not-a-case", "--undo")
    (small / "mask.nii.gz").unlink()
    text = require_refusal(cli, small, "not-a-case", "--undo")
    assert "there is no mask.nii.gz" in text


# ---- interruptions -----------------------------------------------------------------------------


def moves(event: str, _arguments: tuple[object, ...]) -> bool:
    """Whether a step on disk puts a file or folder in its place."""
    return event == "os.rename"


@pytest.mark.slow
def test_a_correction_that_is_killed_at_any_moment_is_made_or_not(cli, cohort, tmp_path):
    table, out = cohort(1), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    _, outside = inside_and_outside(out / "cases" / "case-00")
    correction = Correction("positive", np.array([[float(n) for n in outside.split(",")]]))
    counts = []

    def killed_and_taken_up(steps: int) -> bool:
        copy = shutil.copytree(out, tmp_path / f"run-{steps}")
        case = copy / "cases" / "case-00"
        try:
            with killed_after(steps, moves):
                refine_case(case, [correction])
            was_killed = False
        except Killed:
            was_killed = True
        if is_half_replaced(case):
            assert refine_case(case, []).finished
        with pytest.raises(SettingsError, match="no correction is asked for"):
            refine_case(case, [])
        result, clicks = result_of(case), read_clicks(case / "clicks.json")
        assert result["corrections"] == len(clicks.corrections)
        assert result["voxels"] == np.count_nonzero(mask_of(case))
        assert is_in_mask(case, outside) == bool(clicks.corrections)
        assert f",{result['voxels']}" in (copy / "table.csv").read_text()
        counts.append(result["corrections"])
        return was_killed

    every_moment(killed_and_taken_up)
    assert counts == sorted(counts)
    assert set(counts) == {0, 1}


@pytest.mark.slow
def test_an_interrupted_correction_is_told_and_finished(cli, small):
    inside, outside = inside_and_outside(small)
    point = np.array([[float(number) for number in outside.split(",")]])
    with pytest.raises(Killed), killed_after(1, into(small)):
        refine_case(small, [Correction("positive", point)])
    verified = cli("verify", small)
    assert verified.exit_code == 1
    assert "a correction was interrupted; oncotrace refine finishes it" in verified.stdout
    run = cli("refine", small, f"--negative={inside}")
    assert run.exit_code == 0, run.stderr
    assert "it was finished first" in run.stderr
    kinds = [correction.kind for correction in read_clicks(small / "clicks.json").corrections]
    assert kinds == ["positive", "negative"]
    assert cli("verify", small).exit_code == 0


def into(folder: Path):
    """Count what is moved directly into a folder."""

    def counts(event: str, arguments: tuple[object, ...]) -> bool:
        return event == "os.rename" and Path(str(arguments[1])).parent == folder.resolve()

    return counts
