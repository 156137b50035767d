"""A model folder is read as if a stranger had made it."""

import json
import os
import shutil

import pytest
from tests.unit.learning.builders import NETWORKS, tiny_plan

import oncotrace
from oncotrace.errors import ModelError, OutputError
from oncotrace.learning.model_folder import read_model, read_plan, write_model

RECORD = {"sha256": "0" * 64, "size_bytes": 1}


@pytest.fixture
def folder(tmp_path):
    """Return a model of two folds."""
    networks = {fold: (NETWORKS / f"fold_{fold}.onnx").read_bytes() for fold in (0, 1)}
    write_model(tmp_path / "model", tiny_plan(), networks, card="# Tiny\n", quality={"slope": 1.0})
    return tmp_path / "model"


def change_plan(folder, **changes):
    path = folder / "plan.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def refusal(folder, match, **options):
    with pytest.raises(ModelError, match=match) as caught:
        read_model(folder, **options)
    return caught.value.code


def test_a_model_is_read_as_it_was_written(folder):
    model = read_model(folder)
    assert model.plan.recipe == tiny_plan().recipe
    assert set(model.networks) == {0, 1}
    assert model.network(1) == (NETWORKS / "fold_1.onnx").read_bytes()
    assert model.quality == {"slope": 1.0}
    assert model.card == "# Tiny\n"


def test_the_plan_says_what_the_contract_asks_for(folder):
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["format"] == 1
    assert plan["grid_xyz"] == [8, 16, 24]
    assert plan["axis_order"] == "zyx"
    assert plan["spacing_mm"] == [1.0, 1.0, 1.0]
    assert plan["files"]["fold_0.onnx"]["size_bytes"] == (folder / "fold_0.onnx").stat().st_size
    assert set(plan["files"]) == {path.name for path in folder.iterdir()} - {"plan.json"}


def test_folds_that_are_not_asked_for_are_not_read(folder):
    (folder / "fold_1.onnx").unlink()
    assert set(read_model(folder, folds=[0]).networks) == {0}


def test_a_missing_fold_is_named_with_those_that_are_there(folder):
    assert refusal(folder, r"no network for fold 7; it has 0, 1", folds=[7]) == "missing-fold"
    (folder / "fold_1.onnx").unlink()
    assert refusal(folder, "no network for fold 1") == "missing-fold"


def test_a_fold_that_was_not_read_is_missing(folder):
    with pytest.raises(ModelError, match="no network for fold 1") as caught:
        read_model(folder, folds=[0]).network(1)
    assert caught.value.code == "missing-fold"


@pytest.mark.parametrize("name", ["fold_1.onnx", "quality.json", "MODEL_CARD.md"])
def test_a_changed_file_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert refusal(folder, f"{name} is not the file that plan.json describes") == "tampered-model"


def test_a_longer_file_is_refused(folder):
    with (folder / "fold_0.onnx").open("ab") as stream:
        stream.write(b"more")
    assert refusal(folder, "fold_0.onnx is not the file") == "tampered-model"


def test_a_file_that_is_no_regular_file_is_refused_without_waiting(folder):
    (folder / "quality.json").unlink()
    os.mkfifo(folder / "quality.json")
    assert refusal(folder, "quality.json is not the file") == "tampered-model"


@pytest.mark.parametrize(
    "changes",
    [{"format": 2, "surprise": 1}, {"oldest_reader": "99.0.0"}],
    ids=["format", "version"],
)
def test_a_model_made_by_a_newer_version_says_so(folder, changes):
    change_plan(folder, **changes)
    assert refusal(folder, f"newer oncotrace.*{oncotrace.__version__}") == "newer-model"


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"format": "1"},
        {"format": True},
        {"oldest_reader": None},
        {"oldest_reader": "soon"},
        {"grid_xyz": "8"},
        {"files": {}},
        {"files": {"../../plan.json": RECORD, "MODEL_CARD.md": RECORD}},
        {"files": {"MODEL_CARD.md": {"sha256": "0", "size_bytes": 1}}},
        {"files": dict.fromkeys(("MODEL_CARD.md", "fold_01.onnx"), RECORD)},
    ],
    ids=str,
)
def test_a_plan_that_makes_no_sense_is_refused(folder, changes):
    change_plan(folder, **changes)
    assert refusal(folder, "plan.json is damaged") == "damaged-model"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": NaN}', "[" * 100_000, "\x00"])
def test_a_plan_that_is_not_a_json_object_is_refused(folder, content):
    (folder / "plan.json").write_text(content, encoding="utf-8")
    assert refusal(folder, "plan.json is damaged") == "damaged-model"


def test_a_folder_without_a_plan_is_not_a_model(tmp_path):
    with pytest.raises(ModelError, match="is not a model") as caught:
        read_plan(tmp_path)
    assert caught.value.code == "not-a-model"


def test_a_huge_plan_is_not_read(folder):
    (folder / "plan.json").write_bytes(b" " * (2**20 + 1))
    assert refusal(folder, "is not a model") == "not-a-model"


def test_a_network_that_refers_to_another_file_is_neither_written_nor_read(folder, tmp_path):
    content = (folder / "fold_0.onnx").read_bytes() + b"location"
    with pytest.raises(ModelError, match="refers to other files") as caught:
        write_model(tmp_path / "other", tiny_plan(), {0: content}, card="")
    assert caught.value.code == "tampered-model"
    assert not (tmp_path / "other" / "plan.json").exists()


def test_a_model_is_never_written_over(folder):
    with pytest.raises(OutputError, match="holds a model already") as caught:
        write_model(folder, tiny_plan(), {}, card="")
    assert caught.value.code == "output-exists"


def test_a_copy_of_a_model_is_the_model(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert read_model(tmp_path / "copy").networks == read_model(folder).networks
