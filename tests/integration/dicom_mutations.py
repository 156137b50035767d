"""DICOM files that lie: bits flipped, cut off, lengths, types and numbers that cannot be."""

import struct
from collections.abc import Callable

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]

_BEGIN = 132  # behind the preamble and DICM
_ROWS, _COLUMNS = b"\x28\x00\x10\x00", b"\x28\x00\x11\x00"
_TYPES = (
    b"US",
    b"UL",
    b"DS",
    b"IS",
    b"SQ",
    b"OB",
    b"OW",
    b"UN",
    b"UI",
    b"ZZ",
    b"\0\0",
    b"\xff\xff",
)
_LENGTHS = (0, 1, 3, 0x7FFF, 0xFFFE, 0xFFFF)
_LONG_LENGTHS = (0, 1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def flipped_bits(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight bits anywhere behind the preamble."""
    changed = bytearray(content)
    for place in rng.integers(_BEGIN, len(content), rng.integers(1, 9)):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwritten(content: bytes, rng: np.random.Generator) -> bytes:
    """A run of random bytes."""
    start = int(rng.integers(_BEGIN, len(content) - 1))
    length = int(rng.integers(1, min(64, len(content) - start) + 1))
    return content[:start] + rng.bytes(length) + content[start + length :]


def cut_off(content: bytes, rng: np.random.Generator) -> bytes:
    """The file ends early."""
    return content[: int(rng.integers(0, len(content)))]


def a_part_lost(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes are missing in the middle."""
    start, end = np.sort(rng.integers(_BEGIN, len(content), 2))
    return content[:start] + content[end:]


def doubled(content: bytes, rng: np.random.Generator) -> bytes:
    """A part of the file comes twice."""
    start, end = np.sort(rng.integers(_BEGIN, len(content), 2))
    return content[:end] + content[start:]


def lying_length(content: bytes, rng: np.random.Generator) -> bytes:
    """The length of an element is not what it is."""
    places = _element_places(content)
    place = int(rng.choice(places))
    changed = bytearray(content)
    if content[place + 4 : place + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        changed[place + 8 : place + 12] = struct.pack("<I", int(rng.choice(_LONG_LENGTHS)))
    else:
        changed[place + 6 : place + 8] = struct.pack("<H", int(rng.choice(_LENGTHS)))
    return bytes(changed)


def wrong_type(content: bytes, rng: np.random.Generator) -> bytes:
    """An element says that it is of another type, or of none there is."""
    place = int(rng.choice(_element_places(content)))
    vr = _TYPES[int(rng.integers(len(_TYPES)))]
    return content[: place + 4] + vr + content[place + 6 :]


def huge_size(content: bytes, rng: np.random.Generator) -> bytes:
    """Rows and columns of 65,535, or of 2^31 in a type that holds it."""
    tag = (_ROWS, _COLUMNS)[int(rng.integers(2))]
    place = content.find(tag, _BEGIN)
    if place < 0:
        return flipped_bits(content, rng)
    long = tag + b"UL\x04\x00" + struct.pack("<I", 1 << 31)
    short = tag + b"US\x02\x00\xff\xff"
    return content[:place] + (long if rng.random() < 0.5 else short) + content[place + 10 :]


def many_frames(content: bytes, rng: np.random.Generator) -> bytes:
    """Two thousand million frames are promised."""
    element = b"\x28\x00\x08\x00IS\x0a\x002147483647"
    place = content.find(_ROWS, _BEGIN)
    return content[:place] + element + content[place:] if place > 0 else cut_off(content, rng)


def nested(content: bytes, rng: np.random.Generator) -> bytes:
    """Sequences, 1,000 deep, with lengths or without, closed or not."""
    known = rng.random() < 0.5
    inner = b""
    for _ in range(1000):
        if known:
            item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
            inner = b"\x08\x00\x40\x11SQ\0\0" + struct.pack("<I", len(item)) + item
        else:
            item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner
            closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" if len(inner) % 3 else b""
            inner = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + item + closed
    place = int(rng.choice(_element_places(content)))
    return content[:place] + inner + content[place:]


def another_number(content: bytes, rng: np.random.Generator) -> bytes:
    """A digit of a number or of a UID is another."""
    digits = [i for i in range(_BEGIN, len(content)) if 48 <= content[i] <= 57]
    place = int(rng.choice(digits))
    other = b"0123456789.eE-+ \\"[int(rng.integers(17))]
    return content[:place] + bytes([other]) + content[place + 1 :]


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        flipped_bits,
        overwritten,
        cut_off,
        a_part_lost,
        doubled,
        lying_length,
        wrong_type,
        huge_size,
        many_frames,
        nested,
        another_number,
    )
}


def _element_places(content: bytes) -> list[int]:
    """Where elements of explicit type begin, as far as a look at the bytes can tell."""
    places = [
        i
        for i in range(_BEGIN, len(content) - 12, 2)
        if content[i + 4 : i + 6].isalpha()
        and content[i + 4 : i + 6].isupper()
        and content[i + 1] in (0x00, 0x30, 0x7F, 0x52, 0x62)
    ]
    return places or [_BEGIN]
