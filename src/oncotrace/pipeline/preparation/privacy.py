"""What a de-identified cohort may say: who patients become, and texts that do not tell who.

Everything that does tell, the inventory, the checks, the plans and the key, lies in a folder of its
own that is not part of the cohort.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.curate.deid_key import Key, new_secret
from oncotrace.curate.deid_key_file import read_key, write_key
from oncotrace.curate.deid_options import Confidentiality
from oncotrace.curate.deid_values import safe_words
from oncotrace.errors import DicomError, OncotraceError, SettingsError
from oncotrace.pipeline.deidentify import KeyChoice, deidentify

_UID = re.compile(r"\d+(\.\d+){3,}")
_DAY = re.compile(r"(19|20)\d\d-?[01]\d-?[0-3]\d")
_CLOCK = re.compile(r"\b[0-2]?\d:[0-5]\d(:[0-5]\d)?\b|\b[0-2]\d[0-5]\d[0-5]\d(\.\d+)?\b")
_LEFT_OUT = "(left out)"
_BODY = ("patient_weight_kg", "weight_kg")
_FREE_TEXT = ("contrast_agent",)
_OWNER_ONLY = 0o700


@dataclass(frozen=True)
class Privacy:
    """How a cohort is de-identified.

    Parameters
    ----------
    folder
        Where all lies that tells whose the images are.
    """

    folder: Path
    confidentiality: Confidentiality
    key: KeyChoice

    @property
    def keeps_intervals(self) -> bool:
        """Whether the time between two studies of a patient may be known."""
        return self.confidentiality.dates != "removed"

    @property
    def keeps_bodies(self) -> bool:
        """Whether the patient's weight may be known."""
        return self.confidentiality.has("retain-patient-characteristics")


@dataclass(frozen=True)
class Telling:
    """How a cohort puts things: structures by the names it gives them, and nothing that tells.

    Parameters
    ----------
    names
        What structures are called, by their names in the DICOM files.
    is_private
        Whether UIDs, days and times are left out.
    """

    names: Mapping[str, str]
    is_private: bool

    def name(self, structure: str) -> str:
        """Return what a structure is called."""
        return self.names.get(structure, "structure" if self.is_private else structure)

    def text(self, text: str) -> str:
        """Return a text of ours as it may stand in the cohort."""
        for name in sorted(self.names, key=len, reverse=True):
            if name and name != self.names[name]:
                text = text.replace(name, self.names[name])
        return told_text(text) if self.is_private else text

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Let no error say more than the cohort does."""
        try:
            yield
        except OncotraceError as error:
            error.message = self.text(error.message)
            error.hint = error.hint and self.text(error.hint)
            raise


def make_private_folder(folder: Path) -> None:
    """Make a folder that none but its owner can look into.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    with refused_writes(folder.name):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_OWNER_ONLY)


def pseudonyms(
    privacy: Privacy, patient_ids: Iterable[str], given: Mapping[str, str] | None
) -> dict[str, str]:
    """Return what patients are called, by their ids; the key file knows it from now on.

    Parameters
    ----------
    given
        Pseudonyms from a table, which must then name all patients.

    Raises
    ------
    InputError
        The key file cannot be read.
    SettingsError
        The table contradicts the key, or lacks a patient.
    OutputError
        The key file cannot be written.
    """
    choice, wanted = privacy.key, set(patient_ids)
    if choice.file is None:
        raise SettingsError("a cohort that is de-identified case by case needs a key file.")
    known = read_key(choice.file, choice.passphrase) if choice.file.exists() else Key(new_secret())
    key = known.extended(wanted, given)
    missing = len(wanted - set(key.patients))
    if missing:
        raise SettingsError(
            f"the table of patients does not list {missing} of the {len(wanted)} patients.",
            hint="Add them, or narrow the query to those that are listed.",
            code="patient-not-listed",
        )
    write_key(choice.file, key, choice.passphrase)
    return {old: key.patients[old].pseudonym for old in wanted}


def write_deidentified(source: Path, out: Path, privacy: Privacy) -> None:
    """De-identify the files of one case.

    Raises
    ------
    DicomError
        There is no copy of one of them: it cannot be de-identified, or may show text.
    """
    run = deidentify(source, out, confidentiality=privacy.confidentiality, key=privacy.key, jobs=1)
    for _ in run.progress:
        pass
    refused = [*run.refusals(), *(one for one in run.left_out() if one.code != "duplicate")]
    if refused:
        raise DicomError(
            f"{len(refused)} file(s) cannot be de-identified ({refused[0].code}): "
            f"{refused[0].message}",
            hint="Look at the images; leave the series out by the query if it must stay as it is.",
            code="not-deidentified",
        )


def told_text(text: str) -> str:
    """Text of ours without UIDs, days and times of day."""
    for pattern in (_UID, _DAY, _CLOCK):
        text = pattern.sub(_LEFT_OUT, text)
    return text


def told_uid(uid: str, privacy: Privacy | None) -> str:
    """UID as the cohort's DICOM has it.

    Raises
    ------
    InputError
        The key file cannot be read.
    """
    if privacy is None or privacy.key.file is None or privacy.confidentiality.has("retain-uids"):
        return uid
    return read_key(privacy.key.file, privacy.key.passphrase).secret.uid(uid)


def told_names(names: Iterable[str], privacy: Privacy | None) -> dict[str, str]:
    """Return what structures are called, by name; of a free text only words of imaging stay."""
    told: dict[str, str] = {}
    for number, name in enumerate(dict.fromkeys(names), start=1):
        safe = name if privacy is None else safe_words(name)
        told[name] = safe if safe and safe not in told.values() else f"structure {number}"
    return told


def told_values(values: Mapping[str, object], privacy: Privacy | None) -> dict[str, object]:
    """Technical values as the cohort may show them."""
    dropped = () if privacy is None else (*_FREE_TEXT, *(() if privacy.keeps_bodies else _BODY))
    return {name: value for name, value in values.items() if name not in dropped}
