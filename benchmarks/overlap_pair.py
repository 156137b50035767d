"""The pair of masks that ``overlap.py`` measures; numpy only, since the rivals use it too."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPACING_MM = (0.8, 0.8, 2.5)
TOLERANCE_MM = 2.0
_SHAPE_ZYX = (130, 512, 512)


def tumour_pair() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a bumpy mask [z, y, x] and a bumpy reference of 150 ml, in a CT of the trunk."""
    return _tumour((62.0, 250.5, 301.0), 0.4), _tumour((62.5, 252.0, 299.0), 0.0)


def _tumour(centre_zyx: tuple[float, float, float], phase: float) -> NDArray[np.bool_]:
    z, y, x = (
        (np.arange(size, dtype=np.float32) - centre) * mm
        for size, centre, mm in zip(_SHAPE_ZYX, centre_zyx, SPACING_MM[::-1], strict=True)
    )
    z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
    bumps = np.cos(6 * np.arctan2(y, x) + phase) * 2.0
    return np.asarray(np.sqrt(z * z + y * y + x * x) < 32.92 + bumps)


def peak_mib() -> float:
    """Return the most memory that this process has held (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    kibibytes = next(row for row in status.splitlines() if row.startswith("VmHWM")).split()[1]
    return float(kibibytes) / 1024
