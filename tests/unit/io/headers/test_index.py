"""What an index of headers keeps when folders change, and when a row cannot be stored."""

import pytest

from oncotrace.errors import InputError
from oncotrace.io.headers.index import HeaderIndex
from oncotrace.io.headers.row import HeaderRow
from oncotrace.io.headers.sources import Entry, Listing

EMPTY = HeaderRow("empty-file")


def listing(*entries: Entry) -> Listing:
    return Listing("a", False, repr(entries).encode(), lambda: list(entries))


def compare(index: HeaderIndex, *entries: Entry) -> int:
    index.begin_comparison()
    count = index.compare(listing(*entries))
    index.drop_unseen()
    return count


def read_all(index: HeaderIndex) -> list[str]:
    names = []
    for batch in index.pending(2):
        index.put([(task.number, EMPTY) for task in batch])
        names += [task.name for task in batch]
    return names


def test_only_new_and_changed_files_wait_to_be_read() -> None:
    with HeaderIndex(None) as index:
        assert compare(index, Entry("x", 1, 1), Entry("y", 1, 1), Entry("z", 1, 1)) == 3
        assert read_all(index) == ["x", "y", "z"]
        # y has another size, z another time, w is new, x is gone
        assert compare(index, Entry("w", 1, 1), Entry("y", 2, 1), Entry("z", 1, 2)) == 3
        assert index.count_files() == 0
        assert sorted(read_all(index)) == ["w", "y", "z"]
        assert compare(index, Entry("w", 1, 1), Entry("y", 2, 1), Entry("z", 1, 2)) == 3
        assert read_all(index) == []


def test_a_file_that_changes_before_it_was_read_waits_once() -> None:
    with HeaderIndex(None) as index:
        compare(index, Entry("x", 1, 1), Entry("y", 1, 1))
        compare(index, Entry("x", 2, 2))
        assert read_all(index) == ["x"]


def test_a_row_that_cannot_be_stored_undoes_its_whole_batch() -> None:
    with HeaderIndex(None) as index:
        compare(index, Entry("x", 1, 1), Entry("y", 1, 1))
        ((x, y),) = index.pending(2)
        with pytest.raises(InputError, match="damaged"):
            index.put([(x.number, EMPTY), (y.number, HeaderRow(None))])
        assert (index.count_files(), index.count_pending()) == (0, 2)
        assert read_all(index) == ["x", "y"]
