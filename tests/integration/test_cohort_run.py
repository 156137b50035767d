"""A cohort goes on past failures, resumes, and can be verified."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

FAST = ("--model", "ellipsoid")  # where it does not matter by what is segmented


def case_states(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and modification time of every finished case folder."""
    return {
        folder.name: (folder.stat().st_ino, folder.stat().st_mtime_ns)
        for folder in (out / "cases").glob("[!.]*")
    }


def test_a_cohort_gives_a_table_and_a_folder_per_case(cohort, cli, tmp_path):
    out = tmp_path / "run"
    run = cli("segment", cohort(3), "--out", out)
    assert run.exit_code == 0, run.stderr
    table = (out / "table.csv").read_text().splitlines()
    assert len(table) == 4
    assert table[0].startswith("case_id,modality,model,volume_ml,longest_axial_diameter_mm")
    assert (out / "failures.csv").read_text().splitlines() == ["case_id,stage,code,message"]
    names = {path.name for path in (out / "cases" / "case-01").iterdir()}
    assert names == {"mask.nii.gz", "result.json", "picture.png", "clicks.json"}
    record = json.loads((out / "run.json").read_text())
    assert record["end"] is not None
    assert record["settings"]["model"] == "six-click"


@pytest.mark.slow
def test_a_failing_case_is_recorded_and_the_others_are_done(cohort, cli, tmp_path):
    table, out = cohort(3), tmp_path / "run"
    (table.parent / "case-01" / "image.nii.gz").unlink()
    run = cli("segment", table, "--out", out, *FAST)
    assert run.exit_code == 1
    rows = (out / "failures.csv").read_text().splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("case-01,digest,missing-file,")
    assert set(case_states(out)) == {"case-00", "case-02"}


@pytest.mark.slow
def test_resuming_does_only_what_is_missing(cohort, cli, tmp_path):
    table, out = cohort(3), tmp_path / "run"
    image = table.parent / "case-01" / "image.nii.gz"
    content = image.read_bytes()
    image.unlink()
    assert cli("segment", table, "--out", out, *FAST).exit_code == 1
    before = case_states(out)
    image.write_bytes(content)
    assert cli("segment", table, "--out", out, "--resume", *FAST).exit_code == 0
    after = case_states(out)
    assert set(after) == {"case-00", "case-01", "case-02"}
    assert {name: after[name] for name in before} == before
    assert len((out / "table.csv").read_text().splitlines()) == 4


