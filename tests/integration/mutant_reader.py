"""Worker: reads one DICOM source after another and says what became of each, a line of JSON each.

Run as a program, in a process of its own: what it reads may try to crash it.
"""

import hashlib
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import OncotraceError
from oncotrace.io.dicom_seg_read import list_segments, read_segment
from oncotrace.io.rtstruct import list_regions, read_region
from oncotrace.pipeline.inputs import load_scan

LIMIT_BYTES = 1 << 30
GRID = Geometry((6, 5, 4), (0.7, 0.9, 2.5), (-11.0, 7.0, 30.0))


def image(source: Path) -> dict[str, object]:
    """Voxels of a series, and what its reader noted."""
    loaded = load_scan(source)
    return {"voxels": loaded.scan.voxels.ravel().tolist(), "notes": loaded.notes}


def outlines(source: Path) -> dict[str, object]:
    """Digest of the masks of all regions."""
    return _digest(read_region(source, GRID, name=one.name).mask for one in list_regions(source))


def segments(source: Path) -> dict[str, object]:
    """Digest of the masks of all segments."""
    return _digest(
        read_segment(source, GRID, number=one.number).mask for one in list_segments(source)
    )


def _digest(masks) -> dict[str, object]:  # type: ignore[no-untyped-def]
    voxels = [mask.voxels for mask in masks]
    digest = hashlib.sha256(np.array(voxels).tobytes()).hexdigest()
    return {"masks": len(voxels), "digest": digest}


READERS: dict[str, Callable[[Path], dict[str, object]]] = {
    "image": image,
    "outlines": outlines,
    "segments": segments,
}


def outcome(kind: str, source: Path) -> dict[str, object]:
    """What was read, the code of the error that reports why not, or the crash."""
    try:
        return {"read": READERS[kind](source)}
    except OncotraceError as error:
        return {"reported": error.code, "message": str(error)}
    except BaseException as error:
        return {"crash": f"{type(error).__name__}: {error}"}


def peak_mb() -> float:
    """Most memory that this process ever held; the system's other figure begins at the parent's."""
    status = Path("/proc/self/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak) / 1024


def main() -> None:
    """Answer until there is nothing more to read."""
    for line in sys.stdin:
        kind, source = json.loads(line)
        answer = outcome(kind, Path(source))
        answer["peak_mb"] = peak_mb()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    # Of what a process allocates; libraries that are mapped from files are not counted.
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    main()
