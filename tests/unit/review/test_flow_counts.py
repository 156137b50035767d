from tests.unit.review.workflow_events import failed, graded, history, mask, withdrawn

from oncotrace.review.flow_counts import flow_of, outcome_at

BAD = graded("Insufficient")


def nonzero(counts):
    return {name: count for name, count in counts.items() if count}


def test_the_flow_of_the_published_workflow_is_counted():
    accepted = [history(mask("automatic"), graded("Excellent"))] * 264
    accepted += [history(mask("automatic"), graded("Sufficient"))] * 81
    clicked = [history(mask("automatic"), BAD, mask("six-click"), graded("Excellent"))] * 84
    edited = [
        history(
            mask("automatic"), BAD, mask("six-click"), BAD, mask("editing"), graded("Excellent")
        )
    ] * 13
    flow = flow_of([*accepted, *clicked, *edited])
    automatic, six_click, correction, editing = flow.steps
    assert flow.cases == automatic.cases == 442  # the paper says 444, which its parts do not give
    assert automatic.accepted == {"Excellent": 264, "Sufficient": 81}
    assert nonzero(automatic.sent_on) == {"Insufficient": 97}
    assert (six_click.cases, six_click.total_accepted) == (97, 84)
    assert nonzero(correction.sent_on) == {"not graded": 13}
    assert (editing.cases, editing.total_accepted, editing.total_waiting) == (13, 13, 0)


def test_a_case_waits_where_its_task_is():
    cases = [
        history(),
        history(mask("automatic")),
        history(failed("automatic")),
        history(mask("automatic"), graded("uncertain")),
        history(failed("automatic"), failed("six-click")),
    ]
    automatic, six_click, correction, editing = flow_of(cases).steps
    assert nonzero(automatic.waiting) == {"segmentation": 1, "grade": 1, "second reading": 1}
    assert nonzero(automatic.sent_on) == {"failed": 2}
    assert nonzero(six_click.waiting) == {"six clicks": 1}
    assert nonzero(six_click.sent_on) == {"failed": 1}
    assert nonzero(correction.sent_on) == {"not graded": 1}
    assert nonzero(editing.waiting) == {"editing": 1}


def test_second_readings_and_disagreements_are_counted_where_they_happened():
    good = (mask("automatic"), graded("Excellent"))
    agreed = history(*good, graded("Sufficient", "Bob"), is_sampled=True)
    overruled = history(*good, graded("Incorrect", "Bob"), is_sampled=True)
    helped = history(mask("automatic"), graded("uncertain"), graded("Incorrect", "Bob"))
    automatic = flow_of([agreed, overruled, helped]).steps[0]
    assert (automatic.second_readings, automatic.disagreements) == (3, 1)
    assert nonzero(automatic.accepted) == {"Sufficient": 1}
    assert nonzero(automatic.sent_on) == {"Incorrect": 2}


def test_the_latest_mask_of_a_step_counts():
    case = history(
        mask("automatic"), BAD, mask("six-click"), BAD, mask("correction", name="1"),
        graded("Incorrect"), mask("correction", name="2"), graded("Excellent"),
    )  # fmt: skip
    assert outcome_at(case, "six-click") == "Insufficient"
    assert outcome_at(case, "correction") == "Excellent"
    assert outcome_at(case, "editing") is None
    assert flow_of([case]).steps[3].cases == 0


def test_a_mask_that_was_changed_before_its_second_reading_was_not_accepted():
    case = history(
        mask("automatic"), BAD, mask("six-click"), graded("Excellent"),
        mask("correction"), is_sampled=True,
    )  # fmt: skip
    flow = flow_of([case])
    assert outcome_at(case, "six-click") == "not graded"
    assert nonzero(flow.steps[1].accepted) == {}
    assert nonzero(flow.steps[1].sent_on) == {"not graded": 1}
    assert nonzero(flow.steps[2].waiting) == {"grade": 1}


def test_no_case_gives_a_flow_of_nothing():
    assert flow_of([]).cases == 0


def test_grades_that_were_taken_back_are_counted_apart_and_nowhere_else():
    back = history(mask("automatic"), graded("Excellent"), withdrawn(), graded("Incorrect"))
    open_again = history(mask("automatic"), graded("Excellent"), withdrawn())
    alone = history(
        mask("automatic"), graded("uncertain"), graded("Incorrect", "Bob"), withdrawn("Anna"),
        mask("six-click"), graded("Excellent"),
    )  # fmt: skip
    flow = flow_of([back, open_again, alone])
    automatic, six_click, *_ = flow.steps
    assert (automatic.withdrawn_grades, six_click.withdrawn_grades) == (3, 0)
    assert nonzero(automatic.accepted) == {}
    assert nonzero(automatic.sent_on) == {"Incorrect": 2}
    assert nonzero(automatic.waiting) == {"grade": 1}
    assert (automatic.second_readings, automatic.disagreements) == (0, 0)
