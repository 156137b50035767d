import pytest

from oncotrace.domain.flow import Flow, FlowStep
from oncotrace.errors import InputError


def flow(**second: object) -> Flow:
    first = FlowStep("one", 10, {"good": 6}, {"grade": 1}, {"bad": 3}, 2, 1)
    return Flow(10, (first, FlowStep("two", 3, **({"accepted": {"good": 3}} | second))))


def test_counts_that_add_up_are_taken():
    flow().require_adding_up()
    Flow(0, ()).require_adding_up()


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"accepted": {"good": 2}}, "3 cases, but 2 accepted, 0 waiting and 0 sent on"),
        ({"accepted": {"good": 4}}, "3 cases, but 4 accepted"),
        ({"accepted": {"good": 4}, "waiting": {"grade": -1}}, "negative"),
        ({"accepted": {"good": 2}, "sent_on": {"bad": 1}}, "1 cases are sent on from the last"),
        ({"second_readings": 1, "disagreements": 2}, "more disagreements"),
    ],
)
def test_counts_that_do_not_add_up_are_refused(second, said):
    with pytest.raises(InputError, match=said):
        flow(**second).require_adding_up()


def test_cases_that_get_lost_between_steps_are_noticed():
    lost = Flow(10, (flow().steps[0], FlowStep("two", 2, {"good": 2})))
    with pytest.raises(InputError, match="two: 2 cases, but 3 were sent there"):
        lost.require_adding_up()


def test_cases_that_never_began_are_noticed():
    with pytest.raises(InputError, match="one: 10 cases, but 11 were sent there"):
        Flow(11, flow().steps).require_adding_up()
