import io

import numpy as np
import pytest
from PIL import Image

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.report.reader_contours import CONTOUR_COLOURS, STAPLE_COLOUR, contours_drawing

GRID = Geometry((40, 40, 10), (1.0, 1.0, 3.0))


def disc(radius: float) -> Mask:
    z, y, x = np.indices(GRID.shape_zyx)
    return Mask((np.hypot(y - 20, x - 20) <= radius) & (abs(z - 5) < 3), GRID)


def colours_of(png: bytes) -> set[tuple[int, ...]]:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return {tuple(pixel) for _, pixel in picture.getcolors(1 << 24) or []}


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


@pytest.mark.parametrize("has_image", [True, False])
def test_all_contours_are_drawn_in_their_colours(has_image: bool) -> None:
    scan = Scan(np.full(GRID.shape_zyx, 40, dtype=np.float32), GRID) if has_image else None
    contours = {"10 %": disc(15), "50 %": disc(12), "90 %": disc(8)}
    drawing = contours_drawing(contours, disc(11), {"A": disc(10)}, scan, title="case 1")
    png = drawing.rendered("png")
    assert png == drawing.rendered("png")
    found = colours_of(png)
    assert {rgb(colour) for colour in CONTOUR_COLOURS} <= found
    assert rgb(STAPLE_COLOUR) in found  # of the legend


def test_an_image_on_another_grid_is_refused() -> None:
    other = Geometry(GRID.size_xyz, (1.0, 1.0, 2.0))
    scan = Scan(np.zeros(other.shape_zyx, dtype=np.float32), other)
    with pytest.raises(GeometryMismatchError, match="image"):
        contours_drawing({"10 %": disc(9)}, disc(8), {}, scan, title="case 1")
