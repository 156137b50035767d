"""From a model and a few cases to a model adapted to them, from tables and from readers' work."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from tests.integration.conftest import make_phantom
from tests.unit.learning.builders import tiny_fingerprint
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from oncotrace.cli.finetune import finetune  # noqa: E402
from oncotrace.domain.clicks import Correction  # noqa: E402
from oncotrace.errors import (  # noqa: E402
    InputError,
    ModelError,
    OutputError,
    SettingsError,
    TableError,
)
from oncotrace.io.clicks_file import read_clicks  # noqa: E402
from oncotrace.io.cohort_table import read_cohort  # noqa: E402
from oncotrace.io.volume_file import read_mask  # noqa: E402
from oncotrace.learning.model_folder import read_model, write_model  # noqa: E402
from oncotrace.learning.plan import make_plan  # noqa: E402
from oncotrace.learning.recipe import parse_recipe  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402
from oncotrace.learning.tuning import Tuning  # noqa: E402
from oncotrace.pipeline.evaluate import evaluate_model  # noqa: E402
from oncotrace.pipeline.few_cases import drawn_patients  # noqa: E402
from oncotrace.pipeline.finetune import finetune_model  # noqa: E402
from oncotrace.pipeline.finished_cases import FinishedCase, finished_run  # noqa: E402
from oncotrace.pipeline.refine import refine_case  # noqa: E402
from oncotrace.pipeline.run.digests import file_digest  # noqa: E402
from oncotrace.pipeline.segment import segment_case, segment_cohort  # noqa: E402
from oncotrace.pipeline.workflow import run_workflow  # noqa: E402
from oncotrace.pipeline.workflow_grades import grade_case  # noqa: E402

CLICKED = """
name = "tiny"
[channels]
images = ["image"]
cues = ["is-ct", "ellipsoid", "hull", "likelihood", "typical", "geodesic", "guidance"]
[grid]
size_xyz = [16, 16, 16]
[network]
first_channels = 2
levels = 3
linear_skip = true
[optimiser]
steps = 30
batch_size = 1
"""
ONE = {"cases": 1, "seed": 3}
WHOLE = """
name = "tiny-whole"
preparation = "whole-image"
[channels]
images = ["mr-t1"]
cues = ["has-mr-t1"]
[grid]
mode = "patch"
size_xyz = [16, 16, 16]
spacing_mm = [2.0, 2.0, 2.0]
[network]
first_channels = 2
levels = 3
[optimiser]
steps = 30
batch_size = 1
[augmentation]
recrop_mm = 8
"""


def write_network_model(folder: Path, recipe: str, folds: tuple[int, ...]) -> Path:
    """Write a model of random networks, as if trained on T1."""
    plan = make_plan(parse_recipe(recipe, "tiny"), tiny_fingerprint(), {"modalities": ["mr-t1"]})
    networks = {}
    for fold in folds:
        seeded = plan.model_copy(update={"recipe": plan.recipe.model_copy(update={"seed": fold})})
        networks[fold] = exported(build_network(seeded), plan)
    write_model(folder, plan, networks, card="# Tiny\n\nPhantoms, CC0.\n")
    return folder


@pytest.fixture(scope="module")
def clicked(tmp_path_factory) -> Path:
    return write_network_model(tmp_path_factory.mktemp("models") / "tiny", CLICKED, (0, 3))


@pytest.fixture(scope="module")
def single(clicked, tmp_path_factory) -> Path:
    """Return a model with one of these networks, which is adapted in half the time."""
    model = read_model(clicked)
    folder = tmp_path_factory.mktemp("models") / "single"
    write_model(folder, model.plan, {0: model.network(0)}, card=model.card)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_network_model(tmp_path_factory.mktemp("models") / "tiny-whole", WHOLE, (0,))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """Three patients, the first with two cases."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = ["case_id,patient_id,image_mr-t1,mask_mr-t1,clicks"]
    for number, patient in enumerate(("p0", "p0", "p1", "p2")):
        name = f"c{number}"
        make_phantom(folder / name, seed=number)
        files = f"{name}/image.nii.gz,{name}/mask.nii.gz,{name}/clicks.json"
        rows.append(f"{name},{patient},{files}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"


def tuning(model: Path, source: Path, out: Path, *, resume=False, cases=None, **others):
    return finetune_model(
        str(model),
        source,
        out,
        cases=cases,
        tuning=others.pop("tuning", Tuning()),
        seed=others.pop("seed", 0),
        resume=resume,
        device="cpu",
        **others,
    )


def weights(model: Path, fold: int):
    graph = onnx.load_from_string((model / f"fold_{fold}.onnx").read_bytes()).graph
    return {part.name: numpy_helper.to_array(part) for part in graph.initializer}


def inside_point(folder: Path) -> Correction:
    """Positive click in the middle of what the mask holds: it changes little, but it stands."""
    mask = read_mask(folder / "mask.nii.gz")
    z, y, x = np.argwhere(mask.voxels).mean(axis=0).round()
    return Correction("positive", mask.geometry.to_point_mm(np.array([[x, y, z]])))


def segmented_run(table: Path, out: Path) -> Path:
    run = segment_cohort(
        table, out, modality="mr-t1", model="ellipsoid", seed=0, resume=False, jobs=1
    )
    list(run.outcomes)
    return out


@pytest.fixture(scope="module")
def tuned(clicked, cohort, tmp_path_factory) -> Path:
    """Return a model that was adapted to one patient of three, without any interruption."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "about.md").write_text("Ours, not to be passed on.\n")
    steps = list(tuning(clicked, cohort, folder / "out", **ONE, about=folder / "about.md"))
    assert [(now.place, now.folds, now.step) for now in steps] == [
        (place, 2, step) for place in (1, 2) for step in (1, 2, 3)
    ]
    return folder / "out"


def test_every_network_is_tuned_from_its_own_weights(clicked, tuned):
    assert sorted(read_model(tuned).networks) == [0, 3]
    for fold in (0, 3):
        before, after = weights(clicked, fold), weights(tuned, fold)
        frozen = "encoder.0.conv1.conv.weight"
        np.testing.assert_array_equal(after[frozen], before[frozen])
        assert not np.array_equal(after["skip.weight"], before["skip.weight"])


def test_the_card_and_the_plan_say_where_the_model_comes_from(clicked, cohort, tuned):
    model, digest = read_model(tuned), file_digest(clicked / "plan.json")
    known = model.plan.preparation["tuned"]
    chosen = drawn_patients(read_cohort(cohort), 1, 3).cases
    assert known["cases"] == [f"{case.case_id}/mr-t1" for case in chosen]
    assert known["parent_sha256"] == digest
    assert known["layers"] == "decoder"
    for text in (
        digest, ", ".join(known["cases"]), "the decoder", "was not scored", "> Phantoms, CC0.",
        "Ours, not to be passed on.", "drawn from 3", "no predicted Dice",
    ):  # fmt: skip
        assert text in model.card
    assert model.quality is None
    assert model.plan.fingerprint == read_model(clicked).plan.fingerprint


def test_an_interrupted_fine_tuning_ends_in_the_same_model(clicked, cohort, tuned, tmp_path):
    out = tmp_path / "out"
    for stop in ((1, 2), (2, 1)):
        others = {**ONE, "about": tuned.parent / "about.md", "resume": stop[0] == 2}
        with contextlib.closing(tuning(clicked, cohort, out, **others)) as steps:
            next(now for now in steps if (now.place, now.step) == stop)
        assert not out.exists()
    list(tuning(clicked, cohort, out, **others))
    for name in ("fold_0.onnx", "fold_3.onnx", "plan.json", "MODEL_CARD.md"):
        assert (out / name).read_bytes() == (tuned / name).read_bytes()


def test_a_fine_tuning_is_not_resumed_with_another_draw(single, cohort, tmp_path):
    with contextlib.closing(tuning(single, cohort, tmp_path / "out", cases=2)) as steps:
        next(steps)
    with pytest.raises(OutputError, match=r"out\.training exists already"):
        next(tuning(single, cohort, tmp_path / "out", cases=2))
    for others in ({"seed": 1}, {"tuning": Tuning(layers="whole")}, {"cases": 1}):
        changed = {"cases": 2, **others}
        with pytest.raises(SettingsError, match="another recipe or other cases"):
            next(tuning(single, cohort, tmp_path / "out", resume=True, **changed))


def test_patients_are_drawn_with_all_their_cases_and_fewer_are_among_more(cohort):
    table = read_cohort(cohort)
    for seed in range(5):
        drawn = [{c.case_id for c in drawn_patients(table, k, seed).cases} for k in (1, 2, 3)]
        assert drawn[0] < drawn[1] < drawn[2]
        assert all(({"c0", "c1"} <= ids) or ids.isdisjoint({"c0", "c1"}) for ids in drawn)
    assert len({drawn_patients(table, 1, seed).cases[0].patient_id for seed in range(20)}) == 3
    with pytest.raises(SettingsError, match="4 patients are asked for, 3 have") as caught:
        drawn_patients(table, 4, 0)
    assert caught.value.code == "too-few-cases"


def test_a_tuned_model_segments_and_no_table_of_folds_fits_it(cohort, tuned, tmp_path):
    result = segment_case(
        cohort.parent / "c0" / "image.nii.gz",
        read_clicks(cohort.parent / "c0" / "clicks.json"),
        tmp_path / "segmented",
        modality="mr-t1",
        model=str(tuned),
        seed=0,
    )
    assert result["predicted_dice"] is None
    (tmp_path / "folds.csv").write_text("patient_id,fold\np0,0\np1,3\np2,3\n")
    with pytest.raises(TableError, match="have seen them"):
        evaluate_model(
            cohort, str(tuned), tmp_path / "run", folds=tmp_path / "folds.csv",
            modality="mr-t1", seed=0, resume=False, jobs=1,
        )  # fmt: skip


def test_a_model_of_whole_images_is_tuned_without_clicks(whole, cohort, tmp_path):
    list(tuning(whole, cohort, tmp_path / "out", tuning=Tuning(layers="whole")))
    model = read_model(tmp_path / "out")
    assert model.plan.preparation["tuned"]["cases"] == ["c0", "c1", "c2", "c3"]
    assert not model.plan.recipe.network.deep_supervision
    with pytest.raises(SettingsError, match="the model looks at its own"):
        next(tuning(whole, cohort, tmp_path / "other", modalities=("ct",)))


def test_another_sequence_can_be_learnt_with_clicks(single, cohort, tmp_path):
    table = tmp_path / "cohort.csv"
    table.write_text(
        "case_id,image_mr-t2,mask_mr-t2\n"
        f"c0,{cohort.parent}/c0/image.nii.gz,{cohort.parent}/c0/mask.nii.gz\n"
    )
    with pytest.raises(InputError, match="an outline of mr-t1"):
        next(tuning(single, table, tmp_path / "out"))
    list(tuning(single, table, tmp_path / "out", modalities=("mr-t2",)))
    assert read_model(tmp_path / "out").plan.preparation["modalities"] == ["mr-t1", "mr-t2"]


def test_only_corrected_cases_of_a_run_are_learnt_from_with_their_clicks(single, cohort, tmp_path):
    run = segmented_run(cohort, tmp_path / "run")
    with pytest.raises(InputError, match="no mask in run was finished"):
        finished_run(run)
    for case in ("c1", "c3"):
        refine_case(run / "cases" / case, [inside_point(run / "cases" / case)])
    refine_case(run / "cases" / "c3", [Correction("undo", np.zeros((0, 3)))])
    found = finished_run(run)
    assert [case.case_id for case in found.cohort.cases] == ["c1"]
    assert found.cohort.cases[0].masks["mr-t1"] == run / "cases" / "c1" / "mask.nii.gz"
    given = read_clicks(cohort.parent / "c1" / "clicks.json")
    np.testing.assert_array_equal(found.clicks["c1"].points_mm, given.points_mm)
    assert not found.clicks["c1"].corrections
    list(tuning(single, run, tmp_path / "out"))
    model = read_model(tmp_path / "out")
    assert model.plan.preparation["tuned"]["cases"] == ["c1/mr-t1"]
    assert "masks that readers finished, with their clicks" in model.card
    with pytest.raises(SettingsError, match="the run says what was segmented"):
        next(tuning(single, run, tmp_path / "other", modalities=("ct",)))


def test_the_label_is_the_readers_mask_and_the_sample_never_changes(clicked, cohort, tmp_path):
    run = segmented_run(cohort, tmp_path / "run")
    place = run / "cases" / "c0"
    refine_case(place, [inside_point(place)])
    found = finished_run(run)
    plan = read_model(clicked).plan
    case = FinishedCase(found.cohort.cases[0], "mr-t1", found.clicks["c0"])
    first, second = case.sample(plan), case.sample(plan)
    np.testing.assert_array_equal(first.channels, second.channels)
    shape = first.target.shape
    assert shape == (16, 16, 16)
    share = first.target.mean() * np.prod(np.multiply(shape, first.spacing_zyx_mm)) / 1000
    result = json.loads((place / "result.json").read_text())
    assert share == pytest.approx(result["volume_ml"], rel=0.15)
    undrawn = FinishedCase(found.cohort.cases[0], "mr-t1", None)
    np.testing.assert_array_equal(undrawn.sample(plan).channels, undrawn.sample(plan).channels)


def test_a_run_on_another_image_or_half_corrected_is_refused(cohort, tmp_path):
    folder = shutil.copytree(cohort.parent, tmp_path / "cohort")
    run = segmented_run(folder / "cohort.csv", tmp_path / "run")
    place = run / "cases" / "c0"
    refine_case(place, [inside_point(place)])
    (place / ".replacement").mkdir()
    with pytest.raises(InputError, match="was interrupted") as caught:
        finished_run(run)
    assert caught.value.code == "correction-interrupted"
    (place / ".replacement").rmdir()
    shutil.copy(folder / "c1" / "image.nii.gz", folder / "c0" / "image.nii.gz")
    with pytest.raises(InputError, match="not the image that was segmented") as caught:
        finished_run(run)
    assert caught.value.code == "inputs-changed"


def test_accepted_masks_of_a_workflow_that_are_not_automatic_are_learnt_from(
    single, whole, cohort, tmp_path
):
    def go_on(resume: bool) -> None:
        run = run_workflow(
            cohort, tmp_path / "run", modality="mr-t1", automatic=str(whole),
            interactive="ellipsoid", second_reader_share=0.0, seed=0, resume=resume, jobs=1,
        )  # fmt: skip
        for phase in run.phases:
            list(phase.outcomes)

    def grade(case: str, word: str) -> None:
        grade_case(tmp_path / "run", case, word, reader="Anna", comment="")

    go_on(resume=False)
    waiting = [p.name for p in (tmp_path / "run" / "steps").glob("*/") if any(p.iterdir())]
    for case in ("c0", "c1", "c2"):
        if case in waiting:
            grade(case, "Incorrect")
    if "c3" in waiting:
        grade("c3", "Excellent")
    go_on(resume=True)
    grade("c0", "Excellent")
    edit = tmp_path / "run" / "edits" / "c1.nii.gz"
    shutil.copy(cohort.parent / "c1" / "mask.nii.gz", edit)
    grade("c1", "Incorrect")
    go_on(resume=True)
    grade("c1", "Sufficient")
    go_on(resume=True)
    found = finished_run(tmp_path / "run")
    assert [case.case_id for case in found.cohort.cases] == ["c0", "c1"]
    assert found.clicks.keys() == {"c0", "c1"}
    mask = read_mask(found.cohort.cases[1].masks["mr-t1"])
    np.testing.assert_array_equal(mask.voxels, read_mask(edit).voxels)
    list(tuning(whole, tmp_path / "run", tmp_path / "automatic"))
    assert read_model(tmp_path / "automatic").plan.preparation["tuned"]["cases"] == ["c0", "c1"]
    list(tuning(single, tmp_path / "run", tmp_path / "clicked", cases=1))
    assert "masks that readers finished" in read_model(tmp_path / "clicked").card


def test_what_is_no_run_is_refused(single, tmp_path):
    (tmp_path / "run.json").write_text('{"format": 1, "settings": {"journey": "measure"}}')
    with pytest.raises(InputError, match="no run of `oncotrace segment`") as caught:
        next(tuning(single, tmp_path, tmp_path / "out"))
    assert caught.value.code == "not-a-run"


def test_what_is_no_trained_model_is_refused(cohort, tmp_path):
    with pytest.raises(ModelError, match="no trained model") as caught:
        next(tuning(Path("ellipsoid"), cohort, tmp_path / "out"))
    assert caught.value.code == "not-trained"


def test_the_command_writes_a_model(single, cohort, tmp_path):
    app = typer.Typer()
    app.command()(finetune)
    arguments = [single, cohort, "--cases", 1, "--layers", "last-layer", "--out", tmp_path / "out"]
    run = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert run.exit_code == 0, run.output
    assert "MODEL_CARD.md" in run.stdout
    assert "the last layer alone" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
