"""How good a mask is in a reader's eyes, and which masks are good enough.

Two readers' grades of one mask become one by this rule: if the first was uncertain, the second
decides; otherwise the more critical of the two counts. So a mask is accepted only if everybody who
knew accepted it; a wrong decision costs work, never a wrong mask.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from oncotrace.errors import SettingsError

Grade = Literal["Excellent", "Sufficient", "uncertain", "Insufficient", "Incorrect"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""From the best to the worst; ``uncertain`` is not a grade of the mask but of the reader."""
ACCEPTED: tuple[Grade, ...] = ("Excellent", "Sufficient")

_LEAST_DICE: tuple[tuple[float, Grade], ...] = (
    (0.90, "Excellent"),
    (0.80, "Sufficient"),
    (0.50, "Insufficient"),
)


def grade_named(text: str) -> Grade:
    """Grade of that name, in upper or lower case.

    Raises
    ------
    SettingsError
        There is no such grade.
    """
    for grade in GRADES:
        if grade.lower() == text.strip().lower():
            return grade
    raise SettingsError(
        f"there is no grade {text[:40]!r}.",
        hint=f"Grades are {', '.join(GRADES)}.",
        code="unknown-term",
    )


def grade_of_dice(dice: float) -> Grade:
    """Grade that a simulated reader gives a mask of that Dice, 0 to 1, with the reference.

    Excellent from 0.90 on, Sufficient from 0.80, Insufficient from 0.50, else Incorrect.
    """
    return next((grade for least, grade in _LEAST_DICE if dice >= least), "Incorrect")


def is_accepted(grade: Grade) -> bool:
    """Whether a mask of that grade is good enough to be used."""
    return grade in ACCEPTED


def deciding_grade(grades: Sequence[Grade]) -> Grade:
    """Grade that counts, of one reader or of two in their order; see the module."""
    first, *others = grades
    if first == "uncertain" and others:
        return others[0]
    return max(grades, key=GRADES.index)
