"""Masks made elsewhere become cases; what goes out comes in again, voxel by voxel."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from tests.integration.conftest import Cli, Phantom
from tests.unit.io.dicom_factory import FRAME_UID, GRID, series, values, write, write_series
from tests.unit.io.test_dicom_seg import AS_IS, EVERY_SLICE, OVERLAPPING, Foreign, at_random

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.slicer_segmentation import write_slicer_segmentation
from oncotrace.io.volume_file import read_mask, write_mask
from oncotrace.pipeline.export import export_case
from oncotrace.pipeline.export_formats import FILE_OF_FORMAT
from oncotrace.pipeline.import_case import import_case

DEMO_CASE = Path(__file__).parents[2] / "src" / "oncotrace" / "demo_case"
SOURCE = DEMO_CASE / "STS_003_mr_t1.zip"
OUTLINE = DEMO_CASE / "STS_003_mr_t1_rtstruct.dcm"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published outline of the bundled patient, imported."""
    folder = tmp_path_factory.mktemp("imported") / "case"
    import_case(OUTLINE, SOURCE, folder, modality="mr-t1")
    return folder


@pytest.fixture(scope="module")
def exported(case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tumour in every format."""
    folder = tmp_path_factory.mktemp("exported") / "files"
    export_case(case, folder, formats=FILE_OF_FORMAT, source=SOURCE)
    return folder


def result_of(folder: Path) -> dict[str, object]:
    result: dict[str, object] = json.loads((folder / "result.json").read_text())
    return result


def test_a_published_outline_becomes_a_case(case: Path) -> None:
    drawn = read_region(OUTLINE, read_source(SOURCE).geometry).mask
    np.testing.assert_array_equal(read_mask(case / "mask.nii.gz").voxels, drawn.voxels)
    names = sorted(path.name for path in case.iterdir())
    assert names == ["mask.nii.gz", "picture.png", "result.json", "run.json"]
    assert (case / "picture.png").read_bytes().startswith(b"\x89PNG")

    result = result_of(case)
    assert result["model"] == "imported"
    assert result["imported_from"] == "rtstruct"
    assert result["series_uid"] == read_source(SOURCE).series_uid
    assert result["voxels"] == int(drawn.voxels.sum())
    assert result["history"] == ["imported from an RTSTRUCT, region 'GTV_Mass_MR_T1'"]
    assert result["predicted_dice"] is None
    run = json.loads((case / "run.json").read_text())
    assert run["settings"]["journey"] == "import"
    assert run["input_digests"] == result["inputs"]
    assert sorted(run["input_digests"]) == ["image", "mask"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("segmentation.dcm", "seg"),
        ("rtstruct.dcm", "rtstruct"),
        ("segmentation.seg.nrrd", "slicer"),
        ("mask.nii.gz", "volume"),
    ],
)
def test_what_was_exported_comes_in_again_and_verifies(
    file: str, kind: str, case: Path, exported: Path, cli: Cli, tmp_path: Path
) -> None:
    path = case / file if kind == "volume" else exported / file
    out = tmp_path / "back"
    run = cli("import", path, "--source", SOURCE, "--modality", "mr-t1", "--out", out)
    assert run.exit_code == 0, run.output
    before, after = read_mask(case / "mask.nii.gz"), read_mask(out / "mask.nii.gz")
    np.testing.assert_array_equal(after.voxels, before.voxels)
    assert after.geometry.matches(before.geometry)
    same = ("volume_ml", "longest_axial_diameter_mm", "series_uid", "geometry", "modality")
    assert {name: result_of(out)[name] for name in same} == {
        name: result_of(case)[name] for name in same
    }
    assert result_of(out)["imported_from"] == kind

    verified = cli("verify", out)
    assert verified.exit_code == 0, verified.output
    assert "case: same" in verified.stdout


def test_verify_says_that_the_file_was_replaced(exported: Path, cli: Cli, tmp_path: Path) -> None:
    path = shutil.copyfile(exported / "segmentation.seg.nrrd", tmp_path / "own.seg.nrrd")
    out = tmp_path / "out"
    assert (
        cli("import", path, "--source", SOURCE, "--modality", "mr-t1", "--out", out).exit_code == 0
    )
    mask = read_mask(out / "mask.nii.gz")
    path.unlink()
    write_slicer_segmentation(Mask(np.roll(mask.voxels, 1, axis=2), mask.geometry), path, name="T")
    run = cli("verify", out)
    assert run.exit_code == 1
    assert "voxels differ" in run.stdout


# ---- who made it ---------------------------------------------------------------------------------


def segment_of(path: Path) -> Dataset:
    (segment,) = dcmread(path).SegmentSequence
    return segment


def test_outlines_of_unknown_origin_go_out_as_the_users_own(exported: Path) -> None:
    segment = segment_of(exported / "segmentation.dcm")
    assert segment.SegmentAlgorithmType == "MANUAL"
    assert "SegmentAlgorithmName" not in segment
    (region,) = dcmread(exported / "rtstruct.dcm").StructureSetROISequence
    assert region.ROIGenerationAlgorithm == "MANUAL"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A small series, on whose grid `Foreign` draws."""
    write_series(tmp_path / "images", series(values(), modality="MR"))
    return tmp_path / "images"


def foreign(path: Path, *, named: Mapping[str, str] | None = None, number: int = 1) -> Path:
    """Write a segmentation of another program; ``named`` says what stands in its segment."""
    dataset = Foreign({number: at_random(number)}, [(z, number, AS_IS) for z in range(4)]).dataset()
    for keyword, value in (named or {}).items():
        setattr(dataset.SegmentSequence[0], keyword, value)
    return write(dataset, path)


def test_maker_and_tracking_of_a_segmentation_are_kept(
    images: Path, cli: Cli, tmp_path: Path
) -> None:
    path = foreign(tmp_path / "seg.dcm", named={"TrackingID": "lesion 7", "TrackingUID": "2.25.7"})
    out, files = tmp_path / "out", tmp_path / "files"
    run = cli("import", path, "--source", images, "--modality", "mr-t1", "--out", out)
    assert run.exit_code == 0, run.output
    result = result_of(out)
    assert (result["model"], result["algorithm_type"]) == ("elsewhere", "AUTOMATIC")
    assert (result["tracking_id"], result["tracking_uid"]) == ("lesion 7", "2.25.7")

    run = cli("export", out, "--to", "sr", "--source", images, "--out", files)
    assert run.exit_code == 0, run.output
    segment = segment_of(files / "segmentation.dcm")
    assert (segment.SegmentAlgorithmType, segment.SegmentAlgorithmName) == (
        "AUTOMATIC",
        "elsewhere",
    )
    assert (segment.TrackingID, segment.TrackingUID) == ("lesion 7", "2.25.7")
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmVersion == "unknown"  # certainly not ours
    run = cli("import", files / "report.dcm", "--out", tmp_path / "report")
    assert run.exit_code == 0, run.output
    assert "2.25.7" in run.stdout


@pytest.mark.parametrize(
    "named",
    [
        {"SegmentAlgorithmName": ""},
        {"SegmentAlgorithmName": "x" * 65, "TrackingID": "a", "TrackingUID": "no UID"},
    ],
    ids=["no name", "names that no export could write"],
)
def test_a_maker_that_cannot_be_told_is_called_imported(
    named: dict[str, str], images: Path, tmp_path: Path
) -> None:
    with quiet_pydicom():
        path = foreign(tmp_path / "seg.dcm", named=named)
    result = import_case(path, images, tmp_path / "out", modality="mr-t1")
    assert result["model"] == "imported"
    assert "tracking_uid" not in result


def test_a_segment_is_taken_by_number_or_name(images: Path, cli: Cli, tmp_path: Path) -> None:
    path = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm")
    for number, wanted in enumerate(("2", "Segment 2")):
        out = tmp_path / f"out{number}"
        run = cli(
            "import", path, "--source", images, "--modality", "mr-t1", "--segment", wanted,
            "--out", out,
        )  # fmt: skip
        assert run.exit_code == 0, run.output
        assert result_of(out)["history"] == ["imported from a DICOM SEG, segment 2 ('Segment 2')"]
        verified = cli("verify", out)
        assert verified.exit_code == 0, verified.output


def test_a_mask_on_a_volume_file_becomes_a_case(phantom: Phantom, cli: Cli, tmp_path: Path) -> None:
    mask = read_mask(phantom.mask)
    z, y, x = mask.box_zyx()
    cropped = phantom.geometry.crop(
        (x.start, y.start, z.start), (x.stop - x.start, y.stop - y.start, z.stop - z.start)
    )
    as_slicer = tmp_path / "cropped.seg.nrrd"
    write_slicer_segmentation(Mask(mask.voxels[z, y, x], cropped), as_slicer, name="Tumour")
    for path in (phantom.mask, as_slicer):
        out = tmp_path / f"out of {path.name}"
        run = cli("import", path, "--source", phantom.image, "--modality", "ct", "--out", out)
        assert run.exit_code == 0, run.output
        np.testing.assert_array_equal(read_mask(out / "mask.nii.gz").voxels, mask.voxels)
        assert result_of(out)["series_uid"] is None


# ---- masks for other commands --------------------------------------------------------------------


def test_measure_and_clicks_take_a_segmentation(
    exported: Path, case: Path, cli: Cli, tmp_path: Path
) -> None:
    for file in ("segmentation.dcm", "segmentation.seg.nrrd"):
        run = cli("measure", exported / file, "--image", SOURCE, "--json")
        assert run.exit_code == 0, run.output
        assert json.loads(run.stdout)["volume_ml"] == result_of(case)["volume_ml"]
    run = cli(
        "clicks", "simulate", exported / "segmentation.dcm", "--image", SOURCE,
        "--out", tmp_path / "clicks.json",
    )  # fmt: skip
    assert run.exit_code == 0, run.output


def test_a_cohort_may_hold_segmentations(exported: Path, cli: Cli, tmp_path: Path) -> None:
    rows = [
        f"{name},{SOURCE},{exported / file}"
        for name, file in (("dicom", "segmentation.dcm"), ("slicer", "segmentation.seg.nrrd"))
    ]
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(["case_id,image_mr-t1,mask_mr-t1", *rows]) + "\n")
    run = cli("measure", table, "--out", tmp_path / "run")
    assert run.exit_code == 0, run.output
    results = [result_of(tmp_path / "run" / "cases" / name) for name in ("dicom", "slicer")]
    assert results[0]["volume_ml"] == results[1]["volume_ml"]
    assert [sorted(result["inputs"]) for result in results] == [["image", "mask"]] * 2
    verified = cli("verify", tmp_path / "run")
    assert verified.exit_code == 0, verified.output


