"""Names of all checks: what a rules file may skip, and what a dry run lists."""

from collections.abc import Iterable

from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.cohort_checks import COHORT_CHECKS
from oncotrace.curate.read_checks import READ_CHECKS
from oncotrace.curate.series_checks import SERIES_CHECKS, check_name
from oncotrace.curate.voxel_checks import IMAGE_CHECKS, MASK_CHECKS
from oncotrace.errors import SettingsError

HEADER_CHECKS: tuple[str, ...] = (*SERIES_CHECKS, *COHORT_CHECKS)
VOXEL_CHECKS: tuple[str, ...] = (*READ_CHECKS, *IMAGE_CHECKS, "identical-pixels", *MASK_CHECKS)


def checks_made(rules: CheckRules, *, voxels: bool) -> list[str]:
    """Names of the checks that are not left out; the user's with what they ask for.

    Parameters
    ----------
    voxels
        Whether those of voxels are made, too.

    Raises
    ------
    SettingsError
        What is to be skipped is no check.
    """
    require_known(rules)
    known = HEADER_CHECKS + (VOXEL_CHECKS if voxels else ())
    users = [str(rule) for rule in rules.users if check_name(rule) not in rules.skip]
    return [*(name for name in known if name not in rules.skip), *users]


def require_known(rules: CheckRules) -> None:
    """Refuse to skip what is no check: its name is misspelt.

    Raises
    ------
    SettingsError
        The message names it.
    """
    users = {check_name(rule) for rule in rules.users}
    require_checks(rules.skip, users, to="skipped")


def require_checks(names: Iterable[str], others: Iterable[str], *, to: str) -> None:
    """Refuse names that no check has.

    Parameters
    ----------
    others
        Names of the user's own rules, or of checks that were made.
    to
        What cannot be done with what is no check: ``skipped``.

    Raises
    ------
    SettingsError
        The message names the first.
    """
    known = (*HEADER_CHECKS, *VOXEL_CHECKS)
    for name in names:
        if name not in {*known, *others}:
            raise SettingsError(
                f"no check is called {name!r}, so it cannot be {to}.",
                hint=f"Known are {', '.join(known)}.",
                code="unknown-check",
            )
