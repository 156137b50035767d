"""Sheets of thumbnails, and the page that links to what is larger."""

import re
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from oncotrace.report.contact_page import ContactLink, contact_page
from oncotrace.report.contact_sheet import PER_SHEET, SheetEntry, contact_sheet, sheet_count

EDGE, GAP, HEADER, THUMBNAIL, CAPTION = 16, 10, 44, 240, 42


def thumbnail(grey: int, side: int = 240) -> bytes:
    stream = BytesIO()
    Image.new("L", (side, side), grey).save(stream, "PNG")
    return stream.getvalue()


def pixels(picture: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"), dtype=np.int16)


def test_thirty_thumbnails_stand_in_the_order_of_reading() -> None:
    greys = [40 + 7 * place for place in range(PER_SHEET)]
    entries = [SheetEntry(f"case-{grey}", "ct · 8.000 ml", thumbnail(grey)) for grey in greys]
    sheet = pixels(contact_sheet(entries, title="cohort", form="png"))
    for place, grey in enumerate(greys):
        row, column = divmod(place, 6)
        top, left = HEADER + row * (THUMBNAIL + CAPTION), EDGE + column * (THUMBNAIL + GAP)
        cell = sheet[top + 3 : top + THUMBNAIL - 3, left + 3 : left + THUMBNAIL - 3]
        np.testing.assert_array_equal(cell, grey)
        caption = sheet[top + THUMBNAIL + 3 : top + THUMBNAIL + 18, left : left + THUMBNAIL]
        assert (caption > 180).all(axis=-1).sum() > 50


def test_a_sheet_that_is_not_full_is_shorter_and_the_same_every_time() -> None:
    entries = [SheetEntry("a", "ct · no mask", thumbnail(99))] * 7
    first, second = (contact_sheet(entries, title="t", form="png") for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert pixels(first).shape[0] < pixels(contact_sheet(entries * 4, title="t")).shape[0]
    assert contact_sheet([], title="t")


def test_a_case_without_picture_and_long_names_keep_to_their_places() -> None:
    entries = [
        SheetEntry("x" * 100, "mr-t1 · failed: geometry-mismatch", None),
        SheetEntry("b", "ct", thumbnail(0, side=64)),
    ]
    sheet = pixels(contact_sheet(entries, title="t" * 400, form="png"))
    gap = sheet[HEADER:-30, EDGE + THUMBNAIL : EDGE + THUMBNAIL + GAP]
    assert np.ptp(gap) < 30
    assert sheet[HEADER + 5 : HEADER + 235, EDGE + THUMBNAIL + GAP + 5 :][:, :230].max() < 5


def test_more_entries_than_places_are_refused() -> None:
    with pytest.raises(ValueError, match="holds 30 entries, not 31"):
        contact_sheet([SheetEntry("a", "", None)] * 31, title="t")


@pytest.mark.parametrize(("entries", "sheets"), [(0, 0), (1, 1), (30, 1), (31, 2), (3000, 100)])
def test_sheets_are_as_many_as_are_needed(entries: int, sheets: int) -> None:
    assert sheet_count(entries) == sheets


def test_the_page_links_to_what_lies_beside_it_and_to_nothing_else() -> None:
    links = [
        ContactLink("a", "ct · 8.000 ml", "cases/a/thumbnail_ct.jpg", "cases/a/montage_ct.jpg"),
        ContactLink("b", "ct · failed: not-3d"),
    ]
    page = contact_page("cohort", links, ["sheet-01.jpg"])
    targets = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert targets == ["sheet-01.jpg", "cases/a/montage_ct.jpg", "cases/a/thumbnail_ct.jpg"]
    assert "1 of 2 pictures" in page
    assert "no picture" in page
    assert "not-3d" in page
    for foreign in ("http:", "https:", "//", "<script", "@import", "url("):
        assert foreign not in page


def test_what_comes_from_the_data_is_escaped() -> None:
    text = '<script>alert("x")</script>&'
    page = contact_page(text, [ContactLink(text, text, '"><b>', '"><i>')], ['"><u>'])
    assert "<script" not in page
    assert not re.search('"><[biu]>', page)
    assert "&lt;script&gt;" in page
