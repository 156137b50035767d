"""How far readings of one case by one reader differ: intra-observer agreement."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.errors import InputError
from oncotrace.stats.agreement import Interval
from oncotrace.stats.samples import finite_sample


@dataclass(frozen=True)
class Repeatability:
    """SD of a reader's readings of one case, and the difference that two of them seldom exceed.

    ``cases`` counts the cases read more than once, ``readings`` their readings. ``coefficient`` is
    1.96 √2 times the SD: two readings differ by less in 95 % of cases.
    """

    cases: int
    readings: int
    sd_within: float
    sd_interval: Interval
    coefficient: float
    coefficient_interval: Interval


def repeatability(
    readings_of_cases: Sequence[ArrayLike], *, confidence: float = 0.95
) -> Repeatability:
    """Repeatability of readings of the same cases, in the unit of the readings.

    Cases may have been read different numbers of times; those read once tell nothing and are left
    out. The interval is that of the chi-squared distribution, exact for normal errors.

    Parameters
    ----------
    readings_of_cases
        Readings of each case: of one reader, or of each pair of case and reader.

    Raises
    ------
    InputError
        No case was read twice, or a reading is not finite.

    References
    ----------
    Bland and Altman, Stat Methods Med Res 1999;8:135-160, section 4,
    doi:10.1191/096228099673819272.
    """
    samples = [
        finite_sample(readings, least=0, of="repeatability") for readings in readings_of_cases
    ]
    repeated = [sample for sample in samples if len(sample) > 1]
    if not repeated:
        raise InputError("no case was read more than once.", code="too-few-readings")
    df = sum(len(sample) - 1 for sample in repeated)
    squares = sum(float(np.sum((sample - sample.mean()) ** 2)) for sample in repeated)
    tail = (1 - confidence) / 2
    sd = math.sqrt(squares / df)
    interval = (
        math.sqrt(squares / float(stats.chi2.ppf(1 - tail, df))),
        math.sqrt(squares / float(stats.chi2.ppf(tail, df))),
    )
    factor = 1.96 * math.sqrt(2)
    return Repeatability(
        cases=len(repeated),
        readings=sum(map(len, repeated)),
        sd_within=sd,
        sd_interval=interval,
        coefficient=factor * sd,
        coefficient_interval=(factor * interval[0], factor * interval[1]),
    )
