"""Volumes and masks in NIfTI, NRRD and MetaImage files."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import InputError, OutputError
from oncotrace.imaging.sitk import mask_from_sitk, scan_from_sitk, to_sitk
from oncotrace.io.atomic import write_atomically

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
WRITABLE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")  # one file each, so that writes are atomic


def is_volume_file(path: Path) -> bool:
    """Whether the name ends like a volume file that can be read."""
    return path.name.lower().endswith(VOLUME_SUFFIXES)


def read_scan(path: Path, modality: Modality | None = None) -> Scan:
    """Scan in a volume file.

    Raises
    ------
    InputError
        The file is missing, damaged, not three-dimensional, or holds a value that is not finite.
    """
    scan = scan_from_sitk(_read(path), modality)
    require_finite(scan, path.name)
    return scan


def read_mask(path: Path) -> Mask:
    """Mask in a volume file that holds 0 for background and one other value.

    Raises
    ------
    InputError
        The file is missing, damaged, not three-dimensional, or holds more than one label.
    """
    image = _read(path)
    values = np.unique(sitk.GetArrayViewFromImage(image))
    labels = values[values != 0]
    if len(labels) > 1:
        raise InputError(
            f"{path.name} holds {len(labels)} different values besides 0 ({labels[0]:g} to "
            f"{labels[-1]:g}), a mask holds one.",
            hint="Save the structure alone as one label.",
            code="not-a-mask",
        )
    return mask_from_sitk(image)


def write_mask(mask: Mask, path: Path) -> None:
    """Write a mask as 0 and 1 (uint8), compressed; atomic, never over another file.

    Raises
    ------
    OutputError
        The name does not end in a known format, the file exists, or it cannot be written.
    """
    _write(to_sitk(mask.voxels, mask.geometry), path)


def write_scan(scan: Scan, path: Path) -> None:
    """Write a scan as float32, compressed; atomic, never over another file.

    Raises
    ------
    OutputError
        The name does not end in a known format, the file exists, or it cannot be written.
    """
    _write(to_sitk(scan.voxels, scan.geometry), path)


def require_finite(scan: Scan, what: str) -> None:
    """Refuse a scan that holds NaN or infinity.

    Raises
    ------
    InputError
        With the number of such voxels and the first one's index.
    """
    bad = ~np.isfinite(scan.voxels)
    if bad.any():
        z, y, x = np.argwhere(bad)[0]
        raise InputError(
            f"{what} holds {int(bad.sum())} voxels that are not numbers (NaN or infinite), the "
            f"first at index x {x}, y {y}, z {z}.",
            hint="Replace them by the background value before segmenting.",
            code="not-finite",
        )


def _read(path: Path) -> sitk.Image:
    if not path.is_file():
        raise InputError(f"there is no file {path.name}.", code="missing-file")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _require_3d(reader.GetSize(), path.name)
        if reader.GetNumberOfComponents() != 1:
            raise InputError(
                f"{path.name} has {reader.GetNumberOfComponents()} values per voxel (colour or "
                "vector image); a scan has one.",
                code="not-scalar",
            )
        if reader.GetDimension() > 3:
            reader.SetExtractSize([*reader.GetSize()[:3], *[0] * (reader.GetDimension() - 3)])
        image: sitk.Image = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    return image


def _require_3d(size: tuple[int, ...], name: str) -> None:
    """Refuse all but three axes of at least two voxels; trailing axes of length one are harmless."""
    extra = [n for n in size[3:] if n > 1]
    dimensions = 3 + len(extra) if extra else sum(n > 1 for n in size[:3])
    if dimensions != 3:
        raise InputError(
            f"{name} is {dimensions}D ({' x '.join(map(str, size))}); a scan is one 3D volume.",
            hint="Extract the volume (time point, channel) to be used, or give all its slices.",
            code="not-3d",
        )


def _unreadable(path: Path, error: RuntimeError) -> InputError:
    if "orthonormal" in str(error):
        return InputError(
            f"{path.name} lies on a sheared grid; its axes are not at right angles.",
            hint="Resample it onto a regular grid first.",
            code="sheared-grid",
        )
    return InputError(
        f"{path.name} cannot be read as a volume: it is damaged or not in the format that its "
        f"name says ({', '.join(VOLUME_SUFFIXES)}).",
        code="unreadable-volume",
    )


def _write(image: sitk.Image, path: Path) -> None:
    if not path.name.lower().endswith(WRITABLE_SUFFIXES):
        raise OutputError(
            f"{path.name} does not end in a volume format.",
            hint=f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
        )
    write_atomically(path, lambda temporary: _write_sitk(image, temporary))


def _write_sitk(image: sitk.Image, path: Path) -> None:
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise OSError(None, "the volume could not be written (disk full?)") from error
