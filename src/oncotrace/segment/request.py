"""What every segmenter checks before it starts."""

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ClickError, InputError


def grid_of(request: SegmentationRequest) -> Geometry:
    """Return the grid that all channels of the request lie on.

    Raises
    ------
    InputError
        There is no channel.
    GeometryMismatchError
        The channels lie on different grids.
    """
    names = list(request.channels)
    if not names:
        raise InputError("there is no image to segment.", code="no-image")
    geometry = request.channels[names[0]].geometry
    for name in names[1:]:
        request.channels[name].geometry.require_match(
            geometry, this=f"{name} image", that=f"{names[0]} image"
        )
    return geometry


def require_clicks(request: SegmentationRequest, maker: str) -> Clicks:
    """Return the request's clicks.

    Raises
    ------
    ClickError
        There are none, and the segmenter called ``maker`` needs them.
    """
    if request.clicks is None:
        raise ClickError(
            f"the segmenter {maker} needs clicks, and there are none.",
            hint="Click six points just inside the tumour's border, or draw a box around it.",
            code="no-clicks",
        )
    return request.clicks
