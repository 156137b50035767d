"""Which grades count: those that their readers have not taken back."""

from collections.abc import Iterable

from oncotrace.review.events import Event, Failed, Graded, Segmented, Step, Withdrawn


def standing_grades(said: Iterable[Graded | Withdrawn]) -> list[Graded]:
    """Grades of one mask that count, in their order.

    A grade that a reader has taken back does not count, and the other reader's is then the first.
    """
    standing: list[Graded] = []
    for event in said:
        if isinstance(event, Graded):
            standing.append(event)
        else:
            standing = [of for of in standing if not is_same_reader(of.reader, event.reader)]
    return standing


def work_after_grade(events: Iterable[Event], reader: str) -> Segmented | Failed | None:
    """First mask or attempt that followed on the latest grade of a reader that counts.

    None if there is no such grade, or nothing followed.
    """
    has_graded = False
    followed: Segmented | Failed | None = None
    for event in events:
        if isinstance(event, Segmented | Failed):
            followed = followed or (event if has_graded else None)
        elif is_same_reader(event.reader, reader):
            has_graded, followed = isinstance(event, Graded), None
    return followed


def in_words(work: Segmented | Failed) -> str:
    """Say what was done."""
    if isinstance(work, Failed):
        return f"the step {work.step} was tried and gave no mask"
    return _DONE[work.step]


def is_same_reader(one: str, other: str) -> bool:
    """Whether two names are one reader's; blanks around them and upper case do not count."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


_DONE: dict[Step, str] = {
    "automatic": "the case was segmented automatically",
    "six-click": "the case was segmented from six clicks",
    "correction": "the mask was corrected",
    "editing": "an edited mask was taken in",
}
