"""What is to be de-identified: which file is whose, and what its copy will be called."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oncotrace.curate.deid_key import Key, Patient, Secret, require_pseudonym
from oncotrace.curate.deidentify_file import survey_header, take_apart
from oncotrace.errors import DicomError, TableError
from oncotrace.io.csv_cells import read_rows, text_of
from oncotrace.io.dicom_files import StoredFile, refused_reads
from oncotrace.io.text_file import read_text

MAX_FILE_BYTES = 2**31
"""Larger files are not read: they are taken whole into memory."""

_LETTERS = 8
_COLUMNS = ["patient_id", "pseudonym"]


@dataclass(frozen=True)
class Refusal:
    """Why there is no copy of a file; ``number`` counts the input's files from 1, by path."""

    number: int
    code: str
    message: str


@dataclass(frozen=True)
class SurveyedFile:
    """What a DICOM file says of whose it is and where it belongs."""

    number: int
    patient: str
    study: str
    series: str
    instance: str
    instance_number: int
    digest: str


@dataclass(frozen=True)
class PlannedFile:
    """A file, who its patient becomes, and the path of its copy in the output."""

    number: int
    patient: Patient
    target: str


@dataclass(frozen=True)
class Plan:
    """Files to be copied, files left out and files that failed, and what they depend on.

    Parameters
    ----------
    inputs
        Digest of all files, keyed with the secret, so that a changed input is noticed.
    """

    files: tuple[PlannedFile, ...]
    left_out: tuple[Refusal, ...]
    failures: tuple[Refusal, ...]
    inputs: str


def content_of(file: StoredFile) -> bytes:
    """Bytes of a file.

    Raises
    ------
    DicomError
        It cannot be read, or is too large.
    """
    if file.size_bytes > MAX_FILE_BYTES:
        raise DicomError(
            f"the file is larger than {MAX_FILE_BYTES // 2**30} GiB.", code="too-large"
        )
    with file.open() as stream, refused_reads():
        return stream.read()


def surveyed(file: StoredFile, number: int) -> SurveyedFile | Refusal:
    """Look at one file; a refusal with the code ``not-dicom`` is no failure."""
    try:
        content = content_of(file)
        parts = take_apart(content)
        if parts is None:
            return Refusal(number, "not-dicom", "The file is not DICOM.")
        header = survey_header(parts)
    except DicomError as error:
        return Refusal(number, error.code, str(error))
    if not header[3]:
        return Refusal(number, "missing-tag", "The file does not say what object it is.")
    return SurveyedFile(number, *header, digest=hashlib.sha256(content).hexdigest())


def read_patients(table: Path) -> dict[str, str]:
    """Pseudonyms by old id, from a CSV with the columns patient_id and pseudonym.

    Raises
    ------
    TableError
        The table is something else, or an id or a pseudonym stands in it twice.
    SettingsError
        A pseudonym cannot be the name of a folder.
    """
    text = read_text(table, limit_mib=64, error=TableError)
    rows = [cells for _, cells in read_rows(text, name="the table", error=TableError)]
    if not rows or rows[0] != _COLUMNS:
        raise TableError(
            "the table of patients has other columns than patient_id and pseudonym.",
            code="patients-table",
        )
    pairs = [
        (text_of(cells[0]), require_pseudonym(cells[1])) for cells in rows[1:] if len(cells) == 2
    ]
    pseudonyms = dict(pairs)
    is_unique = len(pseudonyms) == len(pairs) == len(set(pseudonyms.values()))
    if len(pairs) != len(rows) - 1 or not is_unique or any(a == b for a, b in pairs):
        raise TableError(
            "the table of patients has a row of other than two cells, an id or a pseudonym twice, "
            "or a pseudonym that is the id.",
            code="patients-table",
        )
    return pseudonyms


def planned(
    survey: Iterable[SurveyedFile | Refusal], key: Key, given: Mapping[str, str] | None
) -> tuple[Plan, Key]:
    """Decide on names, and extend the key by the patients that are new to it.

    Within a series copies are numbered by instance number, then by new UID: the same files get the
    same names, whatever they were called.

    Raises
    ------
    SettingsError
        The table of patients contradicts the key.
    """
    files = [one for one in survey if isinstance(one, SurveyedFile)]
    refusals = [one for one in survey if isinstance(one, Refusal)]
    extended = key.extended((file.patient for file in files), given)
    once, copies, failures = _without_copies(files)
    listed = [file for file in once if file.patient in extended.patients]
    unlisted = [file for file in once if file.patient not in extended.patients]
    failures += [
        Refusal(
            file.number,
            code="patient-not-listed",
            message="The table of patients does not list its patient.",
        )
        for file in unlisted
    ]
    failures += [refusal for refusal in refusals if refusal.code != "not-dicom"]
    left_out = copies + [refusal for refusal in refusals if refusal.code == "not-dicom"]
    digests = "\n".join(sorted(file.digest for file in files))
    plan = Plan(
        tuple(_named(listed, extended)),
        tuple(sorted(left_out, key=_number)),
        tuple(sorted(failures, key=_number)),
        extended.secret.name("inputs", f"{len(refusals)}\n{digests}", 16),
    )
    return plan, extended


def _number(refusal: Refusal) -> int:
    return refusal.number


def _without_copies(
    files: list[SurveyedFile],
) -> tuple[list[SurveyedFile], list[Refusal], list[Refusal]]:
    """Every object once; identical copies are left out, contradicting ones fail, all of them."""
    by_instance: dict[str, list[SurveyedFile]] = defaultdict(list)
    for file in files:
        by_instance[file.instance].append(file)
    once, copies, failures = [], [], []
    for same in by_instance.values():
        if len({file.digest for file in same}) == 1:
            once.append(same[0])
            copies += [
                Refusal(file.number, code="duplicate", message="A copy of another file.")
                for file in same[1:]
            ]
        else:
            failures += [
                Refusal(
                    file.number,
                    code="duplicate-instance",
                    message="Another file has the same SOP instance UID and other content.",
                )
                for file in same
            ]
    return once, copies, failures


def _named(files: list[SurveyedFile], key: Key) -> list[PlannedFile]:
    folders: dict[str, list[SurveyedFile]] = defaultdict(list)
    for file in files:
        folders[_folder(file, key.patients[file.patient], key.secret)].append(file)
    return [
        PlannedFile(file.number, key.patients[file.patient], f"{folder}/{n:04d}.dcm")
        for folder in sorted(folders)
        for n, file in enumerate(sorted(folders[folder], key=lambda f: _place(f, key.secret)), 1)
    ]


def _place(file: SurveyedFile, secret: Secret) -> tuple[int, str]:
    return file.instance_number, secret.uid(file.instance)


def _folder(file: SurveyedFile, patient: Patient, secret: Secret) -> str:
    study = secret.name("study", file.study, _LETTERS)
    series = secret.name("series", file.series, _LETTERS)
    return f"{patient.pseudonym}/study-{study}/series-{series}"
