"""`oncotrace prepare` on a small hospital: whole, broken, interrupted, de-identified."""

import csv
import gzip
import json
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pydicom
import pytest
from tests.integration.made_hospital import (
    GRID,
    INSTITUTION,
    STRUCTURE,
    body,
    tumour,
    write_hospital,
    write_study,
)

from oncotrace.curate.check_rules import CheckRules, Limits
from oncotrace.curate.select_query import Query
from oncotrace.errors import OutputError, SettingsError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.pipeline.prepare import Planned, Step, Wanted, prepare
from oncotrace.pipeline.run.case_run import CaseOutcome

PATIENTS = ("P-01", "P-02", "P-03")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hospital(tmp_path_factory.mktemp("hospital") / "export", PATIENTS)


@pytest.fixture(scope="module")
def prepared(hospital, tmp_path_factory) -> Path:
    """Cohort of the hospital as it is."""
    out = tmp_path_factory.mktemp("prepared") / "cohort"
    assert all(outcome.failure is None for outcome in outcomes(hospital, out))
    return out


def outcomes(
    source: Path, out: Path, wanted: Wanted | None = None, **how: bool
) -> list[CaseOutcome]:
    happenings = prepare(source, out, wanted or Wanted(), **how)
    return [one for one in happenings if isinstance(one, CaseOutcome)]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def draw_elsewhere(structures: Path) -> None:
    """Let outlines lie in a frame of reference that is not their image's."""
    dataset = pydicom.dcmread(structures)
    dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.10.7.0"
    for frame in dataset.ReferencedFrameOfReferenceSequence:
        frame.FrameOfReferenceUID = dataset.FrameOfReferenceUID
    for region in dataset.StructureSetROISequence:
        region.ReferencedFrameOfReferenceUID = dataset.FrameOfReferenceUID
    dataset.save_as(structures)


def require_whole(cohort: Path) -> None:
    """Check every case of the hospital, voxel by voxel."""
    cases = read_cohort(cohort / "cohort.csv").cases
    assert [case.case_id for case in cases] == list(PATIENTS)
    for number, case in enumerate(cases):
        assert set(case.images) == set(case.masks) == {"ct", "mr-t1"}
        for modality in case.images:
            mask = read_mask(case.masks[modality])
            mask.geometry.require_match(GRID, this="mask", that="images")
            np.testing.assert_array_equal(mask.voxels, tumour(number).voxels)
        np.testing.assert_array_equal(read_scan(case.images["ct"]).voxels, body() - 1024)
        np.testing.assert_array_equal(read_scan(case.images["mr-t1"]).voxels, body())


def test_a_cohort_has_the_voxels_outlines_and_words_of_its_dicom(prepared) -> None:
    require_whole(prepared)
    first = read_cohort(prepared / "cohort.csv").cases[0]
    assert (first.patient_id, first.centre, first.time_point) == ("P-01", INSTITUTION, "")
    result = json.loads((prepared / "cases" / "P-01" / "result.json").read_text())
    assert result["warnings"] == []
    ct, t1 = result["images"]["ct"], result["images"]["mr-t1"]
    assert ct["parameters"]["kernel"] == "B30f"
    assert (t1["sequence"], t1["parameters"]["repetition_time_ms"]) == ("mr-t1", 500)
    assert ct["structure"] == STRUCTURE
    assert ct["volume_ml"] == pytest.approx(tumour(0).voxels.sum() * 12 / 1000)
    assert (prepared / "cases" / "P-01" / ct["picture"]).stat().st_size > 1000


def test_every_check_of_every_image_is_listed_and_told_on_the_page(prepared) -> None:
    checks = rows(prepared / "checks.csv")
    assert {(row["case_id"], row["image"]) for row in checks} == {
        (patient, image) for patient in PATIENTS for image in ("ct", "mr-t1")
    }
    said = {row["check"]: row for row in checks if row["image"] == "ct"}
    assert said["mask-in-one-piece"]["passed"] == said["missing-slices"]["passed"] == "yes"
    # The patients are one another's copies, which nobody should miss.
    assert said["identical-pixels"]["passed"] == "no"
    page = (prepared / "report.html").read_text()
    for patient in PATIENTS:
        assert patient in page


