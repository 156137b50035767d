"""What else is outlined on an image of a prepared cohort, as its ``result.json`` lists it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oncotrace.domain.case import Case
from oncotrace.domain.scan import Modality
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.folder import read_json

_UNNAMED = "mask"


@dataclass(frozen=True)
class ListedStructures:
    """Structures of one image.

    Parameters
    ----------
    name
        Of what the image's mask outlines.
    others
        Mask files of the other structures by their names, each of which is there once.
    """

    name: str = _UNNAMED
    others: Mapping[str, Path] = field(default_factory=dict)


def listed_structures(case: Case, sequence: Modality, cohort_folder: Path) -> ListedStructures:
    """Structures that a prepared cohort lists for an image; a cohort made by hand lists none.

    A list counts for the very files that it is about: where the table names another image, it says
    nothing, and of another mask it does not say the name. Entries that are malformed, or name a
    file elsewhere, count as not there.

    Raises
    ------
    InputError
        The case has a ``result.json`` that cannot be read.
    """
    folder = cohort_folder / "cases" / case.case_id
    if not (folder / RESULT_FILE).is_file():
        return ListedStructures()
    entry = _object(_object(read_json(folder / RESULT_FILE).get("images")).get(sequence))
    if not _is_same(case.images[sequence], folder, entry.get("file")):
        return ListedStructures()
    name = _UNNAMED
    if sequence in case.masks and _is_same(case.masks[sequence], folder, entry.get("mask")):
        name = _text(entry.get("structure")) or _UNNAMED
    return ListedStructures(name, _others(entry.get("structures"), folder, taken=name))


def _others(listed: object, folder: Path, *, taken: str) -> dict[str, Path]:
    """Files within the folder by name; a name that is taken gets a number."""
    files: dict[str, Path] = {}
    for entry in map(_object, listed if isinstance(listed, list) else []):
        name, file = _text(entry.get("name")), _text(entry.get("file"))
        if not name or not file or Path(file).name != file:
            continue
        free, number = name, 2
        while free in files or free == taken:
            free, number = f"{name} ({number})", number + 1
        files[free] = folder / file
    return files


def _is_same(path: Path, folder: Path, listed: object) -> bool:
    name = _text(listed)
    return bool(name) and path.resolve() == (folder / name).resolve()


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """Return a text that may name a file, or nothing."""
    return value if isinstance(value, str) and "\0" not in value else ""
