"""Fixtures that every test may use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.reference_data import unpack
from hypothesis import settings

# What a test asserts must not depend on how busy the machine is.
settings.register_profile("untimed", deadline=None, max_examples=50)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real patients and reference values; tests that need it are skipped without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ONCOTRACE_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set ONCOTRACE_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def raw_series(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Unpack a series of STS_001 as it was scanned; its folder holds ``image`` and ``mask``."""

    def unpacked(name: str) -> Path:
        folder = tmp_path_factory.mktemp("raw")
        unpack(shared_data / "sts_raw" / f"STS_001_{name}_dicom.tar.xz", folder)
        return folder / name

    return unpacked
