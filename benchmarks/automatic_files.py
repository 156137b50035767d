"""Where the masks of the automatic models lie, which models there are, and how images are cut.

``build/automatic_masks/<method>/<sequences>/<ends>/<patient>.nii.gz``
    masks without post-processing, on the image's grid with its sides moved
``build/automatic_masks/<method>/<sequences>/<ends>/<patient>.json``
    seconds, how often voxels of each predicted probability were tumour, and what the quality is
    predicted from, by post-processing

**The crop leaks the box.** The collection's images end 5 cm from the tumour, so that an ellipsoid
in the middle of each is a fair segmentation. Therefore no automatic figure is taken from them as
they are: every side of an image is moved by an amount of its own, in training anew for every
sample, here fixed by the patient (`moved_case`), the same for all methods:

``moved``, ``moved-2``
    cropped or edge-padded by 0 to 40 mm, evenly drawn; twice, since one draw may hit or spare a
    patient
``cropped``
    cropped by the 0 to 40 mm by which ``moved`` crops or pads: where an image was continued, the
    place at which the continuation begins could still tell, and this shows how much

A side comes no nearer to the outline than 10 mm, unless it was nearer before. The grid is that of
the first sequence; the others are resampled onto it, so that their ends do not tell either.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.imaging.components import filled
from oncotrace.imaging.recrop import random_sides_mm
from oncotrace.io.cohort_table import write_table
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.pipeline.whole_image_scores import with_moved_sides
from oncotrace.segment.published_finish import PostProcessing, post_processed
from six_clicks import patients_in

Ends = Literal["moved", "moved-2", "cropped"]
ENDS: tuple[Ends, ...] = get_args(Ends)
MOVED: tuple[Ends, ...] = ("moved", "moved-2")

RESULTS = Path(__file__).parent / "results" / "automatic"
MASKS = Path(__file__).resolve().parents[1] / "build" / "automatic_masks"
FILES: dict[Modality, str] = {"mr-t1": "mr_t1", "ct": "ct", "pet": "pet"}
MULTI = "multi-sequence"
METHODS: dict[str, tuple[Modality, ...]] = {
    "automatic-mr-t1": ("mr-t1",),
    "automatic-ct": ("ct",),
    "automatic-pet": ("pet",),
    MULTI: ("mr-t1", "ct", "pet"),
}
SUREST, OTHERS = 1, 2
"""What a voxel of a mask's file is in: the surest piece, or any other."""
JOINED = "automatic-joined"
"""The networks of one sequence each, their probabilities averaged as ``segment --view`` does it."""
TWO_STAGES: dict[str, tuple[Modality, ...]] = {
    "coarse-to-fine": ("mr-t1",),
    "automatic-six-click": ("mr-t1",),
}
"""Made by ``train_coarse_to_fine.py``."""
SUBSETS: tuple[tuple[Modality, ...], ...] = (
    ("mr-t1",),
    ("ct",),
    ("pet",),
    ("mr-t1", "ct"),
    ("mr-t1", "pet"),
    ("ct", "pet"),
    ("mr-t1", "ct", "pet"),
)
LARGEST_MM = 40.0
_SEED = 2026


@dataclass(frozen=True, order=True)
class Cell:
    """One mask: by which model, from which sequences, with which ends of the image, of whom."""

    method: str
    sequences: tuple[Modality, ...]
    ends: Ends
    patient: str

    def file(self, root: Path, suffix: str) -> Path:
        """Where its mask (``.nii.gz``) or its record (``.json``) lies."""
        folder = root / self.method / "+".join(self.sequences) / self.ends
        return folder / f"{self.patient}{suffix}"


def made_mask(file: Path, kind: PostProcessing) -> Mask:
    """Mask of a cell after a post-processing; the file says which piece is the surest."""
    pieces = read_scan(file)
    if kind == "surest":
        return Mask(filled(pieces.voxels == SUREST), pieces.geometry)
    return Mask(post_processed(pieces.voxels > 0, kind), pieces.geometry)


def subsets_of(method: str) -> tuple[tuple[Modality, ...], ...]:
    """Return the sets of sequences that a model is tried on."""
    if method == JOINED:
        return tuple(sequences for sequences in SUBSETS if len(sequences) > 1)
    return SUBSETS if method == MULTI else ({**METHODS, **TWO_STAGES}[method],)


def cells_of(method: str, patients: Sequence[str]) -> list[Cell]:
    """All masks of a method; only-cropped images are tried with all its sequences alone."""
    sets = subsets_of(method)
    whole = max(sets, key=len)
    return [
        Cell(method, sequences, ends, patient)
        for sequences in sets
        for ends in (ENDS if sequences == whole else MOVED)
        for patient in patients
    ]


def sides_of(patient: str, ends: Ends) -> NDArray[np.float64]:
    """How far each side of a patient's images is moved outwards, in mm, (3, 2); z, y, x."""
    draw = [2] if ends == "moved-2" else []
    rng = np.random.default_rng([_SEED, zlib.crc32(patient.encode()), *draw])
    sides_mm = random_sides_mm(LARGEST_MM, rng)
    return -np.abs(sides_mm) if ends == "cropped" else sides_mm


def read_case(folder: Path, sequences: tuple[Modality, ...]) -> tuple[dict[Modality, Scan], Mask]:
    """Images of a patient's folder, and the outline of the first."""
    scans = {name: read_scan(folder / f"{FILES[name]}.nii.gz", name) for name in sequences}
    return scans, read_mask(folder / f"{FILES[sequences[0]]}_mask.nii.gz")


def moved_case(
    folder: Path, sequences: tuple[Modality, ...], ends: Ends
) -> tuple[dict[Modality, Scan], Mask]:
    """Images and outline with their sides moved; see the module."""
    scans, outline = read_case(folder, sequences)
    return with_moved_sides(scans, outline, sides_of(folder.name, ends))


def write_cohort(path: Path, data: Path) -> None:
    """Write the cohort table of all three sequences; an older one is replaced."""
    folder = data.resolve() / "sts"
    rows = [
        {"case_id": patient}
        | {f"image_{m}": str(folder / patient / f"{name}.nii.gz") for m, name in FILES.items()}
        | {f"mask_{m}": str(folder / patient / f"{name}_mask.nii.gz") for m, name in FILES.items()}
        for patient in patients_in(folder)
    ]
    write_table(rows, path, replace=True)
