"""`oncotrace contact-sheet`, on synthetic patients and on real ones."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from oncotrace.cli.app import _Commands
from oncotrace.cli.contact_sheet import contact_sheet
from oncotrace.domain.mask import Mask
from oncotrace.io.volume_file import read_mask, write_mask
from oncotrace.pipeline.contact_pages import Cell, write_pages

Command = Callable[..., Result]

ORANGE = (255, 176, 0)


@pytest.fixture
def run() -> Command:
    """Run the command in this process, with the exit codes of the whole program."""
    app = typer.Typer(cls=_Commands)
    app.command("contact-sheet")(contact_sheet)
    app.command("another")(lambda: None)  # with one command alone typer drops its name

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["contact-sheet", *map(str, arguments)])

    return call


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as stream:
        return list(csv.DictReader(stream))


def result(out: Path, case_id: str) -> dict[str, dict[str, dict[str, object]]]:
    content = json.loads((out / "cases" / case_id / "result.json").read_text())
    assert isinstance(content, dict)
    return content


def orange_box(picture: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last row and column of a thumbnail's contour."""
    image = np.asarray(Image.open(picture).convert("RGB"), dtype=np.int16)
    found = np.argwhere((np.abs(image - ORANGE) <= 70).all(axis=-1))
    return found.min(axis=0), found.max(axis=0)


