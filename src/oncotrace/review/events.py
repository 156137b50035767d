"""What happens to a case in the workflow; plain values, kept one per line in a log."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from oncotrace.review.grade import Grade

Step = Literal["automatic", "six-click", "correction", "editing"]
STEPS: tuple[Step, ...] = get_args(Step)
"""In the order in which a case takes them, as far as it must."""

_CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Segmented:
    """A mask was made, by a model or by a reader.

    Parameters
    ----------
    folder
        Name of the folder, among those of the case, that holds it.
    mask_digest
        SHA-256 of the mask's file, by which grades say what they are about.
    at
        When, ISO 8601 in UTC.
    predicted_dice
        How good it probably is; none where that was not predicted.
    inputs
        SHA-256 of what it was made from, by role.
    """

    case_id: str
    step: Step
    folder: str
    mask_digest: str
    at: str
    inputs: dict[str, str]
    predicted_dice: float | None = None
    kind: Literal["segmented"] = "segmented"

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


@dataclass(frozen=True)
class Failed:
    """No mask came of a step.

    Parameters
    ----------
    stage, code, message
        As in ``failures.csv``.
    inputs_digest
        Digest of what was tried: with the same it is not tried again.
    """

    case_id: str
    step: Literal["automatic", "six-click"]
    stage: str
    code: str
    message: str
    inputs_digest: str
    at: str
    kind: Literal["failed"] = "failed"

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


@dataclass(frozen=True)
class Graded:
    """A reader said how good a mask is."""

    case_id: str
    grade: Grade
    reader: str
    mask_digest: str
    at: str
    comment: str = ""
    kind: Literal["graded"] = "graded"

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


@dataclass(frozen=True)
class Withdrawn:
    """A reader took back the grade given to a mask; the grade stays in the log, and why."""

    case_id: str
    reader: str
    mask_digest: str
    at: str
    reason: str
    kind: Literal["withdrawn"] = "withdrawn"

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


Event = Segmented | Failed | Graded | Withdrawn

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def event_json(event: Event) -> dict[str, object]:
    """Event as plain JSON values."""
    content: dict[str, object] = _EVENT.dump_python(event, mode="json")
    return content


def event_from_json(text: str) -> Event | None:
    """Event that `event_json` made text of; none if the text is not one."""
    try:
        return _EVENT.validate_json(text, strict=True)
    except ValidationError:
        return None
