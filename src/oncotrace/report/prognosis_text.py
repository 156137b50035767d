"""A prognosis in words: who was analysed, what was found, and what to be careful about."""

from collections.abc import Iterator

from oncotrace.report.chart import signed
from oncotrace.report.cohort_prognosis import (
    LEAST_EVENTS_PER_VARIABLE,
    CohortPrognosis,
    models,
)
from oncotrace.report.prognosis_words import (
    median_text,
    no_ratio_text,
    number_text,
    p_text,
    ratio_text,
)
from oncotrace.stats.cox import HazardRatio, NoFiniteRatio
from oncotrace.stats.prognosis import FittedModel, ValuePrognosis
from oncotrace.stats.usable import listed

_DOUBT = 0.05
_HOW = (
    "Curves after Kaplan and Meier, 95 % intervals on the log-log scale; log-rank test; hazard "
    "ratios by Cox's model (equal times after Efron), intervals and p values by Wald; "
    "proportional hazards by the score test of Schoenfeld's residuals on Kaplan-Meier time; "
    "Harrell's C-index, interval by the infinitesimal jackknife on the logit scale. All p values "
    "are two-sided and not adjusted for the number of tests."
)


def prognosis_text(found: CohortPrognosis) -> str:
    """Return the report that the command prints."""
    parts = ["\n".join(_patients(found))]
    parts += ["\n".join(_value(value)) for value in found.values]
    if found.comparisons:
        parts.append("\n".join(_comparisons(found)))
    if warnings := list(_warnings(found)):
        parts.append("\n".join(["Be careful", *(f"  - {warning}" for warning in warnings)]))
    return "\n\n".join([*parts, _HOW]) + "\n"


def _patients(found: CohortPrognosis) -> Iterator[str]:
    yield (
        f"{found.n} of {found.rows} rows are used, with {found.events} events ({found.event}); "
        f"times are in the unit of {found.time}."
    )
    yield f"Median follow-up (reverse Kaplan-Meier): {median_text(found.follow_up)}."
    for column, gaps in found.left_out.items():
        yield f"Left out for {column}: {gaps.sentence('row')}"
    for twins in found.twins:
        yield f"Equal in every column but the name, one patient twice? {listed(twins)}."
    if found.truncation is not None:
        cut = found.truncation
        yield (
            f"Observation ends at {number_text(cut.horizon)} (horizon): {cut.cut_short} were "
            f"observed longer, of whom {cut.events_beyond} had the event later and count as "
            "without it."
        )


def _value(value: ValuePrognosis) -> Iterator[str]:
    yield value.name
    yield f"  {_cuts(value)}"
    width = max(len(group.label) for group in value.groups)
    for group in value.groups:
        yield (
            f"    {group.label:<{width}}  n = {group.n}, {group.events} events, "
            f"median {median_text(group.median)}"
        )
    test = value.log_rank
    statistic = "" if test.statistic is None else f"chi-square {test.statistic:.2f}, "
    yield (
        f"  log-rank test: {statistic}degrees of freedom {test.degrees_of_freedom}, "
        f"{p_text(test.p_value)}"
    )
    for name, fitted in models(value).items():
        yield from (f"  {line}" for line in _model(name, fitted, value.split.labels[0]))
    index = value.concordance
    yield f"  C-index: {index.c:.3f} ({_three(index.interval)})"


def _cuts(value: ValuePrognosis) -> str:
    said = []
    for cut, rule, count in zip(
        value.split.cuts, value.split.rules, value.split.at_cut, strict=True
    ):
        where = number_text(cut) if rule[-1].isdigit() else f"{rule} {number_text(cut)}"
        equal = "" if not count else f" ({count} equal to it, in the lower group)"
        said.append(f"{where}{equal}")
    return f"split at {', '.join(said)}"


def _model(name: str, fitted: FittedModel, lowest: str) -> Iterator[str]:
    model = fitted.model
    heading = {"groups": f"hazard ratio against {lowest}", "continuous": "hazard ratio"}
    said = heading.get(name, "adjusted hazard ratio")
    if isinstance(model, NoFiniteRatio):
        yield f"{said}: {no_ratio_text(model)}"
        return
    for ratio, test in zip(model.ratios, fitted.proportionality, strict=False):
        what = ratio.name if name == "groups" else _unit(ratio)
        shown = ratio if ratio.is_two_valued else ratio.per(ratio.sd)
        yield (
            f"{said}, {what}: {ratio_text(shown)}, {p_text(shown.p_value)}; "
            f"proportional hazards {p_text(test.p_value)}"
        )


def _unit(ratio: HazardRatio) -> str:
    return (
        f"{ratio.name}" if ratio.is_two_valued else f"{ratio.name} per SD ({number_text(ratio.sd)})"
    )


def _comparisons(found: CohortPrognosis) -> Iterator[str]:
    yield "C-indices compared, on the same patients"
    for one in found.comparisons:
        low, high = one.found.interval or (None, None)
        interval = (
            "they order the patients alike"
            if low is None or high is None
            else f"{signed(low, 3)} to {signed(high, 3)}"
        )
        p_value = "" if one.found.p_value is None else f", {p_text(one.found.p_value)}"
        yield (
            f"  {one.first} minus {one.second}: {signed(one.found.difference, 3)} "
            f"({interval}){p_value}; same group in {one.same_group} of {found.n}"
        )


def _warnings(found: CohortPrognosis) -> Iterator[str]:
    if found.censored_without_time:
        yield (
            f"{found.censored_without_time} rows without the event have no {found.time}: whoever "
            "did not have the event needs the time of the last follow-up there, else those who "
            "fared well are missing."
        )
    if chosen := [value.name for value in found.values if value.split.is_from_data]:
        yield f"cut-offs come from these very patients ({', '.join(chosen)}); give them for others."
    for value in found.values:
        yield from _value_warnings(value)
    if len(found.values) > 1:
        yield "several values were tried on the same patients; p values are not adjusted for that."


def _value_warnings(value: ValuePrognosis) -> Iterator[str]:
    if value.concordance.c < 0.5:
        yield (
            f"{value.name}: a C-index below 0.5 means that higher values have the event later "
            f"({1 - value.concordance.c:.3f} the other way round)."
        )
    for name, fitted in models(value).items():
        yield from (f"{value.name}, {name}: {text}" for text in _model_warnings(fitted))


def _model_warnings(fitted: FittedModel) -> Iterator[str]:
    model = fitted.model
    if model.events_per_variable < LEAST_EVENTS_PER_VARIABLE:
        yield (
            f"{model.events} events for {model.variables} variables; below "
            f"{LEAST_EVENTS_PER_VARIABLE:.0f} for each, hazard ratios are unstable."
        )
    for test in fitted.proportionality:
        if test.name and test.p_value is not None and test.p_value < _DOUBT:
            yield (
                f"the hazard ratio of {test.name} changes over time ({p_text(test.p_value)}): "
                "what is given is an average over the observation."
            )


def _three(interval: tuple[float, float] | None) -> str:
    return "no interval" if interval is None else " to ".join(f"{end:.3f}" for end in interval)