def test_the_decisions_are_kept_with_the_cohort(prepared) -> None:
    assert {path.name for path in (prepared / "source" / "selection").iterdir()} >= {
        "selected.csv", "left_out.csv", "checks.csv", "flow.csv", "planned.csv", "plans"
    }  # fmt: skip
    assert rows(prepared / "flow.csv")[-1] == {"step": "selected", "cases": "3"}
    assert rows(prepared / "left_out.csv") == []


def test_a_prepared_cohort_can_be_verified(cli, prepared) -> None:
    verified = cli("verify", prepared)
    assert verified.exit_code == 0, verified.output


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["flat", "zip", "scattered"])
def test_how_files_lie_makes_no_difference(hospital, tmp_path, layout) -> None:
    source = tmp_path / "source"
    files = sorted(hospital.rglob("*.dcm"))
    if layout == "zip":
        source = tmp_path / "all.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in files:
                archive.write(path, path.relative_to(hospital))
    else:
        for number, path in enumerate(files):
            folder = source if layout == "flat" else source / str(number % 7)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / f"IM{number:05d}")
    outcomes(source, tmp_path / "cohort")
    require_whole(tmp_path / "cohort")


def test_a_case_that_fails_is_listed_and_the_others_are_done(cli, hospital, tmp_path) -> None:
    source = shutil.copytree(hospital, tmp_path / "source")
    broken = sorted((source / "study-1" / "ct").iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:-50])
    result = cli("prepare", source, "--out", tmp_path / "cohort")
    assert result.exit_code == 1
    assert "case P-02 failed (read, truncated)" in " ".join(result.stderr.split())
    (failure,) = rows(tmp_path / "cohort" / "failures.csv")
    assert (failure["case_id"], failure["code"]) == ("P-02", "truncated")
    assert [row["case_id"] for row in rows(tmp_path / "cohort" / "cohort.csv")] == ["P-01", "P-03"]
    assert "P-02" in (tmp_path / "cohort" / "report.html").read_text()
    broken.write_bytes((hospital / "study-1" / "ct" / broken.name).read_bytes())
    assert cli("prepare", source, "--out", tmp_path / "cohort", "--resume").exit_code == 0
    require_whole(tmp_path / "cohort")


def test_what_was_done_before_an_interruption_is_not_done_again(hospital, tmp_path) -> None:
    out = tmp_path / "cohort"
    with closing(prepare(hospital, out, Wanted())) as happenings:
        assert isinstance(happenings, Iterator)
        for happening in happenings:
            if isinstance(happening, CaseOutcome):
                break
    assert [row["case_id"] for row in rows(out / "cohort.csv")] == ["P-01"]
    done = {path: path.stat().st_mtime_ns for path in (out / "cases").rglob("*")}
    assert done
    with pytest.raises(OutputError, match="not empty"):
        list(prepare(hospital, out, Wanted()))
    other = Wanted(query=Query(case="patient"))
    with pytest.raises(SettingsError, match="other settings: query"):
        list(prepare(hospital, out, other, resume=True))
    steps = list(prepare(hospital, out, Wanted(), resume=True))
    assert not any(isinstance(step, Planned) for step in steps)
    assert {step.name for step in steps if isinstance(step, Step)} == {"preparing cases"}
    assert {path: path.stat().st_mtime_ns for path in done} == done
    require_whole(out)


