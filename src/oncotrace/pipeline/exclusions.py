"""Rows that a comparison leaves out: named and counted, in its text and in a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from oncotrace.stats.usable import LeftOut, listed


@dataclass(frozen=True)
class Exclusions:
    """What a comparison of one column leaves out.

    ``unlabelled`` names the rows without a group and ``others`` counts those of groups that are not
    compared; ``incomplete`` names the cases without a value in every group, where cases are paired;
    ``averaged`` counts rows that were averaged away.
    """

    column: str
    left_out: LeftOut = field(default_factory=LeftOut)
    unlabelled: tuple[str, ...] = ()
    others: int = 0
    incomplete: tuple[str, ...] = ()
    averaged: int = 0

    def rows(self) -> Iterator[dict[str, object]]:
        """Return the name of each row and why it is left out."""
        reasons: Mapping[str, Sequence[str]] = {
            "no value": self.left_out.missing,
            "infinite": self.left_out.infinite,
            "no group": self.unlabelled,
            "no value in every group": self.incomplete,
        }
        for why, names in reasons.items():
            for name in names:
                yield {"value": self.column, "row": name, "why": why}

    def lines(self) -> Iterator[str]:
        """Return it in words; nothing if every row counts."""
        if self.left_out.count:
            yield f"Left out: {self.left_out.sentence('row')}"
        if self.unlabelled:
            yield f"Left out: {len(self.unlabelled)} without a group ({listed(self.unlabelled)})."
        if self.incomplete:
            count = len(self.incomplete)
            yield f"Left out: {count} without a value in every group ({listed(self.incomplete)})."
        if self.others:
            yield f"Not compared: {self.others} rows of other groups."
        if self.averaged:
            yield f"Averaged: {self.averaged} rows more than one of the same case and group."
