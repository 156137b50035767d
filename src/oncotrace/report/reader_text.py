"""Agreement of readers in a few lines of text: how many, what is missing, and the figures."""

from collections.abc import Iterable, Sequence

from oncotrace.report.reader_agreement import MeasuredAgreement, PairAgreement
from oncotrace.report.reader_categories import CategoryAgreement
from oncotrace.report.reader_readings import Readings
from oncotrace.stats.agreement import Interval
from oncotrace.stats.usable import listed

_MINUS = "\N{MINUS SIGN}"


def measured_text(found: MeasuredAgreement) -> str:
    """Agreement on measured values in words."""
    readings = found.readings
    lines = [*readings_lines(readings), *_complete_lines(readings)]
    if found.icc and "icc" not in found.undefined:
        lines.append(f"Intraclass correlation of {readings.quantity}:")
        lines += [
            f"  {one.shrout_fleiss} = {one.mcgraw_wong}  {_with_interval(one.value, one.interval)}"
            f"  {one.meaning}"
            for one in found.icc
        ]
    if (limits := found.limits) is not None:
        lines.append(
            "95 % limits of agreement with the mean: ±"
            f"{_with_interval(limits.limit, limits.interval)}. SD between cases "
            f"{_sd(limits.sd_cases)}, between readers {_sd(limits.sd_readers)}, of one reading "
            f"{_sd(limits.sd_error)}."
        )
    if found.alpha is not None and found.alpha.value is not None:
        lines.append(
            f"Krippendorff's alpha ({found.alpha.scale}): "
            f"{_with_interval(found.alpha.value, found.alpha.interval)}, over "
            f"{found.alpha.cases} cases read at least twice."
        )
    if (within := found.repeatability) is not None:
        lines.append(
            f"Repeated readings by one reader ({within.cases} pairs of case and reader): SD "
            f"{_with_interval(within.sd_within, within.sd_interval)}, so that two differ by less "
            f"than {_with_interval(within.coefficient, within.coefficient_interval)} in 95 %."
        )
    lines += _pair_lines(found.pairs)
    return "\n".join([*lines, *_undefined_lines(found.undefined.items())]) + "\n"


def category_text(found: CategoryAgreement) -> str:
    """Agreement on categories in words."""
    readings = found.readings
    lines = [*readings_lines(readings), f"Categories: {', '.join(readings.categories)}."]
    if found.fleiss is not None and found.fleiss.value is not None:
        lines.append(
            f"Fleiss' kappa: {_with_interval(found.fleiss.value, found.fleiss.interval)}; readers "
            f"agree in {found.fleiss.observed:.1%}, by chance in {found.fleiss.expected:.1%}."
        )
    if found.alpha is not None and found.alpha.value is not None:
        lines.append(
            f"Krippendorff's alpha ({found.alpha.scale}): "
            f"{_with_interval(found.alpha.value, found.alpha.interval)}."
        )
    for title, pairs in (("Cohen's kappa", found.pairs), ("Repeated readings", found.repeats)):
        known = [pair for pair in pairs if pair.kappa is not None and pair.kappa.value is not None]
        values = [pair.kappa.value for pair in known if pair.kappa and pair.kappa.value is not None]
        if values:
            lines.append(
                f"{title} of {len(values)} pairs: {_number(min(values))} to {_number(max(values))}."
            )
        if without := [f"{p.first} and {p.second}" for p in pairs if p not in known]:
            lines.append(f"{title} is not defined for {listed(without)}.")
    return "\n".join([*lines, *_undefined_lines(found.undefined.items())]) + "\n"


