"""A square picture of one slice with outlines, drawn without a plotting library: milliseconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import SettingsError
from oncotrace.report.grey_window import GreyWindow
from oncotrace.report.slices import View

_Scalar = TypeVar("_Scalar", bound=np.generic)

ImageFormat = Literal["jpeg", "png"]

_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)

_FINER = 4  # lines are drawn on so many times as many pixels, which makes their edges smooth
_JPEG_QUALITY = 88
_HALO_ALPHA = 0.45


@dataclass(frozen=True, eq=False)
class Square:
    """A square on the screen of a view: what a tile shows.

    Parameters
    ----------
    centre_mm
        Position [right, down] from the view's centre.
    side_px
        Pixels along each side; as many mm across as down.
    """

    view: View
    centre_mm: tuple[float, float]
    half_width_mm: float
    side_px: int

    @property
    def px_per_mm(self) -> float:
        """Pixels per millimetre, the same in both directions."""
        return self.side_px / (2 * self.half_width_mm)

    def to_px(self, on_screen_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (..., 2) [right, down] from the upper left corner of positions in mm."""
        corner = np.asarray(self.centre_mm) - self.half_width_mm
        return np.asarray((on_screen_mm - corner) * self.px_per_mm, dtype=np.float64)

    def reach(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Upper left and lower right corner [right, down] in voxels from a slice's corner.

        Parameters
        ----------
        shape
            Rows and columns of the slice as the view shows it.
        """
        left, right, bottom, top = self.view.extent_mm()
        voxel_mm = np.array([(right - left) / shape[1], (bottom - top) / shape[0]])
        centre = np.asarray(self.centre_mm) - (left, top)
        low = np.round((centre - self.half_width_mm) / voxel_mm, 6)
        high = np.round((centre + self.half_width_mm) / voxel_mm, 6)
        return low, high

    def part_of(self, rows: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Voxels of a slice, rows from top to bottom, that the square shows."""
        low, high = self.reach(rows.shape)
        left, top = np.maximum(np.floor(low), 0).astype(int)
        right, bottom = np.ceil(high).astype(int)
        part: NDArray[_Scalar] = rows[top:bottom, left:right]
        return part


def square_on(view: View, *, half_width_mm: float, side_px: int) -> Square:
    """Square around the view's centre, moved to hold as much of the grid as it can."""
    left, right, bottom, top = view.extent_mm()
    centre_mm = (
        _nearest_centre(left, right, half_width_mm),
        _nearest_centre(top, bottom, half_width_mm),
    )
    return Square(view, centre_mm, half_width_mm, side_px)


def _nearest_centre(low: float, high: float, half_width: float) -> float:
    if high - low <= 2 * half_width:
        return (low + high) / 2
    return float(np.clip(0.0, low + half_width, high - half_width))


def tile(
    scan: Scan,
    index: int,
    square: Square,
    window: GreyWindow,
    outlines: Iterable[tuple[Mask, str]],
    *,
    line_px: float,
) -> Image.Image:
    """Slice ``index`` of the square's view in RGB, with the outline of every mask in its colour.

    Pixels are as long as they are wide in millimetres, whatever the voxels are.
    """
    view = square.view
    picture = _slice_image(view.image(scan.voxels, index), square, window).convert("RGB")
    for mask, colour in outlines:
        draw_lines(picture, square.to_px(view.outline_mm(mask, index)), colour, width_px=line_px)
    return picture


def _slice_image(rows: NDArray[np.float32], square: Square, window: GreyWindow) -> Image.Image:
    """Return the part of a slice that lies in the square, and background where there is none."""
    low, high = square.reach(rows.shape)
    first, last = np.floor(low).astype(int), np.ceil(high).astype(int)
    levels = window.grey_levels(square.part_of(rows))
    around = np.full((last - first)[::-1], window.background, dtype=np.uint8)
    right, down = np.maximum(-first, 0)
    around[down : down + levels.shape[0], right : right + levels.shape[1]] = levels
    box = (*(low - first), *(high - first))
    return Image.fromarray(around).resize(
        (square.side_px, square.side_px), Image.Resampling.BICUBIC, box=box
    )


def draw_lines(
    picture: Image.Image, pieces_px: NDArray[np.float64], colour: str, *, width_px: float
) -> None:
    """Draw straight pieces (n, 2 ends, 2) [right, down] with a dark rim and smooth edges."""
    if not len(pieces_px):
        return
    rim = _drawn(picture.size, pieces_px, 2 * width_px)
    picture.paste("black", mask=rim.point([int(_HALO_ALPHA * level) for level in range(256)]))
    picture.paste(colour, mask=_drawn(picture.size, pieces_px, width_px))


def _drawn(size: tuple[int, int], pieces_px: NDArray[np.float64], width_px: float) -> Image.Image:
    """Return how much of each pixel the lines cover, 0 to 255.

    It depends on where the pieces lie, not on their order or on which end comes first.
    """
    fine = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    pen = ImageDraw.Draw(fine)
    width = max(1, round(width_px * _FINER))
    ends = np.rint(np.round(pieces_px * _FINER, 3) - 0.5).astype(int)
    for start, end in ends.tolist():
        pen.line([*min(start, end), *max(start, end)], fill=255, width=width)
    before, after = (width - 1) // 2, width // 2
    for right, down in np.unique(ends.reshape(-1, 2), axis=0).tolist():  # corners are round
        pen.ellipse((right - before, down - before, right + after, down + after), fill=255)
    return fine.reduce(_FINER)


def encoded(picture: Image.Image, form: ImageFormat) -> bytes:
    """Return the picture as a file's bytes; the same picture, the same bytes."""
    stream = BytesIO()
    if form == "png":
        picture.save(stream, "PNG")
    else:  # thin coloured lines need their colour at every pixel
        picture.save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return stream.getvalue()


def image_format_named(name: str) -> ImageFormat:
    """Return the format called ``name``.

    Raises
    ------
    SettingsError
        There is none.
    """
    for form in _FORMATS:
        if form == name:
            return form
    raise SettingsError(f"a picture is {' or '.join(_FORMATS)}, not {name!r}.")
