import csv
import json
from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, SettingsError, TableError
from oncotrace.imaging.overlap import dice
from oncotrace.io.volume_file import read_mask, write_labels, write_mask, write_scan
from oncotrace.pipeline.agree_masks import (
    CaseCompared,
    OutlinesCompared,
    OutlinesSource,
    agree_on_outlines,
)
from oncotrace.pipeline.agree_outlines import EVERY_LABEL, labels_named
from oncotrace.pipeline.agree_table import ReadingColumns

GRID = Geometry((24, 24, 12), (1.0, 1.0, 2.0))
SOURCE = OutlinesSource(ReadingColumns("case", "reader", "mask"))


def cube(start: int, stop: int, geometry: Geometry = GRID) -> Mask:
    voxels = np.zeros(geometry.shape_zyx, dtype=bool)
    voxels[3:9, start:stop, start:stop] = True
    return Mask(voxels, geometry)


def study(folder: Path, outlines: dict[tuple[str, str], Mask | None]) -> Path:
    """Write masks and the table that names them."""
    rows = []
    for (case, reader), mask in outlines.items():
        name = f"{case}_{reader.replace(' ', '_')}.nii.gz"
        if mask is not None:
            write_mask(mask, folder / name)
        rows.append(f"{case},{reader},{name}")
    table = folder / "outlines.csv"
    table.write_text("\n".join(["case,reader,mask", *rows]) + "\n", encoding="utf-8")
    return table


def three_readers(cases: int = 4) -> dict[tuple[str, str], Mask | None]:
    return {
        (f"c{case}", reader): cube(4 + shift, 12 + case + shift)
        for case in range(cases)
        for shift, reader in enumerate("ABC")
    }


def compared(table: Path, source: OutlinesSource = SOURCE, **options) -> OutlinesCompared:
    *steps, last = agree_on_outlines(table, source, **options)
    assert all(isinstance(step, CaseCompared) for step in steps)
    assert isinstance(last, OutlinesCompared)
    return last


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_a_run_folder_holds_pairs_consensus_and_pictures(tmp_path: Path) -> None:
    table = study(tmp_path, three_readers())
    found = compared(table, out=tmp_path / "run")
    run = tmp_path / "run"
    assert found.unusable == ()
    for name in found.analysis.files:
        assert (run / name).is_file()
    assert not (run / "analysis").exists()
    pairs = rows_of(run / "pairs.csv")
    assert [(row["case"], row["first"], row["second"]) for row in pairs[:3]] == [
        ("c0", "A", "B"), ("c0", "A", "C"), ("c0", "B", "C"),
    ]  # fmt: skip
    assert float(pairs[0]["dice"]) == pytest.approx(dice(cube(4, 12), cube(5, 13)))
    assert {row["kind"] for row in pairs} == {"inter"}
    folder = run / "cases" / "c0"
    np.testing.assert_array_equal(
        read_mask(folder / "agreement_10.nii.gz").voxels,
        cube(4, 12).voxels | cube(5, 13).voxels | cube(6, 14).voxels,
    )
    np.testing.assert_array_equal(
        read_mask(folder / "agreement_90.nii.gz").voxels, cube(6, 12).voxels
    )
    assert (folder / "staple.nii.gz").is_file()
    assert (folder / "contours.png").read_bytes().startswith(b"\x89PNG")
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    assert result["n_pairs"] == 12
    assert 0 < result["reader_tolerance_mm"] < 3
    assert result["volume"]["n_readings"] == 12


def test_the_readers_own_tolerance_gives_them_a_surface_dice_of_95_per_cent(
    tmp_path: Path,
) -> None:
    found = compared(study(tmp_path, three_readers()))
    scores = [row["surface_dice"] for row in found.analysis.tables["pairs"]]
    assert np.mean(scores) >= 0.95
    closer = compared(study(tmp_path / "again", three_readers()), tolerance_mm=0.0)
    assert max(row["surface_dice"] for row in closer.analysis.tables["pairs"]) < 0.9


@pytest.mark.slow
def test_an_outline_that_cannot_be_used_is_named_and_the_others_are_compared(
    tmp_path: Path,
) -> None:
    outlines = three_readers()
    outlines["c1", "B"] = None
    outlines["c2", "C"] = cube(4, 10, Geometry((24, 24, 12), (1.0, 1.0, 3.0)))
    found = compared(study(tmp_path, outlines), out=tmp_path / "run")
    assert [(one.case, one.reader, one.code) for one in found.unusable] == [
        ("c1", "B", "missing-file"),
        ("c2", "C", "geometry-mismatch"),
    ]
    assert "case c1 by B" in found.analysis.text
    assert len(found.analysis.tables["pairs"]) == 3 + 1 + 1 + 3
    failures = rows_of(tmp_path / "run" / "failures.csv")
    assert [row["code"] for row in failures] == ["missing-file", "geometry-mismatch"]


