"""Numbers of a prognosis as papers write them."""

from oncotrace.stats.cox import HazardRatio, NoFiniteRatio
from oncotrace.stats.survival_curve import MedianTime


def p_text(p_value: float | None) -> str:
    """Return ``p = 0.013``, or that there is none."""
    if p_value is None:
        return "no p value"
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.2f}" if p_value >= 0.1 else f"p = {p_value:.2g}"


def number_text(number: float) -> str:
    """Return a number of four digits, without a power of ten where it is large."""
    return f"{number:.4g}" if abs(number) < 1e4 else f"{number:.0f}"


def ratio_text(ratio: HazardRatio) -> str:
    """Return a hazard ratio with its interval, of as many decimals as tell it from 1."""
    low, high = ratio.interval
    decimals = 2 if max(abs(high - 1), abs(1 - low)) >= 0.05 else 4
    return f"{ratio.ratio:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


def median_text(median: MedianTime) -> str:
    """Return a median time with its interval, whose ends the curve may not reach."""
    if median.time is None:
        return "not reached"
    low, high = (
        "not reached" if end is None else number_text(end) for end in (median.lower, median.upper)
    )
    return f"{number_text(median.time)} ({low} to {high})"


def no_ratio_text(model: NoFiniteRatio) -> str:
    """Say why there is no hazard ratio."""
    return (
        f"no finite hazard ratio: {', '.join(model.names)} separates the patients with the event "
        f"perfectly (likelihood ratio test {p_text(model.p_value)})"
    )
