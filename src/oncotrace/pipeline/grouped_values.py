"""Values of a table by group: which rows count, which are left out, and whether they are pairs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oncotrace.errors import InputError
from oncotrace.io.value_table import ValueTable
from oncotrace.pipeline.exclusions import Exclusions
from oncotrace.stats.compare import mean_by_group
from oncotrace.stats.two_groups import Sample
from oncotrace.stats.usable import LeftOut, listed, refuse_repeated, usable

CASE_COLUMNS = ("caseid", "case", "patientid", "patient", "subjectid", "subject", "id")
"""Columns that name the cases where none is given, in small letters: the first that is there."""

_MOST_GROUPS = 20


@dataclass(frozen=True)
class Grouping:
    """How rows belong to groups and cases.

    ``case`` is the column that names the cases, if any; ``is_average`` says that rows of the same
    case and group are averaged.
    """

    column: str
    case: str | None
    is_paired: bool
    is_average: bool
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupedValues:
    """The values of one column that a comparison uses, by group, and what it leaves out."""

    samples: Mapping[str, Sample]
    exclusions: Exclusions


def case_column(table: ValueTable, given: str | None) -> str | None:
    """Return the column that names the cases: the one given, else the first that is called so."""
    if given is not None:
        return given
    known = {re.sub("[ _-]", "", column.lower()): column for column in table.rows[0]}
    return next((known[name] for name in CASE_COLUMNS if name in known), None)


def group_order(table: ValueTable, grouping: Grouping) -> list[str]:
    """Return the groups: as asked for, else numbers by size, else as the rows first name them.

    Raises
    ------
    InputError
        A group that was asked for is not there, or there are fewer than two or far too many.
    """
    labels = [label for label in table.labels(grouping.column) if label]
    there = list(dict.fromkeys(labels))
    if grouping.only:
        return [_known_group(name, there, table, grouping.column) for name in grouping.only]
    if len(there) < 2:
        raise InputError(
            f"column {grouping.column!r} has {_counted(there)}, a comparison needs two.",
            hint="Give as --group the column that says which rows are to be compared.",
            code="too-few-groups",
        )
    if len(there) > _MOST_GROUPS:
        raise InputError(
            f"column {grouping.column!r} has {len(there)} different labels, such as "
            f"{listed(there, 3)}.",
            hint="Give a column of groups, or name those to compare with --only.",
            code="too-many-groups",
        )
    try:
        return sorted(there, key=float)
    except ValueError:
        return there


def grouped_values(
    table: ValueTable, column: str, grouping: Grouping, *, may_be_empty: bool = False
) -> GroupedValues:
    """Sort the values of a column into groups.

    Parameters
    ----------
    may_be_empty
        Whether a group without a usable value is given as such instead of refused.

    Raises
    ------
    TableError
        A cell is no number.
    InputError
        A group has no usable value, a case stands twice in one, or stands in two groups of a
        comparison that takes them for separate.
    """
    groups = group_order(table, grouping)
    labels, names = table.labels(grouping.column), table.names(grouping.case)
    unlabelled = tuple(name for name, label in zip(names, labels, strict=True) if not label)
    rows = [place for place, label in enumerate(labels) if label in groups]
    values = table.numbers(column)[rows]
    kept, left_out = usable(values, [_row_name(names, labels, place, grouping) for place in rows])
    samples = {
        group: [(names[rows[k]], float(values[k])) for k in kept.tolist()
                if labels[rows[k]] == group]
        for group in groups
    }  # fmt: skip
    if not may_be_empty:
        _require_members(samples, left_out, column)
    by_case = _averaged(samples, grouping, column)
    averaged = len(kept) - sum(map(len, by_case.values()))
    incomplete: tuple[str, ...] = ()
    if grouping.is_paired:
        by_case, incomplete = _matched(by_case, column)
    return GroupedValues(
        samples={
            group: Sample(np.array(list(of.values()), dtype=np.float64), tuple(of))
            for group, of in by_case.items()
        },
        exclusions=Exclusions(
            column=column,
            left_out=LeftOut(missing=left_out.missing, infinite=left_out.infinite),
            unlabelled=unlabelled,
            others=len(labels) - len(rows) - len(unlabelled),
            incomplete=incomplete,
            averaged=averaged,
        ),
    )


def grouped_levels(
    table: ValueTable, column: str, grouping: Grouping
) -> tuple[dict[str, list[str]], Exclusions]:
    """Sort the categories of a column into groups, and say what is left out.

    Raises
    ------
    InputError
        A group is not there, a case stands twice in one, or the column has too many categories.
    """
    groups = group_order(table, grouping)
    names, labels = table.names(grouping.case), table.labels(grouping.column)
    rows = list(zip(names, labels, table.labels(column), strict=True))
    samples = {
        group: [(name, level) for name, label, level in rows if label == group and level]
        for group in groups
    }
    levels = {level for of in samples.values() for _, level in of}
    if len(levels) > _MOST_GROUPS:
        raise InputError(
            f"column {column!r} has {len(levels)} different texts.",
            hint="Give a column of numbers or of few categories.",
            code="too-many-groups",
        )
    if grouping.case is not None:
        for group, of in samples.items():
            refuse_repeated((name for name, _ in of), of=f"case in group {group!r} of {column!r}")
    unlabelled = tuple(name for name, label, _ in rows if not label)
    exclusions = Exclusions(
        column=column,
        left_out=LeftOut(
            missing=tuple(name for name, label, level in rows if label in groups and not level)
        ),
        unlabelled=unlabelled,
        others=sum(bool(label) and label not in groups for _, label, _ in rows),
    )
    return {group: [level for _, level in of] for group, of in samples.items()}, exclusions


def require_separate(table: ValueTable, grouping: Grouping) -> None:
    """Refuse a comparison of separate groups in which a case stands in more than one.

    Raises
    ------
    InputError
        It does; the message names the cases and both ways on.
    """
    if grouping.case is None or grouping.is_paired:
        return
    groups = group_order(table, grouping)
    labels = table.labels(grouping.column)
    member: dict[str, set[str]] = {}
    for name, label in zip(table.texts(grouping.case), labels, strict=True):
        if name and label in groups:
            member.setdefault(name, set()).add(label)
    both = [name for name, of in member.items() if len(of) > 1]
    if both:
        raise InputError(
            f"{len(both)} of {len(member)} cases stand in more than one group of "
            f"{grouping.column!r} ({listed(both, 5)}): these values are paired.",
            hint=f"Give --paired-by {grouping.case}, or --unpaired to test them as separate.",
            code="paired-data",
        )


def _known_group(name: str, there: Sequence[str], table: ValueTable, column: str) -> str:
    if name in there:
        return name
    as_number = _same_number(name, there)
    if as_number is not None:
        return as_number
    raise InputError(
        f"no row of {table.name} has the group {name!r} in column {column!r}.",
        hint=f"It has {listed(list(there))}.",
        code="unknown-group",
    )


def _same_number(name: str, there: Sequence[str]) -> str | None:
    """Label that is the same number as the name: 0.0 is 0."""
    try:
        return next((label for label in there if float(label) == float(name)), None)
    except ValueError:
        return None


def _counted(there: Sequence[str]) -> str:
    return f"one label only, {there[0]!r}" if there else "no label"


def _row_name(names: Sequence[str], labels: Sequence[str], place: int, grouping: Grouping) -> str:
    return f"{names[place]} in {labels[place]}" if grouping.is_paired else names[place]


def _require_members(
    samples: Mapping[str, Sequence[object]], left_out: LeftOut, column: str
) -> None:
    for group, members in samples.items():
        if not members:
            raise InputError(
                f"group {group!r} has no usable value of {column!r}. {left_out.sentence('row')}",
                hint="Leave the group out by naming the others with --only.",
                code="empty-group",
            )


def _averaged(
    samples: Mapping[str, Sequence[tuple[str, float]]], grouping: Grouping, column: str
) -> dict[str, dict[str, float]]:
    """Value of each case by group; rows of a case are averaged if that was asked for."""
    found: dict[str, dict[str, float]] = {}
    for group, members in samples.items():
        names = [name for name, _ in members]
        if grouping.case is not None and not grouping.is_average:
            try:
                refuse_repeated(names, of=f"case in group {group!r} of {column!r}")
            except InputError as refusal:
                refusal.hint = "Keep one row for each, or give --average to test their means."
                raise
        means = mean_by_group([value for _, value in members], names)
        found[group] = {str(name): mean for name, mean in means.items()}
    return found


def _matched(
    samples: Mapping[str, Mapping[str, float]], column: str
) -> tuple[dict[str, dict[str, float]], tuple[str, ...]]:
    """Values of the cases that every group has, in one order, and the names of the others."""
    every = list(dict.fromkeys(name for of in samples.values() for name in of))
    complete = [name for name in every if all(name in of for of in samples.values())]
    if not complete:
        raise InputError(
            f"no case has a value of {column!r} in every group, so that nothing is paired.",
            hint="Check the column given as --paired-by.",
            code="empty-group",
        )
    incomplete = tuple(name for name in every if name not in set(complete))
    return {group: {n: of[n] for n in complete} for group, of in samples.items()}, incomplete