def test_a_reader_who_outlined_nothing_is_named_and_has_no_distance(tmp_path: Path) -> None:
    outlines = three_readers()
    outlines["c3", "C"] = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    found = compared(study(tmp_path, outlines))
    assert "Nothing outlined: case c3 by C." in found.analysis.text
    row = next(
        row for row in found.analysis.tables["pairs"] if (row["case"], row["second"]) == ("c3", "C")
    )
    assert (row["dice"], row["hd95_mm"], row["surface_dice"]) == (0.0, None, 0.0)
    assert found.analysis.result["reader_tolerance_mm"] is not None


def test_repeated_outlines_are_intra_observer(tmp_path: Path) -> None:
    rows = []
    for reader, shift in (("A", 0), ("B", 2)):
        for time in (1, 2):
            name = f"{reader}{time}.nii.gz"
            write_mask(cube(4 + shift, 12 + shift + (time == 2)), tmp_path / name)
            rows.append(f"c1,{reader},{name},{time}")
    table = tmp_path / "outlines.csv"
    table.write_text("\n".join(["case,reader,mask,time", *rows]) + "\n", encoding="utf-8")
    source = OutlinesSource(ReadingColumns("case", "reader", "mask", "time"))
    pairs = compared(table, source).analysis.tables["pairs"]
    assert [(row["kind"], row["first"], row["second"]) for row in pairs] == [
        ("inter", "A", "B"),
        ("intra", "A, 1", "A, 2"),
        ("intra", "B, 1", "B, 2"),
    ]
    with pytest.raises(TableError, match="two readings of case c1 by A"):
        compared(table)


def test_labels_are_chosen_and_images_shown(tmp_path: Path) -> None:
    rows = []
    for reader, shift in (("A", 0), ("B", 1)):
        labels = np.zeros(GRID.shape_zyx, dtype=np.uint8)
        labels[cube(4 + shift, 14).voxels] = 1
        labels[cube(6, 10 + shift).voxels] = 4
        write_labels(labels, GRID, tmp_path / f"{reader}.nii.gz")
        rows.append(f"c1,{reader},{reader}.nii.gz,image.nii.gz")
    voxels = np.random.default_rng(1).normal(size=GRID.shape_zyx).astype(np.float32)
    write_scan(Scan(voxels, GRID), tmp_path / "image.nii.gz")
    table = tmp_path / "outlines.csv"
    table.write_text("\n".join(["case,reader,mask,image", *rows]) + "\n", encoding="utf-8")

    def first_dice(labels: str | None) -> float:
        source = OutlinesSource(SOURCE.columns, "image", labels_named(labels))
        return compared(table, source).analysis.tables["pairs"][0]["dice"]

    assert first_dice("all") == pytest.approx(dice(cube(4, 14), cube(5, 14)))
    assert first_dice("4") == pytest.approx(dice(cube(6, 10), cube(6, 11)))
    refused = compared(table, OutlinesSource(SOURCE.columns, "image"))
    assert {one.code for one in refused.unusable} == {"not-a-mask"}


def test_labels_are_all_or_numbers() -> None:
    assert labels_named(None) is None
    assert labels_named("all") == EVERY_LABEL
    assert labels_named("1, 4") == {1, 4}
    for text in ("tumour", "0", "300", "1.5", ""):
        with pytest.raises(SettingsError, match="--label is all"):
            labels_named(text)


def test_a_case_that_cannot_name_a_folder_is_refused(tmp_path: Path) -> None:
    table = study(tmp_path, {("c1", "A"): cube(4, 9), ("c1", "B"): cube(4, 9)})
    table.write_text(table.read_text(encoding="utf-8").replace("c1,", "../x,"), encoding="utf-8")
    with pytest.raises(TableError, match="line 2: the case's name") as told:
        compared(table)
    assert "../x" not in str(told.value)


def test_one_reader_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names 1"):
        compared(study(tmp_path, {("c1", "A"): cube(4, 9), ("c2", "A"): cube(4, 9)}))


def test_an_interrupted_run_leaves_no_folder(tmp_path: Path) -> None:
    table = study(tmp_path, three_readers())
    steps = agree_on_outlines(table, SOURCE, out=tmp_path / "run")
    next(steps)
    steps.close()
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob(".run*"))


@pytest.mark.slow
def test_six_algorithms_of_a_glioma(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "brain").glob("*_seg_algo*.nii.gz"))
    image = next((shared_data / "brain").glob("*_t1c.nii.gz"))
    rows = [f"glioma,{place},{file},{image}" for place, file in enumerate(files, start=1)]
    table = tmp_path / "outlines.csv"
    table.write_text("\n".join(["case,reader,mask,image", *rows]) + "\n", encoding="utf-8")
    source = OutlinesSource(SOURCE.columns, "image", EVERY_LABEL)
    result = compared(table, source, out=tmp_path / "run").analysis.result
    spread = result["dice"]
    assert isinstance(spread, dict)
    assert spread["n"] == 15
    assert 0.95 < spread["least"] < spread["greatest"] < 0.98
    readers = result["readers"]
    assert isinstance(readers, dict)
    assert all(figures["dice_with_staple"] > 0.97 for figures in readers.values())
