"""The picture of a pre-processing: a row for every stage, the same bytes every time."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from tests.unit.imaging.limb_phantom import GRID, limb, tissues

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.report.preprocessing_picture import acquired_plane, preprocessing_picture, snapshot

CORE = Mask(tissues() == 620.0, GRID)


def pixels(png: bytes) -> NDArray[np.float32]:
    from matplotlib.image import imread

    return np.asarray(imread(BytesIO(png), format="png"), dtype=np.float32)


def test_every_stage_gets_a_row_and_repeats_are_identical() -> None:
    one = snapshot("as it comes", limb(), CORE, "axial")
    two = snapshot("1  z-score", limb(seed=1), CORE, "axial")
    short, long = preprocessing_picture([one]), preprocessing_picture([one, two])
    assert pixels(long).shape[0] == 2 * pixels(short).shape[0]
    assert preprocessing_picture([one, two]) == long


def test_the_slice_lies_in_the_middle_of_the_mask_and_shows_its_outline() -> None:
    taken = snapshot("x", limb(noise=0), CORE, "axial")
    assert taken.slice_rows.shape == (36, 40)
    assert 620 in np.unique(taken.slice_rows)
    assert len(taken.outline_mm) > 0
    assert len(snapshot("x", limb(), None, "axial").outline_mm) == 0
    assert taken.counts.sum() > 0


def test_the_plane_is_the_one_that_was_acquired() -> None:
    assert acquired_plane(GRID) == "axial"
    assert acquired_plane(Geometry((9, 9, 9))) == "axial"
    assert acquired_plane(Geometry((9, 9, 9), (5.0, 1.0, 1.0))) == "sagittal"


def test_a_blank_stage_can_be_drawn() -> None:
    blank = Scan(np.zeros(GRID.shape_zyx, np.float32), GRID)
    assert preprocessing_picture([snapshot("blank", blank, None, "axial")])
