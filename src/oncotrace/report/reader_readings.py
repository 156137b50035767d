"""Readings of cases by several readers: who has read what, and what that is good for."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.scan import read_only

Reading = tuple[int, int]
"""Places of a reader and a repeat."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Values [case, reader, repeat], NaN where there is none, and what the axes are called.

    Parameters
    ----------
    quantity
        What was read, for texts and axes.
    infinite
        Readings that were infinite, in words; they are missing in ``values``.
    categories
        Names of categories, whose numbers the values are; none where values are measured.
    """

    quantity: str
    cases: tuple[str, ...]
    readers: tuple[str, ...]
    repeats: tuple[str, ...]
    values: NDArray[np.float64]
    infinite: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))

    @property
    def count(self) -> int:
        """How many readings there are."""
        return int(np.isfinite(self.values).sum())

    @property
    def first(self) -> NDArray[np.float64]:
        """Each reader's first reading, [case, reader].

        Repeats would make readers look better than one reading is, so that what is said of several
        readers is said of their first readings.
        """
        return self.values[:, :, 0]

    @property
    def missing(self) -> tuple[str, ...]:
        """Readings that there should be and are not, in words."""
        return tuple(
            self.name_of(case, reader, repeat)
            for case, reader, repeat in np.argwhere(np.isnan(self.values)).tolist()
        )

    def name_of(self, case: int, reader: int, repeat: int) -> str:
        """Return a reading in words."""
        named = f"case {self.cases[case]} by {self.readers[reader]}"
        return f"{named}, {self.repeats[repeat]}" if len(self.repeats) > 1 else named

    def complete_cases(self, *, every_repeat: bool = False) -> NDArray[np.intp]:
        """Cases that every reader has read: once, or with all repeats."""
        there = np.isfinite(self.values if every_repeat else self.values[:, :, :1])
        return np.flatnonzero(there.all(axis=(1, 2)))

    def left_out_cases(self, *, every_repeat: bool = False) -> tuple[str, ...]:
        """Return the other cases, by name."""
        complete = set(self.complete_cases(every_repeat=every_repeat).tolist())
        return tuple(name for place, name in enumerate(self.cases) if place not in complete)

    def pairs(self) -> list[tuple[int, int]]:
        """Every unordered pair of readers once."""
        return list(combinations(range(len(self.readers)), 2))

    def pairs_of_repeats(self) -> list[tuple[Reading, Reading]]:
        """Every two repeats of each reader once."""
        return [
            ((reader, a), (reader, b))
            for reader in range(len(self.readers))
            for a, b in combinations(range(len(self.repeats)), 2)
        ]

    def common_cases(self, one: Reading, other: Reading) -> NDArray[np.intp]:
        """Cases with both of these readings."""
        there = [np.isfinite(self.values[:, reader, repeat]) for reader, repeat in (one, other)]
        return np.flatnonzero(there[0] & there[1])

    def pair_names(self, one: Reading, other: Reading) -> tuple[str, str]:
        """Names of two readers, or of two repeats of one."""
        first, second = (
            self.readers[reader]
            if one[0] != other[0]
            else f"{self.readers[reader]}, {self.repeats[repeat]}"
            for reader, repeat in (one, other)
        )
        return first, second
