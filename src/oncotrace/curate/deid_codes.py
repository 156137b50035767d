"""Codes: what the standard calls them, and which of them say who a report's subject is."""

from functools import cache
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

# Sex, age, weight and height of the subject (PS3.16, TID 1007, CID 7455 and the codes in use).
_SUBJECT = frozenset((
    ("DCM", "121031"), ("DCM", "121032"), ("DCM", "121033"), ("LN", "29463-7"), ("LN", "8302-2"),
    ("LN", "30525-0"), ("SCT", "27113001"), ("SCT", "50373000"), ("SCT", "397669002"),
    ("SCT", "424144002"), ("SCT", "263495000"), ("SRT", "G-C171"), ("SRT", "G-C172"),
))  # fmt: skip

_SPEAKING = ("UCUM", "RFC5646")
"""Schemes whose codes, units and languages, are their own meaning."""

_OLD_SNOMED = ("SRT", "SNM3", "99SDM")


@cache
def _meanings() -> dict[tuple[str, str], str]:
    from pydicom.sr._concepts_dict import concepts

    schemes: dict[str, Any] = concepts  # typed no further there
    return {
        (scheme, code): meaning
        for scheme, keywords in schemes.items()
        for codes in keywords.values()
        for code, (meaning, _) in codes.items()
    }


def known_meaning(code: Dataset) -> str | None:
    """Meaning that the standard gives a code, none when it does not list it."""
    scheme, value = _pair(code)
    if scheme in _SPEAKING and value:
        return value
    if scheme in _OLD_SNOMED:
        scheme, value = "SCT", _snomed().get(value, "")
    return _meanings().get((scheme, value))


@cache
def _snomed() -> dict[str, str]:
    """Return the identifiers in SNOMED CT of the older codes that DICOM used (PS3.16, annex O)."""
    from pydicom.sr._snomed_dict import mapping

    return dict(mapping["SRT"])


def says_who_the_subject_is(item: Dataset) -> bool:
    """Whether an item of a report states the subject's sex, age, weight or height."""
    try:
        names = item.get("ConceptNameCodeSequence")
    except Exception:  # what pydicom raises on malformed values is no closed set
        return False
    return isinstance(names, Sequence) and any(_pair(name) in _SUBJECT for name in names)


def _pair(code: Dataset) -> tuple[str, str]:
    try:
        value = code.get("CodeValue") or code.get("LongCodeValue") or ""
        return str(code.get("CodingSchemeDesignator") or ""), str(value)
    except Exception:  # as above
        return "", ""
