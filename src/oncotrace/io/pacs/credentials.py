"""User and password, or a token, for a PACS: from the environment or a file of one's own."""

import base64
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oncotrace.errors import SettingsError

USER, PASSWORD, TOKEN = "ONCOTRACE_PACS_USER", "ONCOTRACE_PACS_PASSWORD", "ONCOTRACE_PACS_TOKEN"

_KEYS = {"user", "password", "token"}
_MOST_BYTES = 64 * 1024
_HINT = (
    'The file holds user = "..." and password = "...", or token = "...", and nobody else may read '
    "it (chmod 600)."
)


@dataclass(frozen=True)
class Credentials:
    """What a DICOMweb service is told about us; never shown."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """Value of the header Authorization (RFC 7617, RFC 6750)."""
        if self.token:
            return f"Bearer {self.token}"
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


def find_credentials(file: Path | None, environment: Mapping[str, str]) -> Credentials | None:
    """Credentials from the file if one is given, else from the environment; none without either.

    The environment has ``ONCOTRACE_PACS_USER`` and ``ONCOTRACE_PACS_PASSWORD``, or
    ``ONCOTRACE_PACS_TOKEN``; the file is TOML with ``user`` and ``password``, or ``token``.

    Raises
    ------
    SettingsError
        ``pacs-credentials``: the file cannot be read, others may read it, or what is given is not
        exactly one of the two kinds.
    """
    if file is not None:
        return _complete(_from_file(file))
    names = {"user": USER, "password": PASSWORD, "token": TOKEN}
    given = {key: environment[name] for key, name in names.items() if environment.get(name)}
    return _complete(given) if given else None


def _from_file(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            _require_private(stream.fileno())
            values = tomllib.loads(stream.read(_MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise _refusal(f"cannot be read: {error.strerror or type(error).__name__}") from error
    except ValueError:
        raise _refusal("is not TOML") from None  # the parser's words would repeat what stands there
    if values.keys() - _KEYS or not all(isinstance(value, str) for value in values.values()):
        raise _refusal("holds something else than user, password and token, each a text")
    return values


def _require_private(descriptor: int) -> None:
    if os.name != "posix":
        return
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        raise _refusal("can be read by others")


def _complete(given: Mapping[str, str]) -> Credentials:
    is_pair = given.keys() == {"user", "password"} and ":" not in given["user"]
    if not (is_pair or given.keys() == {"token"}):
        raise _refusal("are not complete: a user without a colon and a password, or a token alone")
    if any(not value or not value.isprintable() for value in given.values()):
        raise _refusal("are empty or hold a character that cannot be sent")
    if "token" in given and not given["token"].isascii():
        raise _refusal("hold a token with characters that no token has")
    return Credentials(**given)


def _refusal(what: str) -> SettingsError:
    subject = "the credentials" if what.startswith(("are", "hold ")) else "the file of credentials"
    return SettingsError(f"{subject} {what}.", hint=_HINT, code="pacs-credentials")