def test_a_cohort_becomes_pages_sheets_and_an_index(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table, out = cohort(2), tmp_path / "out"
    made = run(table.parent, "--out", out)
    assert made.exit_code == 0, made.stderr
    assert "2 of 2 cases done" in made.stdout
    assert str(out / "index.html") in made.stdout
    for case_id in ("case-00", "case-01"):
        with Image.open(out / "cases" / case_id / "montage_mr-t1.jpg") as page:
            assert page.format == "JPEG"
            assert page.width == 1400
        image = result(out, case_id)["images"]["mr-t1"]
        mask = read_mask(table.parent / case_id / "mask.nii.gz")
        volume = int(mask.voxels.sum()) * mask.geometry.voxel_volume_mm3 / 1000
        assert image["volume_ml"] == pytest.approx(volume)
    assert sorted(path.name for path in out.glob("sheet-*")) == ["sheet-01.jpg"]
    page_text = (out / "index.html").read_text()
    targets = re.findall(r'(?:href|src)="([^"]*)"', page_text)
    assert len(targets) == 1 + 2 * 2
    assert all((out / target).is_file() for target in targets)
    assert rows(out / "failures.csv") == []
    assert [row["pictures"] for row in rows(out / "table.csv")] == ["1", "1"]


def test_the_same_cohort_gives_the_same_bytes_and_is_never_written_over(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table = cohort(1)
    for name in ("one", "two"):
        assert run(table, "--out", tmp_path / name, "--format", "png").exit_code == 0
    pictures = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*g")]
    assert sorted(path.suffix for path in pictures) == [".jpg", ".png", ".png"]
    for picture in pictures:
        assert (tmp_path / "one" / picture).read_bytes() == (
            tmp_path / "two" / picture
        ).read_bytes()
    again = run(table, "--out", tmp_path / "one")
    assert again.exit_code == 2
    assert "output-exists" in again.stderr


def test_what_fails_is_recorded_shown_and_done_when_resumed(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table, out = cohort(3), tmp_path / "out"
    wrong = table.parent / "case-01" / "mask.nii.gz"
    right = tmp_path / "right.nii.gz"
    shutil.move(wrong, right)
    mask = read_mask(right)
    moved = replace(mask.geometry, origin_mm=(0.0, 0.0, 0.0))
    write_mask(Mask(mask.voxels, moved), wrong)
    made = run(table, "--out", out)
    assert made.exit_code == 1
    (failure,) = rows(out / "failures.csv")
    assert (failure["case_id"], failure["code"]) == ("case-01", "geometry-mismatch")
    assert "the mask and the image" in failure["message"]
    page = (out / "index.html").read_text()
    assert page.count("<img") == 2
    assert "failed: geometry-mismatch" in page
    first = (out / "sheet-01.jpg").read_bytes()

    shutil.move(right, wrong)
    kept = (out / "cases" / "case-00" / "result.json").stat().st_mtime_ns
    assert run(table, "--out", out, "--resume").exit_code == 0
    assert (out / "index.html").read_text().count("<img") == 3
    assert (out / "sheet-01.jpg").read_bytes() != first
    assert (out / "cases" / "case-00" / "result.json").stat().st_mtime_ns == kept
    changed = run(table, "--out", out, "--resume", "--format", "png")
    assert changed.exit_code == 2
    assert "settings-changed" in changed.stderr


def test_images_are_drawn_without_mask_and_with_an_empty_one(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table, out = cohort(2), tmp_path / "out"
    empty = table.parent / "empty.nii.gz"
    geometry = read_mask(table.parent / "case-00" / "mask.nii.gz").geometry
    write_mask(Mask(np.zeros(geometry.shape_zyx, dtype=bool), geometry), empty)
    table.write_text(
        "case_id,image_mr-t1,mask_mr-t1,mask_ct\n"
        "none,case-00/image.nii.gz,,\n"
        "empty,case-01/image.nii.gz,empty.nii.gz,\n"
        "no-image,,,empty.nii.gz\n"
    )
    assert run(table, "--out", out).exit_code == 1
    assert result(out, "none")["images"]["mr-t1"]["volume_ml"] is None
    assert result(out, "empty")["images"]["mr-t1"]["volume_ml"] == 0
    page = (out / "index.html").read_text()
    assert "mr-t1 · no mask" in page
    assert "mr-t1 · the mask is empty" in page
    assert "failed: missing-file" in page
    assert page.count("<img") == 2


def test_a_prepared_cohort_shows_its_other_structures(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table, out = cohort(1), tmp_path / "out"
    folder = table.parent / "cases" / "case-00"
    shutil.copytree(table.parent / "case-00", folder)
    mask = read_mask(folder / "mask.nii.gz")
    core = mask.voxels.copy()
    core[:12] = False
    write_mask(Mask(core, mask.geometry), folder / "mask_core.nii.gz")
    structures = [
        {"name": "GTV", "file": "mask_core.nii.gz", "volume_ml": 1.0},
        {"name": "GTV", "file": "mask_core.nii.gz"},
        {"name": "outside", "file": "../../../secret.nii.gz"},
        {"name": 7, "file": "mask_core.nii.gz"},
        {"name": "no file", "file": "a\x00b"},
        "not an object",
    ]
    entry = {
        "file": "image.nii.gz", "mask": "mask.nii.gz", "structure": "GTV", "structures": structures,
    }  # fmt: skip
    listed = {"format": 1, "images": {"mr-t1": entry}}
    (folder / "result.json").write_text(json.dumps(listed))
    table.write_text(
        "case_id,image_mr-t1,mask_mr-t1\n"
        "case-00,cases/case-00/image.nii.gz,cases/case-00/mask.nii.gz\n"
    )
    planned = run(table.parent, "--dry-run")
    assert "case-00: mr-t1 (mask, 2 more)" in planned.stdout
    assert run(table.parent, "--out", out).exit_code == 0
    image = result(out, "case-00")["images"]["mr-t1"]
    assert image["structure"] == "GTV"
    names = [structure["name"] for structure in image["structures"]]  # type: ignore[index]
    assert names == ["GTV (2)", "GTV (3)"]

    table.write_text("case_id,image_mr-t1\ncase-00,case-00/image.nii.gz\n")  # another image
    assert "case-00: mr-t1 (no mask)\n" in run(table.parent, "--dry-run").stdout
    (folder / "result.json").write_text("{")
    assert run(table.parent, "--out", tmp_path / "damaged").exit_code == 1
    assert rows(tmp_path / "damaged" / "failures.csv")[0]["code"] == "damaged-run"


def test_sequences_are_chosen_and_a_dry_run_writes_nothing(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table, out = cohort(2), tmp_path / "out"
    table.write_text(
        "case_id,image_mr-t1,image_pet,mask_pet\n"
        "a,case-00/image.nii.gz,case-01/image.nii.gz,case-01/mask.nii.gz\n"
        "b,case-00/image.nii.gz,,\n"
    )
    planned = run(table, "--out", out, "--dry-run")
    assert planned.exit_code == 0
    assert "b: mr-t1 (no mask)" in planned.stdout
    assert "cases 2, pages of slices 3, sheets 1" in planned.stdout
    assert not out.exists()
    assert run(table, "--out", out, "--modality", "mr-t1").exit_code == 0
    assert sorted(path.name for path in out.rglob("montage*")) == ["montage_mr-t1.jpg"] * 2
    for options, what in (
        (("--modality", "ct", "--out", tmp_path / "x"), "lacks image_ct"),
        (("--modality", "t1", "--out", tmp_path / "x"), "no modality 't1'"),
        (("--format", "gif", "--out", tmp_path / "x"), "jpeg or png, not 'gif'"),
        ((), "needs --out"),
    ):
        refused = run(table, *options)
        assert refused.exit_code == 2
        assert what in refused.stderr
    assert run(tmp_path / "absent", "--out", out).exit_code == 2


def test_what_is_not_done_yet_keeps_its_place_on_the_sheets(tmp_path: Path) -> None:
    (tmp_path / "failures.csv").write_text("case_id,stage,code,message\nc-3,read,not-3d,flat\n")
    cells = [Cell(f"c-{number}", "ct") for number in range(31)]
    write_pages(cells, tmp_path, title="cohort", form="png")
    heights = []
    for path in sorted(tmp_path.glob("sheet-*")):
        with Image.open(path) as sheet:
            heights.append(sheet.height)
    assert len(heights) == 2
    assert heights[1] < heights[0]
    page = (tmp_path / "index.html").read_text()
    assert page.count("ct · not done") == 30
    assert "ct · failed: not-3d" in page


@pytest.mark.slow
def test_several_at_a_time_draw_the_same(
    run: Command, cohort: Callable[[int], Path], tmp_path: Path
) -> None:
    table = cohort(3)
    for name, jobs in (("one", 1), ("two", 2)):
        assert run(table, "--out", tmp_path / name, "--jobs", jobs).exit_code == 0
    for name in ("sheet-01.jpg", "index.html", "cases/case-02/montage_mr-t1.jpg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.slow
def test_contours_of_real_patients_lie_where_the_masks_are(
    run: Command, shared_data: Path, tmp_path: Path
) -> None:
    folder, out = shared_data / "sts" / "STS_010", tmp_path / "out"
    names = {"ct": "ct", "mr-t1": "mr_t1", "pet": "pet"}
    table = tmp_path / "cohort.csv"
    header = ",".join(f"image_{name},mask_{name}" for name in names)
    files = ",".join(f"{folder / f}.nii.gz,{folder / f}_mask.nii.gz" for f in names.values())
    table.write_text(f"case_id,{header}\nSTS_010,{files}\n")
    assert run(table, "--out", out).exit_code == 0
    for name, file in names.items():
        mask = read_mask(folder / f"{file}_mask.nii.gz")
        low, high = orange_box(out / "cases" / "STS_010" / f"thumbnail_{name}.jpg")
        expected = expected_box(mask)
        np.testing.assert_allclose(np.stack([low, high]), expected, atol=3)


def expected_box(mask: Mask) -> NDArray[np.float64]:
    """First and last row and column of the contour in a thumbnail: of an axial, unturned grid."""
    np.testing.assert_allclose(mask.geometry.axes, np.eye(3))
    z, y, x = mask.box_zyx()
    step = np.array(mask.geometry.spacing_mm[:2])
    whole = np.array(mask.geometry.size_xyz[:2]) * step
    box = np.array([[x.start, y.start], [x.stop, y.stop]]) * step
    half = min(whole.max() / 2, max(60.0, np.ptp(box, axis=0).max()))
    centre = np.where(whole <= 2 * half, whole / 2, np.clip(box.mean(axis=0), half, whole - half))
    areas = mask.voxels.sum(axis=(1, 2))
    largest = mask.voxels[len(areas) - 1 - int(np.argmax(areas[::-1]))]  # the uppermost of equals
    rows_set, columns_set = (np.flatnonzero(largest.any(axis=axis)) for axis in (1, 0))
    ends = np.array([[columns_set[0], rows_set[0]], [columns_set[-1] + 1, rows_set[-1] + 1]])
    in_px = (ends * step - centre + half) * 240 / (2 * half)
    assert z.stop > z.start
    return np.asarray(in_px[:, ::-1])


@pytest.mark.slow
def test_pet_from_dicom_is_drawn_in_suv(
    run: Command, raw_series: Callable[[str], Path], tmp_path: Path
) -> None:
    folder, out = raw_series("FDG_PET"), tmp_path / "out"
    table = tmp_path / "cohort.csv"
    (structures,) = (folder / "mask").iterdir()
    table.write_text(
        "case_id,image_pet,mask_pet\n"
        f"plain,{folder / 'image'},\n"
        f"several,{folder / 'image'},{structures}\n"
    )
    assert run(table, "--out", out).exit_code == 1
    assert [row["code"] for row in rows(out / "failures.csv")] == ["region-not-named"]
    image = np.asarray(Image.open(out / "cases" / "plain" / "thumbnail_pet.jpg").convert("L"))
    assert image.mean() > 128  # uptake is dark, and most of a slice has little
    assert image.min() < 60
