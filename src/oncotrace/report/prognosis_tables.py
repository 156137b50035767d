"""Tables, plain values and forest plot of a prognosis."""

from collections.abc import Callable, Iterator, Mapping

from oncotrace.report.cohort_prognosis import CohortPrognosis, models
from oncotrace.report.forest import ForestRow
from oncotrace.report.prognosis_words import no_ratio_text, p_text, ratio_text
from oncotrace.stats.cox import HazardRatio, NoFiniteRatio
from oncotrace.stats.prognosis import FittedModel, ValuePrognosis

Row = Mapping[str, object]

_REASONS = ("missing", "infinite")


def prognosis_tables(found: CohortPrognosis) -> dict[str, list[Row]]:
    """Return the rows of every table by its name."""
    tables: dict[str, list[Row]] = {
        "groups": [row for value in found.values for row in _group_rows(value)],
        "curves": [row for value in found.values for row in _curve_rows(value)],
        "hazard_ratios": [row for value in found.values for row in _ratio_rows(value)],
        "c_index": [{"value": value.name, **_index(value)} for value in found.values],
        "c_index_differences": _difference_rows(found),
        "left_out": list(_left_out_rows(found)),
    }
    return {name: rows for name, rows in tables.items() if rows}


def prognosis_result(found: CohortPrognosis) -> dict[str, object]:
    """Return everything but the curves as plain values."""
    truncation = found.truncation
    return {
        "time": found.time,
        "event": found.event,
        "rows": found.rows,
        "n": found.n,
        "events": found.events,
        "median_follow_up": found.follow_up.time,
        "horizon": None if truncation is None else truncation.horizon,
        "cut_short_at_horizon": None if truncation is None else truncation.cut_short,
        "events_beyond_horizon": None if truncation is None else truncation.events_beyond,
        "left_out": {
            column: {reason: getattr(gaps, reason) for reason in _REASONS}
            for column, gaps in found.left_out.items()
        },
        "censored_without_time": found.censored_without_time,
        "equal_rows": found.twins,
        "values": {value.name: _value(value) for value in found.values},
        "c_index_differences": _difference_rows(found),
    }


def forest_rows(found: CohortPrognosis) -> list[ForestRow]:
    """Return each hazard ratio as a row: between groups, for one SD, and adjusted for one SD."""
    return [row for value in found.values for row in _forest_rows(value)]


def _value(value: ValuePrognosis) -> Row:
    test = value.log_rank
    return {
        "cuts": value.split.cuts,
        "cut_rules": value.split.rules,
        "at_cut": value.split.at_cut,
        "cuts_from_these_data": value.split.is_from_data,
        "groups": list(_group_rows(value)),
        "log_rank": {
            "chi_square": test.statistic,
            "degrees_of_freedom": test.degrees_of_freedom,
            "p_value": test.p_value,
        },
        "hazard_ratios": list(_ratio_rows(value)),
        "c_index": _index(value),
    }


def _group_rows(value: ValuePrognosis) -> Iterator[Row]:
    for group, expected in zip(value.groups, value.log_rank.expected, strict=True):
        yield {
            "value": value.name,
            "group": group.label,
            "n": group.n,
            "events": group.events,
            "expected_events": expected,
            "median_time": group.median.time,
            "median_low": group.median.lower,
            "median_high": group.median.upper,
        }


def _curve_rows(value: ValuePrognosis) -> Iterator[Row]:
    for group in value.groups:
        curve = group.curve
        columns = (curve.times, curve.at_risk, curve.events, curve.censored)
        heights = (curve.share, curve.lower, curve.upper)
        for row in zip(*(column.tolist() for column in (*columns, *heights)), strict=True):
            names = ("time", "at_risk", "events", "censored", "share", "low", "high")
            yield {"value": value.name, "group": group.label, **dict(zip(names, row, strict=True))}


def _ratio_rows(value: ValuePrognosis) -> Iterator[Row]:
    for name, fitted in models(value).items():
        for row in _model_rows(fitted):
            yield {"value": value.name, "model": name, **row}


def _model_rows(fitted: FittedModel) -> Iterator[Row]:
    """Rows of a model: each covariate per unit and, unless it is of two values, per SD."""
    model = fitted.model
    if isinstance(model, NoFiniteRatio):
        common = {"n": model.n, "events": model.events, "likelihood_ratio_p": model.p_value}
        note = no_ratio_text(model)
        yield {"term": ", ".join(model.names), **common, **_ratio_cells("", None), "note": note}
        return
    for ratio, test in zip(model.ratios, fitted.proportionality, strict=False):
        scaled = {} if ratio.is_two_valued else {"SD": ratio.per(ratio.sd)}
        for unit, one in {"1": ratio, **scaled}.items():
            yield {
                "term": ratio.name,
                "n": model.n,
                "events": model.events,
                "likelihood_ratio_p": model.p_value,
                **_ratio_cells(unit, one),
                "proportional_hazards_p": test.p_value,
                "note": "",
            }


def _ratio_cells(unit: str, ratio: HazardRatio | None) -> Row:
    names = ("coefficient", "standard_error", "hazard_ratio", "low", "high", "p_value")
    if ratio is None:
        return {"unit": unit, **dict.fromkeys((*names, "proportional_hazards_p"))}
    cells = (ratio.coefficient, ratio.standard_error, ratio.ratio, *ratio.interval, ratio.p_value)
    return {"unit": unit, **dict(zip(names, cells, strict=True))}


def _index(value: ValuePrognosis) -> dict[str, object]:
    found = value.concordance
    low, high = (None, None) if found.interval is None else found.interval
    return {
        "c_index": found.c,
        "standard_error": found.standard_error,
        "low": low,
        "high": high,
        "concordant": found.concordant,
        "discordant": found.discordant,
        "tied": found.tied,
    }


def _difference_rows(found: CohortPrognosis) -> list[Row]:
    rows: list[Row] = []
    for comparison in found.comparisons:
        low, high = comparison.found.interval or (None, None)
        rows.append(
            {
                "first": comparison.first,
                "second": comparison.second,
                "difference": comparison.found.difference,
                "low": low,
                "high": high,
                "p_value": comparison.found.p_value,
                "same_group": comparison.same_group,
            }
        )
    return rows


def _left_out_rows(found: CohortPrognosis) -> Iterator[Row]:
    for column, gaps in found.left_out.items():
        for reason in _REASONS:
            for name in getattr(gaps, reason):
                yield {"row": name, "column": column, "reason": reason}


def _forest_rows(value: ValuePrognosis) -> Iterator[ForestRow]:
    lowest = value.split.labels[0]
    yield from _drawn(value.by_group, lambda name: f"{value.name} {name} against {lowest}")
    yield from _drawn(value.by_unit, lambda name: name)
    if value.adjusted is not None:
        yield from _drawn(
            value.adjusted,
            lambda name: (
                f"{name}, adjusted" if name == value.name else f"{name}, with {value.name}"
            ),
        )


def _drawn(fitted: FittedModel, label: Callable[[str], str]) -> Iterator[ForestRow]:
    """Rows of a model; covariates that are not of two values per standard deviation."""
    model = fitted.model
    if isinstance(model, NoFiniteRatio):
        text = f"not finite, {p_text(model.p_value)}"
        yield ForestRow(label(", ".join(model.names)), None, None, text)
        return
    for ratio in model.ratios:
        shown, unit = (ratio, "") if ratio.is_two_valued else (ratio.per(ratio.sd), ", per SD")
        text = f"{ratio_text(shown)}, {p_text(shown.p_value)}"
        yield ForestRow(f"{label(ratio.name)}{unit}", shown.ratio, shown.interval, text)
