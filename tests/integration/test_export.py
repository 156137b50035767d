"""A segmented case goes out in every format, and each file holds the same tumour."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tests.unit.pipeline.killer import Killed, killed_after
from typer.testing import CliRunner

from oncotrace.cli.app import app
from oncotrace.domain.mask import Mask
from oncotrace.errors import (
    EmptyMaskError,
    GeometryMismatchError,
    InputError,
    OncotraceError,
    OutputError,
    SettingsError,
)
from oncotrace.io.clicks_file import read_clicks
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.slicer_segmentation import read_slicer_segmentation
from oncotrace.io.structured_report_read import read_report
from oncotrace.io.volume_file import read_mask, write_mask
from oncotrace.pipeline.demo import run_demo
from oncotrace.pipeline.export import export_case
from oncotrace.pipeline.export_formats import FILE_OF_FORMAT
from oncotrace.pipeline.run.replacement import finish_replacement, replacement

DEMO_CASE = Path(__file__).parents[2] / "src" / "oncotrace" / "demo_case"
SOURCE = DEMO_CASE / "STS_003_mr_t1.zip"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled patient, segmented."""
    folder = tmp_path_factory.mktemp("demo") / "case"
    run_demo(folder)
    return folder


@pytest.fixture
def copy(case: Path, tmp_path: Path) -> Path:
    """Return a copy of the case, to be spoilt."""
    return shutil.copytree(case, tmp_path / "copy")


def test_every_format_holds_the_same_tumour(case: Path, tmp_path: Path) -> None:
    out = tmp_path / "files"
    exported = export_case(case, out, formats=FILE_OF_FORMAT, source=SOURCE)
    assert [file.name for file in exported.files] == list(FILE_OF_FORMAT.values())

    mask, source = read_mask(case / "mask.nii.gz"), read_source(SOURCE)
    result = json.loads((case / "result.json").read_text())
    region = read_region(out / "rtstruct.dcm", source.geometry)
    segment = read_segment(out / "segmentation.dcm", source.geometry)
    slicer = read_slicer_segmentation(out / "segmentation.seg.nrrd")
    volumes = [read_mask(out / name) for name in ("mask.nii.gz", "mask.nrrd")]
    for read in (region.mask, segment.mask, slicer, *volumes):
        assert read.geometry.matches(mask.geometry)
        np.testing.assert_array_equal(read.voxels, mask.voxels)
    stored = read_report(out / "report.dcm")
    assert stored.segmentation_uid == dcmread(out / "segmentation.dcm").SOPInstanceUID
    assert stored.source_series_uid == source.series_uid == result["series_uid"]
    assert stored.report.maker == result["model"]
    assert stored.report.size.volume_ml == pytest.approx(result["volume_ml"], rel=1e-12)
    length_mm = stored.report.size.longest_axial.length_mm
    assert length_mm == pytest.approx(result["longest_axial_diameter_mm"], rel=1e-12)
    assert stored.report.quality is not None
    assert stored.report.quality.predicted_dice == result["predicted_dice"]
    assert list(stored.report.quality.ends_to_check) == result["ends_to_check"]
    assert (out / "surface.stl").stat().st_size > 100_000


def test_the_demo_writes_the_dicom_objects_beside_its_mask(case: Path) -> None:
    source = read_source(SOURCE)
    mask = read_mask(case / "mask.nii.gz")
    found = read_segment(case / "segmentation.dcm", source.geometry).mask
    np.testing.assert_array_equal(found.voxels, mask.voxels)
    assert read_region(case / "rtstruct.dcm", source.geometry).name == "GTV"
    assert read_report(case / "report.dcm").report.tracking_id == "STS_003"


def test_the_tumour_keeps_its_uid_and_objects_get_new_ones(case: Path, tmp_path: Path) -> None:
    export_case(case, tmp_path / "files", formats=("seg",), source=SOURCE)
    one, other = (dcmread(folder / "segmentation.dcm") for folder in (case, tmp_path / "files"))
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SegmentSequence[0].TrackingUID == other.SegmentSequence[0].TrackingUID


def test_surfaces_need_no_source(case: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["export", str(case), "--to", "stl, slicer", "--out", str(tmp_path / "files")]
    )
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "files").iterdir())
    assert names == ["segmentation.seg.nrrd", "surface.stl"]


@pytest.mark.parametrize("name", ["nifti", "nrrd"])
def test_a_volume_needs_no_source_and_is_the_mask(case: Path, tmp_path: Path, name: str) -> None:
    exported = export_case(case, tmp_path / "files", formats=(name,), source=None)
    mask, read = read_mask(case / "mask.nii.gz"), read_mask(exported.files[0])
    np.testing.assert_array_equal(read.voxels, mask.voxels)
    assert read.geometry.matches(mask.geometry)
    assert exported.notes == ()


def test_markups_hold_the_clicks_and_the_diameters_of_the_result(
    case: Path, tmp_path: Path
) -> None:
    export_case(case, tmp_path / "files", formats=("markups",), source=None)
    path = tmp_path / "files" / "markups.mrk.json"
    clicks = read_clicks(case / "clicks.json")
    np.testing.assert_array_equal(read_clicks(path).points_mm, clicks.points_mm)
    result = json.loads((case / "result.json").read_text())
    lines = [m for m in json.loads(path.read_text())["markups"] if m["type"] == "Line"]
    kinds = ("longest_axial", "perpendicular", "longest_3d")
    assert len(lines) == len(kinds)
    for line, kind in zip(lines, kinds, strict=True):
        [length] = line["measurements"]
        assert length["value"] == result[f"{kind}_diameter_mm"]
        ends = np.array([point["position"] for point in line["controlPoints"]])
        assert ends.tolist() == result[f"{kind}_diameter_points_mm"]
        assert length["value"] == pytest.approx(np.linalg.norm(ends[1] - ends[0]), rel=1e-9)


