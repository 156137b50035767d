"""Where a PACS is, in one string: ``https://host/dicom-web`` or ``dicom://CALLED@host:11112``."""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from oncotrace.errors import SettingsError

RetrieveMethod = Literal["get", "move"]

_AE_TITLE = re.compile(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?")  # PS3.5, 6.2: no backslash
_OUR_AE_TITLE = "ONCOTRACE"
_OPTIONS = ("aet", "retrieve", "listen", "bind")
_LOOPBACK = "127.0.0.1"
_HIGHEST_PORT = 65535
_HINT = (
    "DICOMweb: https://host/dicom-web. DIMSE: dicom://CALLED_AE@host:11112?aet=OUR_AE, for C-MOVE "
    "with &retrieve=move&listen=PORT&bind=ADDRESS."
)


@dataclass(frozen=True)
class WebAddress:
    """The root of a DICOMweb service.

    Parameters
    ----------
    path
        Path of the root, without a slash at its end.
    """

    is_encrypted: bool
    host: str
    port: int
    path: str


@dataclass(frozen=True)
class DicomAddress:
    """An application entity that speaks DIMSE, and who we are to it.

    Parameters
    ----------
    retrieve
        Whether images come over the connection that asks for them (C-GET), or over one that the
        PACS opens to us (C-MOVE).
    bind, listen
        Address and port at which we then wait; the PACS must know them under our AE title.
    """

    called_ae: str
    host: str
    port: int
    calling_ae: str = _OUR_AE_TITLE
    retrieve: RetrieveMethod = "get"
    bind: str = _LOOPBACK
    listen: int | None = None


PacsAddress = WebAddress | DicomAddress


def parse_address(text: str, *, allow_http: bool = False) -> PacsAddress:
    """Read the address of a PACS.

    Parameters
    ----------
    allow_http
        Whether DICOMweb may go unencrypted to another machine than this one.

    Raises
    ------
    SettingsError
        ``pacs-address``: it is not an address of one of the two kinds, or holds a password.
        ``pacs-insecure``: it is unencrypted DICOMweb on another machine.
    """
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:
        raise _malformed("it cannot be read") from None
    if not re.fullmatch(r"[!-~]+", text):
        raise _malformed("it holds a space or a letter that no address has")
    if split.fragment or not split.hostname:
        raise _malformed("it names no host, or has something behind #")
    if split.password is not None:
        raise _malformed(
            "it holds a password, which others can read in the list of programs",
            hint="Give user and password in the environment or with --credentials FILE.",
        )
    if split.scheme in ("http", "https"):
        return _web_address(split, port, allow_http=allow_http)
    if split.scheme == "dicom":
        return _dicom_address(split, port)
    raise _malformed("it begins neither with https:// nor with dicom://")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine and nobody else can listen in."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _malformed(what: str, hint: str = _HINT) -> SettingsError:
    return SettingsError(
        f"the address of the PACS is wrong: {what}.", hint=hint, code="pacs-address"
    )


def _web_address(split: SplitResult, port: int | None, *, allow_http: bool) -> WebAddress:
    if split.username is not None:
        raise _malformed(
            "it holds a user",
            hint="Give user and password in the environment or with --credentials FILE.",
        )
    if split.query:
        raise _malformed("a DICOMweb address has nothing behind ?")
    is_encrypted, host = split.scheme == "https", _host(split)
    if not (is_encrypted or allow_http or is_loopback(host)):
        raise SettingsError(
            f"http:// would send patients' images to {host} in the clear.",
            hint="Use https://, or --allow-http in a network where nobody else can listen.",
            code="pacs-insecure",
        )
    return WebAddress(
        is_encrypted, host, _port(port, 443 if is_encrypted else 80), split.path.rstrip("/")
    )


def _dicom_address(split: SplitResult, port: int | None) -> DicomAddress:
    if port is None:
        raise _malformed("dicom:// needs a port")
    if split.path not in ("", "/"):
        raise _malformed("dicom:// has no path")
    options = _options(split.query)
    address = DicomAddress(
        called_ae=_ae_title(unquote(split.username or "")),
        host=_host(split),
        port=_port(port, 0),
        calling_ae=_ae_title(options.get("aet", _OUR_AE_TITLE)),
    )
    return _with_method(address, options)


def _with_method(address: DicomAddress, options: dict[str, str]) -> DicomAddress:
    """Add how images come: over the same connection, or to a port of ours."""
    method, listen = options.get("retrieve", "get"), options.get("listen")
    if method == "get":
        if listen is not None or "bind" in options:
            raise _malformed("listen and bind are for retrieve=move")
        return address
    if method != "move" or listen is None:
        raise _malformed("retrieve is get or move, and move needs listen=PORT")
    bind = options.get("bind", _LOOPBACK)
    if is_loopback(bind) and not is_loopback(address.host):
        raise _malformed("move from another machine needs bind=ADDRESS, one of this machine")
    return replace(address, retrieve="move", bind=bind, listen=_listening_port(listen))


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise _malformed("what is behind ? cannot be read") from None
    options = dict(pairs)
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown or len(options) < len(pairs):
        raise _malformed(f"behind ? stand {', '.join(_OPTIONS)}, each once")
    return options


def _host(split: SplitResult) -> str:
    host = split.hostname or ""
    if not re.fullmatch(r"[A-Za-z0-9._:%-]{1,253}", host):
        raise _malformed("the host has characters that no host has")
    return host


def _port(port: int | None, default: int) -> int:
    chosen = default if port is None else port
    if not 0 < chosen <= _HIGHEST_PORT:
        raise _malformed("the port is not between 1 and 65535")
    return chosen


def _listening_port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5:
        raise _malformed("listen is the number of a port")
    return _port(int(text), 0)


def _ae_title(title: str) -> str:
    """AE title: 1 to 16 printable characters (PS3.5, table 6.2-1)."""
    if not title:
        raise _malformed("dicom:// needs the AE title of the PACS before the @")
    if not _AE_TITLE.fullmatch(title):
        raise _malformed("an AE title has 1 to 16 printable characters and no backslash")
    return title
