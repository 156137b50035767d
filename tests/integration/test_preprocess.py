"""`oncotrace preprocess`, on synthetic patients and on real T1s."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from tests.unit.imaging.limb_phantom import limb
from typer.testing import CliRunner, Result

from oncotrace.cli.app import _Commands
from oncotrace.cli.preprocess import preprocess
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan

Command = Callable[..., Result]

QUICK = """
name = "quick"
source = "test"
[[steps]]
step = "resample"
spacing_mm = [3, 3, 5]
[[steps]]
step = "z-score"
within = "image"
moments_of = "cohort"
"""


@pytest.fixture
def run() -> Command:
    """Run the command in this process, with the exit codes of the whole program."""
    app = typer.Typer(cls=_Commands)
    app.command("preprocess")(preprocess)
    app.command("another")(lambda: None)  # with one command alone typer drops its name

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["preprocess", *map(str, arguments)])

    return call


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Write a cohort of three limbs in two splits, the last of them without its image."""
    folder = tmp_path / "cohort"
    rows = ["case_id,split,image_mr-t1,mask_mr-t1,outcome_event"]
    for number, split in enumerate(("train", "train", "test")):
        scan = limb(seed=number)
        write_scan(scan, folder / f"{number}.nii.gz")
        write_mask(Mask(scan.voxels > 700, scan.geometry), folder / f"{number}_mask.nii.gz")
        rows.append(f"case-{number},{split},{number}.nii.gz,{number}_mask.nii.gz,{number % 2}")
    path = folder / "cohort.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_one_image_gets_its_record_mask_and_picture(
    run: Command, tmp_path: Path, table: Path
) -> None:
    image, mask = table.parent / "0.nii.gz", table.parent / "0_mask.nii.gz"
    out = tmp_path / "new" / "done.nii.gz"
    made = run(
        image, "--preset", "minimalist", "--modality", "mr-t1", "--mask", mask, "--out", out,
        "--pictures",
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    scan, kept = read_scan(out), read_mask(out.with_name("done_mask.nii.gz"))
    assert scan.geometry.spacing_mm == (1, 1, 1)
    assert float(scan.voxels.min()) == 0
    kept.geometry.require_match(scan.geometry, this="mask", that="image")
    record = json.loads(out.with_name("done.json").read_text())
    assert record["format"] == 1
    assert [step["step"] for step in record["preprocessing"]["steps"]] == [
        "n4", "resample", "z-score", "shift-to-positive",
    ]  # fmt: skip
    assert len(record["stages"]) == 5
    assert record["stages"][-1]["intensities"]["minimum"] == 0
    assert len(record["inputs"]["image"]) == 64
    assert out.with_name("done.png").stat().st_size > 10_000
    assert "shift-to-positive" in made.stdout


def test_nothing_is_written_over(run: Command, tmp_path: Path, table: Path) -> None:
    out = tmp_path / "done.nii.gz"
    out.with_name("done.json").write_text("{}")
    made = run(table.parent / "0.nii.gz", "--preset", "limb", "--out", out)
    assert made.exit_code == 2
    assert "output-exists" in made.stderr
    assert not out.exists()


def test_a_dry_run_says_the_steps_and_writes_nothing(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "x.nii.gz"
    made = run("absent.nii.gz", "--preset", "glioblastoma", "--out", out, "--dry-run")
    assert made.exit_code == 0
    assert "1. resample: spacing_mm 0.449 x 0.449 x 5.5" in made.stdout
    assert "4. z-score" in made.stdout
    assert "fitted on a training cohort" in made.stdout
    assert not out.exists()
    assert "minimalist: Primakov" in run("--list").stdout


def test_parameters_are_fitted_on_one_split_and_transferred(
    run: Command, tmp_path: Path, table: Path, quick: Path
) -> None:
    params, out = tmp_path / "params.json", tmp_path / "out"
    refused = run(table, "--preset", quick, "--fit", params, "--out", out)
    assert refused.exit_code == 2
    assert "split-not-chosen" in refused.stderr
    made = run(table, "--preset", quick, "--fit", params, "--split", "train", "--out", out)
    assert made.exit_code == 0, made.stderr
    fitted = json.loads(params.read_text())
    assert fitted["cases"] == {"mr-t1": ["case-0", "case-1"]}
    new = read_cohort(out / "cohort.csv")
    assert [case.split for case in new.cases] == ["train", "train", "test"]
    assert [case.outcome for case in new.cases] == [{"event": "0"}, {"event": "1"}, {"event": "0"}]
    scans = [read_scan(case.images["mr-t1"]) for case in new.cases]
    trained = np.concatenate([scan.voxels.ravel() for scan in scans[:2]]).astype(float)
    assert (trained.mean(), trained.std()) == pytest.approx((0, 1), abs=1e-4)
    for case, scan in zip(new.cases, scans, strict=True):
        mask = read_mask(case.masks["mr-t1"])
        mask.geometry.require_match(scan.geometry, this="mask", that="image")
    # The same parameters on one image give the same voxels.
    one = tmp_path / "one.nii.gz"
    again = run(table.parent / "2.nii.gz", "--preset", quick, "--parameters", params,
                "--modality", "mr-t1", "--out", one)  # fmt: skip
    assert again.exit_code == 0, again.stderr
    assert read_scan(one).voxels.tobytes() == scans[2].voxels.tobytes()


def test_parameters_of_other_steps_and_missing_ones_are_refused(
    run: Command, tmp_path: Path, table: Path, quick: Path
) -> None:
    params, image = tmp_path / "params.json", table.parent / "0.nii.gz"
    assert run(table, "--preset", quick, "--fit", params, "--split", "train").exit_code == 0
    other = tmp_path / "other.toml"
    other.write_text(QUICK.replace("[3, 3, 5]", "[2, 3, 5]"))
    out = tmp_path / "x.nii.gz"
    made = run(image, "--preset", other, "--parameters", params, "--out", out)
    assert "other-parameters" in made.stderr
    assert "parameters-needed" in run(image, "--preset", quick, "--out", out).stderr
    assert not out.exists()


def test_a_reference_image_takes_the_place_of_a_cohort(
    run: Command, tmp_path: Path, table: Path
) -> None:
    match = tmp_path / "match.toml"
    match.write_text(
        'name = "m"\nsource = "t"\n[[steps]]\nstep = "match"\nwithin = "image"\nquantiles = 101\n'
    )
    out = tmp_path / "matched.nii.gz"
    made = run(table.parent / "0.nii.gz", "--preset", match, "--reference",
               table.parent / "1.nii.gz", "--out", out)  # fmt: skip
    assert made.exit_code == 0, made.stderr
    found, wanted = read_scan(out).voxels, read_scan(table.parent / "1.nii.gz").voxels
    at = (5, 25, 50, 75, 95)
    np.testing.assert_allclose(np.percentile(found, at), np.percentile(wanted, at), rtol=0.05)


def test_a_cohort_lists_its_failures_and_goes_on_where_it_stopped(
    run: Command, tmp_path: Path, table: Path
) -> None:
    lost = table.parent / "1.nii.gz"
    lost.rename(table.parent / "away.nii.gz")
    steps = tmp_path / "steps.toml"
    steps.write_text('name = "s"\nsource = "t"\n[[steps]]\nstep = "median"\n')
    out = tmp_path / "out"
    made = run(table, "--preset", steps, "--out", out)
    assert made.exit_code == 1
    rows = list(csv.DictReader((out / "failures.csv").read_text().splitlines()))
    assert [(row["case_id"], row["code"]) for row in rows] == [("case-1", "missing-file")]
    assert [c.case_id for c in read_cohort(out / "cohort.csv").cases] == ["case-0", "case-2"]
    first = (out / "cases" / "case-0" / "result.json").read_text()
    (table.parent / "away.nii.gz").rename(lost)
    again = run(table, "--preset", steps, "--out", out, "--resume", "--jobs", 2)
    assert again.exit_code == 0, again.stderr
    assert len(read_cohort(out / "cohort.csv").cases) == 3
    assert (out / "cases" / "case-0" / "result.json").read_text() == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--preset", "limb"), "needs --out"),
        (("--preset", "limb", "--out", "x.jpg"), "does not end in a volume format"),
        (("--out", "x.nii.gz"), "and --preset"),
        (("--preset", "limb", "--out", "x.nii.gz", "--jobs", "2"), "--jobs"),
    ],
)
def test_wrong_options_are_explained(
    arguments: tuple[str, ...], words: str, run: Command, table: Path
) -> None:
    made = run(table.parent / "0.nii.gz", *arguments)
    assert made.exit_code == 2
    assert words in " ".join(made.stderr.split())


