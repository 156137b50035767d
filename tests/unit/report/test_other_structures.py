"""Structures besides the mask are outlined in colours of their own, and named."""

from io import BytesIO

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.report.case_picture import case_picture
from oncotrace.report.panel import OTHER_COLOURS

GRID = Geometry((30, 28, 20), (1.0, 1.0, 2.0))


def blocks() -> dict[str, Mask]:
    made = {}
    for name, low in (("tumour", 4), ("oedema", 12), ("cyst", 20)):
        voxels = np.zeros(GRID.shape_zyx, np.bool_)
        voxels[5:15, 8:20, low : low + 7] = True
        made[name] = Mask(voxels, GRID)
    return made


def pixels_of(png: bytes, colour: str) -> int:
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    picture = imread(BytesIO(png))[..., :3]
    return int((np.abs(picture - to_rgb(colour)) < 0.02).all(axis=-1).sum())


def test_every_structure_has_its_colour():
    tumour, *others = blocks().items()
    scan = Scan(np.zeros(GRID.shape_zyx, np.float32), GRID)
    alone = case_picture(scan, tumour[1], title="a")
    together = case_picture(scan, tumour[1], title="a", others=dict(others))
    for colour in OTHER_COLOURS[:2]:
        assert pixels_of(alone, colour) == 0
        assert pixels_of(together, colour) > 100
    assert pixels_of(together, OTHER_COLOURS[2]) == 0


def test_a_structure_on_another_grid_is_refused():
    scan = Scan(np.zeros(GRID.shape_zyx, np.float32), GRID)
    elsewhere = Mask(np.zeros((3, 3, 3), np.bool_), Geometry((3, 3, 3)))
    with pytest.raises(GeometryMismatchError, match="oedema"):
        case_picture(scan, blocks()["tumour"], title="a", others={"oedema": elsewhere})
