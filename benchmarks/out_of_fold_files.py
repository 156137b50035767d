"""Where the out-of-fold masks, their clicks and seconds lie; all of it is committed.

``results/out_of_fold/<method>/<modality>/<clicks>-<seed>/<patient>.nii.gz``
    masks; such a folder is what ``oncotrace evaluate COHORT --predictions DIR`` takes
``results/out_of_fold/clicks/<modality>/<clicks>-<seed>/<patient>.json``
    the clicks that they were made from, the same for all methods
``results/out_of_fold/seconds.csv``
    what each mask took
"""

import csv
import fcntl
import gzip
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oncotrace.atomic import write_bytes, write_text
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.io.clicks_file import clicks_json
from oncotrace.io.cohort_table import write_table
from oncotrace.io.volume_file import write_mask

RESULTS = Path(__file__).parent / "results" / "out_of_fold"
RULES = {"exact": exact_clicks, "person-like": person_like_clicks}
SEEDS = {"exact": range(2), "person-like": range(5)}
SECONDS_FILE = "seconds.csv"
_SECONDS_KEY = ("method", "modality", "clicks", "seed", "patient")


@dataclass(frozen=True, order=True)
class Draw:
    """One set of six clicks for every patient: the rule that makes them and its seed."""

    clicks: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the draw's folder."""
        return f"{self.clicks}-{self.seed}"

    def of(self, mask: Mask) -> Clicks:
        """Clicks in a patient's outline."""
        return RULES[self.clicks](mask, rng=np.random.default_rng(self.seed))


DRAWS = tuple(Draw(kind, seed) for kind, seeds in SEEDS.items() for seed in seeds)


@dataclass(frozen=True)
class Cell:
    """One mask of the benchmark: who made it, on what, from which clicks."""

    method: str
    modality: Modality
    draw: Draw
    patient: str

    def mask_file(self, root: Path) -> Path:
        """Where the mask lies."""
        return root / self.method / self.modality / self.draw.name / f"{self.patient}.nii.gz"

    def clicks_file(self, root: Path) -> Path:
        """Where the clicks lie."""
        return root / "clicks" / self.modality / self.draw.name / f"{self.patient}.json"


def write_cell(cell: Cell, clicks: Clicks, mask: Mask, root: Path) -> None:
    """Write mask and clicks, over older ones; the same mask gives the same bytes."""
    text = json.dumps(clicks_json(clicks), indent=2) + "\n"
    write_text(cell.clicks_file(root), text, replace=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "mask.nii"
        write_mask(mask, plain)
        packed = gzip.compress(plain.read_bytes(), compresslevel=9, mtime=0)
    write_bytes(cell.mask_file(root), packed, replace=True)


def record_seconds(taken: Mapping[Cell, float], root: Path) -> None:
    """Put seconds into the table, over older ones; other processes may do so at the same time."""
    with alone(root):
        rows = {_key(row): row for row in read_seconds(root)}
        for cell, seconds in taken.items():
            row: dict[str, object] = {
                "method": cell.method,
                "modality": cell.modality,
                "clicks": cell.draw.clicks,
                "seed": cell.draw.seed,
                "patient": cell.patient,
                "seconds": f"{seconds:.3f}",
            }
            rows[_key(row)] = row
        write_table([rows[key] for key in sorted(rows)], root / SECONDS_FILE, replace=True)


def read_seconds(root: Path) -> list[dict[str, object]]:
    """Rows of the table of seconds; none before it is written."""
    path = root / SECONDS_FILE
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work on what lies in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _key(row: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _SECONDS_KEY)
