"""``folds.csv``: which patient is left out of which fold."""

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

from oncotrace.errors import TableError
from oncotrace.io.text_file import read_text

_COLUMNS = ("patient_id", "fold")
_LIMIT_MIB = 10


def read_folds(path: Path) -> Mapping[str, int]:
    """Fold of every patient, by patient id; further columns are for people.

    Raises
    ------
    TableError
        The file cannot be read, a column is missing, a patient stands twice, or a fold is not a
        whole number from 0.
    """
    text = read_text(path, limit_mib=_LIMIT_MIB, error=TableError)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise TableError(
            f"{path.name} needs the columns {' and '.join(_COLUMNS)}.",
            hint="The first line names the columns, separated by commas.",
        )
    folds: dict[str, int] = {}
    for line, row in enumerate(rows, start=2):
        patient, fold = row["patient_id"], row["fold"]
        if not patient or patient in folds:
            raise TableError(f"{path.name}, line {line}: the patient is missing or stands twice.")
        if fold is None or not fold.isascii() or not fold.isdigit() or len(fold) > 3:
            raise TableError(f"{path.name}, line {line}: a fold is a whole number from 0.")
        folds[patient] = int(fold)
    if len(set(folds.values())) < 2:
        raise TableError(f"{path.name} has fewer than two folds: nothing would be left out.")
    return folds


def folds_digest(fold_of: Mapping[str, int]) -> str:
    """SHA-256 of who is in which fold, whatever the order of the table."""
    lines = (f"{patient},{fold_of[patient]}\n" for patient in sorted(fold_of))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