def readings_lines(readings: Readings) -> list[str]:
    """How many readings there are, and which are missing or infinite."""
    lines = [
        f"{counted(len(readings.cases), 'case')}, {counted(len(readings.readers), 'reader')}, "
        f"{counted(readings.count, 'reading')} of {readings.quantity}."
    ]
    if len(readings.repeats) > 1:
        lines[0] = f"{lines[0][:-1]}, {len(readings.repeats)} repeats."
        lines.append(
            f"What is said of several readers is about their first readings "
            f"({readings.repeats[0]})."
        )
    infinite = set(readings.infinite)
    if missing := [name for name in readings.missing if name not in infinite]:
        lines.append(f"Missing: {len(missing)} ({listed(missing)}).")
    if infinite:
        lines.append(f"Infinite and left out: {len(infinite)} ({listed(readings.infinite)}).")
    if not readings.missing:
        lines.append("Every case was read by every reader.")
    return lines


def counted(number: int, noun: str) -> str:
    """Return ``1 case`` or ``2 cases``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _complete_lines(readings: Readings) -> list[str]:
    left_out = readings.left_out_cases(every_repeat=True)
    if not left_out:
        return []
    return [
        "ICC and limits of agreement with the mean need complete cases: "
        f"{len(readings.complete_cases())} for the ICC, "
        f"{len(readings.complete_cases(every_repeat=True))} for the limits; without "
        f"{listed(left_out)}. Pairs use the cases that both have read, alpha those read twice."
    ]


def _pair_lines(pairs: Sequence[PairAgreement]) -> list[str]:
    lines = []
    known = [pair for pair in pairs if pair.difference is not None]
    if len(known) == 1:
        lines += _one_pair_lines(known[0])
    elif known:
        widest = max(known, key=_width)
        lines.append(f"{len(known)} pairs of readers; the one with the widest limits:")
        lines += _one_pair_lines(widest)
    if not known:
        return ["No two readers have three cases in common: no pair is analysed."]
    if few := [f"{pair.first} and {pair.second}" for pair in pairs if pair.difference is None]:
        lines.append(f"Fewer than three cases in common, not analysed: {listed(few)}.")
    return lines


def _one_pair_lines(pair: PairAgreement) -> list[str]:
    lines = []
    for title, found in (("", pair.difference), (" in percent of the mean", pair.percent)):
        if found is not None:
            lines.append(
                f"  {pair.first} {_MINUS} {pair.second}{title} ({found.n} cases): bias "
                f"{_with_interval(found.bias, found.bias_interval)}, limits of agreement "
                f"{_with_interval(found.lower, found.lower_interval)} and "
                f"{_with_interval(found.upper, found.upper_interval)}."
            )
    if pair.percent is None:
        lines.append("  No difference in percent: not all means are positive.")
    if pair.correlation is not None and pair.concordance is not None:
        lines.append(
            f"  Pearson's r {_with_interval(pair.correlation.r, pair.correlation.interval)}, "
            "concordance correlation "
            f"{_with_interval(pair.concordance.value, pair.concordance.interval)}."
        )
    return lines


def _undefined_lines(undefined: Iterable[tuple[str, str]]) -> list[str]:
    titles = {
        "icc": "No ICC",
        "limits_with_mean": "No limits of agreement with the mean",
        "alpha": "No Krippendorff's alpha",
        "fleiss_kappa": "No Fleiss' kappa",
    }
    return [f"{titles[name]}: {reason}" for name, reason in undefined]


def _width(pair: PairAgreement) -> float:
    return pair.difference.upper - pair.difference.lower if pair.difference else 0.0


def _with_interval(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "not defined"
    if interval is None:
        return f"{_number(value)} (no interval)"
    return f"{_number(value)} ({_number(interval[0])} to {_number(interval[1])})"


def _sd(value: float | None) -> str:
    return "0 (its estimated variance is negative)" if value is None else _number(value)


def _number(value: float | None) -> str:
    """Return a number with three digits that matter, and a true minus."""
    if value is None:
        return "not defined"
    size = abs(value)
    decimals = 3 if size < 1 else 2 if size < 100 else 1
    return f"{value:.{decimals}f}".replace("-", _MINUS)
