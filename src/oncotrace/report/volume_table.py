"""Volumes of a cohort's structures: a line for each case, a column for each sequence."""

from collections.abc import Mapping
from dataclasses import dataclass

from oncotrace.report.cohort_content import (
    PreparedCase,
    PreparedImage,
    Structure,
    sequence_name,
    sequences_of,
)


@dataclass(frozen=True)
class OtherStructure:
    """A structure beside that of the mask, and the image on which it is outlined."""

    sequence: str
    structure: Structure


@dataclass(frozen=True, eq=False)
class VolumeRow:
    """Structures of one case: a cell for each sequence, empty where there is no mask."""

    case: PreparedCase
    cells: tuple[Structure | None, ...]
    others: tuple[OtherStructure, ...]

    @property
    def sequences(self) -> str:
        """Names of the images that the case has."""
        return ", ".join(sequence_name(image.sequence) for image in self.case.images)


@dataclass(frozen=True, eq=False)
class VolumeTable:
    """Columns are the sequences of which any case has a mask."""

    columns: tuple[str, ...]
    rows: tuple[VolumeRow, ...]

    @property
    def has_others(self) -> bool:
        """Whether any case has structures beside those of the masks."""
        return any(row.others for row in self.rows)


def volume_table(cases: tuple[PreparedCase, ...]) -> VolumeTable:
    """Return the volumes of all cases, in their order."""
    masked = {image.sequence for case in cases for image in case.images if image.mask}
    columns = [name for name in sequences_of(cases) if name in masked]
    rows = tuple(_row(case, columns) for case in cases)
    return VolumeTable(tuple(sequence_name(name) for name in columns), rows)


def volume_text(volume_ml: float | None) -> str:
    """Return the volume in millilitres: one decimal from 10 ml on, three below."""
    if volume_ml is None:
        return "not measured"
    return f"{volume_ml:.{1 if volume_ml >= 10 else 3}f}"


def _row(case: PreparedCase, columns: list[str]) -> VolumeRow:
    images: Mapping[str, PreparedImage] = {image.sequence: image for image in case.images}
    cells = tuple(images[name].mask if name in images else None for name in columns)
    others = tuple(
        OtherStructure(sequence_name(image.sequence), structure)
        for image in case.images
        for structure in image.others
    )
    return VolumeRow(case, cells, others)
