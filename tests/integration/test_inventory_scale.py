"""An inventory of 20,000 files by the real command: nothing is lost, nothing is read twice."""

import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.process_memory import MemoryWatch
from benchmarks.synthetic_headers import IMAGES_IN_A_SERIES, add_files, make_files

from oncotrace.curate.inventory_table import read_inventory
from oncotrace.pipeline.inventory import index_of

FILES = 20_000
SERIES = FILES // IMAGES_IN_A_SERIES
ADDED = FILES // 100
MOST_MIB = 1024

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 images in 200 series; the last test adds to them."""
    root = tmp_path_factory.mktemp("pile") / "dicom"
    make_files(root, FILES)
    return root


def command(root: Path, table: Path, *more: str) -> list[str]:
    program = [sys.executable, "-m", "oncotrace", "inventory", str(root), "--out", str(table)]
    return [*program, "--jobs", "2", *more]


def ran(root: Path, table: Path, *more: str) -> tuple[str, float]:
    """What the command printed, as one line, and the most memory of all its processes."""
    process = subprocess.Popen(command(root, table, *more), stdout=subprocess.PIPE, text=True)
    watch = MemoryWatch(process.pid)
    printed, _ = process.communicate(timeout=600)
    watch.join()
    assert process.returncode == 0
    return " ".join(printed.split()), watch.peak_mib


def interrupted(root: Path, table: Path, *, after: int) -> None:
    """Run the command in a terminal and press Ctrl-C once it has read so many headers."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        command(root, table),
        stdout=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        start_new_session=True,
        # A shell's background job ignores Ctrl-C and hands that on to its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(end)
    shown, is_pressed = "", False
    while piece := shown_in(terminal):
        shown += piece
        read = re.findall(rf"reading headers.*? (\d+) of {FILES}", shown)
        if not is_pressed and read and int(read[-1]) >= after:
            os.killpg(process.pid, signal.SIGINT)
            is_pressed = True
    os.close(terminal)
    assert process.wait(timeout=60) == 3, shown[-500:]
    assert "go on with --update" in shown


def shown_in(terminal: int) -> str:
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""


def rows_in_index(table: Path) -> dict[str, int]:
    with sqlite3.connect(index_of(table)) as connection:
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
            for name in ("files", "pending", "series", "folders")
        }
    connection.close()
    return counts


def test_every_file_and_series_is_found_within_a_gibibyte(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    printed, peak_mib = ran(pile, table)
    assert f"{SERIES} series in {FILES} files ({FILES} read now)" in printed
    assert peak_mib < MOST_MIB
    rows = read_inventory(table)
    assert len({row.series_uid for row in rows}) == len(rows) == SERIES
    assert {row.files for row in rows} == {row.slices for row in rows} == {IMAGES_IN_A_SERIES}
    assert Counter(row.modality for row in rows).keys() == {"CT", "MR", "PT"}
    assert rows_in_index(table) == {
        "files": FILES, "pending": 0, "series": SERIES, "folders": SERIES + SERIES // 5 + 1,
    }  # fmt: skip


def test_an_interrupted_inventory_goes_on_where_it_was(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    interrupted(pile, table, after=FILES // 4)
    assert not table.exists()
    counts = rows_in_index(table)
    assert FILES // 4 <= counts["files"] < FILES
    assert counts["files"] + counts["pending"] == FILES
    printed, _ = ran(pile, table, "--update")
    assert f"{SERIES} series in {FILES} files ({counts['pending']} read now)" in printed
    ran(pile, tmp_path / "new.csv")
    assert table.read_text() == (tmp_path / "new.csv").read_text()


def test_only_what_was_added_is_read_by_a_second_run(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    ran(pile, table)
    before = {row.series_uid: row for row in read_inventory(table)}
    add_files(pile, FILES, ADDED)
    printed, peak_mib = ran(pile, table, "--update")
    added = {row.series_uid: row for row in read_inventory(table)}
    assert f"{len(added)} series in {FILES + ADDED} files ({ADDED} read now)" in printed
    assert peak_mib < MOST_MIB
    assert rows_in_index(table)["files"] == FILES + ADDED
    # nine in ten as two new series, the others one by one to series that were there
    new = [row.files for uid, row in added.items() if uid not in before]
    assert sorted(new) == [80, 100]
    grown = [row.files for uid, row in added.items() if uid in before and row != before[uid]]
    assert grown == [IMAGES_IN_A_SERIES + 1] * (ADDED // 10)
    ran(pile, tmp_path / "new.csv")
    assert table.read_text() == (tmp_path / "new.csv").read_text()
