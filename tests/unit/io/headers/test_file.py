"""The fast reader of headers: right, or a code."""

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.unit.io.dicom_factory import SERIES_UID, STUDY_UID, slice_uid
from tests.unit.io.headers.agreement import disagreements, fields_of, row_of
from tests.unit.io.headers.samples import (
    SAMPLES,
    SYNTAXES,
    ct_slice,
    encoded,
    enhanced_mr,
    pet_slice,
    structure_set,
)

from oncotrace.io.headers.file import read_fields
from oncotrace.io.headers.row import OWN_COLUMNS

UNDEFINED = 0xFFFFFFFF


def values_of(content: bytes) -> dict[str, object]:
    """Shared and own values of a file that must be readable."""
    import json

    row = row_of(content)
    assert row.code == ""
    assert row.variant is not None
    return json.loads(row.variant.text) | dict(zip(OWN_COLUMNS, row.own, strict=True))


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Encode one explicit little-endian element with a long length."""
    size = len(value) if length is None else length
    return struct.pack("<HH2s2xI", tag >> 16, tag & 0xFFFF, vr, size) + value


def with_dataset_end(content: bytes, extra: bytes) -> bytes:
    """Put elements before the pixels of a file that is explicit, little endian."""
    pixels = content.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    return content[:pixels] + extra + content[pixels:]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
@pytest.mark.parametrize("kind", SAMPLES)
def test_headers_of_every_kind_and_syntax_are_read_as_pydicom_reads_them(kind, syntax) -> None:
    content = encoded(SAMPLES[kind](), syntax)
    assert disagreements(content) == []
    assert row_of(content).code == ""
    assert row_of(content).remarks == ""


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_identifiers_come_from_the_image_and_not_from_what_it_refers_to(syntax) -> None:
    values = values_of(encoded(ct_slice(2), syntax))
    assert values["series_uid"] == SERIES_UID
    assert values["study_uid"] == STUDY_UID
    assert values["sop_instance_uid"] == slice_uid(2)
    assert values["kernel"] == "I31f\\2"
    assert (values["tube_voltage_kv"], values["tube_current_ma"]) == (120, 210)
    assert values["rescale_intercept"] == -1024


def test_dose_and_tracer_are_found_in_their_sequence() -> None:
    values = values_of(encoded(pet_slice()))
    assert values["injected_dose_bq"] == 388e6
    assert values["tracer_code"] == "Fluorodeoxyglucose F^18^"


def test_structure_sets_name_regions_series_and_frame_in_the_files_character_set() -> None:
    values = values_of(encoded(structure_set()))
    assert values["structures"] == ["GTV", "Ödem"]
    assert values["refers_to_series"] == ["1.2.826.77"]
    assert values["refers_to_image"] == ["1.2.77"]
    assert values["refers_to_frame"] == ["1.2.88"]


def test_enhanced_objects_give_timing_spacing_and_all_positions() -> None:
    content = encoded(enhanced_mr())
    values = values_of(content)
    assert values["repetition_time_ms"] == 3000
    assert values["b_value_s_per_mm2"] == 800
    assert values["pixel_spacing_mm"] == [0.9, 0.7]
    positions = row_of(content).positions_mm
    assert positions[2::3] == pytest.approx([30, 32.5, 35, 37.5])


@pytest.mark.parametrize(
    ("character_set", "name"),
    [("ISO_IR 100", "Hôpital"), ("ISO_IR 192", "病院"), ("ISO_IR 144", "Больница")],
)
def test_text_is_read_in_the_character_set_of_the_file(character_set, name) -> None:
    dataset = ct_slice()
    dataset.SpecificCharacterSet = character_set
    dataset.InstitutionName = name
    assert values_of(encoded(dataset))["institution"] == name


def test_text_that_changes_its_character_set_within_is_read() -> None:
    dataset = ct_slice()
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.InstitutionName = "病院 A"
    assert values_of(encoded(dataset))["institution"] == "病院 A"


def test_a_file_without_preamble_is_dicom_if_it_names_an_object() -> None:
    content = encoded(ct_slice(), ImplicitVRLittleEndian)
    assert values_of(content[132:])["series_uid"] == SERIES_UID
    assert row_of(b"\x08\0\x05\0CS\x02\0AB" + b"\0" * 200).code == "not-dicom"


@pytest.mark.parametrize("content", [b"\x89PNG" + b"x" * 500, b"a,b\n1,2\n", b"\0" * 5000])
def test_other_files_are_not_dicom(content) -> None:
    assert row_of(content).code == "not-dicom"


def test_an_empty_file_says_so() -> None:
    assert row_of(b"").code == "empty-file"


def test_a_syntax_that_the_file_does_not_keep_is_remarked_and_the_header_read() -> None:
    content = encoded(ct_slice(), ExplicitVRLittleEndian)
    lying = content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    row = row_of(lying)
    assert row.code == ""
    assert "other-encoding" in row.remarks


def test_every_cut_of_a_file_is_read_or_reported() -> None:
    content = encoded(ct_slice())
    pixels = content.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    for length in range(132, pixels):
        row = row_of(content[:length])
        assert row.code or disagreements(content[:length]) == []
    assert row_of(content[: pixels + 40]).remarks == "truncated-pixels"


def test_a_value_that_is_not_a_number_is_remarked_and_the_rest_read() -> None:
    content = encoded(ct_slice()).replace(b"120 ", b"1_0 ")
    row = row_of(content)
    assert row.remarks == "malformed:tube_voltage_kv"
    assert row.variant is not None
    assert "tube_voltage_kv" not in row.variant.text


def nested(depth: int, *, is_open: bool) -> bytes:
    """Sequences within sequences, private ones that nobody wants."""
    inner = b""
    for _ in range(depth):
        if is_open:
            item = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + inner
            item += struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
            inner = element(0x51011010, b"SQ", item, UNDEFINED)
            inner += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        else:
            item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
            inner = element(0x51011010, b"SQ", item)
    return inner


@pytest.mark.parametrize("is_open", [True, False])
def test_sequences_nested_a_thousand_deep_are_stepped_over(is_open) -> None:
    content = with_dataset_end(encoded(ct_slice()), nested(1000, is_open=is_open))
    assert values_of(content)["series_uid"] == SERIES_UID


def test_wanted_sequences_nested_in_themselves_end() -> None:
    dataset = structure_set()
    inner = Dataset()
    for _ in range(200):
        outer = Dataset()
        outer.ReferencedFrameOfReferenceSequence = Sequence([inner])
        inner = outer
    dataset.ReferencedFrameOfReferenceSequence = Sequence([inner])
    assert row_of(encoded(dataset)).code == ""


def test_absurd_sizes_are_reported_without_memory_or_time() -> None:
    content = encoded(ct_slice())
    rows = content.index(struct.pack("<HH2s", 0x0028, 0x0010, b"US"))
    lying = (
        content[:rows] + struct.pack("<HH2sHI", 0x28, 0x10, b"UL", 4, 2**31) + content[rows + 10 :]
    )
    assert values_of(lying)["rows"] == 2**31
    longer = with_dataset_end(content, element(0x51011010, b"OB", b"", 2**32 - 2))
    assert row_of(longer).code == "truncated"


def test_a_header_of_a_million_elements_is_given_up_in_time() -> None:
    many = element(0x51011010, b"OB", b"") * 1_100_000
    content = with_dataset_end(encoded(ct_slice()), many)
    start = time.process_time()
    assert row_of(content).code == "too-many-elements"
    assert time.process_time() - start < 5


def test_only_what_is_asked_for_is_read() -> None:
    content = with_dataset_end(encoded(ct_slice()), element(0x51011010, b"OB", b"\0" * 3_000_000))
    asked = []

    def read_at(offset: int, size: int) -> bytes:
        asked.append(size)
        return content[offset : offset + size]

    assert read_fields(read_at, len(content)).code == ""
    assert sum(asked) < 200_000


def test_a_deflated_file_that_explodes_is_refused() -> None:
    import zlib

    content = encoded(ct_slice(), DeflatedExplicitVRLittleEndian)
    start = content.index(b"1.2.840.10008.1.2.1.99") + 22
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    head = content[:start] + b"\0" * (start % 2)
    assert row_of(head + bomb).code in ("too-large", "truncated")


def test_a_directory_of_media_is_told_apart() -> None:
    content = encoded(ct_slice()).replace(
        b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0" + b"\0" * 5, 1
    )
    assert row_of(content).code == "dicomdir"


_BASES = [
    encoded(SAMPLES[kind](), syntax)
    for kind in SAMPLES
    for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
]
_LENGTHS = [
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfe\xff\0\xe0",
    b"\xfe\xff\x0d\xe0",
    b"\xff\xff\0\0",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with bits flipped, lengths replaced, bytes put in, or its end cut off."""
    content = bytearray(draw(st.sampled_from(_BASES)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(128, len(content) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case 1:
                content[place : place + 4] = draw(st.sampled_from(_LENGTHS))
            case 2:
                content[place:place] = draw(st.binary(min_size=1, max_size=8))
            case _:
                del content[max(place, 140) :]
    return bytes(content)


@settings(max_examples=300, deadline=5000)
@given(damaged())
def test_a_damaged_header_is_read_as_pydicom_reads_it_or_reported(content) -> None:
    assert disagreements(content) == []


@settings(max_examples=100)
@given(st.binary(max_size=600))
def test_any_bytes_behind_the_magic_are_survived(content) -> None:
    fields_of(b"\0" * 128 + b"DICM" + content)
