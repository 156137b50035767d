"""The log of a workflow: one event per line, only ever appended to, safe on disk when it returns.

Every line says which one it is, counted from 0. A line that a crash left unfinished was never
confirmed to anybody: it is passed over and reported, and stays in the file. A line that is damaged
otherwise takes its number with it, which is noticed: then events are lost, and nothing is guessed.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.errors import InputError
from oncotrace.pipeline.run.lock import alone
from oncotrace.review.events import Event, event_from_json, event_json

_LOCK_FILE = ".events.lock"
_WAIT_S = 30.0
_NUMBER = "n"


@dataclass(frozen=True)
class EventLog:
    """Events so far, and how many lines were left unfinished by crashes."""

    events: tuple[Event, ...]
    torn_lines: int = 0


def read_events(path: Path) -> EventLog:
    """Events in a log; none before it is begun.

    Raises
    ------
    InputError
        The log cannot be read, or events are missing in it.
    """
    content = _content(path)
    events: list[Event] = []
    torn = 0
    for line in content.split(b"\n"):
        if not line:
            continue
        event = _event(line, len(events))
        if event is None:
            torn += 1
        else:
            events.append(event)
    return EventLog(tuple(events), torn)


def append_events(
    path: Path, made: Callable[[Sequence[Event]], Sequence[Event]]
) -> tuple[Event, ...]:
    """Append what is made from the events so far, alone, and return all events then.

    Parameters
    ----------
    made
        Gives the new events, or refuses, from those that are there; nobody else appends meanwhile.

    Raises
    ------
    OutputError
        The log cannot be written, or somebody else writes to it for too long.
    InputError
        The log cannot be read, or events are missing in it.
    """
    with alone(path.with_name(_LOCK_FILE), wait_s=_WAIT_S):
        before = read_events(path).events
        new = tuple(made(before))
        if new:
            _append(path, new, len(before))
        return (*before, *new)


def _append(path: Path, events: Sequence[Event], first: int) -> None:
    lines = [
        json.dumps({_NUMBER: number, **event_json(event)}, allow_nan=False) + "\n"
        for number, event in enumerate(events, start=first)
    ]
    before = _content(path)
    is_torn = bool(before) and not before.endswith(b"\n")
    with refused_writes(path.name), path.open("ab") as stream:
        stream.write(("\n" * is_torn + "".join(lines)).encode())
        stream.flush()
        os.fsync(stream.fileno())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror}.", code="unreadable-file"
        ) from error


def _event(line: bytes, number: int) -> Event | None:
    """Event on a line; none if the line was never finished."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    found = value.pop(_NUMBER, None) if isinstance(value, dict) else None
    event = event_from_json(json.dumps(value)) if found == number else None
    if event is None:
        raise InputError(
            f"the log of events is damaged: where event {number} is expected, there is another "
            "or none.",
            hint="Put back a copy of the run folder; events are never guessed.",
            code="damaged-log",
        )
    return event
