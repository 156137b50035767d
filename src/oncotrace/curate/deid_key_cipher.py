"""A key file under a passphrase: scrypt and AES-256-GCM, by the optional package cryptography."""

import hashlib
import importlib
import json
import secrets
from types import ModuleType

from oncotrace.errors import InputError, MissingDependencyError

_N, _R, _P = 2**15, 8, 1
_MEMORY_BYTES = 64 * 2**20
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES = 32, 16, 12


def is_encrypted(text: str) -> bool:
    """Whether the text of a key file is under a passphrase."""
    try:
        content = json.loads(text)
    except ValueError:
        return False
    return isinstance(content, dict) and "ciphertext" in content


def encrypted(text: str, passphrase: str) -> str:
    """Text of a key file, under a passphrase.

    Raises
    ------
    MissingDependencyError
        The package cryptography is not installed.
    """
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    cipher = _aead().AESGCM(_derived(passphrase, salt))
    ciphertext: bytes = cipher.encrypt(nonce, text.encode(), None)
    content = {
        "format": 1,
        "cipher": "AES-256-GCM",
        "kdf": "scrypt",
        "n": _N,
        "r": _R,
        "p": _P,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
        "ciphertext": ciphertext.hex(),
    }
    return json.dumps(content, indent=1) + "\n"


def decrypted(text: str, passphrase: str) -> str:
    """Text of a key file that `encrypted` wrote.

    Raises
    ------
    InputError
        The passphrase is another, or the file is damaged.
    MissingDependencyError
        The package cryptography is not installed.
    """
    aead, exceptions = _aead(), importlib.import_module("cryptography.exceptions")
    try:
        content = json.loads(text)
        if (content["n"], content["r"], content["p"]) != (_N, _R, _P):
            raise ValueError
        cipher = aead.AESGCM(_derived(passphrase, bytes.fromhex(content["salt"])))
        plain: bytes = cipher.decrypt(
            bytes.fromhex(content["nonce"]), bytes.fromhex(content["ciphertext"]), None
        )
        return plain.decode()
    except (exceptions.InvalidTag, ValueError, KeyError, TypeError):
        raise InputError(
            "the key file does not open with this passphrase, or it is damaged.",
            hint="Check the passphrase; without it the key is lost.",
            code="wrong-passphrase",
        ) from None


def _derived(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY_BYTES, dklen=_KEY_BYTES
    )


def _aead() -> ModuleType:
    try:
        return importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
    except ImportError as error:
        raise MissingDependencyError(
            "a key file under a passphrase needs the package cryptography.",
            hint='Install it with `pip install "oncotrace[encrypt]"`, or go without a passphrase.',
        ) from error
