"""Simulated corrections point at the middle of what is most wrong."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError
from oncotrace.imaging.correction_simulation import simulated_correction

GRID = Geometry((20, 18, 16), (0.8, 1.0, 3.0), (-7.0, 4.0, 30.0))


def mask(*boxes: tuple[slice, slice, slice], geometry: Geometry = GRID) -> Mask:
    voxels = np.zeros(geometry.shape_zyx, dtype=np.bool_)
    for box in boxes:
        voxels[box] = True
    return Mask(voxels, geometry)


TUMOUR = (slice(4, 12), slice(4, 13), slice(4, 13))
MISSED = (slice(4, 12), slice(4, 13), slice(13, 18))
ADDED = (slice(4, 12), slice(4, 13), slice(0, 3))


def test_a_missed_piece_is_clicked_positively_in_its_middle() -> None:
    click = simulated_correction(mask(TUMOUR), mask(TUMOUR, MISSED))
    assert click is not None
    assert click.kind == "positive"
    z, y, x = GRID.to_index(click.points_mm)[0][::-1]
    assert 4 <= z <= 11  # of several voxels that are as deep: the piece is 4 mm thin along x
    assert 6 <= y <= 10
    assert x == pytest.approx(15)


def test_an_added_piece_is_clicked_negatively() -> None:
    click = simulated_correction(mask(TUMOUR, ADDED), mask(TUMOUR))
    assert click is not None
    assert click.kind == "negative"
    assert GRID.to_index(click.points_mm)[0][0] == pytest.approx(1)


def test_the_largest_wrong_piece_counts_whatever_is_wrong_with_it() -> None:
    click = simulated_correction(mask(TUMOUR, ADDED), mask(TUMOUR, MISSED))
    assert click is not None
    assert click.kind == "positive"


def test_the_edge_of_the_grid_is_an_edge_of_the_piece() -> None:
    whole = mask((slice(None), slice(None), slice(None)))
    click = simulated_correction(mask(), whole)
    assert click is not None
    middle = (np.asarray(GRID.size_xyz) - 1) / 2
    np.testing.assert_allclose(GRID.to_index(click.points_mm)[0][:2], middle[:2], atol=2.5)


def test_nothing_wrong_needs_no_correction() -> None:
    assert simulated_correction(mask(TUMOUR), mask(TUMOUR)) is None
    assert simulated_correction(mask(), mask()) is None


def test_masks_on_different_grids_are_refused() -> None:
    other = Geometry(GRID.size_xyz, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError, match="the mask and the reference"):
        simulated_correction(mask(TUMOUR), mask(TUMOUR, geometry=other))
