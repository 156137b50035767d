"""The key file on disk: readable by its owner alone, never written over, extended in one step."""

import os
import secrets
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.curate.deid_key import Key, key_from_text, key_text
from oncotrace.curate.deid_key_cipher import decrypted, encrypted, is_encrypted
from oncotrace.errors import InputError

_OWNER_ONLY = 0o600


def read_key(path: Path, passphrase: str | None) -> Key:
    """Key in a file that `write_key` wrote.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, or its passphrase is another or missing.
    MissingDependencyError
        It is under a passphrase, and the package cryptography is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the key file cannot be read.", code="damaged-key") from error
    if is_encrypted(text):
        if passphrase is None:
            raise InputError(
                "the key file is under a passphrase.",
                hint="Give --passphrase-file FILE or --passphrase.",
                code="wrong-passphrase",
            )
        return key_from_text(decrypted(text, passphrase))
    if passphrase is not None:
        raise InputError(
            "a passphrase was given, but the key file is not under one.",
            hint="Leave the passphrase out.",
            code="wrong-passphrase",
        )
    return key_from_text(text)


def write_key(path: Path, key: Key, passphrase: str | None) -> None:
    """Write a new key file, or put an extended key in the place of the one it extends.

    Raises
    ------
    OutputError
        The file cannot be written.
    MissingDependencyError
        It is to be under a passphrase, and the package cryptography is not installed.
    """
    text = key_text(key)
    content = (text if passphrase is None else encrypted(text, passphrase)).encode()
    with refused_writes("the key file"):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
        try:
            _write_alone(temporary, content)
            if path.exists():
                temporary.replace(path)
            else:
                os.link(temporary, path)  # fails where somebody else has just made one
        finally:
            temporary.unlink(missing_ok=True)


def _write_alone(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
