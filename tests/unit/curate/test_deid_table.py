"""The tables of PS3.15 as they lie in the package, and where a dataset ends."""

from collections import Counter

import pytest
from pydicom.datadict import dictionary_has_tag

from oncotrace.curate.deid_options import OPTIONS, Confidentiality, chosen_confidentiality
from oncotrace.curate.deid_structure import MAX_DEPTH, require_sound
from oncotrace.curate.deid_table import (
    attribute,
    attributes,
    basic_action,
    option_action,
    safe_private,
)
from oncotrace.errors import DicomError

CT = "1.2.840.10008.5.1.4.1.1.2"
PET = "1.2.840.10008.5.1.4.1.1.128"


def test_table_has_every_row_of_the_standard() -> None:
    """Counts of PS3.15 2026c, table E.1-1, with the row of all private attributes."""
    counts = Counter(row.basic for row in attributes().values())
    assert counts == {
        "X": 416, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6,
        "X/Z/U*": 2,
    }  # fmt: skip


def test_columns_are_those_of_the_options() -> None:
    named = {column for row in attributes().values() for column in row.options}
    columns = {method.column for method in OPTIONS.values()}
    assert named == columns - {"safe_private"}
    assert {a for row in attributes().values() for a in row.options.values()} == {"K", "C"}


def test_safe_private_attributes_are_the_standards() -> None:
    """Counts of PS3.15 2026d, table E.3.10-1."""
    assert len(safe_private()) == 479
    assert len({creator for creator, _, _ in safe_private()}) == 20
    assert ("Philips PET Private Group", 0x7053, 0x00) in safe_private()
    assert all(group % 2 for _, group, _ in safe_private())


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x00100010, "Patient's Name"),
        (0x50023000, "Curve Data"),
        (0x60023000, "Overlay Data"),
        (0x601E4000, "Overlay Comments"),
        (0x00091001, "Private Attributes"),
        (0x50013000, "Private Attributes"),
    ],
)
def test_tags_find_their_row(tag: int, name: str) -> None:
    row = attribute(tag)
    assert row is not None
    assert row.name == name


def test_images_are_none_of_the_tables_business() -> None:
    for tag in (0x7FE00010, 0x00280010, 0x00200032, 0x00080016):
        assert dictionary_has_tag(tag)
        assert attribute(tag) is None


@pytest.mark.parametrize(
    ("tag", "sop_class", "nested", "action"),
    [
        (0x00080021, CT, False, "X"),  # Series Date, type 3
        (0x00080021, PET, False, "D"),  # type 1
        (0x00080021, "1.2.840.10008.9.9", False, "D"),  # a class that is not known
        (0x00080022, PET, False, "Z"),  # Acquisition Date, X/Z, type 2
        (0x00100020, CT, False, "Z"),  # Patient ID, Z/D, type 2
        (0x00100020, CT, True, "D"),  # required in some sequence
        (0x00081140, CT, False, "U"),  # X/Z/U*
        (0x00100010, CT, True, "Z"),
    ],
)
def test_compounds_are_resolved_by_type(
    tag: int, sop_class: str, nested: bool, action: str
) -> None:
    row = attribute(tag)
    assert row is not None
    assert basic_action(row, sop_class, nested=nested) == action


def test_to_keep_comes_before_to_clean() -> None:
    row = attribute(0x00080020)
    assert row is not None
    assert option_action(row, Confidentiality()) is None
    shifting = chosen_confidentiality("basic", ["retain-modified-dates"])
    assert option_action(row, shifting) == "C"
    assert option_action(row, Confidentiality(("retain-full-dates",))) == "K"


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Encode an element in explicit little endian, with a length that may lie."""
    size = len(value) if length is None else length
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    is_long = vr in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    return (
        head
        + (b"\0\0" + size.to_bytes(4, "little") if is_long else size.to_bytes(2, "little"))
        + value
    )


def end(content: bytes) -> int:
    """Where an explicit little endian dataset ends."""
    return require_sound(memoryview(content), implicit=False, big_endian=False)


ROWS = explicit(0x00280010, b"US", b"\1\0")
PIXELS = explicit(0x7FE00010, b"OW", b"\1\2\3\4")


def test_a_dataset_ends_behind_its_pixels() -> None:
    assert end(ROWS + PIXELS + b"Miller") == len(ROWS + PIXELS)
    assert end(ROWS + b"\0" * 100) == len(ROWS)
    assert end(b"") == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (explicit(0x00280010, b"US", b"\1\0", length=60), "beyond"),
        (explicit(0x00280010, b"XX", b"\1\0"), "does not exist"),
        (ROWS + ROWS, "ascending"),
        (ROWS + b"Miller", "."),
        (explicit(0x00081140, b"SQ", ROWS), "item must"),
        (explicit(0x00081140, b"SQ", b"\xfe\xff\x00\xe0\x99\0\0\0" + ROWS), "beyond"),
        (explicit(0x00081140, b"SQ", b"", length=0xFFFFFFFF), "beyond|delimiter|length"),
        (explicit(0x00280010, b"UT", b"", length=0xFFFFFFFF), "no length"),
        (b"\xfe\xff\xdd\xe0\0\0\0\0", "delimiter"),
    ],
)
def test_datasets_that_contradict_themselves_are_refused(content: bytes, what: str) -> None:
    with pytest.raises(DicomError, match=what):
        end(content)


def test_sequences_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    def nested(depth: int) -> bytes:
        content = b""
        for _ in range(depth):
            item = b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content
            content = explicit(0x00081140, b"SQ", item)
        return content

    assert end(nested(MAX_DEPTH)) == len(nested(MAX_DEPTH))
    with pytest.raises(DicomError, match="nested"):
        end(nested(MAX_DEPTH + 1))
