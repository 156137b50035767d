"""Files appear whole or not at all, and never over another."""

import subprocess
import sys
from pathlib import Path

import pytest

from oncotrace.atomic import refused_writes, write_atomically, write_text
from oncotrace.errors import OutputError

DISK_FULL = """
import resource, sys
from pathlib import Path
from oncotrace.errors import OutputError
from oncotrace.atomic import write_text

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path(sys.argv[1]), "x" * 5000, replace=sys.argv[2] == "replace")
except OutputError as error:
    print(error)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_as_given_into_new_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "deep" / "a.csv", "größe\n")
    assert (tmp_path / "new" / "deep" / "a.csv").read_bytes() == "größe\n".encode()


def test_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(OutputError, match=r"a\.json exists already.*another place") as caught:
        write_text(tmp_path / "a.json", "new")
    assert caught.value.code == "output-exists"
    assert (tmp_path / "a.json").read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    write_text(tmp_path / "a.json", "new", replace=True)
    assert (tmp_path / "a.json").read_text() == "new"


def test_dangling_link_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match="exists already"):
        write_text(tmp_path / "a.json", "new")


@pytest.mark.parametrize("refusal", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_write_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, refusal: BaseException
) -> None:
    (tmp_path / "a.json").write_text("old")

    def write(path: Path) -> None:
        path.write_text("half")
        raise refusal

    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_atomically(tmp_path / "a.json", write, replace=True)
    assert (tmp_path / "a.json").read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError, match=r"run is a file, not a folder\. Check permissions"):
        write_text(tmp_path / "run" / "a.json", "new")
    with pytest.raises(OutputError, match=r"a\.json cannot be written: Not a directory"):
        write_text(tmp_path / "run" / "deeper" / "a.json", "new")
    assert (tmp_path / "run").read_text() == "a file"


def test_folder_in_place_of_the_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        write_text(tmp_path / "a.json", "new", replace=True)
    assert names(tmp_path) == ["a.json"]


def test_name_that_the_system_refuses_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="File name too long"):
        write_text(tmp_path / ("x" * 300), "new")


def test_writer_that_writes_nothing_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        write_atomically(tmp_path / "a.json", lambda path: None)  # noqa: ARG005


def test_errors_that_are_not_the_systems_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), refused_writes("a.json"):
        _ = 1 / 0


@pytest.mark.parametrize("mode", ["new", "replace"])
def test_disk_that_is_full_leaves_nothing_behind(tmp_path: Path, mode: str) -> None:
    """The kernel refuses to let files grow: what a full disk does, without filling one."""
    path = tmp_path / "a.json"
    if mode == "replace":
        path.write_text("old")
    child = subprocess.run(
        [sys.executable, "-B", "-c", DISK_FULL, str(path), mode],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a.json cannot be written: File too large. Check permissions and free space" in (
        child.stdout
    )
    assert names(tmp_path) == (["a.json"] if mode == "replace" else [])
    assert mode == "new" or path.read_text() == "old"
