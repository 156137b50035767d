"""Free-response ROC: how many lesions are found at how many false positives per case."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.scan import read_only
from oncotrace.errors import InputError
from oncotrace.stats.agreement import Interval
from oncotrace.stats.bootstrap import bootstrap_interval

SCORED_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives per case over which the published score averages the sensitivity."""


@dataclass(frozen=True)
class Candidate:
    """A place that a method marks.

    Parameters
    ----------
    score
        How sure the method is; the higher, the surer.
    lesion
        Which lesion of its case it hits; None for a false positive.
    """

    case_id: str
    score: float
    lesion: Hashable | None = None


@dataclass(frozen=True, eq=False)
class Froc:
    """Points of the curve, from the highest threshold to the lowest.

    Parameters
    ----------
    thresholds
        Scores; candidates of at least this score are counted. The first is infinite: none is.
    false_positives_per_case, sensitivity
        What is reached at each threshold.
    lesions, cases
        Over which it is taken.
    """

    thresholds: NDArray[np.float64]
    false_positives_per_case: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    lesions: int
    cases: int

    def __post_init__(self) -> None:
        for name in ("thresholds", "false_positives_per_case", "sensitivity"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def sensitivity_at(self, false_positives_per_case: float) -> float:
        """Highest sensitivity that a threshold reaches with at most so many false positives.

        A step between thresholds, not a line: a point between two cannot be chosen.
        """
        allowed = self.false_positives_per_case <= false_positives_per_case
        return float(self.sensitivity[allowed].max())

    @property
    def score(self) -> float:
        """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per case."""
        return float(np.mean([self.sensitivity_at(rate) for rate in SCORED_RATES]))


def froc(candidates: Sequence[Candidate], lesions_of: Mapping[str, int]) -> Froc:
    """Free-response ROC of a method's candidates.

    Of several candidates that hit one lesion the surest counts, the others neither as found nor as
    false.

    Parameters
    ----------
    lesions_of
        Number of lesions of every case, 0 for those without; cases without a candidate too.

    Raises
    ------
    InputError
        No case has a lesion, a candidate is of a case that is not listed or has no finite score, or
        more lesions of a case are hit than it has.

    References
    ----------
    Bunch et al., Proc SPIE 1977;127:124-135, doi:10.1117/12.955926, for the curve.
    Setio et al., Med Image Anal 2017;42:1-13, doi:10.1016/j.media.2017.06.015, for the score; there
    the sensitivity is interpolated.
    """
    marks, lesions = _checked(candidates, lesions_of)
    return _curve(marks, lesions, np.ones(len(lesions), dtype=np.int64))


def froc_score_interval(
    candidates: Sequence[Candidate],
    lesions_of: Mapping[str, int],
    *,
    groups: Mapping[str, Hashable],
    seed: int,
) -> Interval | None:
    """95 % bootstrap interval (percentile) of the score; nothing with fewer than three groups.

    Parameters
    ----------
    groups
        What each case belongs to: patients, which are drawn whole.

    Raises
    ------
    InputError
        See `froc`.
    """
    marks, lesions = _checked(candidates, lesions_of)

    def score_of_cases(drawn: NDArray[np.float64]) -> float:
        times = np.bincount(drawn.astype(np.int64), minlength=len(lesions))
        return _curve(marks, lesions, times).score if (lesions * times).any() else float("nan")

    return bootstrap_interval(
        np.arange(len(lesions)),
        score_of_cases,
        groups=[groups[case_id] for case_id in lesions_of],
        seed=seed,
        method="percentile",
    )


def _checked(
    candidates: Sequence[Candidate], lesions_of: Mapping[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Score, whether a lesion is hit and place of the case of each mark; lesions of each case.

    Marks have the shape (n, 3), the surest first.
    """
    _require_candidates(candidates, lesions_of)
    place = {case_id: index for index, case_id in enumerate(lesions_of)}
    counted = sorted(_counted(candidates), key=lambda mark: -mark.score)
    marks = [(mark.score, mark.lesion is not None, place[mark.case_id]) for mark in counted]
    return np.array(marks, dtype=np.float64).reshape(-1, 3), np.array([*lesions_of.values()])


def _curve(
    marks: NDArray[np.float64], lesions: NDArray[np.int64], times: NDArray[np.int64]
) -> Froc:
    """Curve over cases of which each counts so many times; marks as `_checked` gives them."""
    scores, is_hit = marks[:, 0], marks[:, 1] == 1
    weight = times[marks[:, 2].astype(np.int64)]
    last_of_score = np.append(np.diff(scores) != 0, True)[: len(scores)]
    found = np.cumsum(weight * is_hit)[last_of_score]
    false = np.cumsum(weight * ~is_hit)[last_of_score]
    cases, wanted = int(times.sum()), int((lesions * times).sum())
    return Froc(
        thresholds=np.concatenate([[np.inf], scores[last_of_score]]),
        false_positives_per_case=np.concatenate([[0.0], false / cases]),
        sensitivity=np.concatenate([[0.0], found / wanted]),
        lesions=wanted,
        cases=cases,
    )


def _counted(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Every false positive, and of each lesion the surest hit."""
    surest: dict[tuple[str, Hashable], Candidate] = {}
    for candidate in candidates:
        key = (candidate.case_id, candidate.lesion)
        if candidate.lesion is not None and (
            key not in surest or candidate.score > surest[key].score
        ):
            surest[key] = candidate
    return [*(c for c in candidates if c.lesion is None), *surest.values()]


def _require_candidates(candidates: Sequence[Candidate], lesions_of: Mapping[str, int]) -> None:
    if not sum(lesions_of.values()):
        raise InputError("a free-response ROC needs a case with a lesion.", code="too-few-values")
    if unknown := sorted({c.case_id for c in candidates} - {*lesions_of}):
        raise InputError(
            f"a candidate is of case {unknown[0]!r}, which is not among the {len(lesions_of)} "
            "cases whose lesions are counted.",
            hint="List every case, those without a lesion as well.",
            code="unlisted-case",
        )
    if not np.isfinite([c.score for c in candidates]).all():
        raise InputError("a candidate's score is not a finite number.", code="not-finite-values")
    hit = Counter(
        case_id
        for case_id, lesion in {(c.case_id, c.lesion) for c in candidates}
        if lesion is not None
    )
    for case_id, count in hit.items():
        if count > lesions_of[case_id]:
            raise InputError(
                f"candidates hit {count} lesions, the case has {lesions_of[case_id]}.",
                case_id=case_id,
                code="too-many-lesions",
            )
