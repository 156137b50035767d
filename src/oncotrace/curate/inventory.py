"""An index of headers becomes an inventory: one row for each series, and what refers to what."""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256

from oncotrace import __version__
from oncotrace.curate.inventory_links import NumberedSeries, linked
from oncotrace.curate.inventory_row import inventory_row
from oncotrace.curate.inventory_table import series_of
from oncotrace.curate.sequence_rules import built_in_rules
from oncotrace.curate.series import COLUMNS, Series
from oncotrace.io.headers.index import HeaderIndex
from oncotrace.io.headers.series import (
    SeriesHeaders,
    drop_series,
    holds_images,
    keep_row,
    kept_rows,
    require_description,
    series_headers,
    stale_series,
)

_MOST_IMAGES_LOOKED_UP = 20


def describe_changed(index: HeaderIndex) -> Iterator[tuple[int, int]]:
    """Make the rows of all series anew whose files have changed; yield how many, and of how many.

    Raises
    ------
    InputError
        The index is damaged.
    OutputError
        It cannot be written.
    """
    require_description(index, _version())
    numbers = stale_series(index)
    for done, number in enumerate(numbers, start=1):
        headers = series_headers(index, number)
        if headers is None:
            drop_series(index, number)
        else:
            row = [inventory_row(index, headers).values(), _named_images(headers)]
            keep_row(index, number, json.dumps(row, ensure_ascii=False, separators=(",", ":")))
        yield done, len(numbers)


def described(index: HeaderIndex) -> list[Series]:
    """All series by patient, study and series, with what refers to them."""
    rows = []
    for number, text in kept_rows(index):
        values, images = json.loads(text)
        rows.append(NumberedSeries(number, series_of(values), tuple(images)))

    def images_are_there(number: int, images: Sequence[str]) -> bool:
        return holds_images(index, number, tuple(images))

    return linked(rows, images_are_there)


def _version() -> str:
    """Digest of all that decides what a row says, but for the files."""
    parts = (__version__, ",".join(COLUMNS), built_in_rules().model_dump_json())
    return sha256("\n".join(parts).encode()).hexdigest()


def _named_images(headers: SeriesHeaders) -> list[str]:
    """Return some of the images that the objects of a series refer to."""
    images: dict[str, None] = {}
    for variant in headers.variants:
        named = variant.values.get("refers_to_image")
        images |= dict.fromkeys(map(str, named)) if isinstance(named, list) else {}
    return list(images)[:_MOST_IMAGES_LOOKED_UP]
