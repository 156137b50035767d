"""Series of an index of headers: what their files say together, without holding the files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import unpack

from oncotrace.io.headers.index import HeaderIndex
from oncotrace.io.headers.index_file import refused_by_index

_OWN_RANGES = (
    "exposure_mas", "tube_current_ma", "rescale_slope", "rescale_intercept",
)  # fmt: skip

Range = tuple[float, float]


@dataclass(frozen=True)
class VariantCount:
    """Values that a number of images share; see `oncotrace.io.headers.row.Variant`."""

    number: int
    values: Mapping[str, object]
    images: int


@dataclass(frozen=True)
class SeriesHeaders:
    """What the headers of one series say together.

    Parameters
    ----------
    variants
        The commonest first.
    folder, folders
        First folder in which files of it lie, and how many there are.
    instances
        Different SOP instance UIDs; fewer than files where there are copies.
    ranges
        Smallest and largest of values that differ from image to image.
    acquisitions, temporal_positions
        How many different ones there are.
    first_acquisition_time
        As in the header, or the time of the acquisition's date and time.
    remarks
        Files with each remark.
    """

    number: int
    series_uid: str
    study_uid: str
    patient_id: str
    variants: tuple[VariantCount, ...]
    folder: str
    folders: int
    files: int
    instances: int
    ranges: Mapping[str, Range]
    acquisitions: int
    temporal_positions: int
    first_acquisition_time: str
    remarks: Mapping[str, int]


def require_description(index: HeaderIndex, version: str) -> None:
    """Make all rows stale that were made by other rules, or with other columns."""
    with refused_by_index():
        found = index.connection.execute("SELECT version FROM descriptions").fetchall()
        if found != [(version,)]:
            index.connection.execute("UPDATE series SET stale = 1")
            index.connection.execute("DELETE FROM descriptions")
            index.connection.execute("INSERT INTO descriptions VALUES (?)", (version,))


def stale_series(index: HeaderIndex) -> list[int]:
    """Numbers of the series whose row must be made anew."""
    with refused_by_index():
        rows = index.connection.execute("SELECT id FROM series WHERE stale ORDER BY id").fetchall()
    return [number for (number,) in rows]


def series_headers(index: HeaderIndex, number: int) -> SeriesHeaders | None:
    """Sum up the headers of one series; nothing when no file of it is left."""
    with refused_by_index():
        variants = _variants(index, number)
        if not variants:
            return None
        ranges = ", ".join(f"min({name}), max({name})" for name in _OWN_RANGES)
        of_series = "FROM files JOIN variants ON variants.id = variant WHERE series = ?"
        sums = index.connection.execute(
            "SELECT count(*), count(DISTINCT sop_instance_uid), count(DISTINCT folder), "
            "count(DISTINCT acquisition_number), count(DISTINCT temporal_position), "
            "min(coalesce(nullif(acquisition_time, ''), substr(acquisition_datetime, 9))), "
            f"min(folder), {ranges} {of_series}",
            (number,),
        ).fetchone()
        files, instances, folders, acquisitions, times, first_time, folder, *ends = sums
        (place,) = index.connection.execute(
            "SELECT place FROM folders WHERE id = ?", (folder,)
        ).fetchone()
        series_uid, study_uid, patient_id = index.connection.execute(
            "SELECT series_uid, study_uid, patient_id FROM series WHERE id = ?", (number,)
        ).fetchone()
        remarks = index.connection.execute(
            f"SELECT remarks, count(*) {of_series} AND remarks != '' GROUP BY remarks",
            (number,),
        ).fetchall()
    return SeriesHeaders(
        number,
        series_uid=series_uid,
        study_uid=study_uid,
        patient_id=patient_id,
        variants=variants,
        folder=place.decode(errors="backslashreplace") if isinstance(place, bytes) else place,
        folders=folders,
        files=files,
        instances=instances,
        ranges={
            name: (float(low), float(high))
            for name, low, high in zip(_OWN_RANGES, ends[::2], ends[1::2], strict=True)
            if low is not None
        },
        acquisitions=acquisitions,
        temporal_positions=times,
        first_acquisition_time=first_time or "",
        remarks=_counted(remarks),
    )


def positions_mm(index: HeaderIndex, variant: int) -> Iterator[tuple[float, float, float]]:
    """Positions (x, y, z) of the frames of all images that share a variant, copies left out."""
    with refused_by_index():
        rows = index.connection.execute(
            "SELECT x_mm, y_mm, z_mm, positions_mm FROM files WHERE variant = ? AND x_mm NOT NULL "
            "GROUP BY sop_instance_uid",
            (variant,),
        )
        for x, y, z, packed in rows:
            if packed is None:
                yield x, y, z
                continue
            numbers = unpack(f"<{len(packed) // 8}d", packed)
            yield from zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)


def holds_images(index: HeaderIndex, number: int, sop_instance_uids: tuple[str, ...]) -> bool:
    """Whether any of these images is in the series."""
    marks = ", ".join("?" * len(sop_instance_uids))
    with refused_by_index():
        found = index.connection.execute(
            "SELECT 1 FROM files JOIN variants ON variants.id = variant WHERE series = ? "  # noqa: S608
            f"AND sop_instance_uid IN ({marks}) LIMIT 1",
            (number, *sop_instance_uids),
        ).fetchone()
    return found is not None


def keep_row(index: HeaderIndex, number: int, row: str) -> None:
    """Keep the row of a series, which is valid until files of it change."""
    with refused_by_index():
        index.connection.execute("UPDATE series SET row = ?, stale = 0 WHERE id = ?", (row, number))
        index.connection.execute(
            "DELETE FROM variants WHERE series = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM files WHERE files.variant = variants.id)",
            (number,),
        )


def drop_series(index: HeaderIndex, number: int) -> None:
    """Drop a series of which no file is left."""
    with refused_by_index():
        index.connection.execute("DELETE FROM variants WHERE series = ?", (number,))
        index.connection.execute("DELETE FROM series WHERE id = ?", (number,))


def kept_rows(index: HeaderIndex) -> Iterator[tuple[int, str]]:
    """Numbers and rows of all series, by patient, study and series."""
    with refused_by_index():
        yield from index.connection.execute(
            "SELECT id, row FROM series WHERE NOT stale ORDER BY patient_id, study_uid, series_uid"
        )


def _variants(index: HeaderIndex, number: int) -> tuple[VariantCount, ...]:
    rows = index.connection.execute(
        "SELECT variants.id, text, count(*) FROM variants JOIN files ON variant = variants.id "
        "WHERE series = ? GROUP BY variants.id ORDER BY count(*) DESC, variants.id",
        (number,),
    ).fetchall()
    return tuple(VariantCount(variant, json.loads(text), count) for variant, text, count in rows)


def _counted(remarks: list[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text, files in remarks:
        for remark in text.split():
            counts[remark] = counts.get(remark, 0) + files
    return counts
