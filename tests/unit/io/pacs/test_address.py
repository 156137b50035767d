"""Addresses of PACS are read strictly, and never hold a secret."""

import pytest

from oncotrace.errors import SettingsError
from oncotrace.io.pacs.address import DicomAddress, WebAddress, is_loopback, parse_address


def test_dicomweb_address_is_its_parts() -> None:
    assert parse_address("https://pacs.example/dicom-web/") == WebAddress(
        True, "pacs.example", 443, "/dicom-web"
    )
    assert parse_address("https://[::1]:8443") == WebAddress(True, "::1", 8443, "")


def test_dimse_address_is_its_parts() -> None:
    assert parse_address("dicom://PACS@10.0.0.7:11112?aet=US") == DicomAddress(
        "PACS", "10.0.0.7", 11112, "US"
    )
    moved = parse_address("dicom://PACS@10.0.0.7:104?retrieve=move&listen=11113&bind=10.0.0.9")
    assert moved == DicomAddress(
        "PACS", "10.0.0.7", 104, "ONCOTRACE", retrieve="move", bind="10.0.0.9", listen=11113
    )


def test_ae_title_may_hold_a_blank() -> None:
    address = parse_address("dicom://MAIN%20PACS@pacs:104")
    assert isinstance(address, DicomAddress)
    assert address.called_ae == "MAIN PACS"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "space or a letter"),
        ("pacs.example/dicom-web", "names no host"),
        ("ftp://pacs.example", "begins neither"),
        ("https://", "names no host"),
        ("https://pacs.example/#part", "behind #"),
        ("https://pacs.example/dicom web", "space"),
        ("https://pacs.example/?token=x", "nothing behind"),
        ("https://pacs.example:0/", "port is not between"),
        ("https://pacs.example:99999/", "cannot be read"),
        ("https://pacs.example:x/", "cannot be read"),
        ("https://ünïcode.example/", "space or a letter"),
        ("https://reader@pacs.example/", "holds a user"),
        ("https://a|b/", "characters that no host has"),
        ("dicom://PACS@pacs", "needs a port"),
        ("dicom://pacs:104", "needs the AE title"),
        ("dicom://PACS@pacs:104/x", "no path"),
        ("dicom://ATITLETHATISTOOLONG@pacs:104", "1 to 16"),
        ("dicom://PA%5CCS@pacs:104", "no backslash"),
        ("dicom://PACS@pacs:104?aet=", "needs the AE title"),
        ("dicom://PACS@pacs:104?aet=A&aet=B", "each once"),
        ("dicom://PACS@pacs:104?colour=red", "each once"),
        ("dicom://PACS@pacs:104?listen=11112", "for retrieve=move"),
        ("dicom://PACS@pacs:104?retrieve=steal&listen=1", "get or move"),
        ("dicom://PACS@127.0.0.1:104?retrieve=move", "needs listen"),
        ("dicom://PACS@127.0.0.1:104?retrieve=move&listen=x", "number of a port"),
        ("dicom://PACS@127.0.0.1:104?retrieve=move&listen=0", "port is not between"),
        ("dicom://PACS@pacs:104?retrieve=move&listen=11112", "needs bind"),
    ],
)
def test_wrong_address_is_refused_with_a_reason(text: str, match: str) -> None:
    with pytest.raises(SettingsError, match=match) as refused:
        parse_address(text)
    assert refused.value.code == "pacs-address"


@pytest.mark.parametrize("text", ["https://u:secret@pacs/x", "dicom://A:secret@pacs:104"])
def test_password_in_the_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="holds a password") as refused:
        parse_address(text)
    assert "secret" not in str(refused.value)


def test_unencrypted_dicomweb_goes_to_this_machine_only_unless_asked() -> None:
    assert parse_address("http://127.0.0.1:8042/dicom-web") == WebAddress(
        False, "127.0.0.1", 8042, "/dicom-web"
    )
    with pytest.raises(SettingsError, match="in the clear") as refused:
        parse_address("http://10.0.0.7/dicom-web")
    assert refused.value.code == "pacs-insecure"
    allowed = parse_address("http://10.0.0.7/dicom-web", allow_http=True)
    assert allowed == WebAddress(False, "10.0.0.7", 80, "/dicom-web")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.7", "localhost.example", "127.0.0.1.example", "0.0.0.0"])  # noqa: S104
def test_everything_else_is_another_machine(host: str) -> None:
    assert not is_loopback(host)
