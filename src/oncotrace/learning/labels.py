"""Structures that one network tells apart: their names and values, as a recipe lists them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oncotrace.errors import SettingsError

MOST_LABELS = 16

LabelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=32)]


def _is_off(value: object) -> bool:
    return not value


class Label(BaseModel):
    """One structure: what it is called, and the value that its voxels have in a label volume."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: LabelName
    value: int = Field(ge=1, le=255)
    optional: bool = Field(default=False, exclude_if=_is_off)
    """Whether a case may be without it."""


def label_from_text(text: str, *, is_optional: bool) -> Label:
    """Label in ``NAME=VALUE``.

    Raises
    ------
    SettingsError
        The text is not that, or name or value are none that a label may have.
    """
    name, _, value = text.partition("=")
    if not value.strip().isdecimal():
        raise _not_a_label(text)
    try:
        return Label(name=name.strip(), value=int(value), optional=is_optional)
    except ValidationError as error:
        raise _not_a_label(text) from error


def described(labels: Sequence[Label]) -> str:
    """Labels with their values, for people: ``tumour = 1, oedema = 2``."""
    return ", ".join(f"{label.name} = {label.value}" for label in labels)


def complaint_about(labels: Sequence[Label]) -> str | None:
    """Return what is wrong with labels as a whole; none where nothing is, or there are none.

    The first is the tumour, which every case must have.
    """
    if not labels:
        return None
    if not 2 <= len(labels) <= MOST_LABELS:
        return f"there are {len(labels)} labels; give 2 to {MOST_LABELS}, or none for one structure"
    for what in ("name", "value"):
        found = [getattr(label, what) for label in labels]
        if len(set(found)) != len(found):
            return f"two labels have the same {what} ({described(labels)})"
    if labels[0].optional:
        return f"the first label, {labels[0].name}, is the tumour and cannot be optional"
    return None


def _not_a_label(text: str) -> SettingsError:
    return SettingsError(
        f"{text!r} is no label: it must be NAME=VALUE, the name of small letters, digits, - and _, "
        "the value a whole number from 1 to 255.",
        hint="For example --label tumour=1 --label oedema=2.",
        code="not-a-label",
    )