# ---- reports -------------------------------------------------------------------------------------


def test_a_report_of_ours_is_read_whole(
    exported: Path, case: Path, cli: Cli, tmp_path: Path
) -> None:
    run = cli("import", exported / "report.dcm", "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]
    content, result = json.loads((tmp_path / "out" / "report.json").read_text()), result_of(case)
    segmentation = dcmread(exported / "segmentation.dcm")
    assert content["format"] == 1
    assert content["volume_ml"] == result["volume_ml"]
    assert content["axial_slice"] == result["axial_slice"]
    np.testing.assert_allclose(
        content["longest_axial_diameter_points_mm"],
        result["longest_axial_diameter_points_mm"],
        atol=1e-3,
    )
    assert content["model"] == "imported"
    assert content["grade"] is None
    assert content["predicted_dice"] is None
    assert content["tracking_uid"] == segmentation.SegmentSequence[0].TrackingUID
    assert content["segmentation_uid"] == segmentation.SOPInstanceUID
    assert content["frame_of_reference_uid"] == segmentation.FrameOfReferenceUID
    assert content["series_uid"] == result["series_uid"]
    assert content["segment_number"] == 1
    assert content["tracking_uid"] in run.stdout
    assert f"{content['volume_ml']:.1f}" in run.stdout


@pytest.mark.parametrize("option", ["--source", "--segment", "--series", "--modality"])
def test_a_report_needs_nothing_else(option: str, exported: Path, cli: Cli, tmp_path: Path) -> None:
    code, words = refused(cli, tmp_path, exported / "report.dcm", option, "ct")
    assert code == "settings"
    assert f"{option} cannot be used with a structured report" in words


def test_a_report_of_another_program_is_refused(exported: Path, cli: Cli, tmp_path: Path) -> None:
    report = dcmread(exported / "report.dcm")
    del report.CodingSchemeIdentificationSequence
    report.save_as(tmp_path / "theirs.dcm")
    code, words = refused(cli, tmp_path, tmp_path / "theirs.dcm")
    assert code == "not-our-report"
    assert "no report that oncotrace wrote" in words


# ---- what is refused -----------------------------------------------------------------------------


def refused(cli: Cli, tmp_path: Path, *arguments: object) -> tuple[str, str]:
    """Run an import that must be refused without a trace; returns its code and what it said."""
    run = cli("import", *arguments, "--out", tmp_path / "refused" / "out")
    assert run.exit_code == 2, run.output
    assert "Traceback" not in run.stderr
    assert "Planted" not in run.stderr
    assert not (tmp_path / "refused").exists() or not list((tmp_path / "refused").iterdir())
    code = run.stderr.partition("(")[2].partition(")")[0]
    return code, run.stderr


def test_a_segmentation_of_another_frame_of_reference_is_refused(
    images: Path, cli: Cli, tmp_path: Path
) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    dataset.FrameOfReferenceUID = f"{FRAME_UID}.9"
    path = write(dataset, tmp_path / "seg.dcm")
    code, words = refused(cli, tmp_path, path, "--source", images, "--modality", "mr-t1")
    assert code == "wrong-frame-of-reference"
    assert "Give the series that was segmented" in words


@pytest.mark.parametrize("file", ["segmentation.dcm", "rtstruct.dcm", "segmentation.seg.nrrd"])
def test_a_mask_without_its_images_is_refused(
    file: str, exported: Path, cli: Cli, tmp_path: Path
) -> None:
    code, words = refused(cli, tmp_path, exported / file)
    assert code == "no-source"
    assert "--source" in words


def test_images_that_have_left_dicom_are_refused_for_dicom(
    exported: Path, phantom: Phantom, cli: Cli, tmp_path: Path
) -> None:
    path = exported / "segmentation.dcm"
    code, words = refused(cli, tmp_path, path, "--source", phantom.image, "--modality", "mr-t1")
    assert code == "no-source"
    assert "image.nii.gz, a volume file" in words


@pytest.mark.parametrize(
    ("source", "code"),
    [("gone", "missing-file"), ("empty", "empty-folder"), ("other", "no-images")],
)
def test_a_source_without_images_is_refused(
    source: str, code: str, exported: Path, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    shutil.copy(exported / "rtstruct.dcm", tmp_path / "other")
    path = exported / "segmentation.dcm"
    found, _ = refused(cli, tmp_path, path, "--source", tmp_path / source, "--modality", "mr-t1")
    assert found == code


@pytest.mark.parametrize("with_own_frame", [True, False])
def test_a_source_that_is_not_the_source_is_refused(
    with_own_frame: bool, exported: Path, cli: Cli, tmp_path: Path
) -> None:
    """Another series of the same place: its images are others, and perhaps its frame too."""
    source = read_source(SOURCE)

    def renamed(z: int, dataset: Dataset) -> None:
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(z)])
        if not with_own_frame:
            dataset.FrameOfReferenceUID = source.frame_of_reference_uid

    grid = source.geometry
    stored = np.zeros(grid.shape_zyx, dtype=np.int64)
    write_series(tmp_path / "other", series(stored, grid, change=renamed, modality="MR"))
    path = exported / "segmentation.dcm"
    code, words = refused(
        cli, tmp_path, path, "--source", tmp_path / "other", "--modality", "mr-t1"
    )
    assert code == ("wrong-frame-of-reference" if with_own_frame else "wrong-source")
    if not with_own_frame:
        assert "none of the 47 that it names is there" in words


