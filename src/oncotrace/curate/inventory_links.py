"""Which images a structure set, segmentation or report was made on.

It should name the series. Real ones often name images that do not exist, because they were
renumbered in another system; then the frame of reference tells, and at last the study. The
inventory says how each link was found, so that a guess is not taken for a reference.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from oncotrace.curate.series import Series

REFERRING_MODALITIES = ("RTSTRUCT", "SEG", "SR", "RTDOSE", "RTPLAN", "PR", "KO", "REG")

ImagesAreThere = Callable[[int, Sequence[str]], bool]


@dataclass(frozen=True)
class NumberedSeries:
    """A series, its number in the index, and images that it refers to."""

    number: int
    series: Series
    refers_to_images: tuple[str, ...] = ()


def linked(rows: Sequence[NumberedSeries], images_are_there: ImagesAreThere) -> list[Series]:
    """Fill in which series refer to which.

    Parameters
    ----------
    images_are_there
        Whether any of some SOP instance UIDs belongs to the series of a number.
    """
    targets = [row for row in rows if row.series.holds_pixels]
    by_uid = _grouped(targets, lambda series: series.series_uid)
    by_frame = _grouped(targets, lambda series: series.frame_of_reference_uid)
    by_study = _grouped(targets, lambda series: series.study_uid)
    referred: dict[int, list[str]] = defaultdict(list)
    linked_rows = []
    for row in rows:
        series = row.series
        if series.modality in REFERRING_MODALITIES:
            named = [t for uid in series.refers_to_series for t in by_uid.get(uid, ())]
            found, link = _found(series, named, by_frame, by_study)
            notes = _notes(row, named, found, link, images_are_there)
            series = replace(
                series,
                refers_to_series=tuple(dict.fromkeys(t.series.series_uid for t in found)),
                link=link,
                notes=(*series.notes, *notes),
            )
            for target in found:
                referred[target.number].append(series.series_uid)
        linked_rows.append((row.number, series))
    return [
        replace(series, referred_by=tuple(referred[number])) if number in referred else series
        for number, series in linked_rows
    ]


def _grouped(
    rows: Iterable[NumberedSeries], key: Callable[[Series], str]
) -> dict[str, list[NumberedSeries]]:
    groups: dict[str, list[NumberedSeries]] = defaultdict(list)
    for row in rows:
        if name := key(row.series):
            groups[name].append(row)
    return groups


def _found(
    series: Series,
    named: list[NumberedSeries],
    by_frame: dict[str, list[NumberedSeries]],
    by_study: dict[str, list[NumberedSeries]],
) -> tuple[list[NumberedSeries], str]:
    """Series that it refers to, and how that is known."""
    if named:
        return named, "series"
    same_frame = _of_patient(series, by_frame.get(series.frame_of_reference_uid, ()))
    if same_frame:
        return same_frame, "frame-of-reference"
    same_study = _of_patient(series, by_study.get(series.study_uid, ()))
    return same_study, "study" if same_study else ""


def _of_patient(series: Series, rows: Iterable[NumberedSeries]) -> list[NumberedSeries]:
    return [row for row in rows if row.series.patient_id == series.patient_id]


def _notes(
    row: NumberedSeries,
    named: list[NumberedSeries],
    found: list[NumberedSeries],
    link: str,
    images_are_there: ImagesAreThere,
) -> Iterable[str]:
    missing = len(set(row.series.refers_to_series) - {t.series.series_uid for t in named})
    if missing:
        yield f"{missing} series that it refers to is not here"
    if not found:
        yield "no images that it could refer to are here"
    elif link != "series":
        yield f"linked by {link} to {len(found)} series"
    images = row.refers_to_images
    if named and images and not any(images_are_there(t.number, images) for t in named):
        yield "the images that it names do not exist in the series that it names"
