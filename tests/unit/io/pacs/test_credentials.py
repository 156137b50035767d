"""Credentials come from the environment or a private file, and are never shown."""

from pathlib import Path

import pytest

from oncotrace.errors import SettingsError
from oncotrace.io.pacs.credentials import PASSWORD, TOKEN, USER, find_credentials


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_environment_gives_user_and_password_or_a_token_or_nothing() -> None:
    assert find_credentials(None, {}) is None
    basic = find_credentials(None, {USER: "Aladdin", PASSWORD: "open sesame"})
    assert basic is not None
    assert basic.authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617, section 2
    token = find_credentials(None, {TOKEN: "mF_9.B5f-4.1JqM"})
    assert token is not None
    assert token.authorization == "Bearer mF_9.B5f-4.1JqM"  # RFC 6750, section 2.1


def test_file_comes_before_the_environment(tmp_path: Path) -> None:
    file = private(tmp_path / "pacs.toml", 'token = "abc"\n')
    found = find_credentials(file, {USER: "someone", PASSWORD: "else"})
    assert found is not None
    assert found.authorization == "Bearer abc"


def test_credentials_are_not_shown() -> None:
    found = find_credentials(None, {USER: "reader", PASSWORD: "secret"})
    assert "secret" not in repr(found)
    assert "reader" not in repr(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_file_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = private(tmp_path / "pacs.toml", 'token = "abc"\n', mode)
    with pytest.raises(SettingsError, match="can be read by others") as refused:
        find_credentials(file, {})
    assert refused.value.code == "pacs-credentials"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("secret", "not TOML"),
        ('user = "a"\n', "not complete"),
        ('user = "a:b"\npassword = "secret"\n', "not complete"),
        ('user = "a"\npassword = "secret"\ntoken = "secret"\n', "not complete"),
        ('user = "a"\npassword = ""\n', "are empty"),
        ('token = "a\\nb"\n', "cannot be sent"),
        ('token = "ä"\n', "no token has"),
        ("token = 7\n", "each a text"),
        ('pasword = "secret"\n', "each a text"),
        ("", "not complete"),
    ],
)
def test_unfit_file_is_refused_and_not_repeated(text: str, match: str, tmp_path: Path) -> None:
    file = private(tmp_path / "pacs.toml", text)
    with pytest.raises(SettingsError, match=match) as refused:
        find_credentials(file, {})
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        find_credentials(tmp_path / "none.toml", {})


def test_user_without_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="not complete"):
        find_credentials(None, {USER: "reader"})
