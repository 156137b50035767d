"""Values in place of those that are taken out: dummies, shifted dates, safe words."""

import re
import tomllib
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

DUMMY_TEXT = "REMOVED"

DUMMIES: dict[str, object] = {
    "AE": DUMMY_TEXT, "AS": "000Y", "AT": 0, "CS": DUMMY_TEXT, "DA": "19000101", "DS": "0",
    "DT": "19000101000000", "FD": 0.0, "FL": 0.0, "IS": "0", "LO": DUMMY_TEXT, "LT": DUMMY_TEXT,
    "OB": b"\0\0", "OD": b"\0" * 8, "OF": b"\0" * 4, "OL": b"\0" * 4, "OV": b"\0" * 8,
    "OW": b"\0\0", "PN": DUMMY_TEXT, "SH": DUMMY_TEXT, "SL": 0, "SS": 0, "ST": DUMMY_TEXT,
    "SV": 0, "TM": "000000", "UC": DUMMY_TEXT, "UL": 0, "UR": "urn:removed", "US": 0,
    "UT": DUMMY_TEXT, "UV": 0,
}  # fmt: skip
"""A value of every representation that means nothing (PS3.5, table 6.2-1)."""

TEXTS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
"""Representations of free text."""

_DATE = re.compile(r"(\d{4})(?:\.(\d{2})\.(\d{2})|(\d{2})(\d{2}))")
_DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?")
_WORD = re.compile(r"\d+(?:[.,]\d+)?[^\W\d_]*|[^\W_]+")
_LETTERS_OR_DIGITS = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+")
_SAFE_GAP = re.compile(r"[\s_\-+/.,:;()\[\]*=<>%&^]{0,3}")
_LONGEST_NUMBER = 3
_NUMBERS_IN_A_ROW = re.compile(r"\d+(?:[/:-]\d+)+|\d+(?:\.\d+){2,}")


def shifted(text: str, vr: str, days: int) -> str | None:
    """Date, date and time, or range of them, so many days earlier; none when it is no date.

    Times of day, fractions, offsets from UTC and the precision stay: of ``2014`` or ``201403`` the
    middle is shifted and as much of it given back.
    """
    ends = _ends(text.strip(), vr)
    moved = [_earlier(end, vr, days) if end else "" for end in ends]
    return None if None in moved else "-".join(end for end in moved if end is not None)


def _ends(text: str, vr: str) -> list[str]:
    """Both ends of a range, or the one value; an offset from UTC is no end."""
    if vr == "DA" or not re.search(r"[+-]\d{4}$", text) or text.count("-") != 1:
        return text.split("-") if vr == "DA" or text.count("-") == 1 else [text]
    return [text]


def _earlier(text: str, vr: str, days: int) -> str | None:
    match = (_DATE if vr == "DA" else _DATE_TIME).fullmatch(text)
    if match is None:
        return None
    year, month, day = match[1], match[2], match[3]
    if vr == "DA":
        month, day = month or match[4], day or match[5]
    try:
        moved = date(int(year), int(month or 7), int(day or 15)) - timedelta(days)
    except (ValueError, OverflowError):
        return None
    digits = f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
    if vr == "DA":
        return digits
    kept = 4 + 2 * (month is not None) + 2 * (day is not None)
    return digits[:kept] + (match[4] or "") + (match[5] or "")


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    text = files("oncotrace.curate").joinpath("deid_words.toml").read_text(encoding="utf-8")
    lists = tomllib.loads(text)
    words = {word for group in lists["words"].values() for word in group.split()}
    return frozenset(words), frozenset(lists["units"].split())


def safe_words(text: str) -> str:
    """As much of a description as consists of words of imaging, and at most one short number.

    Words, units and sequences are those of ``deid_words.toml``; whatever else the text holds is
    dropped. One whole number of up to three digits may stay, so that no date can.
    """
    text = _NUMBERS_IN_A_ROW.sub("\x1f", text)
    kept = ""
    numbers = 0
    end = None
    for match in _WORD.finditer(text):
        numbers += _free_numbers(match[0])
        if not _is_safe(match[0]) or numbers > 1:
            numbers -= _free_numbers(match[0])
            end = None
            continue
        gap = "" if end is None else text[end : match.start()]
        kept += (
            gap if end is not None and _SAFE_GAP.fullmatch(gap) else " " if kept else ""
        ) + match[0]
        end = match.end()
    return kept


def is_safe(text: str) -> bool:
    """Whether nothing of the text would be dropped."""
    return safe_words(text) == text.strip()


def _is_safe(word: str) -> bool:
    words, units = _lists()
    lower = word.lower()
    if lower in words:
        return True
    parts = _LETTERS_OR_DIGITS.findall(lower)
    number, rest = parts[0], parts[1:]
    if not number[0].isdigit() or len(re.sub(r"\D", "", number)) > _LONGEST_NUMBER:
        return False
    return number.isdigit() if not rest else len(rest) == 1 and rest[0] in units


def _free_numbers(word: str) -> int:
    """1 for a number without a unit that is not part of a word of the list."""
    return int(word[0].isdigit() and word.lower() not in _lists()[0] and word[-1].isdigit())
