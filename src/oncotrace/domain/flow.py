"""How many cases went which way through the steps of a workflow; the numbers add up, or say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oncotrace.errors import InputError


@dataclass(frozen=True)
class FlowStep:
    """What became of the cases that reached one step.

    Parameters
    ----------
    name
        What the step is called.
    cases
        So many reached it.
    accepted
        Cases whose mask of this step was accepted, by grade.
    waiting
        Cases that are at this step now, by what they wait for.
    sent_on
        Cases that went to the next step, by why.
    second_readings
        Masks of this step that a second reader looked at; they are in the counts above.
    disagreements
        Second readings in which only one of the two readers accepted the mask.
    withdrawn_grades
        Grades of masks of this step that readers took back; they are in none of the counts above.
    """

    name: str
    cases: int
    accepted: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    sent_on: Mapping[str, int] = field(default_factory=dict)
    second_readings: int = 0
    disagreements: int = 0
    withdrawn_grades: int = 0

    @property
    def total_accepted(self) -> int:
        """Cases that were accepted here."""
        return sum(self.accepted.values())

    @property
    def total_waiting(self) -> int:
        """Cases that are here now."""
        return sum(self.waiting.values())

    @property
    def total_sent_on(self) -> int:
        """Cases that went on."""
        return sum(self.sent_on.values())


@dataclass(frozen=True)
class Flow:
    """The steps of a workflow, in their order, and how many cases began."""

    cases: int
    steps: tuple[FlowStep, ...]

    def require_adding_up(self) -> None:
        """Refuse numbers of which any case is missing or counted twice.

        Raises
        ------
        InputError
            Cases of a step are not those accepted, waiting and sent on there; or those that reach
            a step are not those sent there; or a count is negative.
        """
        arriving = self.cases
        for step in self.steps:
            counts = (*step.accepted.values(), *step.waiting.values(), *step.sent_on.values())
            if min((step.cases, *counts), default=0) < 0:
                raise _wrong(f"{step.name}: a count is negative")
            if step.cases != arriving:
                raise _wrong(f"{step.name}: {step.cases} cases, but {arriving} were sent there")
            if step.cases != sum(counts):
                raise _wrong(
                    f"{step.name}: {step.cases} cases, but {step.total_accepted} accepted, "
                    f"{step.total_waiting} waiting and {step.total_sent_on} sent on"
                )
            if not step.disagreements <= step.second_readings:
                raise _wrong(f"{step.name}: more disagreements than second readings")
            arriving = step.total_sent_on
        if arriving:
            raise _wrong(f"{arriving} cases are sent on from the last step")


def _wrong(what: str) -> InputError:
    return InputError(
        f"the counts of the workflow do not add up: {what}.", code="counts-do-not-add-up"
    )
