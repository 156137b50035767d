"""The survival data sets of the golden tables, and what R finds in them."""

import functools

import numpy as np
from numpy.typing import NDArray
from tests.unit.stats.golden import rows

from oncotrace.domain.outcome import Survival

DATA_SETS = ("lung", "veteran", "aml", "gbsg2", "rossi")


@functools.cache
def columns(name: str) -> dict[str, list[str]]:
    """Cells of a data set by column."""
    lines = rows(f"survival_{name}.csv")
    return {column: [line[column] for line in lines] for column in lines[0]}


def numbers(name: str, column: str) -> NDArray[np.float64]:
    """A column, NaN where it is empty."""
    return np.array([float(text) if text else np.nan for text in columns(name)[column]])


def survival(name: str) -> Survival:
    """Times and events of a data set."""
    return Survival(numbers(name, "time"), numbers(name, "event") == 1)


@functools.cache
def found_by_r(name: str, analysis: str) -> dict[tuple[str, str], float]:
    """R's values of a data set by item and quantity, NaN where R gives none."""
    return {
        (line["item"], line["quantity"]): float(line["value"] or "nan")
        for line in rows("survival_r.csv")
        if (line["data"], line["analysis"]) == (name, analysis)
    }


def complete(name: str, names: list[str]) -> tuple[Survival, NDArray[np.float64]]:
    """Survival and covariates (n, p) of those patients who have all covariates."""
    values = np.column_stack([numbers(name, column) for column in names])
    whole = np.isfinite(values).all(axis=1)
    return survival(name).of(whole), values[whole]


def covariates(name: str) -> list[str]:
    """The covariates of a data set's Cox model."""
    return list(dict.fromkeys(item for item, _ in found_by_r(name, "cox") if item))
