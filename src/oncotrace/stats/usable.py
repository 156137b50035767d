"""Which values a statistic can use, and which are left out: named and counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import InputError

_MOST_NAMES = 12


@dataclass(frozen=True)
class LeftOut:
    """Names of the rows (case ids, or ``line 7``) without a value, with an infinite one, or twice.

    ``duplicate`` holds the names that stand more than once, once each; they are not left out.
    """

    missing: tuple[str, ...] = ()
    infinite: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many rows are left out."""
        return len(self.missing) + len(self.infinite)

    def sentence(self, noun: str = "case") -> str:
        """Return it in words: "2 cases have no value (A, B); 1 is infinite (C)."."""
        said: list[str] = []
        for names, one, many in (
            (self.missing, "has no value", "have no value"),
            (self.infinite, "is infinite", "are infinite"),
            (self.duplicate, "stands more than once", "stand more than once"),
        ):
            if names:
                subject = "" if said else f" {noun}" if len(names) == 1 else f" {noun}s"
                claim = one if len(names) == 1 else many
                said.append(f"{len(names)}{subject} {claim} ({listed(names)})")
        return f"{'; '.join(said)}." if said else "Every value is there and finite."


def usable(values: ArrayLike, names: Sequence[str]) -> tuple[NDArray[np.intp], LeftOut]:
    """Places of the finite values, and the names of the others.

    Parameters
    ----------
    values
        Shape (n,), NaN where missing.
    names
        What each row is called in messages.

    Raises
    ------
    InputError
        Not one name for each value.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.shape != (len(names),):
        raise InputError(
            f"each value needs a name, found {sample.size} values and {len(names)} names.",
            code="not-paired",
        )
    left_out = LeftOut(
        missing=tuple(names[place] for place in np.flatnonzero(np.isnan(sample)).tolist()),
        infinite=tuple(names[place] for place in np.flatnonzero(np.isinf(sample)).tolist()),
        duplicate=repeated(names),
    )
    return np.flatnonzero(np.isfinite(sample)), left_out


def repeated(names: Iterable[str]) -> tuple[str, ...]:
    """Names that stand more than once, in the order in which they first appear."""
    return tuple(name for name, count in Counter(names).items() if count > 1)


def refuse_repeated(names: Iterable[str], *, of: str) -> None:
    """Refuse rows that stand more than once where each may stand only once.

    Parameters
    ----------
    of
        What a name stands for, in the message: ``case and reader``.

    Raises
    ------
    InputError
        A name stands more than once; the message names and counts them.
    """
    twice = repeated(names)
    if twice:
        raise InputError(
            f"the same {of} stands more than once in {len(twice)} "
            f"{'place' if len(twice) == 1 else 'places'}: {listed(twice)}.",
            hint="Keep one row for each.",
            code="duplicate-rows",
        )


def listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Names in a row; of more than ``most`` the first, and how many others there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
