"""Clicks in files: ours (JSON), tables (CSV) and 3D Slicer's; and points typed by hand."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oncotrace.atomic import write_text
from oncotrace.domain.clicks import Clicks, Correction, CorrectionKind
from oncotrace.domain.measurement import Point
from oncotrace.errors import ClickError, OutputError
from oncotrace.io.csv_cells import number_in, read_rows
from oncotrace.io.json_values import (
    flag_at,
    list_at,
    number_at,
    numbers_at,
    object_at,
    parse_json,
    require_known_keys,
    text_at,
)
from oncotrace.io.slicer_markups import (
    fcsv_text,
    markups_text,
    read_fcsv,
    read_markups,
    require_points_only,
)
from oncotrace.io.text_file import read_text

CLICK_SUFFIXES = (".mrk.json", ".json", ".fcsv", ".csv")
MAX_POINTS = 10_000
"""Most points that the clicks, or one correction, may have."""

_Format = TypeVar("_Format")

_FORMAT = 1
_LIMIT_MIB = 10
_KINDS: tuple[CorrectionKind, ...] = ("positive", "negative", "stroke", "undo", "redo")
_CSV_HEADERS = (["x_mm", "y_mm", "z_mm"], ["x", "y", "z"])


def read_clicks(path: Path) -> Clicks:
    """Clicks in a file; its name says the format.

    ``.json`` is oncotrace's own format (LPS), ``.csv`` a table with the columns ``x_mm,y_mm,z_mm``
    or ``x,y,z`` (LPS), ``.mrk.json`` and ``.fcsv`` are 3D Slicer's (LPS or RAS, as the file says).

    Raises
    ------
    ClickError
        The file is missing, too large, or not what its name says; the message names the point or
        the line.
    """
    reader = _by_suffix(_READERS, path.name)
    if reader is None:
        raise ClickError(
            f"{path.name} does not end like a file of clicks.",
            hint=f"Use one of {', '.join(CLICK_SUFFIXES)}.",
            code="unknown-format",
        )
    text = _text(path)
    with _named(path):
        clicks = reader(text)
        if reader is not _read_json:
            _some(clicks)
        _require_few(clicks.points_mm, clicks.corrections)
    return clicks


def read_first_clicks(path: Path) -> Clicks:
    """Clicks in a file, of which there must be some, or a box; see `read_clicks`."""
    clicks = read_clicks(path)
    with _named(path):
        return _some(clicks)


def read_strokes(path: Path) -> tuple[Correction, ...]:
    """Strokes in a file of oncotrace's own format that holds nothing else.

    Other formats are refused: they do not say on which side of the border a line was painted.

    Raises
    ------
    ClickError
        The file is missing, too large, not of that format, or holds anything but strokes, which
        would be lost.
    """
    if _by_suffix(_READERS, path.name) is not _read_json:
        raise ClickError(
            f"{path.name} is no file of strokes, which ends in .json.",
            hint="Write oncotrace's own clicks format with nothing but corrections in it.",
            code="unknown-format",
        )
    text = _text(path)
    with _named(path):
        value = _own_format(text)
        strokes = _corrections(value)
        _require_strokes_alone(
            strokes, has_clicks=bool(value.get("points_mm") or "box_mm" in value)
        )
        _require_few(np.empty((0, 3)), strokes)
    return strokes


def write_clicks(clicks: Clicks, path: Path) -> None:
    """Write clicks in the format that the name says; atomic, never over another file.

    Raises
    ------
    ClickError
        The format cannot hold these clicks: only ``.json`` holds corrections, or a box beside
        points; ``.csv`` and ``.fcsv`` hold no box. Nothing a reader made is left out silently.
    OutputError
        The name does not end in a known format, the file exists, or it cannot be written.
    """
    writer = _by_suffix(_WRITERS, path.name)
    if writer is None:
        raise OutputError(
            f"{path.name} does not end like a file of clicks.",
            hint=f"Use one of {', '.join(CLICK_SUFFIXES)}.",
            code="unknown-format",
        )
    _require_few(clicks.points_mm, clicks.corrections)
    try:
        text = writer(clicks)
    except ClickError as error:
        message = f"{path.name} is not written: {error.message}"
        raise ClickError(message, hint=error.hint, code=error.code) from error
    write_text(path, text)


def clicks_json(clicks: Clicks) -> dict[str, object]:
    """Clicks as plain JSON values, in oncotrace's own format."""
    value: dict[str, object] = {
        "format": _FORMAT,
        "frame": "LPS",
        "points_mm": clicks.points_mm.tolist(),
        "corrections": [_correction_json(correction) for correction in clicks.corrections],
    }
    if clicks.box_mm is not None:
        value["box_mm"] = clicks.box_mm.tolist()
    return value


