"""Tables of the workflow: counts of every step, for all cases and by centre, and their tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oncotrace.domain.flow import Flow, FlowStep
from oncotrace.stats.contingency import ContingencyTest, contingency

_SEED = 20  # of the random tables; fixed, so that the same counts give the same p values


@dataclass(frozen=True)
class CentreTest:
    """Whether one kind of counts differs between centres."""

    question: str
    test: ContingencyTest

    def cells(self) -> dict[str, object]:
        """Row of ``centre_tests.csv``."""
        rows, columns = self.test.shape
        return {
            "question": self.question,
            "cases": self.test.n,
            "centres": rows,
            "outcomes": columns,
            "chi_square": self.test.statistic,
            "degrees_of_freedom": self.test.degrees_of_freedom,
            "least_expected": self.test.least_expected,
            "p_value": self.test.p_value,
            "p_method": self.test.method,
        }


def flow_rows(flow: Flow) -> list[dict[str, object]]:
    """Rows of ``flow.csv``, one per step; accepted, waiting and sent on add up to the cases.

    Raises
    ------
    InputError
        The counts do not add up.
    """
    flow.require_adding_up()
    return [_cells(step) for step in flow.steps]


def centre_rows(flows: Mapping[str, Flow]) -> list[dict[str, object]]:
    """Rows of ``counts_by_centre.csv``: as ``flow.csv`` for each centre, by name.

    Raises
    ------
    InputError
        The counts do not add up.
    """
    return [{"centre": name, **row} for name, flow in flows.items() for row in flow_rows(flow)]


def centre_tests(flows: Mapping[str, Flow]) -> list[CentreTest]:
    """Return tests of whether centres differ; none if fewer than two have an outcome.

    Asked are: is the first step's mask accepted, how is it graded, and at which step is a case
    accepted in the end. Cases that wait there are in none of them.
    """
    firsts = [flow.steps[0] for flow in flows.values()]
    tables: dict[str, list[Sequence[int]]] = {
        "first mask accepted": [(s.total_accepted, s.total_sent_on) for s in firsts],
        "outcome of the first step": [(*s.accepted.values(), *s.sent_on.values()) for s in firsts],
        "step of acceptance": [[s.total_accepted for s in flow.steps] for flow in flows.values()],
    }
    return [
        CentreTest(question, contingency(counts, seed=_SEED))
        for question, counts in tables.items()
        if sum(any(row) for row in counts) > 1
    ]


def _cells(step: FlowStep) -> dict[str, object]:
    return {
        "step": step.name,
        "cases": step.cases,
        "accepted": step.total_accepted,
        **_named("accepted", step.accepted),
        "waiting": step.total_waiting,
        **_named("waiting_for", step.waiting),
        "sent_on": step.total_sent_on,
        **_named("sent_on", step.sent_on),
        "second_readings": step.second_readings,
        "disagreements": step.disagreements,
        "withdrawn_grades": step.withdrawn_grades,
    }


def _named(prefix: str, counts: Mapping[str, int]) -> dict[str, object]:
    return {f"{prefix}_{name.lower().replace(' ', '_')}": n for name, n in counts.items()}
