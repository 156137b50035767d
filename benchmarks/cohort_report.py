"""Time, memory and size of the report of a prepared cohort of made-up cases.

Every case has three images with 10 KB of picture each, four numbers as parameters that all differ,
and eighteen checks; twenty centres share them. Each size runs in a process of its own, so that its
peak of memory is its own.

    python -m benchmarks.cohort_report 250 1000 2000
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.cohort_report import write_cohort_report

_SEQUENCES = ("ct", "pet", "mr-t1")
_NUMBERS = ("slice_thickness_mm", "repetition_time_ms", "echo_time_ms", "tube_voltage_kv")
_PICTURE_BYTES, _CENTRES, _CHECKS = 10_240, 20, 18


def made_up_cohort(folder: Path, cases: int, rng: random.Random) -> None:
    """Write a cohort as `oncotrace prepare` would, without its images."""
    rows = []
    for number in range(cases):
        case = f"case-{number:05d}"
        place = folder / "cases" / case
        place.mkdir(parents=True)
        images = {name: _image(name, rng) for name in _SEQUENCES}
        result = {"format": 1, "case_id": case, "images": images, "warnings": []}
        (place / "result.json").write_text(json.dumps(result), encoding="utf-8")
        for name in _SEQUENCES:
            picture = b"\xff\xd8\xff" + rng.randbytes(_PICTURE_BYTES - 3)
            (place / f"picture_{name}.jpg").write_bytes(picture)
        files = {f"image_{name}": f"cases/{case}/image_{name}.nii.gz" for name in _SEQUENCES}
        rows.append({"case_id": case, "centre": f"Centre {number % _CENTRES}", **files})
    write_table(rows, folder / "cohort.csv")
    checks = [
        {
            "case_id": row["case_id"],
            "image": name,
            "check": f"check-{n}",
            "passed": "yes" if rng.random() > 0.02 else "no",
            "value": "1 mm",
            "rule": "0 mm",
        }
        for row in rows
        for name in _SEQUENCES
        for n in range(_CHECKS)
    ]
    write_table(checks, folder / "checks.csv")


def _image(name: str, rng: random.Random) -> dict[str, object]:
    return {
        "picture": f"picture_{name}.jpg",
        "mask": f"mask_{name}.nii.gz",
        "structure": "GTV_Mass",
        "volume_ml": rng.uniform(1, 1000),
        "parameters": {"manufacturer": "Maker", **{n: rng.uniform(1, 900) for n in _NUMBERS}},
    }


def measured(cases: int) -> str:
    """Make a report of so many cases; return a line of what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_up_cohort(folder, cases, random.Random(1))  # noqa: S311 - not for secrets
        start = time.process_time()
        page = write_cohort_report(folder)
        seconds = time.process_time() - start
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = page.stat().st_size / 1e6
    return f"{cases} cases: {seconds:.1f} CPU-s, peak {mib:.0f} MiB, {size:.1f} MB"


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]] or [250, 1000, 2000]
    if len(sizes) == 1:
        print(measured(sizes[0]))
    else:
        for size in sizes:
            subprocess.run(
                [sys.executable, "-m", "benchmarks.cohort_report", str(size)], check=True
            )
