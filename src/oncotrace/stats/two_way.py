"""Readings of all cases by all readers, and where their spread comes from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import InputError

_ROUNDING = 1e-12  # a spread below this share of the readings' own size is none


@dataclass(frozen=True)
class TwoWay:
    """Two-way analysis of variance without interaction: sums of squares and degrees of freedom.

    ``ss_within`` is the spread within cases: that between readers and the remaining error together.
    """

    cases: int
    readers: int
    repeats: int
    ss_cases: float
    ss_readers: float
    ss_error: float

    @property
    def readings(self) -> int:
        """How many readings there are."""
        return self.cases * self.readers * self.repeats

    @property
    def error_df(self) -> int:
        """Degrees of freedom of the error."""
        return self.readings - self.cases - self.readers + 1

    @property
    def ss_within(self) -> float:
        """Sum of squares within cases."""
        return self.ss_readers + self.ss_error

    @property
    def ms_cases(self) -> float:
        """Mean square between cases (BMS of Shrout and Fleiss)."""
        return self.ss_cases / (self.cases - 1)

    @property
    def ms_readers(self) -> float:
        """Mean square between readers (JMS)."""
        return self.ss_readers / (self.readers - 1)

    @property
    def ms_error(self) -> float:
        """Mean square of the error (EMS)."""
        return self.ss_error / self.error_df

    @property
    def ms_within(self) -> float:
        """Mean square within cases (WMS)."""
        return self.ss_within / (self.readings - self.cases)


def two_way(readings: ArrayLike, *, of: str) -> TwoWay:
    """Spread of readings between cases and readers, and what neither explains.

    A spread that is nothing but the rounding of numbers is 0, so that equal readings are equal.

    Parameters
    ----------
    readings
        Shape (cases, readers) or (cases, readers, repeats); each reader has read each case, each
        equally often.
    of
        What they are for, in messages: ``an ICC``.

    Raises
    ------
    InputError
        Fewer than two cases or readers, or readings that are missing or infinite.
    """
    values = complete_readings(readings, of=of)
    cases, readers, repeats = values.shape
    mean = values.mean()
    of_case = values.mean(axis=(1, 2), keepdims=True)
    of_reader = values.mean(axis=(0, 2), keepdims=True)
    least = (_ROUNDING * np.abs(values).max()) ** 2 * values.size
    spreads = (
        readers * repeats * np.sum((of_case - mean) ** 2),
        cases * repeats * np.sum((of_reader - mean) ** 2),
        np.sum((values - of_case - of_reader + mean) ** 2),
    )
    ss_cases, ss_readers, ss_error = (
        0.0 if spread <= least else float(spread) for spread in spreads
    )
    return TwoWay(cases, readers, repeats, ss_cases, ss_readers, ss_error)


def complete_readings(readings: ArrayLike, *, of: str) -> NDArray[np.float64]:
    """Return the readings as (cases, readers, repeats), all there and finite.

    Raises
    ------
    InputError
        Fewer than two cases or readers, or readings that are missing or infinite.
    """
    values = np.asarray(readings, dtype=np.float64)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] < 1:
        raise InputError(
            f"{of} takes readings by case, reader and repeat, found {values.ndim} axes.",
            code="too-few-readings",
        )
    if min(values.shape[:2]) < 2:
        raise InputError(
            f"{of} needs at least two cases and two readers, found {values.shape[0]} and "
            f"{values.shape[1]}.",
            code="too-few-readings",
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"{of} needs a finite reading of every case by every reader, "
            f"{np.count_nonzero(~np.isfinite(values))} are missing or infinite.",
            hint="Leave out the cases that not everybody has read, and say how many they were.",
            code="incomplete-readings",
        )
    return values
