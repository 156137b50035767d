"""The log of events: appended to, never lost, and what a crash tears is noticed."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.review.workflow_events import graded, mask

from oncotrace.errors import InputError, OutputError
from oncotrace.pipeline.event_log import append_events, read_events
from oncotrace.pipeline.run.lock import alone

EVENTS = (mask("automatic"), graded("Insufficient", "Zoë"), mask("six-click"), graded("uncertain"))


def write(path: Path, events=EVENTS) -> None:
    for event in events:
        append_events(path, lambda _, event=event: [event])


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "events.jsonl")
    log = read_events(tmp_path / "events.jsonl")
    assert (log.events, log.torn_lines) == (EVENTS, 0)


def test_a_log_that_was_not_begun_is_empty(tmp_path):
    assert read_events(tmp_path / "events.jsonl").events == ()


def test_new_events_may_depend_on_those_that_are_there(tmp_path):
    path = tmp_path / "events.jsonl"
    write(path)
    assert append_events(path, lambda before: before[:1]) == (*EVENTS, EVENTS[0])
    assert append_events(path, lambda _: []) == read_events(path).events


def test_a_refusal_writes_nothing(tmp_path):
    path = tmp_path / "events.jsonl"
    write(path)
    before = path.read_bytes()

    def refuse(_):
        raise InputError("no.")

    with pytest.raises(InputError, match=r"no\."):
        append_events(path, refuse)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_log_cut_off_anywhere_keeps_every_whole_event_and_can_be_gone_on_with(tmp_path):
    path = tmp_path / "events.jsonl"
    write(path)
    whole = path.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        kept = sum(end - 1 <= length for end in ends)  # a line is whole without its newline too
        log = read_events(path)
        assert log.events == EVENTS[:kept]
        assert log.torn_lines == (length > 0 and length not in {*ends, *(e - 1 for e in ends)})
        assert append_events(path, lambda _: [EVENTS[3]]) == (*EVENTS[:kept], EVENTS[3])
        again = read_events(path)
        assert (again.events, again.torn_lines) == ((*EVENTS[:kept], EVENTS[3]), log.torn_lines)


def test_blocks_of_zeros_that_a_power_cut_left_are_no_event(tmp_path):
    path = tmp_path / "events.jsonl"
    write(path)
    with path.open("ab") as stream:
        stream.write(b"\0" * 100)
    assert read_events(path).torn_lines == 1
    write(path, EVENTS[:1])
    assert read_events(path).events == (*EVENTS, EVENTS[0])


@pytest.mark.parametrize("line", range(len(EVENTS) - 1))
def test_an_event_that_was_lost_is_noticed(tmp_path, line):
    path = tmp_path / "events.jsonl"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for damaged in (b"", b"nonsense\n", lines[line].replace(b'"case_id"', b'"cose_id"')):
        path.write_bytes(b"".join([*lines[:line], damaged, *lines[line + 1 :]]))
        with pytest.raises(InputError) as refusal:
            read_events(path)
        assert refusal.value.code == "damaged-log"


APPEND_TWENTY = """
import sys
from pathlib import Path
from oncotrace.pipeline.event_log import append_events
from oncotrace.review.events import Graded
for _ in range(20):
    event = Graded("a", "Excellent", sys.argv[2], "mask", "2026-01-01")
    append_events(Path(sys.argv[1]), lambda _: [event])
"""
DIE_HOLDING = """
import os, sys
from pathlib import Path
from oncotrace.pipeline.run.lock import alone
with alone(Path(sys.argv[1]), wait_s=1):
    os.kill(os.getpid(), 9)
"""


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    path = tmp_path / "events.jsonl"
    call = [sys.executable, "-c", APPEND_TWENTY, str(path)]
    writers = [subprocess.Popen([*call, name]) for name in ("a", "b", "c")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    events = read_events(path).events
    assert sorted(event.reader for event in events) == ["a"] * 20 + ["b"] * 20 + ["c"] * 20


def test_a_lock_is_held_by_one(tmp_path):
    lock = tmp_path / ".lock"
    with (
        alone(lock, wait_s=0),
        pytest.raises(OutputError, match="another oncotrace command"),
        alone(lock, wait_s=0.1),
    ):
        pass


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path):
    lock = tmp_path / ".lock"
    subprocess.run([sys.executable, "-c", DIE_HOLDING, str(lock)], timeout=60, check=False)
    assert lock.exists()
    with alone(lock, wait_s=0):
        pass
