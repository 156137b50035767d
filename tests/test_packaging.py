"""The locks are complete, agree with each other and name no machine; the base is permissive."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
LIGHT_EXTRAS = ("dask", "encrypt", "model", "pacs", "register", "tables", "workbench")

DECLARED = {
    "base": BASE,
    "dev": [*BASE, *GROUPS["dev"]],
    "docs": GROUPS["docs"],
    "build": GROUPS["build"],
    "train": [*BASE, *EXTRAS["train"]],
    "nnunet": [*BASE, *EXTRAS["nnunet"]],
    "all": [*BASE, *(needed for extra in LIGHT_EXTRAS for needed in EXTRAS[extra])],
}
LARGEST_BASE_MIB = 1000  # leaves 100 for the interpreter, pip and byte code
WITHOUT_HASH = {"torch", "torchvision"}  # only in constraints.txt: people choose CPU or CUDA
NOT_PERMISSIVE = re.compile(
    r"GPL|General Public|EUPL|MPL|Mozilla|CDDL|SSPL|non.?commercial|BY-NC", re.IGNORECASE
)


def pins(lock: Path) -> dict[str, set[str]]:
    """Versions by package; several where platforms need different ones."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.M):
        found.setdefault(name, set()).add(version)
    return found


def licence(name: str) -> str:
    """Return the licence that a package states of itself, without the texts of what it bundles."""
    stated = distribution(name).metadata
    classifiers = [c for c in stated.get_all("Classifier", []) if c.startswith("License")]
    expression = stated.get("License-Expression")
    return expression or "; ".join(classifiers) or (stated.get("License") or "").split("\n")[0]


def closure(requirements: list[str]) -> set[str]:
    """Names of everything that gets installed here for these requirements."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        if name in found or (needed.marker and not needed.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting += [Requirement(text) for text in distribution(name).requires or []]
    return found


def test_every_lock_has_its_declaration() -> None:
    assert {lock.stem for lock in LOCKS.glob("*.txt")} == {*DECLARED, "constraints"}


@pytest.mark.parametrize("lock", DECLARED)
def test_lock_holds_what_pyproject_declares(lock: str) -> None:
    locked = pins(LOCKS / f"{lock}.txt")
    for needed in map(Requirement, DECLARED[lock]):
        name = canonicalize_name(needed.name)
        if name not in WITHOUT_HASH:
            assert name in locked, f"{name} is missing: make lock"
            assert all(version in needed.specifier for version in locked[name]), f"{needed}"


@pytest.mark.parametrize("lock", DECLARED)
def test_lock_takes_its_versions_from_the_common_answer(lock: str) -> None:
    common = pins(LOCKS / "constraints.txt")
    locked = pins(LOCKS / f"{lock}.txt")
    assert {n: v for n, v in locked.items() if not v <= common.get(n, set())} == {}


@pytest.mark.parametrize("lock", DECLARED)
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    text = (LOCKS / f"{lock}.txt").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z0-9])", text)
    assert [p.split()[0] for p in packages if "==" in p and "--hash=sha256:" not in p] == []
    assert "://" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("lock", DECLARED)
def test_no_lock_brings_torch_or_cuda(lock: str) -> None:
    assert [n for n in pins(LOCKS / f"{lock}.txt") if re.match("torch|nvidia|cuda|triton", n)] == []


def test_torch_is_pinned_as_declared() -> None:
    common = pins(LOCKS / "constraints.txt")
    for extra in ("train", "nnunet"):
        assert f"torch=={common['torch'].copy().pop()}" in EXTRAS[extra]
    assert len(common["torch"]) == 1


def test_the_extra_all_is_everything_but_torch() -> None:
    (all_of,) = map(Requirement, EXTRAS["all"])
    assert all_of.extras == set(LIGHT_EXTRAS) == set(EXTRAS) - {"all", "train", "nnunet"}


def test_the_base_stays_small() -> None:
    files = [f for name in closure(BASE) for f in distribution(name).files or []]
    places = {Path(str(file.locate())) for file in files if file.suffix != ".pyc"}
    on_disk = sum(place.stat().st_blocks * 512 for place in places if place.is_file())
    assert on_disk / 2**20 < LARGEST_BASE_MIB


def test_everything_that_the_base_installs_is_permissive() -> None:
    licences = {name: licence(name) for name in closure(BASE)}
    assert {n: text for n, text in licences.items() if not text} == {}
    assert {n: text for n, text in licences.items() if NOT_PERMISSIVE.search(text)} == {}
