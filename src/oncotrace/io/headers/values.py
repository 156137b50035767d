"""Values of DICOM elements: text in the character set of the file, and numbers."""

import math
import re
import struct
from functools import lru_cache

from oncotrace.io.headers.fields import Field
from oncotrace.io.headers.walk import Raw

Value = str | float | tuple[float, ...]

_PLAIN_TEXT = frozenset(b"AE AS CS DA DT TM UI UR".split())  # never in another character set
_FREE_TEXT = frozenset(b"LO LT PN SH ST UC UT".split())
_DECIMAL_TEXT = frozenset(b"DS IS".split())
_BINARY = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"UV": "Q", b"SV": "q"} | {
    b"FL": "f",
    b"FD": "d",
}
_NUMBER = re.compile(rb" *([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) *")
_DEFAULT_CHARACTER_SET = "ISO_IR 6"


class MalformedValue(ValueError):  # noqa: N818  # becomes a remark, never shown
    """A value is not of the type that it says, or that the standard gives it."""


def text_value(raw: Raw, character_set: str = _DEFAULT_CHARACTER_SET) -> str:
    r"""Text of an element, several values separated by ``\`` as they are in the file.

    Raises
    ------
    MalformedValue
        It is not text.
    """
    representation, value = raw
    if representation in _FREE_TEXT:
        text = _decoded(value, character_set)
    elif representation in _PLAIN_TEXT or representation in _DECIMAL_TEXT:
        if not value.isascii():
            raise MalformedValue
        text = value.decode("ascii")
    else:
        raise MalformedValue
    if "\\" in text:
        return "\\".join(map(_without_padding, text.split("\\")))
    return _without_padding(text)


def _without_padding(text: str) -> str:
    return text.rstrip(" \0").lstrip(" ")


def number_values(raw: Raw, *, big_endian: bool = False) -> tuple[float, ...]:
    """Numbers of an element, none where it is empty.

    Raises
    ------
    MalformedValue
        It does not hold finite numbers.
    """
    representation, value = raw
    if representation in _DECIMAL_TEXT:
        return _decimals(value)
    if representation not in _BINARY:
        raise MalformedValue
    code = _BINARY[representation]
    count, rest = divmod(len(value), struct.calcsize(code))
    if rest:
        raise MalformedValue
    numbers = struct.unpack(f"{'>' if big_endian else '<'}{count}{code}", value)
    if not all(map(math.isfinite, numbers)):
        raise MalformedValue
    return tuple(map(float, numbers))


def numbers_of(field: Field, raw: Raw, *, big_endian: bool = False) -> tuple[float, ...] | None:
    """Numbers of a field that holds so many of them, nothing where it is empty.

    Of a field with one number the first counts: some elements may hold one for each echo.

    Raises
    ------
    MalformedValue
        It does not hold that many finite numbers.
    """
    numbers = number_values(raw, big_endian=big_endian)
    if not numbers:
        return None
    if len(numbers) != field.count and (field.count > 1 or field.vr != b"FD"):
        raise MalformedValue
    return numbers[: field.count]


def _decimals(value: bytes) -> tuple[float, ...]:
    text = value.rstrip(b"\0 ")
    if not text.strip(b" "):
        return ()
    numbers = []
    for part in text.split(b"\\"):
        match = _NUMBER.fullmatch(part)
        number = float(match[1]) if match else math.inf
        if not math.isfinite(number):
            raise MalformedValue
        numbers.append(number)
    return tuple(numbers)


def _decoded(value: bytes, character_set: str) -> str:
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    return _decoded_by_pydicom(value, character_set)


@lru_cache(maxsize=1024)
def _decoded_by_pydicom(value: bytes, character_set: str) -> str:
    """Text in one of DICOM's character sets, also where they change within (PS3.3, C.12.1.1.2).

    What the set does not hold becomes the replacement character.
    """
    from pydicom.charset import convert_encodings, decode_bytes

    from oncotrace.io.dicom_header import quiet_pydicom

    with quiet_pydicom():
        try:
            encodings = convert_encodings(character_set.split("\\"))
            text = str(decode_bytes(value, encodings, set(b"\r\n\t\f\\")))
        except Exception:  # what codecs raise on damaged text is no closed set
            text = value.decode("ascii", "replace")
    return text.encode(errors="replace").decode()
