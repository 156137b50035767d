"""What a CT of the lungs shows besides one mask: all lesions, each lung's score, each slice's.

A lung's score is the greatest probability of tumour in its half of the lung field, which the spine
parts: so a lung that holds no air, and a tumour on the chest wall, count too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.segment.lung_field import LungField
from oncotrace.segment.lung_input import Artefact, LungInput
from oncotrace.segment.lung_sides import LEFT, RIGHT
from oncotrace.segment.lung_substance import Substance

Side = Literal["left", "right"]
SIDES: tuple[tuple[Side, int], ...] = (("left", LEFT), ("right", RIGHT))

_TOUCHING = np.ones((3, 3, 3), dtype=np.bool_)
_MOST_LESIONS = 255
_LEAST_CHANCE = 0.05


@dataclass(frozen=True)
class LungScore:
    """One lung: its volume without dilation, and the greatest probability of tumour."""

    side: Side
    volume_ml: float
    score: float


@dataclass(frozen=True)
class SliceConfidence:
    """How sure the network is of a slice along z, counted from 0.

    ``confidence`` is the mean chance of being right over the voxels that are tumour or may be (5 %
    and more), 0.5 to 1; ``voxels`` counts them.
    """

    slice: int
    confidence: float
    voxels: int


@dataclass(frozen=True, eq=False)
class LungFindings:
    """What was found on one CT.

    Parameters
    ----------
    lesions
        Voxels [z, y, x] on the CT's grid: 1 is GTV-1, the largest lesion, 2 the next...
    geometry
        Grid of the CT.
    lesions_ml
        Volume of each lesion, the largest first.
    lungs
        Score of the left and of the right lung.
    slices
        Slices where anything may be tumour.
    substances
        Solid and ground-glass volume of GTV-1.
    artefacts_ml
        Volume of what is no patient: couch, metal, other objects.
    metal_in_field_ml
        So much of the metal lies where tumour is looked for.
    """

    lesions: NDArray[np.uint8]
    geometry: Geometry
    lesions_ml: tuple[float, ...]
    lungs: tuple[LungScore, ...]
    slices: tuple[SliceConfidence, ...]
    substances: tuple[Substance, ...]
    artefacts_ml: dict[Artefact, float]
    metal_in_field_ml: float

    @property
    def gtv(self) -> Mask:
        """GTV-1: the largest lesion."""
        return Mask(self.lesions == 1, self.geometry)


def numbered_lesions(
    inside: NDArray[np.bool_], voxel_ml: float, smallest_ml: float = 0.0
) -> tuple[NDArray[np.uint8], tuple[float, ...]]:
    """Pieces numbered by size from 1, voxels that touch by a corner together; and their volumes.

    Of pieces of the same size the first in [z, y, x] order comes first. At most 255 are kept.
    """
    labels, count = label(inside, _TOUCHING)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")[:_MOST_LESIONS]
    order = order[sizes[order] * voxel_ml >= smallest_ml]
    rank = np.zeros(count + 1, dtype=np.uint8)
    rank[order + 1] = np.arange(1, len(order) + 1)
    return rank[labels], tuple(float(sizes[index] * voxel_ml) for index in order)


def halves(field: LungField) -> dict[Side, Mask]:
    """Half of the lung field that belongs to each lung, on the CT's grid.

    Columns of the slices run from the patient's right to the left.
    """
    return _parted(field, field.field.voxels)


def _parted(field: LungField, voxels: NDArray[np.bool_]) -> dict[Side, Mask]:
    """Voxels of the slices on each side of the spine, on the CT's grid."""
    grid = field.slices.geometry
    middle = field.axis.column_in(np.arange(grid.size_xyz[2]))[:, None, None]
    is_left = np.arange(grid.size_xyz[0]) > middle
    return {
        "left": field.on_source(Mask(voxels & is_left, grid)),
        "right": field.on_source(Mask(voxels & ~is_left, grid)),
    }


def sides_with_tumour(field: LungField, tumour: Mask) -> frozenset[Side]:
    """Lungs that a reference tumour belongs to: each piece to the side that holds most of it.

    Also where it lies outside the lung field: a tumour that cannot be found counts as missed, not
    as if there were none. Only what lies outside the middle 512 mm of the slices has no side.
    """
    sides = _parted(field, np.ones_like(field.field.voxels))
    labels, _ = label(tumour.voxels, _TOUCHING)
    found: set[Side] = set()
    for number, box in enumerate(find_objects(labels), start=1):
        piece = labels[box] == number
        held = {side: int((mask.voxels[box] & piece).sum()) for side, mask in sides.items()}
        if any(held.values()):
            found.add(max(held, key=lambda side: held[side]))
    return frozenset(found)


def lung_scores(seen: LungInput, probability: NDArray[np.float32]) -> tuple[LungScore, ...]:
    """Score of each lung, the left one first."""
    volumes = {"left": seen.lungs.left_ml, "right": seen.lungs.right_ml}
    return tuple(
        LungScore(side, volumes[side], float(probability[half.voxels].max(initial=0.0)))
        for side, half in halves(seen.field).items()
    )


def slice_confidences(
    probability: NDArray[np.float32], inside: NDArray[np.bool_]
) -> Iterator[SliceConfidence]:
    """Confidence of every slice [z] where anything is tumour or may be, in their order."""
    looked_at = inside | (probability >= _LEAST_CHANCE)
    for z in np.flatnonzero(looked_at.any(axis=(1, 2))):
        there = looked_at[z]
        right = np.where(inside[z], probability[z], 1 - probability[z])[there]
        yield SliceConfidence(int(z), float(right.mean(dtype=np.float64)), int(there.sum()))


def artefacts_ml(seen: LungInput) -> dict[Artefact, float]:
    """Volume of everything in the picture that is no patient."""
    found = seen.artefacts
    return {name: volume_ml(mask.voxels, mask.geometry) for name, mask in found.items()}


def volume_ml(voxels: NDArray[np.bool_], geometry: Geometry) -> float:
    """Volume of the set voxels in millilitres."""
    return int(np.count_nonzero(voxels)) * geometry.voxel_volume_mm3 / 1000
