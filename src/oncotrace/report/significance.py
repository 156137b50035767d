"""P values as papers write them."""

_LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


def p_text(p_value: float | None) -> str:
    """Return ``p = 0.012`` or ``p < 0.001``, never 0 and never 1; a dash where there is none."""
    if p_value is None:
        return "p \N{EN DASH}"
    if p_value < 0.001:
        return "p < 0.001"
    return "p > 0.999" if p_value > 0.999 else f"p = {p_value:.3f}"


def stars(p_value: float) -> str:
    """Return one to three stars below 0.05, 0.01 and 0.001, else ``n.s.``."""
    return next((mark for level, mark in _LEVELS if p_value < level), "n.s.")