def test_a_result_without_its_diameters_is_refused_for_markups(copy: Path, tmp_path: Path) -> None:
    result = json.loads((copy / "result.json").read_text())
    points = result.pop("perpendicular_diameter_points_mm")
    for damaged in (result, {**result, "perpendicular_diameter_points_mm": points[:1]}):
        (copy / "result.json").write_text(json.dumps(damaged))
        with pytest.raises(InputError, match="does not hold perpendicular_diameter_mm") as caught:
            export_case(copy, tmp_path / "files", formats=("markups",), source=None)
        assert caught.value.code == "not-a-case"
    export_case(copy, tmp_path / "files", formats=("stl",), source=None)


def test_markups_of_a_case_without_clicks_are_the_diameters_which_is_said(
    copy: Path, tmp_path: Path
) -> None:
    (copy / "clicks.json").unlink()
    exported = export_case(copy, tmp_path / "files", formats=("markups",), source=None)
    assert exported.notes == ("the case has no clicks, so the markups are its diameters alone.",)
    markups = json.loads(exported.files[0].read_text())["markups"]
    assert [markup["name"] for markup in markups] == [
        "Longest axial diameter",
        "Perpendicular diameter",
        "Longest 3D diameter",
    ]


def test_a_case_whose_correction_was_interrupted_is_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed), killed_after(1, moves_into(copy)):
        replace_by_the_same(copy)
    code = require_refusal(InputError, copy, tmp_path / "out", SOURCE, "was interrupted")
    assert code == "correction-interrupted"
    done = CliRunner().invoke(
        app, ["export", str(copy), "--to", "nifti", "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 2
    assert "Run oncotrace refine on it once" in " ".join(done.stderr.split())

    finish_replacement(copy, lambda: None)
    export_case(copy, tmp_path / "out", formats=("nifti",), source=None)


def replace_by_the_same(folder: Path) -> None:
    """Replace mask and clicks of a case together, as a correction does."""
    with replacement(folder, guard="clicks.json", after=lambda: None) as temporary:
        for name in ("mask.nii.gz", "clicks.json"):
            shutil.copyfile(folder / name, temporary / name)


def moves_into(folder: Path) -> Callable[[str, tuple[object, ...]], bool]:
    """Count what is moved directly into a folder."""

    def counts(event: str, arguments: tuple[object, ...]) -> bool:
        return event == "os.rename" and Path(str(arguments[1])).parent == folder.resolve()

    return counts


def test_a_report_brings_the_segmentation_that_it_refers_to(case: Path, tmp_path: Path) -> None:
    exported = export_case(case, tmp_path / "files", formats=("sr",), source=SOURCE)
    assert [file.name for file in exported.files] == ["segmentation.dcm", "report.dcm"]


@pytest.mark.parametrize(
    ("formats", "code"),
    [((), "unknown-export"), (("dcm",), "unknown-export"), (("stl", "rtstruct"), "no-source")],
)
def test_wrong_wishes_are_refused(
    case: Path, tmp_path: Path, formats: tuple[str, ...], code: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        export_case(case, tmp_path / "files", formats=formats, source=None)
    assert caught.value.code == code
    assert not (tmp_path / "files").exists()


def require_refusal(
    kind: type[OncotraceError], folder: Path, out: Path, source: Path, match: str
) -> str:
    with pytest.raises(kind, match=match) as caught:
        export_case(folder, out, formats=("seg", "stl"), source=source)
    assert not out.exists() or not any(out.glob("*.dcm"))
    return caught.value.code


def test_a_source_that_was_not_segmented_is_refused(copy: Path, tmp_path: Path) -> None:
    result = json.loads((copy / "result.json").read_text())
    (copy / "result.json").write_text(json.dumps({**result, "series_uid": "1.2.3"}))
    code = require_refusal(InputError, copy, tmp_path / "out", SOURCE, "another series")
    assert code == "wrong-source"


def test_a_source_on_another_grid_is_refused(copy: Path, tmp_path: Path) -> None:
    mask = read_mask(copy / "mask.nii.gz")
    (copy / "mask.nii.gz").unlink()
    smaller = mask.geometry.crop((1, 0, 0), tuple(np.subtract(mask.geometry.size_xyz, (1, 0, 0))))
    write_mask(Mask(mask.voxels[:, :, 1:], smaller), copy / "mask.nii.gz")
    match = "the mask and the source series lie on different grids"
    require_refusal(GeometryMismatchError, copy, tmp_path / "out", SOURCE, match)


def test_an_empty_mask_is_refused(copy: Path, tmp_path: Path) -> None:
    mask = read_mask(copy / "mask.nii.gz")
    (copy / "mask.nii.gz").unlink()
    write_mask(Mask(np.zeros_like(mask.voxels), mask.geometry), copy / "mask.nii.gz")
    require_refusal(EmptyMaskError, copy, tmp_path / "out", SOURCE, "the mask is empty")


def test_a_folder_that_is_no_case_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"format": 1}')
    code = require_refusal(InputError, tmp_path, tmp_path / "out", SOURCE, "a segmented case")
    assert code == "not-a-case"


def test_nothing_is_written_over(case: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    require_refusal(OutputError, case, tmp_path / "out", SOURCE, "is not empty")
