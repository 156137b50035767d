"""Published values, as numbers by column."""

import csv
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def rows(name: str) -> list[dict[str, str]]:
    """Lines of a table of published values."""
    with (GOLDEN / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def column(name: str, header: str) -> list[float]:
    """One column of it as numbers."""
    return [float(row[header]) for row in rows(name)]
