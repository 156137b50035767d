"""The table of baseline characteristics, as papers print it: a line per figure or level."""

from collections.abc import Iterator, Mapping, Sequence

from oncotrace.report.comparison_text import number
from oncotrace.report.significance import p_text
from oncotrace.stats.made_tests import MadeTest
from oncotrace.stats.summary import summarise

OVERALL = "overall"
_NONE = "\N{EN DASH}"

Cells = dict[str, object]


def value_lines(
    column: str,
    samples: Mapping[str, Sequence[float]],
    missing: Mapping[str, int],
    test: MadeTest | None,
) -> Iterator[Cells]:
    """Return the lines of a column of numbers: mean ± SD, median [IQR], and missing if any.

    Parameters
    ----------
    samples
        Finite values by group, the group `OVERALL` among them.
    missing
        How many cases of each group have no usable value.
    test
        The test of the groups, nothing if there was none to make.
    """
    figures = {group: summarise(values) for group, values in samples.items()}
    yield {
        "characteristic": column,
        "figure": "mean ± SD",
        **{
            group: _NONE if one.sd is None else f"{number(one.mean)} ± {number(one.sd)}"
            for group, one in figures.items()
        },
        **_test_cells(test),
    }
    yield {
        "characteristic": column,
        "figure": "median [IQR]",
        **{
            group: _NONE
            if one.median is None
            else f"{number(one.median)} [{number(one.q1)}, {number(one.q3)}]"
            for group, one in figures.items()
        },
    }
    yield from _missing_line(column, {group: one.n for group, one in figures.items()}, missing)


def level_lines_of(
    column: str,
    samples: Mapping[str, Sequence[str]],
    levels: Sequence[str],
    missing: Mapping[str, int],
    test: MadeTest | None,
) -> Iterator[Cells]:
    """Return the lines of a column of categories: n (%) of each level, and missing if any.

    Percentages are of the cases with a value.
    """
    for place, level in enumerate(levels):
        yield {
            "characteristic": column,
            "figure": f"{level}, n (%)",
            **{group: _share(list(of).count(level), len(of)) for group, of in samples.items()},
            **(_test_cells(test) if place == 0 else {}),
        }
    yield from _missing_line(column, {group: len(of) for group, of in samples.items()}, missing)


def as_text(rows: Sequence[Cells], columns: Sequence[str]) -> str:
    """Return the rows under their columns, in letters of one width."""
    table = [list(columns), *([str(row.get(name, "")) for name in columns] for row in rows)]
    widths = [max(len(line[place]) for line in table) for place in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def _missing_line(
    column: str, present: Mapping[str, int], missing: Mapping[str, int]
) -> Iterator[Cells]:
    if any(missing.values()):
        yield {
            "characteristic": column,
            "figure": "missing, n (%)",
            **{group: _share(missing[group], n + missing[group]) for group, n in present.items()},
        }


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.1f} %)" if total else _NONE


def _test_cells(test: MadeTest | None) -> Cells:
    if test is None:
        return {}
    if test.p_value is None:
        return {"p": _NONE, "test": f"none: {test.note}"}
    is_drawn = test.method == "random tables"
    name = f"{test.test} (random tables)" if is_drawn else test.test
    cells: Cells = {"p": _bare(test.p_value), "test": name}
    if test.among is not None and test.among > 1 and test.p_adjusted is not None:
        cells["p adjusted"] = _bare(test.p_adjusted)
    return cells


def _bare(p_value: float) -> str:
    """Return 0.012 or < 0.001, without the letter that the column's name says already."""
    return p_text(p_value).removeprefix("p ").removeprefix("= ")
