"""Which cases a second reader looks at in any case."""

import math
from collections.abc import Collection

import numpy as np

from oncotrace.errors import SettingsError


def second_reader_sample(case_ids: Collection[str], share: float, *, seed: int) -> frozenset[str]:
    """Cases drawn at random, the share of all of them, rounded up; their order does not matter.

    Raises
    ------
    SettingsError
        The share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise SettingsError(f"the share of second readings lies between 0 and 1, found {share:g}.")
    count = math.ceil(round(share * len(case_ids), 9))  # 0.1 of 30 are 3, not 4
    rng = np.random.default_rng(seed)
    return frozenset(rng.permutation(sorted(case_ids))[:count].tolist())