def parse_point(text: str) -> Point:
    """Return the point typed as "x,y,z" in LPS mm.

    Raises
    ------
    ClickError
        The text is not three finite numbers with two commas between them.
    """
    numbers = [number_in(part) for part in text.split(",")]
    match numbers:
        case [float(x), float(y), float(z)]:
            return x, y, z
    raise ClickError(
        f"{text[:60]!r} is not a point.",
        hint='Write x,y,z in LPS mm, for example "12.5,-30,44".',
        code="not-a-point",
    )


def clicks_from_points(texts: Iterable[str]) -> Clicks:
    """Clicks at points typed as "x,y,z" in LPS mm.

    Raises
    ------
    ClickError
        There is none, or one is not a point; the message counts from 1.
    """
    points = []
    for position, text in enumerate(texts, start=1):
        try:
            points.append(parse_point(text))
        except ClickError as error:
            message = f"point {position}: {error.message}"
            raise ClickError(message, hint=error.hint, code=error.code) from error
    return _some(Clicks(np.array(points).reshape(-1, 3)))


def _some(clicks: Clicks) -> Clicks:
    if not clicks.has_first:
        raise ClickError("there are no clicks.", hint="Give six points or a box.")
    return clicks


def _by_suffix(formats: dict[str, _Format], name: str) -> _Format | None:
    """Return the format whose suffix the name has; longer suffixes stand first in the table."""
    for suffix, chosen in formats.items():
        if name.lower().endswith(suffix):
            return chosen
    return None


