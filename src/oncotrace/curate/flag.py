"""What a check says of one series or image."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """Outcome of one check.

    Parameters
    ----------
    check
        Name of the check, in words joined by hyphens.
    passed
        None where it cannot be told, because the value is not there.
    value
        What was found, for people.
    rule
        What was asked for, with its unit.
    """

    check: str
    passed: bool | None
    value: str
    rule: str


def flag_of_missing(check: str, what: str, rule: str) -> Flag:
    """Flag of a check whose value is not there."""
    return Flag(check, None, f"no {what}", rule)
