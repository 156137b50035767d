"""Single elements of a dataset that may be malformed, read without ever failing."""

import re

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from oncotrace.curate.deid_table import attribute
from oncotrace.curate.deid_values import TEXTS

_TEXT_VALUE, _CONCEPT_NAME, _DATES_MODIFIED = 0x0040A160, 0x0040A043, 0x00280303
_TRACKING_IDENTIFIER = "112039"
_ALIKE = (
    frozenset(("OB", "OW")), frozenset(("US", "SS")), frozenset(("UL", "SL")), TEXTS,
    frozenset(("DS", "IS")),
)  # fmt: skip
_NUMBERS = re.compile(rb"[0-9eE+\-.\\ \0]*")


def representation(dataset: Dataset, tag: int) -> str | None:
    """Value representation of an element, none when it is unknown or not that of its tag."""
    declared: str | None = dataset.get_item(tag).VR
    if declared == "UN":
        element = element_of(dataset, tag)
        declared = None if element is None else element.VR
        if declared in (None, "UN"):
            return None
    try:
        known: str = dictionary_VR(tag)
    except KeyError:  # newer than pydicom's dictionary
        return declared if attribute(tag) is not None else None
    if declared is None or declared in known:
        return declared or known
    return declared if any({declared, known} <= group for group in _ALIKE) else None


def element_of(dataset: Dataset, tag: int) -> DataElement | None:
    """Element with its value read, none when that is malformed."""
    try:
        return dataset[tag]
    except Exception:  # what pydicom raises on malformed values is no closed set
        return None


def value_of(dataset: Dataset, tag: int) -> object:
    """Value of an element, none when it is malformed."""
    element = element_of(dataset, tag)
    return None if element is None else element.value


def texts_of(dataset: Dataset, tag: int) -> list[str] | None:
    """Values of an element as text, none when they cannot be read."""
    element = element_of(dataset, tag)
    if element is None or isinstance(element.value, bytes):
        return None
    value = element.value
    if value is None:
        return []
    values = list(value) if isinstance(value, MultiValue | list) else [value]
    return [_original(one) for one in values]


def _original(value: object) -> str:
    """Text of a value as the file has it, also where pydicom has made a date or number of it."""
    text = getattr(value, "original_string", None)
    return text if isinstance(text, str) else "" if value is None else str(value)


def is_empty(dataset: Dataset, tag: int) -> bool:
    """Whether an element has no value that can be read as text."""
    return not any(texts_of(dataset, tag) or [""])


def is_number(dataset: Dataset, tag: int) -> bool:
    """Whether the value of a decimal or integer string is one."""
    value = dataset.get_item(tag).value
    if isinstance(value, bytes):
        return _NUMBERS.fullmatch(value) is not None
    return element_of(dataset, tag) is not None


def is_tracking_item(dataset: Dataset, tag: int) -> bool:
    """Whether a text is the Tracking Identifier of a report (PS3.16, TID 300)."""
    if tag != _TEXT_VALUE:
        return False
    names = value_of(dataset, _CONCEPT_NAME)
    return isinstance(names, Sequence) and any(
        item.get("CodeValue") == _TRACKING_IDENTIFIER for item in names
    )


def earlier_dates(dataset: Dataset) -> str:
    """Return what an earlier de-identification said of the dates."""
    (text,) = (
        (texts_of(dataset, _DATES_MODIFIED) or [""])[:1] if _DATES_MODIFIED in dataset else ("",)
    )
    return text if text in ("MODIFIED", "REMOVED") else ""
