"""What arrives from a PACS is checked before it gets a name, and nothing half-written stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import MPEG2MPML, JPEGLSLossless
from tests.unit.io.dicom_factory import (
    PLANTED_NAME,
    SERIES_UID,
    STUDY_UID,
    series,
    slice_uid,
    write,
)

from oncotrace.errors import DicomError, InputError, OncotraceError
from oncotrace.io.pacs.arrivals import Arrivals, Bounds, SeriesKey, remove_unfinished
from oncotrace.io.pacs.query import FoundInstance

KEY = SeriesKey(STUDY_UID, SERIES_UID)
UID = slice_uid(0)


def content(folder: Path, *, syntax: str | None = None, **values: str) -> bytes:
    dataset = series()[0]
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    path = write(dataset, folder / "made.dcm", *([] if syntax is None else [syntax]))
    return path.read_bytes()


def arrivals(folder: Path, **bounds: int) -> Arrivals:
    return Arrivals(folder / "out", Bounds(**bounds))


def files(folder: Path) -> list[str]:
    return [path.name for path in (folder / "out").rglob("*") if path.is_file()]


def test_object_lies_under_its_uids_byte_by_byte(tmp_path: Path) -> None:
    sent = content(tmp_path)
    kept = arrivals(tmp_path)
    assert kept.keep(KEY, [UID], [sent[:500], sent[500:]]) == UID
    assert (tmp_path / "out" / STUDY_UID / SERIES_UID / f"{UID}.dcm").read_bytes() == sent
    assert kept.missing(KEY, [FoundInstance(UID, ""), FoundInstance("1.9", "")]) == [
        FoundInstance("1.9", "")
    ]


def test_second_copy_is_dropped(tmp_path: Path) -> None:
    kept = arrivals(tmp_path)
    first, second = content(tmp_path), content(tmp_path, StationName="OTHER")
    assert kept.keep(KEY, [UID], [first]) == UID
    assert kept.keep(KEY, [UID], [second]) is None
    assert kept.path_of(KEY, UID).read_bytes() == first
    assert files(tmp_path) == [f"{UID}.dcm"]


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"SOPInstanceUID": "1.2.3.4"}, "another SOP instance UID"),
        ({"SeriesInstanceUID": "1.2.3.4"}, "another series"),
        ({"StudyInstanceUID": "1.2.3.4"}, "another study"),
    ],
)
def test_object_that_was_not_asked_for_is_not_kept(
    values: dict[str, str], match: str, tmp_path: Path
) -> None:
    with pytest.raises(DicomError, match=match) as refused:
        arrivals(tmp_path).keep(KEY, [UID], [content(tmp_path, **values)])
    assert refused.value.code == "pacs-wrong-object"
    assert files(tmp_path) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97])
def test_object_that_is_cut_off_is_not_kept(share: float, tmp_path: Path) -> None:
    sent = content(tmp_path)
    with pytest.raises(DicomError) as refused:
        arrivals(tmp_path).keep(KEY, [UID], [sent[: int(share * len(sent))]])
    assert PLANTED_NAME not in str(refused.value)
    assert files(tmp_path) == []


def test_compressed_object_that_is_cut_off_is_not_kept(tmp_path: Path) -> None:
    sent = content(tmp_path, syntax=JPEGLSLossless)
    assert arrivals(tmp_path).keep(KEY, [UID], [sent]) == UID
    with pytest.raises(DicomError, match="cut off"):
        arrivals(tmp_path / "again").keep(KEY, [UID], [sent[:-8]])


def test_something_else_than_dicom_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="is not DICOM"):
        arrivals(tmp_path).keep(KEY, [UID], [b"<html>Please log in</html>"])


def test_object_of_another_length_than_announced_is_not_kept(tmp_path: Path) -> None:
    sent = content(tmp_path)
    with pytest.raises(InputError, match="were announced"):
        arrivals(tmp_path).keep(KEY, [UID], [sent], announced_bytes=len(sent) + 2)
    assert files(tmp_path) == []


def test_object_in_a_syntax_that_is_not_read_here_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not supported") as refused:
        arrivals(tmp_path).keep(KEY, [UID], [content(tmp_path, syntax=MPEG2MPML)])
    assert refused.value.code == "pacs-syntax"


def test_no_more_is_taken_than_allowed(tmp_path: Path) -> None:
    sent = content(tmp_path)

    def endless() -> Iterator[bytes]:
        while True:
            yield sent

    with pytest.raises(InputError, match="sends more than") as refused:
        arrivals(tmp_path, bytes=10 * len(sent)).keep(KEY, [UID], endless())
    assert refused.value.code == "pacs-too-much"
    assert files(tmp_path) == []
    few = arrivals(tmp_path, files=1)
    few.keep(KEY, [UID], [sent])
    with pytest.raises(InputError, match="sends more than 1 files"):
        few.keep(KEY, [slice_uid(1)], [sent])


def test_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[bytes]:
        yield content(tmp_path)[:700]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        arrivals(tmp_path).keep(KEY, [UID], interrupted())
    assert files(tmp_path) == []


def test_what_a_killed_retrieval_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out" / STUDY_UID / SERIES_UID
    folder.mkdir(parents=True)
    (folder / ".0123456789abcdef.part").write_bytes(b"half")
    (folder / f"{UID}.dcm").write_bytes(b"whole")
    remove_unfinished(tmp_path / "out")
    assert files(tmp_path) == [f"{UID}.dcm"]


@pytest.mark.parametrize("uid", ["../../x", "", "1.2/3", "1..2", "1.2.3\0", "9" * 65, "x"])
def test_what_is_no_uid_becomes_no_path(uid: str, tmp_path: Path) -> None:
    kept = arrivals(tmp_path)
    for key, instance in (
        (SeriesKey(uid, SERIES_UID), UID),
        (SeriesKey(STUDY_UID, uid), UID),
        (KEY, uid),
    ):
        with pytest.raises(OncotraceError, match="other characters"):
            kept.path_of(key, instance)
