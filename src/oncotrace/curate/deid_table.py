"""Table E.1-1 of PS3.15: what becomes of which attribute, under which option.

The tables lie beside this module as CSV: ``deid_table.csv`` (table E.1-1), ``deid_types.csv`` (the
types of PS3.3 that its compound actions depend on) and ``deid_safe_private.csv`` (table E.3.10-1).
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from oncotrace.curate.deid_options import Confidentiality

Action = Literal["X", "Z", "D", "U", "K", "C"]
"""Remove, empty, replace by a dummy, replace the UID, keep, clean."""

PRIVATE = "private"
_ROOT = "1.2.840.10008.5.1.4."
_LEAST: dict[int, tuple[Action, ...]] = {1: ("D", "Z", "X"), 2: ("Z", "D", "X"), 3: ("X", "Z", "D")}
"""By the attribute's type (PS3.5, 7.4), which action comes first among those that are allowed."""


@dataclass(frozen=True)
class Attribute:
    """A row of table E.1-1.

    Parameters
    ----------
    tag
        Eight hexadecimal digits; ``x`` stands for any digit; `PRIVATE` for all private attributes.
    basic
        Action of the basic profile, such as ``X/Z/D``.
    options
        Action under an option, by the name of its column.
    """

    tag: str
    name: str
    basic: str
    options: dict[str, str]


@cache
def attributes() -> dict[str, Attribute]:
    """Rows of table E.1-1 by tag."""
    return {
        row["tag"]: Attribute(
            row["tag"],
            row["name"],
            row["basic"],
            {name: row[name] for name in list(row)[3:] if row[name]},
        )
        for row in _rows("deid_table.csv")
    }


def attribute(tag: int) -> Attribute | None:
    """Row that a tag falls under, none when the table does not list it."""
    table = attributes()
    text = f"{tag:08X}"
    if found := table.get(text):
        return found
    if text[:2] == "50" and not (tag >> 16) & 1:
        return table["50xxxxxx"]
    if text[:2] == "60" and not (tag >> 16) & 1:
        return table.get(f"60xx{text[4:]}")
    return table[PRIVATE] if (tag >> 16) & 1 else None


def option_action(row: Attribute, confidentiality: Confidentiality) -> Action | None:
    """Return what the chosen options say: to keep an attribute, else to clean it, else none."""
    found = {row.options[c] for c in confidentiality.columns if c in row.options}
    if "K" in found:
        return "K"
    return "C" if "C" in found else None


def basic_action(row: Attribute, sop_class: str, *, nested: bool) -> Action:
    """Return the action of the basic profile, of a compound the one that the type asks for.

    What the standard leaves open, ``X/Z/D``, becomes the least that keeps the object valid: a dummy
    for what must have a value (type 1), an empty value for what must be there (type 2), else
    nothing. Conditions are taken as fulfilled. Of ``X/Z/U*`` always the last, so that links to
    images survive.
    """
    allowed = row.basic.split("/")
    if "U*" in allowed:
        return "U"
    required = _required_type(row.tag, sop_class, nested=nested) if len(allowed) > 1 else 3
    return next(action for action in (*_LEAST[required], "U") if action in allowed)


@dataclass(frozen=True)
class _Types:
    """Where an attribute is of which type: the strictest in any sequence, and by SOP class."""

    nested: int
    classes: tuple[frozenset[str], frozenset[str]]


@cache
def _types() -> tuple[frozenset[str], dict[str, _Types]]:
    """Known SOP classes, and the types of the attributes with compound actions."""
    rows = {row["tag"]: row for row in _rows("deid_types.csv")}
    known = _classes(rows.pop("known")["type_1"])
    types = {
        tag: _Types(int(row["nested"]), (_classes(row["type_1"]), _classes(row["type_2"])))
        for tag, row in rows.items()
    }
    return known, types


def _classes(text: str) -> frozenset[str]:
    return frozenset(_ROOT + uid for uid in text.split())


def _required_type(tag: str, sop_class: str, *, nested: bool) -> int:
    known, types = _types()
    if tag not in types:
        return 1
    if nested:
        return types[tag].nested
    if sop_class not in known:
        return 1
    return next((n for n, uids in enumerate(types[tag].classes, 1) if sop_class in uids), 3)


@cache
def safe_private() -> frozenset[tuple[str, int, int]]:
    """Private creator, group and last two digits of the element of every safe attribute."""
    return frozenset(
        (row["private_creator"], int(row["group"], 16), int(element, 16))
        for row in _rows("deid_safe_private.csv")
        for element in row["elements"].split()
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("oncotrace.curate").joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