@pytest.mark.slow
def test_fat_peaks_of_real_limbs_agree_with_the_published_normalisation(
    shared_data: Path,
) -> None:
    """The shared T1s were normalised to fat by their authors: our peak must find it again."""
    from oncotrace.errors import InputError
    from oncotrace.imaging.foreground import foreground_of
    from oncotrace.imaging.reference_tissue import tissue_intensity

    found, refused = [], []
    for path in sorted((shared_data / "sts").glob("*/mr_t1.nii.gz")):
        scan = read_scan(path, "mr-t1")
        try:
            found.append(tissue_intensity(scan, foreground_of(scan), "fat"))
        except InputError as error:
            refused.append(error.code)
    assert len(found) >= 35
    assert set(refused) <= {"no-tissue-peak"}
    peaks = np.array(found)
    assert peaks.std() / peaks.mean() < 0.03


ONTO = """
name = "onto"
source = "test"
[[steps]]
step = "resample-to"
grid = "{grid}"
"""


def with_coarse_pet(table: Path) -> Path:
    """Write a cohort of two cases, T1 and a coarser PET, the second without its T1."""
    folder = table.parent
    coarse = Geometry((24, 24, 9), (4.0, 4.0, 8.0), limb().geometry.origin_mm)
    noise = np.random.default_rng(0).random(coarse.shape_zyx)
    write_scan(Scan(noise.astype(np.float32), coarse), folder / "pet.nii.gz")
    path = folder / "both.csv"
    path.write_text(
        "case_id,image_mr-t1,image_pet,mask_pet\n"
        "one,0.nii.gz,pet.nii.gz,pet_mask.nii.gz\ntwo,,pet.nii.gz,pet_mask.nii.gz\n"
    )
    write_mask(Mask(noise > 0.7, coarse), folder / "pet_mask.nii.gz")
    return path


