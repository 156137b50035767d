"""The record of a run: version, command, settings, digests, environment, times."""

import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import entry_points, version

import oncotrace
from oncotrace.domain.provenance import Provenance

_LIBRARIES = ("numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "numba", "onnxruntime")


def now() -> str:
    """Return the current time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(
    settings: Mapping[str, object], *, seed: int, input_digests: Mapping[str, str], start: str
) -> Provenance:
    """Record of what runs now, with these settings, on this machine's software."""
    return Provenance(
        version=oncotrace.__version__,
        command=("oncotrace", *sys.argv[1:]),
        settings=settings,
        seed=seed,
        input_digests=input_digests,
        environment=_environment(),
        plugins=_plugins(),
        start=start,
    )


def as_json(record: Provenance) -> dict[str, object]:
    """Content of ``run.json``."""
    return {"format": 1, **asdict(record), "end": record.end or None}


def _environment() -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        **libraries,
    }


def _plugins() -> dict[str, str]:
    return {
        entry.name: f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        for entry in entry_points(group="oncotrace.segmenters")
    }
