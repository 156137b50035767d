"""What the journeys share about cohorts: which sequence, which file."""

from collections.abc import Mapping
from pathlib import Path

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, SettingsError


def chosen_sequence(cohort: Cohort, wanted: Modality | None, *, of: str) -> Modality:
    """Sequence to work on: the one asked for, or the only one that the cohort has.

    Parameters
    ----------
    of
        ``image`` or ``mask``: the columns that are looked at.

    Raises
    ------
    SettingsError
        The cohort has several and none is asked for, or not the one asked for.
    """
    there: set[Modality] = set()
    for case in cohort.cases:
        there.update(case.images if of == "image" else case.masks)
    columns = ", ".join(f"{of}_{name}" for name in sorted(there)) or "none"
    if wanted is not None and wanted not in there:
        raise SettingsError(
            f"the cohort has no column {of}_{wanted} with a file in it; it has {columns}.",
            hint="Add the column or choose another --modality.",
        )
    if wanted is None and len(there) != 1:
        raise SettingsError(
            f"the cohort has the columns {columns}.",
            hint="Say which to use with --modality.",
        )
    return wanted or there.pop()


def file_of(case: Case, files: Mapping[Modality, Path], modality: Modality, role: str) -> Path:
    """Return the case's file of one sequence.

    Raises
    ------
    InputError
        Its cell is empty.
    """
    if modality not in files:
        raise InputError(
            f"the column {role}_{modality} is empty for this case.",
            case_id=case.case_id,
            code="missing-file",
        )
    return files[modality]