@pytest.mark.slow
def test_a_run_that_was_killed_before_its_first_case_is_resumed(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    shutil.rmtree(out / "cases")  # the record is written before anything else
    assert cli("segment", table, "--out", out, "--resume", *FAST).exit_code == 0
    assert sorted(path.name for path in (out / "cases").iterdir()) == ["case-00", "case-01"]


def test_resuming_with_other_settings_is_refused(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    run = cli("segment", table, "--out", out, "--resume", "--model", "six-click-graphcut")
    assert run.exit_code == 2
    assert "(settings-changed)" in run.stderr


def test_resuming_with_a_changed_image_is_refused(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    image = sitk.ReadImage(str(table.parent / "case-01" / "image.nii.gz"))
    sitk.WriteImage(image + 1, str(table.parent / "case-01" / "image.nii.gz"))
    run = cli("segment", table, "--out", out, "--resume", *FAST)
    assert run.exit_code == 2
    assert "(inputs-changed)" in run.stderr


def test_a_run_folder_is_not_written_over(cohort, cli, tmp_path):
    table, out = cohort(1), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    run = cli("segment", table, "--out", out, *FAST)
    assert run.exit_code == 2
    assert "(output-exists)" in run.stderr


@pytest.mark.slow
def test_two_jobs_give_the_same_table_as_one(cohort, cli, tmp_path):
    table = cohort(4)
    assert cli("segment", table, "--out", tmp_path / "one", *FAST).exit_code == 0
    assert cli("segment", table, "--out", tmp_path / "two", "--jobs", 2, *FAST).exit_code == 0
    one, two = (tmp_path / name / "table.csv" for name in ("one", "two"))
    assert one.read_text() == two.read_text()


@pytest.mark.slow
def test_verify_says_same_for_an_untouched_run(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    run = cli("verify", out)
    assert run.exit_code == 0
    assert "all 2 cases are the same" in run.stdout


@pytest.mark.slow
def test_verify_notices_one_changed_voxel(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    assert cli("segment", table, "--out", out, *FAST).exit_code == 0
    path = str(out / "cases" / "case-01" / "mask.nii.gz")
    image = sitk.ReadImage(path)
    array = sitk.GetArrayFromImage(image)
    array[tuple(np.argwhere(array)[0])] = 0
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(image)
    sitk.WriteImage(changed, path)
    run = cli("verify", out)
    assert run.exit_code == 1
    assert "case-01: NOT the same" in run.stdout
    assert "mask: 1 voxels differ" in run.stdout
    assert "case-00: same" in run.stdout


@pytest.mark.slow
def test_verify_notices_an_edited_number(phantom, cli, tmp_path):
    out = tmp_path / "out"
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", out, *FAST,
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    result = json.loads((out / "result.json").read_text())
    result["volume_ml"] += 1
    (out / "result.json").write_text(json.dumps(result))
    run = cli("verify", out)
    assert run.exit_code == 1
    assert "volume_ml: recorded" in run.stdout


def test_verify_notices_a_changed_input(phantom, cli, tmp_path):
    out = tmp_path / "out"
    cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", out, *FAST,
    )  # fmt: skip
    image = sitk.ReadImage(str(phantom.image))
    sitk.WriteImage(image + 1, str(phantom.image))
    run = cli("verify", out)
    assert run.exit_code == 1
    assert "inputs: recorded" in run.stdout


def test_measuring_a_cohort_gives_the_volumes_of_its_masks(cohort, cli, tmp_path):
    table, out = cohort(2), tmp_path / "run"
    run = cli("measure", table, "--out", out)
    assert run.exit_code == 0, run.stderr
    result = json.loads((out / "cases" / "case-00" / "result.json").read_text())
    mask = sitk.ReadImage(str(table.parent / "case-00" / "mask.nii.gz"))
    voxels = int(sitk.GetArrayViewFromImage(mask).sum())
    assert result["volume_ml"] == pytest.approx(voxels * 2.0 / 1000)
    assert cli("verify", out).exit_code == 0


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_loses_and_redoes_nothing(cohort, tmp_path):
    cases, jobs = 26, 2
    table, out = cohort(cases), tmp_path / "run"
    command = [
        sys.executable, "-m", "oncotrace", "segment", str(table), "--out", str(out),
        "--jobs", str(jobs), "--resume", "--model", "six-click-graphcut",
    ]  # fmt: skip
    rng = np.random.default_rng(20)
    kills = 0
    before: dict[str, tuple[int, int]] = {}
    while kills < 10:
        process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        target = kills * 2 + int(rng.integers(0, 3))  # from "nothing new yet" to "two more"
        while process.poll() is None and out_count(out) < target:
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.4)))
        assert process.poll() is None, "the run ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        after = case_states(out) if (out / "cases").exists() else {}
        assert {name: after.get(name) for name in before} == before
        before = after
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    after = case_states(out)
    assert {name: after[name] for name in before} == before
    assert len(after) == cases
    assert len((out / "table.csv").read_text().splitlines()) == cases + 1
    assert list((out / "cases").glob(".*")) == []


def out_count(out: Path) -> int:
    return len(list((out / "cases").glob("[!.]*"))) if (out / "cases").exists() else 0


@pytest.mark.slow
def test_an_interrupted_run_exits_with_three_and_can_be_resumed(cohort, tmp_path):
    table, out = cohort(5), tmp_path / "run"
    command = [
        sys.executable, "-m", "oncotrace", "segment", str(table), "--out", str(out),
        "--model", "six-click-graphcut",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        start_new_session=True,
        # A shell's background job ignores Ctrl-C and hands that on to its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and out_count(out) < 1:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "--resume" in messages
    assert list((out / "cases").glob(".*")) == []
    finished = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    assert out_count(out) == 5
