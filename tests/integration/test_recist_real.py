"""RECIST diameters of real sarcomas, as the pictures draw them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.io.volume_file import read_mask
from oncotrace.measure.diameter import axial_diameters
from oncotrace.report.slices import frame_around

MASKS = ("mr_t1_mask", "ct_mask", "pet_mask")
FEW = 4


def masks(shared_data: Path) -> Iterator[tuple[str, Mask]]:
    for folder in sorted((shared_data / "sts").iterdir()):
        for name in MASKS:
            file = folder / f"{name}.nii.gz"
            if file.is_file():
                yield f"{folder.name} {name}", read_mask(file)


def check(name: str, mask: Mask) -> None:
    """The drawn lines end on the drawn outline; the perpendicular is at right angles."""
    axial = axial_diameters(mask)
    view = frame_around(mask.geometry, [mask], np.empty((0, 3))).view("axial")
    assert view.across == axial.axis, name
    outline = view.outline_mm(mask, axial.slice_index)
    for line in (axial.longest, axial.perpendicular):
        for end in view.to_screen_mm([line.start_mm, line.end_mm]):
            assert distance_mm(end, outline) < 1e-4, f"{name}: an end is off the outline"
        on_slice = view.distance_mm([line.start_mm, line.end_mm], axial.slice_index)
        assert on_slice.max() < 1e-6, f"{name}: the line leaves its slice"
    along, across = (
        np.subtract(line.end_mm, line.start_mm) for line in (axial.longest, axial.perpendicular)
    )
    cosine = along @ across / np.linalg.norm(along) / np.linalg.norm(across)
    assert abs(cosine) < 1e-6, name


def distance_mm(point: NDArray[np.float64], pieces: NDArray[np.float64]) -> float:
    """Distance of a point from the nearest of many straight pieces, shape (n, 2, 2)."""
    start, way = pieces[:, 0], pieces[:, 1] - pieces[:, 0]
    share = np.clip(((point - start) * way).sum(axis=1) / (way**2).sum(axis=1), 0, 1)
    return float(np.linalg.norm(start + share[:, None] * way - point, axis=1).min())


def test_diameters_of_some_sarcomas_end_on_the_drawn_outline(shared_data: Path) -> None:
    for count, (name, mask) in enumerate(masks(shared_data)):
        if count == FEW:
            return
        check(name, mask)


@pytest.mark.slow
def test_diameters_of_every_sarcoma_end_on_the_drawn_outline(shared_data: Path) -> None:
    checked = 0
    for name, mask in masks(shared_data):
        check(name, mask)
        checked += 1
    assert checked >= 40
