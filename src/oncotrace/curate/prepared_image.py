"""An image on its way through pre-processing, with the masks that go along."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oncotrace.curate.preprocess_settings import Region
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import SettingsError


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image, the mask that was given, and the body; all on one grid.

    Parameters
    ----------
    mask
        None if none was given.
    body
        As it was found on the image before the first step; None if no step looks at it.
    grids
        Of other images, by what the steps call them.
    """

    scan: Scan
    mask: Mask | None = None
    body: Mask | None = None
    grids: Mapping[str, Geometry] = field(default_factory=dict)


def region_of(image: PreparedImage, region: Region) -> Mask | None:
    """Voxels that a step looks at; None for all.

    Raises
    ------
    SettingsError
        It is the mask, and none was given.
    """
    if region == "image":
        return None
    if region == "body":
        return image.body
    return required_mask(image)


def required_mask(image: PreparedImage) -> Mask:
    """Return the mask that was given.

    Raises
    ------
    SettingsError
        There is none.
    """
    if image.mask is None:
        raise SettingsError(
            "a step looks at the mask, and none was given.",
            hint='Give --mask, for a cohort a mask column; or choose within = "body".',
            code="mask-needed",
        )
    return image.mask
