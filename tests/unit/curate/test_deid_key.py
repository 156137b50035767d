"""Pseudonyms, new UIDs and shifts, and the file that keeps them."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.curate.deid_key import Key, Secret, key_from_text, key_text, new_secret
from oncotrace.curate.deid_key_file import read_key, write_key
from oncotrace.errors import InputError, OutputError, SettingsError

SECRET = Secret(b"7" * 32)


@given(old=st.text("0123456789.", min_size=1, max_size=64))
def test_new_uids_are_valid_and_always_the_same(old: str) -> None:
    new = SECRET.uid(old)
    if old.startswith("1.2.840.10008."):
        assert new == old
        return
    assert new == SECRET.uid(old) != Secret(b"8" * 32).uid(old)
    assert new.startswith("2.25.")
    assert len(new) <= 64
    assert not new[5:].startswith("0")


@given(patient=st.text(max_size=20))
def test_shifts_lie_between_a_day_and_ten_years(patient: str) -> None:
    assert 1 <= SECRET.shift_days(patient) <= 3650


def test_patients_stay_who_they_are_when_others_come() -> None:
    first = Key(SECRET).extended(["a", "b"])
    second = first.extended(["c", "a"])
    assert {name: second.patients[name] for name in "ab"} == first.patients
    assert len({patient.pseudonym for patient in second.patients.values()}) == 3
    assert Key(SECRET).extended(["c"]).patients["c"] == second.patients["c"]


def test_a_thousand_times_ten_patients_have_as_many_pseudonyms() -> None:
    patients = Key(SECRET).extended(map(str, range(10_000))).patients
    assert len({patient.pseudonym for patient in patients.values()}) == 10_000


def test_a_table_decides_on_pseudonyms_and_leaves_others_out() -> None:
    key = Key(SECRET).extended(["a", "b"], {"a": "case-1"})
    assert key.patients["a"].pseudonym == "case-1"
    assert "b" not in key.patients
    with pytest.raises(SettingsError, match="disagree"):
        key.extended(["a"], {"a": "case-2"})
    with pytest.raises(SettingsError, match="disagree"):
        key.extended(["b"], {"b": "case-1"})


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    key = Key(new_secret()).extended(["Müller^Anna", '"\\'])
    write_key(tmp_path / "safe" / "key.json", key, None)
    assert read_key(tmp_path / "safe" / "key.json", None) == key


def test_only_its_owner_may_read_a_key_file_also_after_it_was_extended(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    before = os.umask(0)
    try:
        write_key(path, Key(SECRET), None)
        write_key(path, Key(SECRET).extended(["a"]), None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key.json"]


def test_a_key_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="key file"):
        write_key(tmp_path / "file" / "key.json", Key(SECRET), None)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', key_text(Key(SECRET))[:-60]])
def test_a_damaged_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InputError, match="damaged") as refusal:
        key_from_text(text)
    assert SECRET.key.hex() not in str(refusal.value)


def test_nobody_sees_the_secret_in_a_traceback() -> None:
    assert SECRET.key.hex() not in repr(Key(SECRET)) + repr(SECRET)


def test_a_passphrase_opens_its_key_and_no_other_does(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="an optional package")
    key = Key(SECRET).extended(["Miller"])
    write_key(tmp_path / "key.json", key, "open sesame")
    content = (tmp_path / "key.json").read_bytes()
    assert b"Miller" not in content
    assert SECRET.key.hex().encode() not in content
    assert read_key(tmp_path / "key.json", "open sesame") == key
    for wrong in ("sesame", None):
        with pytest.raises(InputError, match="passphrase"):
            read_key(tmp_path / "key.json", wrong)


def test_a_passphrase_for_a_plain_key_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / "key.json", Key(SECRET), None)
    with pytest.raises(InputError, match="not under one"):
        read_key(tmp_path / "key.json", "open sesame")
