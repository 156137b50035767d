"""Volumes and masks in NIfTI, NRRD and MetaImage files."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.atomic import write_atomically
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan, require_finite, require_shape
from oncotrace.errors import InputError, OutputError
from oncotrace.imaging.sitk import to_sitk
from oncotrace.io.nifti_voxels import read_nifti_voxels

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
_NIFTI_SUFFIXES = (".nii.gz", ".nii")
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
    stored, geometry = _read(path)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is refused below
        voxels = stored.astype(np.float32, copy=False)
    scan = Scan(voxels, geometry, modality)
    require_finite(scan, path.name)
    return scan


def read_mask(path: Path) -> Mask:
    """Mask in a volume file that holds 0 for background and one other value.

    Raises
    ------
    InputError
        The file is missing, damaged, not three-dimensional, or holds more than one label.
    """
    stored, geometry = _read(path)
    voxels = stored != 0
    labels = stored[voxels]
    if labels.size and (labels != labels[0]).any():  # true for NaN as well
        found = np.unique(labels)
        raise InputError(
            f"{path.name} holds {len(found)} different values besides 0 ({found[0]:g} to "
            f"{found[-1]:g}), a mask holds one.",
            hint="Save the structure alone as one label. A network for several structures is "
            "trained with --label NAME=VALUE for each.",
            code="not-a-mask",
        )
    return Mask(voxels, geometry)


def read_labels(path: Path) -> tuple[NDArray[np.uint8], Geometry]:
    """Several structures in a volume file, each a whole number [z, y, x], and their grid.

    Raises
    ------
    InputError
        The file is missing, damaged, not three-dimensional, or holds a value that is not a whole
        number from 0 to 255.
    """
    stored, geometry = _read(path)
    with np.errstate(invalid="ignore"):  # NaN becomes some number, and differs from it below
        labels = stored.astype(np.uint8)
    if (labels != stored).any():
        odd = stored[labels != stored].ravel()[0]
        raise InputError(
            f"{path.name} holds the value {odd:g}; labels are whole numbers from 0 to 255.",
            hint="Save the structures as whole numbers, each its own, and 0 for everything else.",
            code="not-labels",
        )
    return labels, geometry


def write_mask(mask: Mask, path: Path) -> None:
    """Write a mask as 0 and 1 (uint8), compressed; atomic, never over another file.

    The file is read again before it takes its name, so that it holds the mask or does not exist.

    Raises
    ------
    InputError
        The mask is not three-dimensional.
    OutputError
        The name does not end in a known format, the format cannot hold the grid, the file exists,
        or it cannot be written.
    """
    _write(mask.voxels.astype(np.uint8), mask.geometry, path)


def write_labels(labels: NDArray[np.uint8], geometry: Geometry, path: Path) -> None:
    """Write several structures, each as a whole number (uint8), as `write_mask` writes one.

    Parameters
    ----------
    labels
        Voxels [z, y, x]; 0 is background.

    Raises
    ------
    GeometryMismatchError
        The array's shape is not the grid's.
    InputError, OutputError
        See `write_mask`.
    """
    require_shape(labels.shape, geometry, "label")
    _write(labels, geometry, path)


def write_scan(scan: Scan, path: Path) -> None:
    """Write a scan as float32, compressed; atomic, never over another file; see `write_mask`.

    Raises
    ------
    InputError
        The scan is not three-dimensional or holds a value that is not finite.
    OutputError
        The name does not end in a known format, the format cannot hold the grid, the file exists,
        or it cannot be written.
    """
    require_finite(scan, "the image")
    _write(scan.voxels, scan.geometry, path)


def _read(path: Path) -> tuple[NDArray[np.generic], Geometry]:
    """Voxels [z, y, x] as they are stored, and their grid."""
    if not path.is_file():
        raise InputError(f"there is no file {path.name}.", code="missing-file")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _require_3d(reader.GetSize(), path.name)
        _require_scalar(reader, path.name)
        geometry = _geometry(reader)
        if path.name.lower().endswith(_NIFTI_SUFFIXES):
            return read_nifti_voxels(path, geometry.shape_zyx), geometry
        beyond = reader.GetDimension() - 3
        reader.SetExtractSize([*geometry.size_xyz, *[0] * beyond])
        voxels: NDArray[np.generic] = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    return voxels, geometry


def _geometry(reader: sitk.ImageFileReader) -> Geometry:
    """Grid that a header describes; its axes beyond the third are of length one and are dropped."""
    n = reader.GetDimension()
    direction = np.reshape(reader.GetDirection(), (n, n))[:3, :3]
    return Geometry(
        reader.GetSize()[:3],
        reader.GetSpacing()[:3],
        reader.GetOrigin()[:3],
        tuple(direction.ravel().tolist()),
    )


def _require_3d(size: tuple[int, ...], name: str) -> None:
    """Refuse all but three axes of at least two voxels; further axes of length one are fine."""
    extra = [n for n in size[3:] if n > 1]
    dimensions = 3 + len(extra) if extra else sum(n > 1 for n in size[:3])
    if dimensions != 3:
        raise InputError(
            f"{name} is {dimensions}D ({' x '.join(map(str, size))}); a scan is one 3D volume.",
            hint="Extract the volume (time point, channel) to be used, or give all its slices.",
            code="not-3d",
        )


def _require_scalar(reader: sitk.ImageFileReader, name: str) -> None:
    components = reader.GetNumberOfComponents()
    if components != 1:
        raise InputError(
            f"{name} has {components} values per voxel (colour or vector image); a scan has one.",
            code="not-scalar",
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


def _write(voxels: NDArray[np.generic], geometry: Geometry, path: Path) -> None:
    if not path.name.lower().endswith(WRITABLE_SUFFIXES):
        raise OutputError(
            f"{path.name} does not end in a volume format.",
            hint=f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
            code="unknown-format",
        )
    _require_3d(geometry.size_xyz, path.name)
    write_atomically(path, lambda temporary: _write_checked(voxels, geometry, temporary, path.name))


def _write_checked(
    voxels: NDArray[np.generic], geometry: Geometry, temporary: Path, name: str
) -> None:
    """Write a volume and read it again: on a full disk, NIfTI is cut off without an error."""
    incomplete = "the file came out incomplete (is the disk full?)"
    try:
        sitk.WriteImage(to_sitk(voxels, geometry), str(temporary), useCompression=True)
        written, grid = _read(temporary)
    except (RuntimeError, InputError) as error:
        raise OSError(None, incomplete) from error
    if not grid.matches(geometry):
        raise OutputError(
            f"{name} cannot hold this grid ({geometry.describe()}): its format would move it.",
            hint="Write .nrrd or .mha instead.",
            code="grid-not-held",
        )
    if not np.array_equal(written, voxels):
        raise OSError(None, incomplete)