def test_files_that_have_changed_meanwhile_are_refused(hospital, tmp_path) -> None:
    source = shutil.copytree(hospital, tmp_path / "source")
    outcomes(source, tmp_path / "cohort")
    image = next((source / "study-0" / "ct").iterdir())
    image.write_bytes(image.read_bytes() + b"\0\0")
    with pytest.raises(SettingsError, match="P-01 was done with other inputs"):
        outcomes(source, tmp_path / "cohort", resume=True)


def test_nobody_is_known_in_a_deidentified_cohort(cli, tmp_path) -> None:
    patients, source = ("Planted^Anna", "Planted^Berta"), tmp_path / "source"
    for number, patient in enumerate(patients):
        write_study(source / str(number), patient, number, structure=f"GTV of {patient}")
    write_study(source / "3", "Planted^Carla", 3, kinds=("ct",), structure="GTV Planted^Carla")
    draw_elsewhere(source / "3" / "ct_structures" / "structures.dcm")
    out, private = tmp_path / "cohort", tmp_path / "private"
    made = cli("prepare", source, "--out", out, "--deidentify", private, "--jobs", 2)
    assert made.exit_code == 1, made.stderr
    (failure,) = rows(out / "failures.csv")
    assert failure["code"] == "wrong-frame-of-reference"
    assert "Planted" not in made.output
    planted = re.compile(
        rb"Planted|Anna|Berta|Carla|Clinic of|19010203|2024-?01-?05|1\.2\.826\.0\.1\.3680043\.10\.7"
    )
    for path in out.rglob("*"):
        assert not planted.search(str(path.relative_to(out)).encode())
        if path.is_file():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            assert not planted.search(content), path.relative_to(out)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert b"Anna" in (private / "inventory.csv").read_bytes()
    cases = read_cohort(out / "cohort.csv").cases
    assert all(re.fullmatch(r"P-[0-9A-Z]{6}", case.case_id) for case in cases)
    assert {case.centre for case in cases} == {"centre-1"}
    key = json.loads((private / "key.json").read_text())["patients"]
    for number, patient in enumerate(patients):
        (case,) = (c for c in cases if c.case_id == key[patient]["pseudonym"])
        np.testing.assert_array_equal(read_mask(case.masks["ct"]).voxels, tumour(number).voxels)


@pytest.mark.slow
def test_the_same_key_gives_the_same_names(hospital, tmp_path, cli) -> None:
    names = []
    for number in range(3):
        private = tmp_path / f"private-{number}"
        key = tmp_path / ("one.json" if number < 2 else "another.json")
        out = tmp_path / f"cohort-{number}"
        made = cli("prepare", hospital, "--out", out, "--deidentify", private, "--key-file", key)
        assert made.exit_code == 0, made.stderr
        names.append([path.relative_to(out) for path in sorted((out / "cases").rglob("*.dcm"))])
    assert names[0] == names[1]
    assert not set(names[0]) & set(names[2])


@pytest.mark.slow
def test_a_check_of_voxels_that_must_be_passed_fails_the_case(hospital, tmp_path) -> None:
    rules = CheckRules(limits=Limits(air_hu=(-500, -400)))
    lenient, strict = (Query(must_pass=names) for names in ((), ("air-hu",)))
    assert all(
        one.failure is None
        for one in outcomes(hospital, tmp_path / "lenient", Wanted(query=lenient, rules=rules))
    )
    failures = [
        one.failure for one in outcomes(hospital, tmp_path / "strict", Wanted(strict, rules))
    ]
    assert [failure.code for failure in failures if failure] == ["failed-check"] * 3
    assert failures[0] is not None
    assert "ct fails air-hu: found -995 HU, asked for -500 to -400 HU" in failures[0].message


