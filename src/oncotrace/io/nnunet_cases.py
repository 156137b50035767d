"""What nnU-Net calls our cases: names that it can take, and the table that keeps them."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from oncotrace.errors import TableError
from oncotrace.io.csv_cells import text_of
from oncotrace.io.text_file import read_text

NAMES_FILE = "cases.csv"
_COLUMNS = ("nnunet_id", "case_id")
_LIMIT_MIB = 64

_TAKEN_AS_IT_IS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# nnU-Net cuts file names at a dot or takes these endings for its own: ID_seg.b2nd is the label of
# ID, ID_0000.nii.gz its first channel.
_ENDS_LIKE_ITS_OWN = re.compile(r".*(_seg|_\d{4})", re.IGNORECASE)


def nnunet_ids(case_ids: Sequence[str]) -> dict[str, str]:
    """Name for nnU-Net of every case, by case id: the id itself where it can be taken."""
    kept = {case_id.casefold() for case_id in case_ids if _can_be_taken(case_id)}
    names = {}
    number = 0
    for case_id in case_ids:
        name = case_id
        if not _can_be_taken(case_id):
            number += 1
            while (name := f"case-{number:04d}") in kept:
                number += 1
        names[case_id] = name
    return names


def _can_be_taken(case_id: str) -> bool:
    return bool(_TAKEN_AS_IT_IS.fullmatch(case_id)) and not _ENDS_LIKE_ITS_OWN.fullmatch(case_id)


def read_nnunet_names(path: Path) -> Mapping[str, str]:
    """Name for nnU-Net of every case, by case id, from the table of an export.

    Raises
    ------
    TableError
        The table cannot be read, a column is missing, or a name or case is missing or stands twice.
    """
    text = read_text(path, limit_mib=_LIMIT_MIB, error=TableError)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise TableError(
            f"{path.name} needs the columns {' and '.join(_COLUMNS)}.",
            hint=f"Give the {NAMES_FILE} that `oncotrace nnunet export` wrote.",
            code="missing-column",
        )
    names: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        name, case_id = (text_of(row[column] or "") for column in _COLUMNS)
        if not _can_be_taken(name) or not case_id or case_id in names or name in names.values():
            raise TableError(
                f"{path.name}, line {line}: a name or case is missing, unusable or stands twice."
            )
        names[case_id] = name
    return names