def test_every_sequence_of_a_case_goes_onto_the_grid_of_one(
    run: Command, tmp_path: Path, table: Path
) -> None:
    (tmp_path / "onto.toml").write_text(ONTO.format(grid="mr-t1"))
    out = tmp_path / "out"
    cohort, both = with_coarse_pet(table), ("--modality", "mr-t1", "--modality", "pet")
    made = run(cohort, "--preset", tmp_path / "onto.toml", *both, "--out", out)
    assert made.exit_code == 1, made.stderr  # the case without a T1
    (case,) = read_cohort(out / "cohort.csv").cases
    t1, pet = (read_scan(case.images[name]) for name in ("mr-t1", "pet"))
    np.testing.assert_array_equal(t1.voxels, limb(seed=0).voxels)
    pet.geometry.require_match(t1.geometry, this="pet", that="t1")
    read_mask(case.masks["pet"]).geometry.require_match(t1.geometry, this="mask", that="t1")
    rows = list(csv.DictReader((out / "failures.csv").read_text().splitlines()))
    assert [(row["case_id"], row["code"]) for row in rows] == [("two", "missing-file")]


def test_one_image_goes_onto_the_grid_of_a_file(run: Command, tmp_path: Path, table: Path) -> None:
    with_coarse_pet(table)
    preset, out = tmp_path / "onto.toml", tmp_path / "pet_on_t1.nii.gz"
    preset.write_text(ONTO.format(grid=table.parent / "0.nii.gz"))
    made = run(table.parent / "pet.nii.gz", "--preset", preset, "--out", out)
    assert made.exit_code == 0, made.stderr
    assert read_scan(out).geometry.matches(limb().geometry)
    assert len(json.loads(out.with_name("pet_on_t1.json").read_text())["inputs"]["grid_1"]) == 64
    preset.write_text(ONTO.format(grid="mr-t1"))
    made = run(table.parent / "pet.nii.gz", "--preset", preset, "--out", tmp_path / "b.nii.gz")
    assert made.exit_code == 2
    assert "grid-needed" in made.stderr
