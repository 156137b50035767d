"""Files that are replaced together are all old or all new, whenever the process is killed."""

from pathlib import Path

import pytest
from tests.unit.pipeline.killer import Killed, every_moment, killed_after

from oncotrace.errors import OutputError
from oncotrace.pipeline.run.replacement import (
    HISTORY,
    finish_replacement,
    is_half_replaced,
    replacement,
)

NAMES = ("clicks.json", "mask.nii.gz", "picture.png", "result.json")


def old_folder(path: Path) -> Path:
    path.mkdir()
    for name in NAMES:
        (path / name).write_text(f"old {name}")
    (path / "mine.txt").write_text("mine")
    return path


def replace_all(folder: Path, told: list[str], word: str = "new") -> None:
    with replacement(folder, guard="clicks.json", after=lambda: told.append(word)) as temporary:
        for name in NAMES:
            (temporary / name).write_text(f"{word} {name}")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def folders(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir()]


def all_of(word: str) -> dict[str, str]:
    return {**{name: f"{word} {name}" for name in NAMES}, "mine.txt": "mine"}


def test_files_are_replaced_and_others_stay(tmp_path: Path) -> None:
    folder, told = old_folder(tmp_path / "case"), []
    replace_all(folder, told)
    assert contents(folder) == all_of("new")
    assert folders(folder) == [HISTORY]
    assert told == ["new"]


def test_what_was_replaced_is_kept_in_its_order(tmp_path: Path) -> None:
    folder = old_folder(tmp_path / "case")
    for word in ("second", "third", "fourth"):
        replace_all(folder, [], word)
    kept = {path.name: contents(path) for path in (folder / HISTORY).iterdir()}
    words = {"0001": "old", "0002": "second", "0003": "third"}
    assert kept == {n: {name: f"{word} {name}" for name in NAMES} for n, word in words.items()}


def test_a_block_that_fails_changes_nothing(tmp_path: Path) -> None:
    folder = old_folder(tmp_path / "case")

    def replace_and_fail() -> None:
        with replacement(folder, guard="clicks.json", after=lambda: None) as temporary:
            (temporary / "clicks.json").write_text("new")
            raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        replace_and_fail()
    assert contents(folder) == all_of("old")
    assert folders(folder) == []


def test_a_kill_at_any_moment_leaves_all_files_old_or_lets_them_all_become_new(
    tmp_path: Path,
) -> None:
    outcomes = []

    def killed_and_taken_up(steps: int) -> bool:
        folder, told = old_folder(tmp_path / f"case-{steps}"), []
        try:
            with killed_after(steps):
                replace_all(folder, told)
            was_killed = False
        except Killed:
            was_killed = True
        half = is_half_replaced(folder)
        finish_replacement(folder, lambda: told.append("finished"))
        assert contents(folder) in (all_of("old"), all_of("new"))
        is_new = contents(folder) == all_of("new")
        assert bool(told) == is_new  # whoever must know of the new files was told
        outcomes.append((is_new, half))
        replace_all(folder, told, "newer")
        assert contents(folder) == all_of("newer")
        assert folders(folder) == [HISTORY]
        latest = max((folder / HISTORY).iterdir())
        assert contents(latest) == {name: f"{'new' if is_new else 'old'} {name}" for name in NAMES}
        if is_new:
            first = folder / HISTORY / "0001"
            assert contents(first) == {name: f"old {name}" for name in NAMES}
        return was_killed

    every_moment(killed_and_taken_up)
    assert {(False, False), (True, True)} <= set(outcomes)
    became_new = [is_new for is_new, _ in outcomes]
    assert became_new == sorted(became_new)


def test_a_kill_while_finishing_is_finished_too(tmp_path: Path) -> None:
    def half_replaced(path: Path) -> Path:
        folder = old_folder(path)
        with pytest.raises(Killed), killed_after(9):
            replace_all(folder, [])
        assert is_half_replaced(folder)
        return folder

    def killed_again(steps: int) -> bool:
        folder = half_replaced(tmp_path / f"case-{steps}")
        try:
            with killed_after(steps):
                finish_replacement(folder, lambda: None)
            was_killed = False
        except Killed:
            was_killed = True
        finish_replacement(folder, lambda: None)
        assert contents(folder) == all_of("new")
        return was_killed

    every_moment(killed_again)


def test_of_two_at_the_same_time_the_later_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = old_folder(tmp_path / "case")

    def replace_late() -> None:
        with replacement(folder, guard="clicks.json", after=lambda: None) as temporary:
            for name in NAMES:
                (temporary / name).write_text(f"late {name}")
                (folder / name).write_text(f"first {name}")

    with pytest.raises(OutputError, match="changed by somebody else") as caught:
        replace_late()
    assert caught.value.code == "changed-meanwhile"
    assert contents(folder) == all_of("first")
    assert not is_half_replaced(folder)
