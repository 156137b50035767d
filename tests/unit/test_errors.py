"""Errors say what happened, to whom, and survive the way between processes."""

import pickle

import pytest

from oncotrace import errors
from oncotrace.errors import ClickError, InputError, OncotraceError

ALL = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, OncotraceError)
]


@pytest.mark.parametrize("kind", ALL)
def test_error_survives_pickling_with_everything_it_carries(kind: type[OncotraceError]) -> None:
    error = kind("two of six.", hint="Give six.", case_id="STS_001", code="few")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(back) is kind
    assert (back.message, back.hint, back.case_id, back.code) == (
        "two of six.",
        "Give six.",
        "STS_001",
        "few",
    )
    assert str(back) == str(error)


def test_text_names_the_case_then_what_happened_then_what_to_do() -> None:
    error = ClickError("two of six.", hint="Give six.").for_case("STS_001")
    assert str(error) == "case STS_001: two of six. Give six."
    assert str(ClickError("two of six.")) == "two of six."


def test_every_error_has_a_stable_code_of_its_own() -> None:
    codes = [kind("text").code for kind in ALL]
    assert len(set(codes)) == len(ALL)
    assert InputError("text", code="special").code == "special"


def test_input_errors_can_be_caught_together() -> None:
    with pytest.raises(InputError, match="two of six"):
        raise ClickError("two of six.")
