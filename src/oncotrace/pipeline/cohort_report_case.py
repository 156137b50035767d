"""One case of a prepared cohort as its report shows it: read from its folder, believed of nothing.

An entry of ``result.json`` that is not of the kind it should be counts as not there; the page must
appear whatever one case holds.
"""

import math
from collections.abc import Mapping
from pathlib import Path

from oncotrace.domain.case import Case
from oncotrace.errors import InputError
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.folder import read_json
from oncotrace.report.cohort_content import CheckOutcome, PreparedCase, PreparedImage, Structure

_LARGEST_PICTURE_BYTES = 512 * 1024
_JPEG = b"\xff\xd8\xff"
_OF_THE_GRID = {"spacing_x_mm": ("spacing_mm", 0), "slices": ("size_xyz", 2)}


Checks = Mapping[tuple[str, str], tuple[CheckOutcome, ...]]
"""Outcomes of the checks by case id and image."""


def prepared_case(case: Case, folder: Path, checks: Checks) -> PreparedCase:
    """Return a case of the cohort's table with what its folder and the checks say of it.

    Without a readable ``result.json`` it has the images and masks that the table names, and a
    warning.
    """
    try:
        result = read_json(folder / RESULT_FILE)
    except InputError:
        images = tuple(_from_table(case, sequence) for sequence in case.images)
        warnings = [f"{RESULT_FILE} cannot be read: parameters and volumes are not known"]
    else:
        found = _object(result.get("images"))
        images = tuple(
            _image(name, _object(entry), folder, checks.get((case.case_id, name), ()))
            for name, entry in found.items()
        )
        warnings = [text for text in _list(result.get("warnings")) if isinstance(text, str)]
    return PreparedCase(
        case_id=case.case_id,
        patient_id=case.patient_id,
        time_point=case.time_point,
        centre=case.centre,
        images=images,
        warnings=tuple(warnings),
    )


def _from_table(case: Case, sequence: str) -> PreparedImage:
    is_masked = any(name == sequence for name in case.masks)
    return PreparedImage(sequence, mask=Structure("", None) if is_masked else None)


def _image(
    sequence: str, entry: Mapping[str, object], folder: Path, checks: tuple[CheckOutcome, ...]
) -> PreparedImage:
    mask = None
    if isinstance(entry.get("mask"), str):
        mask = Structure(_text(entry.get("structure")), _number(entry.get("volume_ml")))
    return PreparedImage(
        sequence=sequence,
        mask=mask,
        others=tuple(
            Structure(_text(other.get("name")), _number(other.get("volume_ml")))
            for other in map(_object, _list(entry.get("structures")))
        ),
        parameters=_parameters(entry),
        checks=checks,
        picture=_picture(folder, _text(entry.get("picture"))),
    )


def _parameters(entry: Mapping[str, object]) -> dict[str, str | float]:
    """Numbers and texts of how an image was made; lists are joined, the empty left out.

    The pixel spacing and the number of slices of its grid stand for those of the header.
    """
    known: dict[str, str | float] = {}
    for name, value in _object(entry.get("parameters")).items():
        number = _number(value)
        text = ", ".join(map(_word, value)) if isinstance(value, list) else _text(value)
        if number is not None:
            known[name] = number
        elif text:
            known[name] = text
    geometry = _object(entry.get("geometry"))
    for name, (values, axis) in _OF_THE_GRID.items():
        numbers = [_number(value) for value in _list(geometry.get(values))]
        if len(numbers) == 3 and (number := numbers[axis]) is not None:
            known[name] = number
    return known


def _picture(folder: Path, name: str) -> bytes | None:
    """Content of a JPEG that lies in the case's own folder and is as small as a thumbnail."""
    file = folder / name
    if not name or Path(name).name != name:
        return None
    try:
        if file.is_symlink() or not file.is_file():
            return None
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_PICTURE_BYTES + 1)
    except (OSError, ValueError):  # a name that no file can have is a ValueError
        return None
    fits = content.startswith(_JPEG) and len(content) <= _LARGEST_PICTURE_BYTES
    return content if fits else None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    number = _number(value)
    return _text(value) if number is None else f"{number:g}"


def _number(value: object) -> float | None:
    """Finite number, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
