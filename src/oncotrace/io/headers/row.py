"""Headers as rows of an index: what all images of a series share, and what is each image's own.

Most of a header is the same in all images of a series. It is held apart as a `variant`: text that
is stored once however many images have it, and that tells at once where images of a series differ.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from oncotrace.io.headers.fields import FIELDS, Field
from oncotrace.io.headers.file import FileFields
from oncotrace.io.headers.values import MalformedValue, Value, numbers_of, text_value
from oncotrace.io.headers.walk import Raw

OWN_COLUMNS = (
    "sop_instance_uid", "acquisition_time", "acquisition_datetime", "instance_number",
    "acquisition_number", "temporal_position", "exposure_mas", "tube_current_ma",
    "rescale_slope", "rescale_intercept", "x_mm", "y_mm", "z_mm",
)  # fmt: skip

_TEXT = frozenset({b"CS", b"DA", b"DT", b"LO", b"SH", b"TM", b"UI"})
_REMEMBERED_VARIANTS = 64
_KEPT_IMAGE_REFERENCES = 5  # enough to tell whether the images referred to are there
_DEFAULT_CHARACTER_SET = "ISO_IR 6"

_RawItems = tuple[tuple[str, tuple[Raw, ...]], ...]
_NO_ERROR = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """What images of a series share.

    Parameters
    ----------
    text
        JSON of the values by name, without empty ones; ``NAME.all`` lists a value that differs
        between frames or items of one file.
    malformed
        Remarks on values that cannot be read.
    """

    text: str
    patient_id: str
    study_uid: str
    series_uid: str
    malformed: frozenset[str]


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """One file of the index.

    Parameters
    ----------
    code
        Why the file has no values; empty when it has.
    remarks
        Codes of what is odd, separated by blanks; ``malformed:NAME`` for a value that cannot be
        read.
    own
        What is the image's own, in the order of `OWN_COLUMNS`.
    positions_mm
        Positions of the frames (x, y, z, x, ...), where there are several.
    """

    code: str
    remarks: str = ""
    variant: Variant | None = None
    own: tuple[Value | None, ...] = (None,) * len(OWN_COLUMNS)
    positions_mm: tuple[float, ...] = ()


def header_row(fields: FileFields) -> HeaderRow:
    """Decode what a file says into a row of the index."""
    if fields.code:
        return HeaderRow(fields.code)
    shared: list[tuple[str, tuple[Raw, ...]]] = []
    own: dict[str, list[Raw]] = {}
    for name, raws in fields.found.items():
        if FIELDS[name].per_file:
            own[name] = raws
        else:
            shared.append((name, tuple(raws)))
    variant = _variant(tuple(shared), fields.transfer_syntax, fields.is_big_endian)
    if not variant.series_uid:
        return HeaderRow("missing-tag")
    malformed: set[str] = set()
    positions = _positions(own.pop("position_mm", []), fields.is_big_endian, malformed)
    values = dict(zip(("x_mm", "y_mm", "z_mm"), positions, strict=False))
    row: dict[str, Value | None] = {**values}
    for name, raws in own.items():
        row[name] = _own_value(FIELDS[name], raws[0], fields.is_big_endian, malformed)
    remarks = sorted(fields.remarks | variant.malformed | malformed)
    return HeaderRow(
        _NO_ERROR,
        remarks=" ".join(remarks),
        variant=variant,
        own=tuple(map(row.get, OWN_COLUMNS)),
        positions_mm=positions if len(positions) > 3 else (),
    )


@lru_cache(maxsize=_REMEMBERED_VARIANTS)
def _variant(shared: _RawItems, transfer_syntax: str, is_big_endian: bool) -> Variant:
    """Decode the shared values; remembered, because the next image mostly has the same."""
    character_set = _character_set(dict(shared))
    values: dict[str, object] = {"transfer_syntax": transfer_syntax}
    malformed = set()
    for name, raws in shared:
        try:
            decoded = [_value(FIELDS[name], raw, character_set, is_big_endian) for raw in raws]
        except MalformedValue:
            malformed.add(f"malformed:{name}")
        else:
            values |= _named(FIELDS[name], decoded)
    return Variant(
        text=json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        patient_id=str(values.get("patient_id", "")),
        study_uid=str(values.get("study_uid", "")),
        series_uid=str(values.get("series_uid", "")),
        malformed=frozenset(malformed),
    )


def _named(field: Field, decoded: Sequence[Value | None]) -> dict[str, object]:
    """Put the values that are there under their name."""
    present = [value for value in dict.fromkeys(decoded) if value not in ("", None)]
    if not present:
        return {}
    if field.is_listed:
        is_image = field.name == "refers_to_image"
        return {field.name: present[:_KEPT_IMAGE_REFERENCES] if is_image else present}
    several = {f"{field.name}.all": present} if len(present) > 1 else {}
    return {field.name: present[0], **several}


def _character_set(shared: Mapping[str, tuple[Raw, ...]]) -> str:
    try:
        given = text_value(shared["character_set"][0]) if "character_set" in shared else ""
    except MalformedValue:
        given = ""
    return given or _DEFAULT_CHARACTER_SET


def _value(field: Field, raw: Raw, character_set: str, is_big_endian: bool) -> Value | None:
    if field.vr in _TEXT:
        return text_value(raw, character_set)
    numbers = numbers_of(field, raw, big_endian=is_big_endian)
    return numbers[0] if numbers and field.count == 1 else numbers


def _own_value(field: Field, raw: Raw, is_big_endian: bool, malformed: set[str]) -> Value | None:
    try:
        return _value(field, raw, _DEFAULT_CHARACTER_SET, is_big_endian)
    except MalformedValue:
        malformed.add(f"malformed:{field.name}")
        return None


def _positions(raws: list[Raw], is_big_endian: bool, malformed: set[str]) -> tuple[float, ...]:
    numbers: list[float] = []
    field = FIELDS["position_mm"]
    for raw in raws:
        try:
            numbers.extend(numbers_of(field, raw, big_endian=is_big_endian) or ())
        except MalformedValue:
            malformed.add("malformed:position_mm")
            return ()
    return tuple(numbers)
