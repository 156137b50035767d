"""A PACS from its address: DICOMweb or DIMSE, with what it takes to be let in."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from oncotrace.errors import SettingsError
from oncotrace.io.pacs.address import DicomAddress, parse_address
from oncotrace.io.pacs.association import require_pynetdicom
from oncotrace.io.pacs.client import PacsClient
from oncotrace.io.pacs.credentials import find_credentials
from oncotrace.io.pacs.dimse import DicomPacs
from oncotrace.io.pacs.http import HttpService, trusted_certificates
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.web import WebPacs


@dataclass(frozen=True)
class PacsAccess:
    """How a PACS is reached.

    Parameters
    ----------
    address
        ``https://host/dicom-web`` or ``dicom://CALLED_AE@host:port?aet=OUR_AE``.
    credentials
        File with user and password or a token; without it the environment is looked at.
    authority
        Certificates (PEM) that alone are believed; without it those of the system.
    allow_http
        Whether DICOMweb may go unencrypted to another machine.
    """

    address: str
    credentials: Path | None = None
    authority: Path | None = None
    allow_http: bool = False
    patience: Patience = field(default_factory=Patience)


def open_pacs(access: PacsAccess) -> PacsClient:
    """Client for a PACS; nothing is sent yet.

    Raises
    ------
    SettingsError
        The address, the credentials or the certificates cannot be used.
    MissingDependencyError
        The address is one of DIMSE, and pynetdicom is not installed.
    """
    address = parse_address(access.address, allow_http=access.allow_http)
    if isinstance(address, DicomAddress):
        if access.credentials is not None or access.authority is not None:
            raise SettingsError(
                "credentials and certificates are for https://; DIMSE has AE titles.",
                hint="Leave --credentials and --ca out.",
                code="pacs-credentials",
            )
        require_pynetdicom()
        return DicomPacs(address, access.patience)
    trust = trusted_certificates(access.authority) if address.is_encrypted else None
    credentials = find_credentials(access.credentials, os.environ)
    service = HttpService(address, credentials, trust, access.patience.timeout_s)
    return WebPacs(service, access.patience)
