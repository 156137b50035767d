"""Models without clicks: trained on a small cohort, resumed, and used with missing sequences."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from tests.integration.conftest import make_phantom

from oncotrace.segment.published_finish import EVERY_POST_PROCESSING

pytest.importorskip("torch")

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, GeometryMismatchError, TableError
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.resample import resample_scan
from oncotrace.io.clicks_file import clicks_json, read_clicks
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.recipe import parse_recipe
from oncotrace.pipeline.refine import refine_case
from oncotrace.pipeline.segment import segment_case, segment_cohort
from oncotrace.pipeline.train import FoldProgress, train_model
from oncotrace.pipeline.verify import verify_run

TINY = """
name = "tiny-multi"
preparation = "whole-image"
[channels]
images = ["mr-t1", "ct"]
cues = ["has-mr-t1", "has-ct"]
[grid]
mode = "patch"
size_xyz = [16, 16, 16]
spacing_mm = [2.0, 2.0, 2.0]
share_on_target = 0.7
[network]
first_channels = 4
levels = 3
deep_supervision = false
[optimiser]
learning_rate = 2e-2
steps = 40
[augmentation]
recrop_mm = 8
channel_dropout = 0.5
"""


def write_second_sequence(folder: Path) -> None:
    """Write the same patient as CT, on a grid of its own."""
    t1 = read_scan(folder / "image.nii.gz", "mr-t1")
    grid = Geometry((30, 28, 26), (1.7, 1.6, 1.9), (-21.0, 12.5, 499.0))
    there = resample_scan(t1, grid, interpolation="linear", outside=200.0)
    write_scan(Scan((there.voxels - 250) / 2, grid, "ct"), folder / "ct.nii.gz")
    outline = read_mask(folder / "mask.nii.gz")
    share = Scan(outline.voxels.astype(np.float32), outline.geometry)
    inside = resample_scan(share, grid, interpolation="linear", outside=0.0).voxels >= 0.5
    write_mask(Mask(inside, grid), folder / "ct_mask.nii.gz")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    rows = ["case_id,image_mr-t1,mask_mr-t1,image_ct,mask_ct"]
    folds = ["patient_id,fold"]
    for number in range(4):
        name = f"c{number}"
        make_phantom(folder / name, seed=number)
        write_second_sequence(folder / name)
        ct = f"{name}/ct.nii.gz,{name}/ct_mask.nii.gz" if number != 3 else ","
        rows.append(f"{name},{name}/image.nii.gz,{name}/mask.nii.gz,{ct}")
        folds.append(f"{name},{number % 2}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    (folder / "folds.csv").write_text("\n".join(folds) + "\n")
    return folder


def training(cohort: Path, out: Path, *, resume: bool = False, **others):
    return train_model(
        cohort / "cohort.csv",
        out,
        recipe=parse_recipe(TINY, "tiny.toml"),
        modalities=("mr-t1", "ct"),
        folds=cohort / "folds.csv",
        resume=resume,
        device="cpu",
        **others,
    )


@pytest.fixture(scope="module")
def model(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny-multi"
    for _ in training(cohort, out):
        pass
    return out


def test_the_folder_names_its_sequences_and_the_chosen_post_processing(model):
    read = read_model(model)
    assert read.plan.recipe.preparation == "whole-image"
    assert read.plan.preparation["modalities"] == ["mr-t1", "ct"]
    assert read.plan.preparation["post_processing"] in EVERY_POST_PROCESSING
    assert read.quality is None  # too few patients
    assert "No clicks" in read.card
    for sequences, cases in (("mr-t1+ct", 3), ("mr-t1", 4), ("ct", 3)):
        assert f"| {sequences} | none | {cases} |" in read.card
    assert "| case | fold | mr-t1+ct | mr-t1 | ct |" in read.card
    assert "cropped or continued by up to 8 mm" in read.card


def test_an_interrupted_training_ends_in_the_same_networks(cohort, model, tmp_path):
    out = tmp_path / "again"
    with contextlib.closing(training(cohort, out)) as steps:
        for now in steps:
            if isinstance(now, FoldProgress) and now.step == 7:
                break
    for _ in training(cohort, out, resume=True):
        pass
    for fold in (0, 1):
        assert read_model(out).networks[fold] == read_model(model).networks[fold]


@pytest.mark.parametrize("first", ["mr-t1", "ct"])
def test_any_set_of_sequences_is_segmented_and_verified(cohort, model, tmp_path, first):
    images = {"mr-t1": "image.nii.gz", "ct": "ct.nii.gz"}
    masks = {"mr-t1": "mask.nii.gz", "ct": "ct_mask.nii.gz"}
    other = "ct" if first == "mr-t1" else "mr-t1"
    for channels in ((), (other,)):
        out = tmp_path / "+".join((first, *channels))
        result = segment_case(
            cohort / "c1" / images[first],
            None,
            out,
            modality=first,
            model=str(model),
            seed=0,
            channels={name: cohort / "c1" / images[name] for name in channels},
        )
        made = read_mask(out / "mask.nii.gz")
        assert dice(made, read_mask(cohort / "c1" / masks[first])) > 0.6
        assert result["channels"] == [first, *channels]
        assert len(result["slices_to_check"]) == 5
        assert any("another grid" in text for text in result["warnings"]) == bool(channels)
        assert clicks_json(read_clicks(out / "clicks.json")) == clicks_json(Clicks())
        assert [verdict.differences for verdict in verify_run(out)] == [()]


@pytest.mark.parametrize("is_in_cohort", [False, True])
def test_an_automatic_mask_is_corrected_verified_and_brought_back(
    cohort, model, tmp_path, is_in_cohort
):
    run = tmp_path / "run"
    if is_in_cohort:
        table = cohort / "cohort.csv"
        for _ in segment_cohort(
            table, run, modality="mr-t1", model=str(model), seed=0, resume=False, jobs=1
        ).outcomes:
            pass
        case = run / "cases" / "c1"
    else:
        segment_case(
            cohort / "c1" / "image.nii.gz", None, run, modality="mr-t1", model=str(model), seed=0,
            channels={"ct": cohort / "c1" / "ct.nii.gz"},
        )  # fmt: skip
        case = run
    before = read_mask(case / "mask.nii.gz")
    at_its_end = np.argwhere(before.voxels)[:1]
    point_mm = before.geometry.to_point_mm(at_its_end[:, ::-1])
    result = refine_case(case, [Correction("negative", point_mm)]).result
    after = read_mask(case / "mask.nii.gz")
    assert not after.voxels[tuple(at_its_end[0])]
    assert (result["corrections"], result["channels"]) == (1, ["mr-t1", "ct"])
    assert not read_clicks(case / "clicks.json").has_first
    assert [verdict.differences for verdict in verify_run(run)] == [()] * (4 if is_in_cohort else 1)
    refine_case(case, [Correction("undo", np.empty((0, 3)))])
    np.testing.assert_array_equal(read_mask(case / "mask.nii.gz").voxels, before.voxels)


def test_more_looks_are_recorded_and_made_again(cohort, tmp_path):
    out = tmp_path / "with-dropout"
    recipe = parse_recipe(TINY.replace("levels = 3\n", "levels = 3\ndropout = 0.1\n"), "tiny.toml")
    for _ in train_model(
        cohort / "cohort.csv", out, recipe=recipe, modalities=("mr-t1", "ct"),
        folds=cohort / "folds.csv", resume=False, device="cpu",
    ):  # fmt: skip
        pass
    for looks in (0, 3):
        case = tmp_path / f"looks-{looks}"
        result = segment_case(
            cohort / "c1" / "image.nii.gz", None, case, modality="mr-t1", model=str(out), seed=0,
            dropout_looks=looks,
        )  # fmt: skip
        assert 1 <= len(result["slices_to_check"]) <= 5
        settings = json.loads((case / "run.json").read_text())["settings"]
        assert settings.get("dropout_looks", 0) == looks
        assert [verdict.differences for verdict in verify_run(case)] == [()]


def test_other_grids_are_refused_where_that_is_asked(cohort, model, tmp_path):
    with pytest.raises(GeometryMismatchError, match="ct image and the mr-t1 image"):
        segment_case(
            cohort / "c1" / "image.nii.gz",
            None,
            tmp_path / "out",
            modality="mr-t1",
            model=str(model),
            seed=0,
            channels={"ct": cohort / "c1" / "ct.nii.gz"},
            other_grids="refuse",
        )


def test_a_cohort_uses_whatever_each_case_has(cohort, model, tmp_path):
    run = segment_cohort(
        cohort / "cohort.csv",
        tmp_path / "run",
        modality=None,
        model=str(model),
        seed=0,
        resume=False,
        jobs=1,
    )
    assert [outcome.failure for outcome in run.outcomes] == [None] * 4
    looked_at = {
        name: json.loads((tmp_path / "run" / "cases" / name / "result.json").read_text())
        for name in ("c0", "c3")
    }
    assert looked_at["c0"]["channels"] == ["mr-t1", "ct"]
    assert looked_at["c3"]["channels"] == ["mr-t1"]


def test_a_case_without_an_outline_is_left_out_and_an_empty_one_refused(cohort, tmp_path):
    table = (cohort / "cohort.csv").read_text().replace("c2/mask.nii.gz", "c2/empty.nii.gz")
    outline = read_mask(cohort / "c2" / "mask.nii.gz")
    write_mask(
        Mask(np.zeros_like(outline.voxels), outline.geometry), cohort / "c2" / "empty.nii.gz"
    )
    (cohort / "other.csv").write_text(table)
    with pytest.raises(EmptyMaskError) as caught:
        next(
            train_model(
                cohort / "other.csv", tmp_path / "out", recipe=parse_recipe(TINY, "tiny.toml"),
                modalities=("mr-t1", "ct"), folds=cohort / "folds.csv", resume=False, device="cpu",
            )
        )  # fmt: skip
    assert caught.value.case_id == "c2"


def test_a_patient_without_a_fold_is_refused(cohort, tmp_path):
    (cohort / "few.csv").write_text("patient_id,fold\nc0,0\nc1,1\n")
    with pytest.raises(TableError, match="2 patients of the cohort have no fold"):
        next(
            train_model(
                cohort / "cohort.csv", tmp_path / "out", recipe=parse_recipe(TINY, "tiny.toml"),
                modalities=("mr-t1",), folds=cohort / "few.csv", resume=False, device="cpu",
            )
        )  # fmt: skip
