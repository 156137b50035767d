"""The secret that pseudonyms, new UIDs and shifts of dates are made from, and the key file."""

import hashlib
import hmac
import json
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from oncotrace.errors import InputError, SettingsError

SECRET_BYTES = 32
LONGEST_SHIFT_DAYS = 3650

_STANDARD_ROOT = "1.2.840.10008."
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter is taken for a digit
_PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PSEUDONYM_LETTERS = 6


@dataclass(frozen=True)
class Patient:
    """Who a patient becomes: the pseudonym, and by how many days all dates are moved back."""

    pseudonym: str
    shift_days: int


@dataclass(frozen=True, repr=False)
class Secret:
    """Random bytes from which everything that must be the same again is made by HMAC-SHA-256."""

    key: bytes

    def uid(self, old: str) -> str:
        """Return the UID in place of another; those of the standard itself stay.

        A UUID of version 8 (RFC 9562) under the root 2.25 (PS3.5, B.2).
        """
        if old.startswith(_STANDARD_ROOT):
            return old
        number = bytearray(self._digest("uid", old)[:16])
        number[6] = number[6] & 0x0F | 0x80
        number[8] = number[8] & 0x3F | 0x80
        return f"2.25.{uuid.UUID(bytes=bytes(number)).int}"

    def name(self, purpose: str, old: str, letters: int) -> str:
        """Return letters and digits in place of a name."""
        number = int.from_bytes(self._digest(purpose, old)[:16])
        return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(letters))

    def shift_days(self, patient_id: str) -> int:
        """Days, from 1 to `LONGEST_SHIFT_DAYS`, by which the dates of a patient are moved back."""
        return 1 + int.from_bytes(self._digest("shift", patient_id)[:8]) % LONGEST_SHIFT_DAYS

    @property
    def fingerprint(self) -> str:
        """Sixteen digits that tell two secrets apart and nothing else."""
        return self._digest("fingerprint", "").hex()[:16]

    def _digest(self, purpose: str, old: str) -> bytes:
        return hmac.digest(self.key, f"{purpose}\0{old}".encode(), hashlib.sha256)


def new_secret() -> Secret:
    """Return a secret that nobody has had."""
    return Secret(secrets.token_bytes(SECRET_BYTES))


@dataclass(frozen=True, repr=False)
class Key:
    """A secret, and who the patients seen with it became, by their old ids."""

    secret: Secret
    patients: Mapping[str, Patient] = field(default_factory=dict)

    def extended(self, patient_ids: Iterable[str], given: Mapping[str, str] | None = None) -> "Key":
        """Key with patients added; those known already stay who they are.

        Parameters
        ----------
        given
            Pseudonyms from a table, by old id; only patients in it are added then.

        Raises
        ------
        SettingsError
            The table gives a known patient another pseudonym, or one that is somebody else's.
        """
        patients = dict(self.patients)
        taken = {patient.pseudonym: old for old, patient in patients.items()}
        for old in sorted(set(patient_ids)):
            pseudonym = None if given is None else given.get(old)
            if given is not None and pseudonym is None:
                continue
            if old in patients and pseudonym in (None, patients[old].pseudonym):
                continue
            if old in patients or (pseudonym is not None and pseudonym in taken):
                raise SettingsError(
                    "the table of patients and the key disagree on who a patient is.",
                    hint="Use the table that the key was made with, or another key.",
                    code="pseudonym-taken",
                )
            new = pseudonym or self._free_pseudonym(old, taken)
            taken[new] = old
            patients[old] = Patient(new, self.secret.shift_days(old))
        return replace(self, patients=patients)

    def _free_pseudonym(self, old: str, taken: Mapping[str, str]) -> str:
        lengths = range(_PSEUDONYM_LETTERS, 25)
        names = (f"P-{self.secret.name('patient', old, length)}" for length in lengths)
        return next(name for name in names if name not in taken)


def require_pseudonym(text: str) -> str:
    """Return a pseudonym that a folder may be called by.

    Raises
    ------
    SettingsError
        It is not letters, digits, hyphens and underscores.
    """
    if not _PSEUDONYM.fullmatch(text):
        raise SettingsError(
            "a pseudonym in the table of patients is not made of letters, digits, - and _.",
            code="malformed-pseudonym",
        )
    return text


def key_text(key: Key) -> str:
    """Text of a key file."""
    content = {
        "format": 1,
        "secret": key.secret.key.hex(),
        "patients": {
            old: {"pseudonym": patient.pseudonym, "shift_days": patient.shift_days}
            for old, patient in sorted(key.patients.items())
        },
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def key_from_text(text: str) -> Key:
    """Key that `key_text` wrote.

    Raises
    ------
    InputError
        The text is something else.
    """
    try:
        content = json.loads(text)
        if content["format"] != 1:
            raise ValueError
        secret = bytes.fromhex(content["secret"])
        if len(secret) != SECRET_BYTES:
            raise ValueError
        patients = {
            str(old): Patient(require_pseudonym(p["pseudonym"]), int(p["shift_days"]))
            for old, p in content["patients"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, SettingsError):
        # `from None`: the text holds the secret and the patients.
        raise InputError(
            "the key file is damaged, or no key file of format 1.",
            hint="Give the key file that an earlier run wrote, or a new name.",
            code="damaged-key",
        ) from None
    return Key(Secret(secret), patients)
