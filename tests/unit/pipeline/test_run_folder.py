import json
from pathlib import Path

import pytest

from oncotrace.errors import InputError, OutputError
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.digests import json_digest, source_digest
from oncotrace.pipeline.run.folder import read_json, remove_partial, whole_folder, write_json


def fill_and_fail(out: Path) -> None:
    with whole_folder(out) as folder:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("interrupted")


def test_a_folder_appears_whole(tmp_path):
    out = tmp_path / "out"
    with whole_folder(out) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["a.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_block_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="interrupted"):
        fill_and_fail(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
    assert (tmp_path / "out" / "a.txt").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"), whole_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".case.0123abcd.partial").mkdir()
    (tmp_path / "case").mkdir()
    remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["case"]


def test_json_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_json(tmp_path / "run.json")
    (tmp_path / "run.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(InputError, match="not of format 1"):
        read_json(tmp_path / "run.json")
    with pytest.raises(InputError, match=r"there is no result\.json"):
        read_json(tmp_path / "result.json")


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "result.json", {"format": 1, "volume_ml": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_digest_does_not_depend_on_file_names(tmp_path):
    for folder, names in (("one", ("a", "b")), ("two", ("x", "y"))):
        (tmp_path / folder).mkdir()
        for name, content in zip(names, ("first", "second"), strict=True):
            (tmp_path / folder / name).write_text(content)
    assert source_digest(tmp_path / "one") == source_digest(tmp_path / "two")
    (tmp_path / "two" / "y").write_text("changed")
    assert source_digest(tmp_path / "one") != source_digest(tmp_path / "two")


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})
    assert json_digest({"a": 1}) != json_digest({"a": 2})


def test_the_clock_names_the_stage_that_failed():
    clock = StageClock()
    with clock.stage("read"):
        pass
    with pytest.raises(RuntimeError, match="bad"), clock.stage("segment"):
        raise RuntimeError("bad")
    assert clock.current == "segment"
    assert list(clock.seconds()) == ["read", "segment"]