def test_an_image_without_a_clear_tumour_keeps_all_its_structures(tmp_path) -> None:
    source = tmp_path / "source"
    write_study(source, "P-01", 0, kinds=("ct",), structure="Liver")
    more = source / "more_structures"
    write_study(tmp_path / "other", "P-01", 0, kinds=("ct",), structure="Kidney")
    shutil.copytree(tmp_path / "other" / "ct_structures", more)
    wanted = Wanted(query=Query.model_validate({"role": [{"name": "ct", "structures": ["gtv*"]}]}))
    (outcome,) = outcomes(source, tmp_path / "cohort", wanted)
    assert outcome.failure is None
    result = json.loads((tmp_path / "cohort" / "cases" / "P-01" / "result.json").read_text())
    assert result["images"]["ct"]["mask"] is None
    (structure,) = result["images"]["ct"]["structures"]
    assert structure["name"] in ("Liver", "Kidney")
    assert "which structure is the tumour is not clear" in result["warnings"][0]
    assert (tmp_path / "cohort" / "cases" / "P-01" / structure["file"]).is_file()


def test_a_patients_studies_are_time_points_in_their_order(tmp_path) -> None:
    source = tmp_path / "source"
    write_study(source / "late", "P-01", 0, day="20240301", kinds=("ct",))
    write_study(source / "early", "P-01", 0, day="20240105", kinds=("ct",))
    outcomes(source, tmp_path / "cohort")
    cases = read_cohort(tmp_path / "cohort" / "cohort.csv").cases
    assert [(c.case_id, c.time_point, c.patient_id) for c in cases] == [
        ("P-01_1", "1", "P-01"),
        ("P-01_2", "2", "P-01"),
    ]
    assert [c.clinical["days_from_first_study"] for c in cases] == ["0", "56"]


def test_a_preset_makes_a_second_cohort_beside_the_first(cli, hospital, tmp_path) -> None:
    steps = tmp_path / "steps.toml"
    steps.write_text('name = "z"\nsource = "test"\n[[steps]]\nstep = "z-score"\n')
    out = tmp_path / "cohort"
    arguments = ("prepare", hospital, "--out", out, "--preset", steps, "--preset-for", "mr-t1")
    made = cli(*arguments)
    assert made.exit_code == 0, made.stderr
    require_whole(out)
    for case in read_cohort(out / "preprocessed" / "cohort.csv").cases:
        assert set(case.images) == {"mr-t1"}
        scored = read_scan(case.images["mr-t1"]).voxels[body() > 1000]
        assert (scored.mean(), scored.std()) == (
            pytest.approx(0, abs=1e-3),
            pytest.approx(1, rel=0.01),
        )
    assert cli(*arguments, "--resume").exit_code == 0


def test_a_dry_run_counts_and_writes_nothing(cli, hospital, tmp_path) -> None:
    before = sorted(tmp_path.rglob("*"))
    dry = cli("prepare", hospital, "--out", tmp_path / "cohort", "--dry-run")
    assert dry.exit_code == 0
    assert "3 of 3 cases" in dry.output
    assert sorted(tmp_path.rglob("*")) == before


def test_wrong_input_is_one_clear_error(cli, hospital, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "query.toml").write_text('[[role]]\nname = "pet"\n')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    out = tmp_path / "cohort"
    wrong = {
        "missing-file": (tmp_path / "none",),
        "not-dicom": (tmp_path / "empty",),
        "no-cases": (hospital, "--query", tmp_path / "query.toml"),
        "output-inside-input": (hospital, "--out", hospital / "cohort"),
        "output-exists": (hospital, "--out", tmp_path / "full"),
        "private-inside-output": (hospital, "--deidentify", out / "private"),
        "settings": (hospital, "--patient", "P-01"),
        "unknown-preset": (hospital, "--preset", "none"),
    }
    for code, (source, *options) in wrong.items():
        given = options if "--out" in options else ["--out", out / code, *options]
        if code == "private-inside-output":
            given = ["--out", out, *options]
        result = cli("prepare", source, *given)
        assert result.exit_code == 2, (code, result.output)
        assert f"({code})" in result.stderr, (code, result.stderr)
    assert (tmp_path / "full" / "mine").read_text() == "mine"