def _text(path: Path) -> str:
    return read_text(path, limit_mib=_LIMIT_MIB, error=ClickError)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors say which file they are about."""
    try:
        yield
    except ClickError as error:
        message = f"{path.name}: {error.message}"
        raise ClickError(message, hint=error.hint, code=error.code) from error


def _require_strokes_alone(corrections: Sequence[Correction], *, has_clicks: bool) -> None:
    """Refuse what would be lost if only the strokes were taken, and a file without any."""
    found = [f"a correction of the kind {c.kind}" for c in corrections if c.kind != "stroke"]
    found += ["first clicks or a box"] if has_clicks else []
    if found or not corrections:
        raise ClickError(
            f"the file must hold strokes alone, found {found[0] if found else 'none'}.",
            hint='Every entry of "corrections" must say "kind": "stroke".',
            code="not-strokes",
        )


def _require_few(points_mm: NDArray[np.float64], corrections: Sequence[Correction]) -> None:
    most = max(len(points_mm), *(len(c.points_mm) for c in corrections), 0)
    if most > MAX_POINTS:
        raise ClickError(
            f"there are {most} points, at most {MAX_POINTS} are taken.",
            hint="Give points near the tumour's extremes, six are enough.",
            code="too-many-points",
        )


def _read_json(text: str) -> Clicks:
    value = _own_format(text)
    clicks = Clicks(
        points_mm=_points(value.get("points_mm", []), "points_mm"),
        corrections=_corrections(value),
        box_mm=_points(value["box_mm"], "box_mm") if "box_mm" in value else None,
    )
    # That a mask was made without clicks is said by an empty list, not by silence.
    return clicks if "points_mm" in value else _some(clicks)


def _own_format(text: str) -> dict[str, object]:
    value = object_at(parse_json(text), "the file")
    _check_format(value)
    return value


def _corrections(value: dict[str, object]) -> tuple[Correction, ...]:
    items = list_at(value.get("corrections", []), "corrections")
    return tuple(
        _correction(item, f"correction {position}") for position, item in enumerate(items, start=1)
    )


def _check_format(value: dict[str, object]) -> None:
    number = value.get("format")
    if type(number) is int and number > _FORMAT:
        raise ClickError(
            f"the file has format {number}, this version reads format {_FORMAT}.",
            hint="It was made by a newer version of oncotrace; update to read it.",
            code="newer-format",
        )
    known = ("format", "frame", "points_mm", "corrections", "box_mm")
    require_known_keys(
        value,
        known,
        "the file",
        hint="A file of 3D Slicer must be called .mrk.json." if "markups" in value else None,
    )
    if type(number) is not int or number != _FORMAT:
        raise ClickError(f'the file must say "format": {_FORMAT}.', code="unknown-format")
    if value.get("frame") != "LPS":
        raise ClickError(
            'the file must say "frame": "LPS"; its format has no other frame.',
            hint="To turn RAS into LPS, change the sign of every x and y.",
            code="unknown-frame",
        )


def _points(value: object, what: str) -> NDArray[np.float64]:
    points = [
        numbers_at(item, 3, f"{what}, point {position}")
        for position, item in enumerate(list_at(value, what), start=1)
    ]
    return np.array(points, dtype=np.float64).reshape(-1, 3)


def _correction(item: object, what: str) -> Correction:
    value = object_at(item, what)
    require_known_keys(value, ("kind", "points_mm", "radius_mm", "at", "paints"), what)
    kind = next((kind for kind in _KINDS if kind == value.get("kind")), None)
    if kind is None:
        raise ClickError(f"{what} must have a kind, one of {', '.join(_KINDS)}.")
    if "paints" in value and kind != "stroke":
        raise ClickError(f"{what} is {kind}, but only a stroke may have 'paints'.")
    return Correction(
        kind=kind,
        points_mm=_points(value.get("points_mm", []), f"{what}, points_mm"),
        radius_mm=number_at(value.get("radius_mm", 0), f"{what}, radius_mm"),
        at=text_at(value.get("at", ""), f"{what}, at"),
        paints=flag_at(value.get("paints", True), f"{what}, paints"),
    )


def _correction_json(correction: Correction) -> dict[str, object]:
    value: dict[str, object] = {
        "kind": correction.kind,
        "points_mm": correction.points_mm.tolist(),
        "radius_mm": correction.radius_mm,
        "at": correction.at,
    }
    return {**value, "paints": correction.paints} if correction.kind == "stroke" else value


def _json_text(clicks: Clicks) -> str:
    return json.dumps(clicks_json(clicks), indent=2, allow_nan=False) + "\n"


def _read_csv(text: str) -> Clicks:
    rows = read_rows(text, name="table", error=ClickError)
    _, header = next(rows, (1, []))
    if header not in _CSV_HEADERS:
        raise ClickError(
            "line 1 must name the columns x_mm,y_mm,z_mm (or x,y,z), in LPS mm, and no others.",
            hint="Separate columns by commas and write decimals with a point.",
            code="unknown-columns",
        )
    points = []
    for line, cells in rows:
        numbers = [number_in(cell) for cell in cells]
        if len(numbers) != 3 or None in numbers:
            raise ClickError(f"line {line} must hold three numbers x, y, z.", code="not-a-point")
        points.append(numbers)
    return Clicks(np.array(points, dtype=np.float64).reshape(-1, 3))


def _csv_text(clicks: Clicks) -> str:
    require_points_only(clicks)
    rows = (",".join(repr(float(value)) for value in point) for point in clicks.points_mm)
    return "\n".join(["x_mm,y_mm,z_mm", *rows, ""])


_READERS: dict[str, Callable[[str], Clicks]] = {
    ".mrk.json": read_markups,
    ".json": _read_json,
    ".fcsv": read_fcsv,
    ".csv": _read_csv,
}
_WRITERS: dict[str, Callable[[Clicks], str]] = {
    ".mrk.json": markups_text,
    ".json": _json_text,
    ".fcsv": fcsv_text,
    ".csv": _csv_text,
}
