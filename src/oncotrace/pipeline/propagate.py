"""The propagating journey: some outlined slices and the image in, a whole mask out."""

from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.partial_mask import OutlinedSlices
from oncotrace.imaging.planes import patient_axes
from oncotrace.io.volume_file import write_mask
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.segment.propagate import propagated


@dataclass(frozen=True)
class PropagatedMask:
    """What was made of a partial mask.

    Parameters
    ----------
    outlined
        Slices that were outlined, and the array axis across them.
    plane
        Plane of the patient nearest to the slices: ``axial``, ``coronal`` or ``sagittal``.
    volume_ml
        Volume of the whole mask.
    notes
        What the readers of image and mask noted.
    """

    outlined: OutlinedSlices
    plane: str
    volume_ml: float
    notes: tuple[str, ...]


def propagate_mask(
    image: Path,
    partial: Path,
    out: Path,
    *,
    region: str | None = None,
    series_uid: str | None = None,
) -> PropagatedMask:
    """Fill the slices between the outlined ones of a mask and write the whole mask.

    Parameters
    ----------
    image
        DICOM folder, zip or file, or a volume file.
    partial
        Mask with some slices outlined, along one axis of the image's grid; a file of any kind that
        holds a mask.
    out
        Volume file to write; none is written over.
    region
        Which segment or region, where the mask's file holds several.
    series_uid
        Which series, where the DICOM source holds several.

    Raises
    ------
    InputError
        Image or mask cannot be read, they do not fit each other, or the mask is not partial.
    SettingsError
        A series or region is named where there is none.
    OutputError
        The mask cannot be written, or there is such a file.
    """
    loaded = load_scan(image, series_uid=series_uid)
    found = load_mask(partial, image=loaded, region=region)
    grid = loaded.scan.geometry  # exact, where the mask's file has rounded
    found.mask.geometry.require_match(grid, this="mask", that="image")
    made = propagated(Mask(found.mask.voxels, grid), loaded.scan)
    write_mask(made.mask, out)
    return PropagatedMask(
        made.outlined,
        _plane(grid, made.outlined.axis),
        volume_ml(made.mask),
        (*loaded.notes, *found.notes),
    )


def _plane(geometry: Geometry, array_axis: int) -> str:
    """Plane of the patient that slices across an array axis lie in."""
    across = patient_axes(geometry).index(2 - array_axis)
    return ("sagittal", "coronal", "axial")[across]
