"""Messages in parts are read as they arrive, whatever they hold and however they are cut."""

from collections.abc import Iterator
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import InputError
from oncotrace.io.pacs.multipart import ReadSome, boundary_of, read_parts

BOUNDARY = b"b0undary"
# Bytes of which delimiters are made, so that many bodies nearly hold one.
bodies = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"-", b"b0undary", b"x"])).map(b"".join))


def message(parts: list[bytes], *, preamble: bytes = b"", end: bytes = b"--\r\n") -> bytes:
    written = [
        b"\r\n--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + part
        for part in parts
    ]
    return preamble + b"".join(written) + b"\r\n--" + BOUNDARY + end


def pieces(content: bytes, size: int) -> ReadSome:
    chunks: Iterator[bytes] = (
        content[first : first + size] for first in range(0, len(content), size)
    )
    return lambda: next(chunks, b"")


def read(content: bytes, size: int = 7) -> list[bytes]:
    return [b"".join(part.body) for part in read_parts(BOUNDARY, pieces(content, size))]


@given(bodies, st.integers(1, 40))
def test_bodies_come_back_however_the_message_is_cut(parts: list[bytes], size: int) -> None:
    allowed = [part for part in parts if b"\r\n--" + BOUNDARY not in b"\r\n" + part + b"\r\n"]
    assert read(message(allowed), size) == allowed


@given(bodies, st.integers(1, 40), st.data())
def test_message_that_ends_early_is_never_taken_for_whole(
    parts: list[bytes], size: int, data: st.DataObject
) -> None:
    allowed = [part for part in parts if b"\r\n--" + BOUNDARY not in b"\r\n" + part + b"\r\n"]
    whole = message(allowed, end=b"--")
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InputError, match="closed the connection half-way"):
        read(whole[:end], size)


def test_message_may_begin_with_its_boundary_or_with_a_preamble() -> None:
    assert read(message([b"one", b"two"])[2:]) == [b"one", b"two"]
    assert read(message([b"one"], preamble=b"ignore me")) == [b"one"]


def test_part_may_have_no_headers() -> None:
    assert read(b"--" + BOUNDARY + b"  \r\n\r\nbody\r\n--" + BOUNDARY + b"--") == [b"body"]


def test_part_tells_its_length() -> None:
    content = b"--b\r\nContent-Length: 4\r\n\r\nbody\r\n--b\r\nContent-Length: -4\r\n\r\n\r\n--b--"
    assert [part.length for part in read_parts(b"b", pieces(content, 5))] == [4, None]


def test_body_that_is_not_read_is_passed_over() -> None:
    parts = read_parts(BOUNDARY, pieces(message([b"one" * 100, b"two"]), 11))
    next(parts)
    assert b"".join(next(parts).body) == b"two"


def test_long_body_is_never_held() -> None:
    def endless() -> Iterator[bytes]:
        yield b"--" + BOUNDARY + b"\r\n\r\n"
        while True:
            yield b"x" * 1000

    chunks = endless()
    part = next(read_parts(BOUNDARY, lambda: next(chunks)))
    sizes = [len(next(part.body)) for _ in range(100)]
    assert max(sizes) <= 1000 + len(BOUNDARY) + 8


def test_headers_without_end_are_refused() -> None:
    with pytest.raises(InputError, match="headers have no end"):
        read(b"--" + BOUNDARY + b"\r\n" + b"x" * 40_000)
    with pytest.raises(InputError, match="headers have no end"):
        read(b"--" + BOUNDARY + b"\r\n" + b"a: b\r\n" * 10_000)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/related",
        "multipart/mixed; boundary=b",
        f"multipart/related; boundary={'x' * 71}",
    ],
)
def test_another_answer_is_refused(content_type: str) -> None:
    headers = Message()
    headers["Content-Type"] = content_type
    with pytest.raises(InputError, match="parts of a message") as refused:
        boundary_of(headers)
    assert refused.value.code == "pacs-answer"


def test_boundary_may_be_quoted() -> None:
    headers = Message()
    headers["Content-Type"] = 'multipart/related; type="application/dicom"; boundary="a b"'
    assert boundary_of(headers) == b"a b"
