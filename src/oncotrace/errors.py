"""Every error that oncotrace raises on purpose.

::

    OncotraceError
    ├── InputError                 what the user gave cannot be used
    │   ├── GeometryMismatchError  two grids that must agree do not
    │   ├── EmptyMaskError         a mask without a voxel
    │   ├── ClickError             clicks that cannot describe a tumour
    │   ├── DicomError             DICOM that cannot be read as one volume
    │   └── TableError             cohort.csv or another table is malformed
    ├── SettingsError              an option or a settings file is wrong
    ├── ModelError                 a model cannot be found, trusted or run
    ├── OutputError                a result cannot be written
    └── MissingDependencyError     an optional part is not installed

A message says what was found and what was expected; ``hint`` says what to do next; ``code`` is a
stable word that scripts may test; ``case_id`` names the case, never the patient.
"""

from typing import Self


class OncotraceError(Exception):
    """Base of all errors that oncotrace raises on purpose."""

    default_code = "error"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        case_id: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.case_id = case_id
        self.code = code or self.default_code

    def __str__(self) -> str:
        text = f"case {self.case_id}: {self.message}" if self.case_id else self.message
        return f"{text} {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders in cohort runs; the default would lose the keywords.
        return (_rebuild, (type(self), self.message, self.hint, self.case_id, self.code))

    def for_case(self, case_id: str) -> Self:
        """Return the same error, naming the case it belongs to."""
        self.case_id = case_id
        return self


def _rebuild(
    kind: type[OncotraceError],
    message: str,
    hint: str | None,
    case_id: str | None,
    code: str,
) -> OncotraceError:
    return kind(message, hint=hint, case_id=case_id, code=code)


class InputError(OncotraceError):
    """What the user gave cannot be used."""

    default_code = "input"


class GeometryMismatchError(InputError):
    """Two grids that must agree do not."""

    default_code = "geometry-mismatch"


class EmptyMaskError(InputError):
    """A mask has no voxel set."""

    default_code = "empty-mask"


class ClickError(InputError):
    """Clicks do not describe a tumour on this image."""

    default_code = "clicks"


class DicomError(InputError):
    """DICOM files cannot be read as one volume."""

    default_code = "dicom"


class TableError(InputError):
    """A cohort table or another table is malformed."""

    default_code = "table"


class SettingsError(OncotraceError):
    """An option or a settings file is wrong."""

    default_code = "settings"


class ModelError(OncotraceError):
    """A model cannot be found, trusted or run."""

    default_code = "model"


class OutputError(OncotraceError):
    """A result cannot be written."""

    default_code = "output"


class MissingDependencyError(OncotraceError):
    """An optional part of oncotrace is not installed."""

    default_code = "missing-dependency"