def test_slices_that_are_missing_are_told(images: Path, cli: Cli, tmp_path: Path) -> None:
    sorted(images.iterdir())[-1].unlink()
    path = foreign(tmp_path / "seg.dcm")
    code, _ = refused(cli, tmp_path, path, "--source", images, "--modality", "mr-t1")
    assert code == "segment-off-grid"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [((), "segment-not-chosen"), (("3",), "segment-not-found"), (("liver",), "segment-not-found")],
)
def test_a_segment_that_is_not_clear_is_answered_with_the_list(
    wanted: tuple[str, ...], code: str, images: Path, cli: Cli, tmp_path: Path
) -> None:
    path = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm")
    options = [word for name in wanted for word in ("--segment", name)]
    found, words = refused(cli, tmp_path, path, "--source", images, "--modality", "mr-t1", *options)
    assert found == code
    assert "4 ('Segment 4'), 2 ('Segment 2')" in words


def test_a_region_that_is_not_there_is_answered_with_the_list(cli: Cli, tmp_path: Path) -> None:
    code, words = refused(
        cli, tmp_path, OUTLINE, "--source", SOURCE, "--modality", "mr-t1", "--segment", "Liver"
    )
    assert code == "region-not-found"
    assert "'GTV_Mass_MR_T1'" in words


