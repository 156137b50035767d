"""The comparing journey for two masks: how far one agrees with the other."""

from pathlib import Path

from oncotrace.errors import SettingsError
from oncotrace.imaging.mask_agreement import compare_masks
from oncotrace.pipeline.inputs import LoadedMask, LoadedScan, load_mask, load_scan, mask_kind
from oncotrace.pipeline.mask_agreement import finite_json, measures_of


def overlap_of_files(
    reference: Path,
    mask: Path,
    *,
    tolerance_mm: float,
    lesion_dice: float | None = None,
    image: Path | None = None,
    region: str | None = None,
    mask_region: str | None = None,
) -> dict[str, object]:
    """Every measure of a mask against a reference, as plain JSON values.

    Parameters
    ----------
    reference, mask
        Volume files, DICOM SEGs, RTSTRUCTs or segmentations of 3D Slicer, of one kind or two; on
        one grid.
    tolerance_mm
        Distance within which surfaces count as the same, for the surface Dice.
    lesion_dice
        Dice from which a piece of the mask and a lesion match; None: they share a voxel.
    image
        The image that a SEG or an RTSTRUCT was drawn on; for another mask, an image whose grid it
        must have.
    region
        Which segment or region of the files that hold several; ``mask_region`` that of ``mask``, if
        it is called otherwise there.

    Raises
    ------
    InputError
        A file cannot be read, or the masks lie on different grids.
    SettingsError
        The tolerance or the Dice is not one, plain volumes have no region, or an image is missing.
    """
    grid = load_scan(image, pet_units="stored") if image else None
    if region is not None and _is_volume(reference) and (mask_region or _is_volume(mask)):
        raise SettingsError("--region names a segment or region; plain volumes have none.")
    outlined = _loaded(reference, grid, region)
    made = _loaded(mask, grid, mask_region or region)
    agreement = compare_masks(
        made.mask, outlined.mask, tolerance_mm=tolerance_mm, lesion_dice=lesion_dice
    )
    return {
        "format": 1,
        **finite_json(measures_of(agreement)),
        "warnings": [
            *(f"reference: {note}" for note in outlined.notes),
            *(f"mask: {note}" for note in made.notes),
        ],
    }


def _loaded(source: Path, image: LoadedScan | None, region: str | None) -> LoadedMask:
    return load_mask(source, image=image, region=None if _is_volume(source) else region)


def _is_volume(source: Path) -> bool:
    return mask_kind(source) == "volume"
