"""Survival as it would be known had observation ended for everybody at one time."""

import math
from dataclasses import dataclass

from oncotrace.domain.outcome import Survival
from oncotrace.errors import SettingsError


@dataclass(frozen=True)
class Truncation:
    """Survival up to a horizon, and how much of the observation lies beyond it."""

    survival: Survival
    horizon: float
    cut_short: int
    events_beyond: int


def truncated(survival: Survival, horizon: float) -> Truncation:
    """End observation administratively at a horizon.

    Whoever was observed longer is censored at the horizon; an event exactly at it counts.
    ``cut_short`` counts those observed longer and ``events_beyond`` their events, which are
    events no more.

    Raises
    ------
    SettingsError
        The horizon is not a positive number.
    """
    if not (math.isfinite(horizon) and horizon > 0):
        raise SettingsError(
            f"a horizon is a positive time, found {horizon:g}.", code="impossible-horizon"
        )
    longer = survival.duration_days > horizon
    return Truncation(
        survival=Survival(survival.duration_days.clip(max=horizon), survival.event & ~longer),
        horizon=horizon,
        cut_short=int(longer.sum()),
        events_beyond=int((survival.event & longer).sum()),
    )