def test_an_empty_segment_is_refused(images: Path, cli: Cli, tmp_path: Path) -> None:
    empty = Foreign({1: at_random(1, 0)}, EVERY_SLICE).dataset()
    path = write(empty, tmp_path / "seg.dcm")
    code, words = refused(cli, tmp_path, path, "--source", images, "--modality", "mr-t1")
    assert code == "empty-mask"
    assert "segment 1 ('Segment 1')" in words


def nothing_on(geometry: Geometry) -> NDArray[np.bool_]:
    return np.zeros(geometry.shape_zyx, dtype=np.bool_)


@pytest.mark.parametrize("file", ["empty.nii.gz", "empty.seg.nrrd"])
def test_an_empty_mask_is_refused(file: str, images: Path, cli: Cli, tmp_path: Path) -> None:
    mask = Mask(nothing_on(GRID), read_source(images).geometry)
    path = tmp_path / file
    if file == "empty.nii.gz":
        write_mask(mask, path)
    else:
        write_slicer_segmentation(mask, path, name="Tumour")
    code, _ = refused(cli, tmp_path, path, "--source", images, "--modality", "mr-t1")
    assert code == "empty-mask"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.write_text("no mask"), "unknown-format"),
        (lambda path: path.mkdir(), "unknown-format"),
        (lambda path: write(series(values())[0], path), "unknown-format"),
        (lambda _: None, "missing-file"),
    ],
    ids=["text", "folder", "image", "nothing"],
)
def test_a_file_of_no_such_format_is_refused(
    make: object, code: str, images: Path, cli: Cli, tmp_path: Path
) -> None:
    assert callable(make)
    make(tmp_path / "file.dcm")
    found, _ = refused(
        cli, tmp_path, tmp_path / "file.dcm", "--source", images, "--modality", "mr-t1"
    )
    assert found == code


def test_a_sequence_that_cannot_be_told_must_be_given(
    images: Path, cli: Cli, tmp_path: Path
) -> None:
    code, _ = refused(cli, tmp_path, foreign(tmp_path / "seg.dcm"), "--source", images)
    assert code == "modality-unknown"


@pytest.mark.parametrize("file", ["segmentation.dcm", "report.dcm"])
def test_nothing_is_written_over(file: str, exported: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    options = () if file == "report.dcm" else ("--source", SOURCE, "--modality", "mr-t1")
    run = cli("import", exported / file, *options, "--out", tmp_path / "out")
    assert run.exit_code == 2
    assert "(output-exists)" in run.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
