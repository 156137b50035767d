"""Several structures in one NIfTI, NRRD or MetaImage file, each as a whole number."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.atomic import write_atomically
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import require_shape
from oncotrace.errors import InputError, OutputError
from oncotrace.imaging.sitk import to_sitk
from oncotrace.io.volume_file import WRITABLE_SUFFIXES, read_scan


def write_labels(labels: NDArray[np.uint8], geometry: Geometry, path: Path) -> None:
    """Write labels as they are (uint8), compressed; atomic, never over another file.

    The file is read again before it takes its name, so that it holds the labels or does not exist.

    Parameters
    ----------
    labels
        Voxels [z, y, x]; 0 is background.

    Raises
    ------
    GeometryMismatchError
        The array's shape is not the grid's.
    OutputError
        The name does not end in a known format, the format cannot hold the grid, the file exists,
        or it cannot be written.
    """
    require_shape(labels.shape, geometry, "label")
    if not path.name.lower().endswith(WRITABLE_SUFFIXES):
        raise OutputError(
            f"{path.name} does not end in a volume format.",
            hint=f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
            code="unknown-format",
        )
    write_atomically(path, lambda temporary: _write_checked(labels, geometry, temporary, path.name))


def _write_checked(
    labels: NDArray[np.uint8], geometry: Geometry, temporary: Path, name: str
) -> None:
    """Write labels and read them again: on a full disk, NIfTI is cut off without an error."""
    incomplete = "the file came out incomplete (is the disk full?)"
    try:
        sitk.WriteImage(to_sitk(labels, geometry), str(temporary), useCompression=True)
        written = read_scan(temporary)
    except (RuntimeError, InputError) as error:
        raise OSError(None, incomplete) from error
    if not written.geometry.matches(geometry):
        raise OutputError(
            f"{name} cannot hold this grid ({geometry.describe()}): its format would move it.",
            hint="Write .nrrd or .mha instead.",
            code="grid-not-held",
        )
    if not np.array_equal(written.voxels, labels):
        raise OSError(None, incomplete)
