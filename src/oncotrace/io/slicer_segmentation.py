"""Segmentations of 3D Slicer (``.seg.nrrd``): an NRRD volume with named segments in its header.

A segment is a label value in a layer; segments that overlap lie in different layers, which are a
list in front of the three axes of space. The grid is the NRRD's own: Slicer moves the file's origin
along when it crops, and keeps ``Segmentation_ReferenceImageExtentOffset`` for itself. Neither are
the segments' extents needed, by which it saves memory.

References
----------
3D Slicer developer guide, "Segmentation labelmap file format (.seg.nrrd)", and github.com/Slicer/
Slicer, Libs/MRML/Core/vtkMRMLSegmentationStorageNode.cxx.
"""

from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.atomic import write_atomically
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError, InputError, OutputError
from oncotrace.imaging.sitk import to_sitk

_SUFFIX = ".seg.nrrd"
_NRRD_SUFFIXES = (".nrrd", ".nhdr")
_FIELDS = ("Segment0_", "Segmentation_")
_BINARY_LABELMAP = "Binary labelmap"
_COLOUR = "1 0.690196 0"  # that of masks in our pictures

# Category and type as in Slicer's list of DICOM's codes (PS3.16, CID 7150 and CID 7159); the type's
# modifier, the anatomic region and its modifier are not stated.
_TUMOUR = "~".join(
    (
        "Segmentation category and type - DICOM master list",
        "SCT^49755003^Morphologically Altered Structure",
        "SCT^108369006^Neoplasm",
        "^^",
        "Anatomic codes - DICOM master list",
        "^^",
        "^^",
    )
)


@dataclass(frozen=True)
class _Segment:
    """A segment as the header describes it."""

    identifier: str
    name: str
    layer: int
    label: int


def is_slicer_segmentation(path: Path) -> bool:
    """Whether the file is NRRD with segments or the fields of a segmentation in its header.

    False where the header cannot be read: reading it as a volume will say what is wrong.
    """
    if not path.name.lower().endswith(_NRRD_SUFFIXES) or not path.is_file():
        return False
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return any(key.startswith(_FIELDS) for key in reader.GetMetaDataKeys())


def write_slicer_segmentation(mask: Mask, path: Path, *, name: str) -> None:
    """Write a mask as one segment, a tumour, that 3D Slicer opens; atomic, never over another file.

    The file is read again before it takes its name, so that it holds the mask or does not exist.

    Parameters
    ----------
    name
        What Slicer calls the segment.

    Raises
    ------
    InputError
        The name is empty, or holds line breaks or other characters that cannot be shown.
    OutputError
        The file's name does not end in ``.seg.nrrd``, the file exists, or it cannot be written.
    """
    if not path.name.lower().endswith(_SUFFIX):
        raise OutputError(
            f"{path.name} does not end in {_SUFFIX}, by which 3D Slicer knows a segmentation.",
            hint="Name it so.",
            code="unknown-format",
        )
    if not name.strip() or not name.isprintable():
        raise InputError(
            f"a segment cannot be called {name!r}: its name must be one line of visible text.",
            code="segment-name",
        )
    image = to_sitk(mask.voxels, mask.geometry)
    for key, value in _fields(mask, name).items():
        image.SetMetaData(key, value)
    write_atomically(path, lambda temporary: _write_checked(image, mask, temporary))


