"""Groups of patients by a value: at its median, at another quantile, or at a number."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import InputError, SettingsError
from oncotrace.stats.samples import finite_sample

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOST_CUTS = 5


@dataclass(frozen=True)
class CutRule:
    """Where to cut: at a quantile of the values (0 to 1), or at a number that is known before."""

    text: str
    quantile: float | None = None
    number: float | None = None

    def point(self, values: NDArray[np.float64]) -> float:
        """Return where that is among some values; quantiles are linear between ranks."""
        if self.quantile is None:
            return math.nan if self.number is None else self.number
        return float(np.quantile(values, self.quantile))


@dataclass(frozen=True, eq=False)
class Split:
    """Values divided at cut-offs, ascending.

    ``group`` (n,) counts from 0, the lowest; a value equal to a cut-off belongs below it, and
    ``at_cut`` counts these for each cut-off. ``labels`` names the groups. ``is_from_data`` says
    that a cut-off was taken from these very values.
    """

    cuts: tuple[float, ...]
    rules: tuple[str, ...]
    labels: tuple[str, ...]
    group: NDArray[np.intp]
    at_cut: tuple[int, ...]
    is_from_data: bool


def parse_cut(text: str) -> CutRule:
    """Rule that a text stands for: ``median``, ``75%`` or a number.

    Raises
    ------
    SettingsError
        It is something else.
    """
    word = text.strip().lower()
    if word == "median":
        return CutRule("median", quantile=0.5)
    percent, share = word.endswith("%"), word.removesuffix("%").strip()
    if _NUMBER.fullmatch(share) and math.isfinite(number := float(share)):
        if not percent:
            return CutRule(text.strip(), number=number)
        if 0 < number < 100:
            return CutRule(f"{share}%", quantile=number / 100)
    raise SettingsError(
        f"{text!r} is no cut-off.",
        hint="Give median, a quantile such as 75%, or a number.",
        code="unknown-cut",
    )


def split_at(values: ArrayLike, rules: Sequence[CutRule], *, of: str) -> Split:
    """Divide values into groups at one cut-off or several.

    Parameters
    ----------
    values
        Shape (n,), finite.
    of
        What the values are called, in messages.

    Raises
    ------
    InputError
        A group has no member.
    SettingsError
        No cut-off, or more than five.
    """
    if not 0 < len(rules) <= _MOST_CUTS:
        raise SettingsError(
            f"values are split at one to {_MOST_CUTS} cut-offs, found {len(rules)}.",
            code="unknown-cut",
        )
    sample = finite_sample(values, least=2, of="a split")
    ordered = sorted((rule.point(sample), rule.text) for rule in rules)
    cuts = tuple(point for point, _ in ordered)
    group = np.searchsorted(np.asarray(cuts), sample, side="left")
    labels = _labels(cuts)
    for label, count in zip(labels, np.bincount(group, minlength=len(labels)), strict=True):
        if not count:
            raise InputError(
                f"no patient has {of} {label}: the values run from {_short(sample.min())} to "
                f"{_short(sample.max())}, and what equals a cut-off belongs below it.",
                hint="Choose another --cut.",
                code="empty-group",
            )
    return Split(
        cuts=cuts,
        rules=tuple(text for _, text in ordered),
        labels=labels,
        group=group,
        at_cut=tuple(int(np.count_nonzero(sample == cut)) for cut in cuts),
        is_from_data=any(rule.quantile is not None for rule in rules),
    )


def _labels(cuts: Sequence[float]) -> tuple[str, ...]:
    between = [f"> {_short(low)} to {_short(high)}" for low, high in pairwise(cuts)]
    return (f"≤ {_short(cuts[0])}", *between, f"> {_short(cuts[-1])}")


def _short(number: float) -> str:
    """Four digits are enough to tell a group; the cut-off itself is kept whole."""
    return f"{number:.4g}" if abs(number) < 1e4 else f"{number:.0f}"
