"""What became of patients: how long each was observed, and whether the event was seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import InputError


@dataclass(frozen=True, eq=False)
class Survival:
    """Time to an event, or to the end of observation where no event was seen (censored).

    Parameters
    ----------
    duration_days
        Time from the start, shape (n,); finite and not negative. Days, or any other unit where
        all of them have the same: hazard ratios, tests and C-indices do not depend on it, and
        curves and medians come back in it.
    event
        Whether the event was seen at that time, shape (n,).

    Raises
    ------
    InputError
        The two differ in length, or a time is missing, infinite or negative.
    """

    duration_days: NDArray[np.float64]
    event: NDArray[np.bool_]

    def __post_init__(self) -> None:
        durations = np.array(self.duration_days, dtype=np.float64)
        events = np.array(self.event, dtype=np.bool_)
        if durations.ndim != 1 or durations.shape != events.shape:
            raise InputError(
                f"every time needs an event or none, found {durations.size} times and "
                f"{events.size} events.",
                code="not-paired",
            )
        if not np.isfinite(durations).all() or (durations < 0).any():
            wrong = np.count_nonzero(~np.isfinite(durations) | (durations < 0))
            raise InputError(
                f"survival times are finite and not negative, found {wrong} that are not.",
                hint="Leave them out and say how many there were.",
                code="impossible-time",
            )
        for name, values in (("duration_days", durations), ("event", events)):
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.duration_days)

    @property
    def events(self) -> int:
        """How many events were seen."""
        return int(np.count_nonzero(self.event))

    def of(self, members: NDArray[np.bool_] | NDArray[np.intp]) -> "Survival":
        """Return the same of some patients, chosen by a mask or by indices."""
        return Survival(self.duration_days[members], self.event[members])
