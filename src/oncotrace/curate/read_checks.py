"""What it says of a series that its files can, or cannot, be read as an image or a mask."""

from collections.abc import Iterator
from dataclasses import replace

from oncotrace.curate.flag import Flag
from oncotrace.errors import OncotraceError

READ_CHECKS = ("readable", "suv")
"""Names of the flags of this module, but for those of masks, which other checks have, too."""

_VOLUME = "its images make one volume"
_MASK = "its outlines make a mask of the image"
_SUV = "SUV by body weight can be computed"

_REFUSED_MASKS = {
    "wrong-frame-of-reference": ("mask-frame-of-reference", "the frame of reference of its image"),
    "empty-mask": ("mask-not-empty", "> 0 voxels"),
    "no-closed-contours": ("mask-not-empty", "> 0 voxels"),
    "region-outside-image": ("mask-in-image", "0% outside the image"),
    "segment-off-grid": ("mask-on-image-grid", "voxels of the image"),
    "contour-not-in-plane": ("mask-on-image-grid", "contours in slices of the image"),
}
"""Check that fails, and its rule, by the code with which a mask is refused."""


def read_flag(found: str) -> Flag:
    """Flag of an image that could be read; ``found`` describes its grid."""
    return Flag("readable", True, found, _VOLUME)


def refused_image(error: OncotraceError) -> Flag:
    """Flag of an image that was refused."""
    return Flag("readable", False, _said(error), _VOLUME)


def suv_flag(error: OncotraceError | None) -> Flag:
    """Flag of a PET that became SUV, or did not."""
    return Flag("suv", error is None, "computed" if error is None else _said(error), _SUV)


def refused_mask(error: OncotraceError, *, image_is_guess: bool) -> Iterator[Flag]:
    """Yield the flags of a mask that was refused: what is wrong with it, and that it is no mask.

    Parameters
    ----------
    image_is_guess
        Whether the mask names no image: then it may belong to another one, and nothing is told.
    """
    unread = Flag("readable", None if image_is_guess else False, _said(error), _MASK)
    if error.code in _REFUSED_MASKS:
        check, rule = _REFUSED_MASKS[error.code]
        yield replace(unread, check=check, rule=rule)
    yield unread


def mask_of_unread_image() -> Flag:
    """Flag of a mask whose image was refused."""
    return Flag("readable", None, "its image cannot be read", _MASK)


def mask_not_found(files: int) -> Flag:
    """Flag of masks that cannot be told from the other files of a folder without an index."""
    return Flag("readable", None, f"{files} files in its folder, and no index", _MASK)


def _said(error: OncotraceError) -> str:
    return f"{error.code}: {error.message}"
