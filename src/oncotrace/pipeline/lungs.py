"""The lungs journey: a CT in, its lungs as a label volume out."""

import os
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, OutputError
from oncotrace.io.volume_file import WRITABLE_SUFFIXES, write_labels
from oncotrace.pipeline.inputs import load_scan
from oncotrace.segment.lungs import Lungs, find_lungs

_DARKEST_TISSUE_HU = -200.0


@dataclass(frozen=True)
class LungVolumes:
    """Volumes of the lungs that were written, and what a reader should know about them."""

    left_ml: float
    right_ml: float
    warnings: tuple[str, ...] = ()


def write_lungs(source: Path, target: Path, *, series_uid: str | None = None) -> LungVolumes:
    """Find the lungs of a CT, write them as 1 left and 2 right, and return their volumes.

    Raises
    ------
    InputError
        The image cannot be read, is not a CT, or shows no lungs.
    OutputError
        The target exists, its format is unknown, or it cannot be written.
    """
    _require_writable(target)
    loaded = load_scan(source, "ct", series_uid)
    require_ct(loaded.scan)
    lungs = find_lungs(loaded.scan)
    if not lungs.found:
        raise InputError(
            "no lungs were found: nothing in the image is enclosed by the body, as dense as "
            "aerated lung and large enough.",
            hint="Give a CT that shows at least a part of the chest, in Hounsfield units.",
            code="no-lungs",
        )
    write_labels(lungs.labels, lungs.geometry, target)
    return LungVolumes(lungs.left_ml, lungs.right_ml, (*loaded.notes, *_warnings(lungs)))


def require_ct(scan: Scan) -> None:
    """Refuse an image without any air, which is no CT in Hounsfield units or shows no lungs.

    Raises
    ------
    InputError
        No voxel is below -200 HU.
    """
    darkest = float(scan.voxels.min())
    if darkest >= _DARKEST_TISSUE_HU:
        raise InputError(
            f"the image holds no air: its lowest value is {darkest:g}, air on CT lies near -1000.",
            hint="Give a CT in Hounsfield units; MR and PET have none.",
            code="not-ct",
        )


def _require_writable(target: Path) -> None:
    """Refuse before minutes are spent what would be refused after."""
    if os.path.lexists(target):
        raise OutputError(
            f"{target.name} exists already and is not written over.",
            hint="Choose another place or move the file away.",
            code="output-exists",
        )
    if not target.name.lower().endswith(WRITABLE_SUFFIXES):
        raise OutputError(
            f"{target.name} does not end in a volume format.",
            hint=f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
            code="unknown-format",
        )


def _warnings(lungs: Lungs) -> tuple[str, ...]:
    warnings = []
    if not lungs.airway_found:
        warnings.append(
            "no trachea was recognised; if the image shows one, it may be counted as lung."
        )
    for side, volume in (("left", lungs.left_ml), ("right", lungs.right_ml)):
        if volume == 0:
            warnings.append(f"no {side} lung was found.")
    return tuple(warnings)
