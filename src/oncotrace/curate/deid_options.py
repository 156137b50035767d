"""The profile of PS3.15 Annex E that is followed, and the options chosen with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from oncotrace.errors import SettingsError

EDITION = "2026c"
"""Edition of PS3.15 whose table E.1-1 is followed."""

Dates = Literal["removed", "shifted", "kept"]


@dataclass(frozen=True)
class CodedMethod:
    """A profile or option in the words of PS3.16, CID 7050.

    Parameters
    ----------
    column
        Column of table E.1-1 that says what the option does; empty for the profile itself.
    """

    column: str
    code: str
    meaning: str


BASIC = CodedMethod("", "113100", "Basic Application Confidentiality Profile")

OPTIONS: dict[str, CodedMethod] = {
    "retain-safe-private": CodedMethod("safe_private", "113111", "Retain Safe Private Option"),
    "retain-uids": CodedMethod("retain_uids", "113110", "Retain UIDs Option"),
    "retain-device-identity": CodedMethod(
        "retain_device_identity", "113109", "Retain Device Identity Option"
    ),
    "retain-institution-identity": CodedMethod(
        "retain_institution_identity", "113112", "Retain Institution Identity Option"
    ),
    "retain-patient-characteristics": CodedMethod(
        "retain_patient_characteristics", "113108", "Retain Patient Characteristics Option"
    ),
    "retain-full-dates": CodedMethod(
        "retain_full_dates",
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    "retain-modified-dates": CodedMethod(
        "retain_modified_dates",
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    "clean-descriptors": CodedMethod("clean_descriptors", "113105", "Clean Descriptors Option"),
    "clean-structured-content": CodedMethod(
        "clean_structured_content", "113104", "Clean Structured Content Option"
    ),
    "clean-graphics": CodedMethod("clean_graphics", "113103", "Clean Graphics Option"),
}
"""Options by the name that the command knows them by."""

PROFILES = ("basic",)


@dataclass(frozen=True)
class Confidentiality:
    """The basic profile with the options chosen, in the order of `OPTIONS`."""

    options: tuple[str, ...] = ()

    def has(self, option: str) -> bool:
        """Whether the option was chosen."""
        return option in self.options

    @property
    def columns(self) -> frozenset[str]:
        """Columns of table E.1-1 that apply beside that of the profile."""
        return frozenset(OPTIONS[option].column for option in self.options)

    @property
    def dates(self) -> Dates:
        """What becomes of dates."""
        if self.has("retain-full-dates"):
            return "kept"
        return "shifted" if self.has("retain-modified-dates") else "removed"

    @property
    def methods(self) -> tuple[CodedMethod, ...]:
        """Profile and options as they are written into every object."""
        return (BASIC, *(OPTIONS[option] for option in self.options))


def chosen_confidentiality(profile: str, options: Iterable[str]) -> Confidentiality:
    """Profile and options by their names.

    Raises
    ------
    SettingsError
        A name is unknown, or dates are to be kept and shifted at once.
    """
    if profile not in PROFILES:
        raise SettingsError(
            f"no profile is called {profile!r}; known: {', '.join(PROFILES)}.",
            code="unknown-profile",
        )
    given = set(options)
    if unknown := sorted(given - OPTIONS.keys()):
        raise SettingsError(
            f"no option is called {unknown[0]!r}; known: {', '.join(OPTIONS)}.",
            code="unknown-option",
        )
    if {"retain-full-dates", "retain-modified-dates"} <= given:
        raise SettingsError(
            "dates cannot be retained in full and shifted at once.",
            hint="Give one of retain-full-dates and retain-modified-dates.",
            code="contradicting-options",
        )
    return Confidentiality(tuple(option for option in OPTIONS if option in given))
