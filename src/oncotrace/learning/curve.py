"""The course of a training as a table, for whoever draws it."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.atomic import write_text
from oncotrace.errors import InputError

COLUMNS = ("step", "loss", "learning_rate", "validation")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values after each step."""

    loss: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    validation: NDArray[np.float64]
    """NaN at steps without validation."""


def write_curve(path: Path, curve: Curve) -> None:
    """Write the curve as CSV, one line per step, in the place of what is there."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = zip(curve.loss, curve.learning_rate, curve.validation, strict=True)
    for step, values in enumerate(rows, start=1):
        writer.writerow([step, *("" if np.isnan(v) else repr(float(v)) for v in values)])
    write_text(path, text.getvalue(), replace=True)


def read_curve(path: Path) -> Curve:
    """Read what `write_curve` wrote.

    Raises
    ------
    InputError
        The file is missing or something else.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        if tuple(header) != COLUMNS:
            raise ValueError(header)
        table = np.array([[float(cell or "nan") for cell in row[1:]] for row in rows])
        loss, learning_rate, validation = table.reshape(-1, len(COLUMNS) - 1).T
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is not the curve of a training.",
            hint="Give the file that lies beside the checkpoint.",
            code="not-a-curve",
        ) from error
    return Curve(loss, learning_rate, validation)