def read_slicer_segmentation(
    path: Path, *, segment: str | None = None, geometry: Geometry | None = None
) -> Mask:
    """Mask of one segment of a segmentation that 3D Slicer or `write_slicer_segmentation` wrote.

    Parameters
    ----------
    segment
        Name of the segment, or its ID where several have one name; upper and lower case of names
        are alike unless that is ambiguous. None where there is only one.
    geometry
        Grid of the image, for the mask to lie on. Slicer writes segmentations cropped, or larger
        than the image; their voxels must be the image's.

    Raises
    ------
    InputError
        The file is missing, damaged, no segmentation, or not on a grid of three dimensions, or the
        segment cannot be told.
    GeometryMismatchError
        The voxels are not those of ``geometry``, or the segment reaches beyond it.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path.name}.", code="missing-file")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        chosen = _chosen(_segments(reader, path.name), segment, path.name)
        grid = _grid(reader, path.name)
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(
            f"{path.name} cannot be read as a segmentation: it is damaged or not an NRRD file.",
            hint="Save it again.",
            code="unreadable-volume",
        ) from error
    layers = sitk.GetArrayViewFromImage(image).reshape(*grid.shape_zyx, -1)
    if not 0 <= chosen.layer < layers.shape[-1]:
        raise _malformed(path.name, chosen.name, f"is in layer {chosen.layer}, which is not there")
    mask = Mask(layers[..., chosen.layer] == chosen.label, grid)
    return mask if geometry is None else _on_grid(mask, geometry, path.name)


# ---- the header ---------------------------------------------------------------------------------


def _fields(mask: Mask, name: str) -> dict[str, str]:
    """Header fields of a segmentation with the mask as its only segment."""
    return {
        "Segmentation_ContainedRepresentationNames": f"{_BINARY_LABELMAP}|Closed surface|",
        "Segmentation_MasterRepresentation": _BINARY_LABELMAP,  # the next one's older name
        "Segmentation_SourceRepresentation": _BINARY_LABELMAP,
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "Segment0_ID": "Segment_1",
        "Segment0_Name": name,
        "Segment0_NameAutoGenerated": "0",
        "Segment0_Color": _COLOUR,
        "Segment0_ColorAutoGenerated": "0",
        "Segment0_Extent": _extent(mask),
        "Segment0_LabelValue": "1",
        "Segment0_Layer": "0",
        "Segment0_Tags": f"TerminologyEntry:{_TUMOUR}|",
    }


def _extent(mask: Mask) -> str:
    """First and last set voxel along x, y and z; without any, as Slicer writes an empty extent."""
    if mask.is_empty:
        return "0 -1 0 -1 0 -1"
    return " ".join(f"{axis.start} {axis.stop - 1}" for axis in reversed(mask.box_zyx()))


def _segments(reader: sitk.ImageFileReader, file: str) -> list[_Segment]:
    fields = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    present = takewhile(lambda number: f"Segment{number}_ID" in fields, count())
    segments = [_segment(fields, number, file) for number in present]
    if not segments:
        raise InputError(
            f"{file} holds no segments; it is not a segmentation of 3D Slicer, or an empty one.",
            hint="Read a plain volume as a mask.",
            code="not-a-segmentation",
        )
    for key in ("Segmentation_SourceRepresentation", "Segmentation_MasterRepresentation"):
        if fields.get(key, _BINARY_LABELMAP) != _BINARY_LABELMAP:
            raise InputError(
                f"{file} stores its segments as {fields[key]!r}; voxels belong to one of ours "
                "wholly or not at all.",
                hint=f"Make '{_BINARY_LABELMAP}' the source representation in 3D Slicer.",
                code="not-a-binary-labelmap",
            )
    return segments


def _segment(fields: dict[str, str], number: int, file: str) -> _Segment:
    identifier = fields[f"Segment{number}_ID"]
    name = fields.get(f"Segment{number}_Name", identifier)
    try:
        # Slicer before 4.11 wrote each segment into a layer of its own, with label value 1.
        layer = int(fields.get(f"Segment{number}_Layer", number))
        label = int(fields.get(f"Segment{number}_LabelValue", 1))
    except ValueError:
        raise _malformed(file, name, "has a layer or label value that is no number") from None
    if label == 0:
        raise _malformed(file, name, "has the label value 0, which is the background's")
    return _Segment(identifier, name, layer, label)


def _malformed(file: str, name: str, finding: str) -> InputError:
    return InputError(
        f"segment {name!r} of {file} {finding}.",
        hint="Save the segmentation again.",
        code="malformed-segment",
    )


def _chosen(segments: list[_Segment], wanted: str | None, file: str) -> _Segment:
    """Return the segment with the name or ID, or the only one."""
    listed = ", ".join(f"{segment.name!r}" for segment in segments)
    if wanted is None:
        if len(segments) > 1:
            raise InputError(
                f"{file} has {len(segments)} segments: {listed}.",
                hint="Name the one to be used.",
                code="segment-not-chosen",
            )
        return segments[0]
    found = [s for s in segments if wanted in (s.name, s.identifier)] or [
        s for s in segments if s.name.strip().casefold() == wanted.strip().casefold()
    ]
    if not found:
        raise InputError(
            f"{file} has no segment called {wanted!r}.",
            hint=f"Its segments: {listed}.",
            code="segment-not-found",
        )
    if len(found) > 1:
        identifiers = ", ".join(f"{s.identifier!r} ({s.name!r})" for s in found)
        raise InputError(
            f"{file} has {len(found)} segments called {wanted!r}, with the IDs {identifiers}.",
            hint="Give the ID of the one to be used.",
            code="segment-ambiguous",
        )
    return found[0]


# ---- the grid -----------------------------------------------------------------------------------


def _grid(reader: sitk.ImageFileReader, file: str) -> Geometry:
    if reader.GetDimension() != 3:
        raise InputError(
            f"{file} lies on a grid of {reader.GetDimension()} dimensions; a segmentation has "
            "three, and a list of layers at most.",
            hint="Save it again from 3D Slicer 4.11 or later.",
            code="not-3d",
        )
    return Geometry(
        reader.GetSize(), reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()
    )


def _on_grid(mask: Mask, geometry: Geometry, file: str) -> Mask:
    """Mask on the image's grid, of which its own is a part or which it surrounds."""
    own = mask.geometry
    with np.errstate(invalid="ignore"):  # absurdly far away, which is refused below
        first = np.rint(geometry.to_index(own.origin_mm)).astype(np.int64)
    x, y, z = first.tolist()
    if not geometry.crop((x, y, z), own.size_xyz).matches(own):
        raise GeometryMismatchError(
            f"the voxels of {file} are not those of the image: {own.describe()}, the image "
            f"{geometry.describe()}.",
            hint="Give the image that was segmented, or save the segmentation on the image's grid.",
        )
    low = np.maximum(first, 0)
    high = np.maximum(np.minimum(first + own.size_xyz, geometry.size_xyz), low)
    voxels: NDArray[np.bool_] = np.zeros(geometry.shape_zyx, dtype=np.bool_)
    voxels[_box(low, high)] = mask.voxels[_box(low - first, high - first)]
    beyond = np.count_nonzero(mask.voxels) - np.count_nonzero(voxels)
    if beyond:
        raise GeometryMismatchError(
            f"{beyond} voxels of the segment in {file} lie outside of the image.",
            hint="Give the image that was segmented.",
        )
    return Mask(voxels, geometry)


def _box(low_xyz: NDArray[np.int64], high_xyz: NDArray[np.int64]) -> tuple[slice, ...]:
    ends = zip(low_xyz[::-1].tolist(), high_xyz[::-1].tolist(), strict=True)
    return tuple(slice(low, high) for low, high in ends)


# ---- writing ------------------------------------------------------------------------------------


def _write_checked(image: sitk.Image, mask: Mask, temporary: Path) -> None:
    incomplete = "the file came out incomplete (is the disk full?)"
    try:
        sitk.WriteImage(image, str(temporary), useCompression=True)
        written = read_slicer_segmentation(temporary)
    except (RuntimeError, InputError) as error:
        raise OSError(None, incomplete) from error
    if not (
        written.geometry.matches(mask.geometry) and np.array_equal(written.voxels, mask.voxels)
    ):
        raise OSError(None, incomplete)
