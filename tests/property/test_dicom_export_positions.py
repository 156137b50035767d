"""Whatever the acquisition, a mask that leaves as DICOM comes back voxel by voxel."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tests.property.strategies import directions
from tests.unit.io.dicom_factory import enhanced, series, write, write_series

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_seg import TumourSegment, write_segmentation
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.rtstruct_write import write_structure

SEGMENT = TumourSegment("MANUAL", "reader", "lesion 1", "2.25.301")
# Axes of the grid in columns: along a row of the image, along a column, from slice to slice.
SAGITTAL = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0)


@st.composite
def acquisitions(draw: st.DrawFn) -> Mask:
    """Masks with a voxel or more on any grid of several slices, with uneven spacing in-plane."""
    sizes = (*draw(st.tuples(*[st.integers(1, 6)] * 2)), draw(st.integers(2, 5)))
    spacing_mm = draw(st.tuples(*[st.floats(0.2, 8)] * 3))
    origin_mm = draw(st.tuples(*[st.floats(-1000, 1000)] * 3))
    geometry = Geometry(sizes, spacing_mm, origin_mm, draw(directions()))
    return Mask(draw(npst.arrays(np.bool_, geometry.shape_zyx).filter(np.any)), geometry)


def drawn_on(direction: tuple[float, ...]) -> Mask:
    """Return a mask of every third voxel of an uneven grid with these axes."""
    geometry = Geometry((6, 5, 4), (0.7, 1.9, 3.3), (-101.3, 57.9, -730.25), direction)
    every_third = np.arange(np.prod(geometry.shape_zyx)) % 3 == 0
    return Mask(every_third.reshape(geometry.shape_zyx), geometry)


def source_on(geometry: Geometry, folder: Path, *, in_one_file: bool) -> SourceSeries:
    """Write empty slices on a grid, as files of one slice or as one of many."""
    zeros = np.zeros(geometry.shape_zyx, dtype=np.int64)
    if in_one_file:
        return read_source(write(enhanced(zeros, geometry), folder / "multi.dcm"))
    return read_source(write_series(folder, series(zeros, geometry, modality="MR", bits=8)))


def on_grid_of(source: SourceSeries, drawn: Mask) -> Mask:
    """Return the mask on the grid that is read, whose z axis is always the normal of the slices."""
    is_flipped = source.geometry.axes[:, 2] @ drawn.geometry.axes[:, 2] < 0
    return Mask(drawn.voxels[::-1] if is_flipped else drawn.voxels, source.geometry)


@settings(max_examples=30, deadline=None)
@given(drawn=acquisitions(), in_one_file=st.booleans())
@example(drawn=drawn_on(SAGITTAL), in_one_file=False)
@example(drawn=drawn_on(SAGITTAL), in_one_file=True)
@example(drawn=drawn_on(CORONAL), in_one_file=False)
@example(drawn=drawn_on(CORONAL), in_one_file=True)
def test_mask_on_a_series_in_any_direction_comes_back(drawn: Mask, in_one_file: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = source_on(drawn.geometry, Path(folder) / "images", in_one_file=in_one_file)
        mask = on_grid_of(source, drawn)
        seg, rtstruct = Path(folder) / "seg.dcm", Path(folder) / "rtstruct.dcm"
        write_segmentation(mask, seg, source, segment=SEGMENT)
        write_structure(mask, rtstruct, source, name="GTV", algorithm="MANUAL")
        frame, images = source.frame_of_reference_uid, source.sop_instance_uids
        # Onto the grid that was drawn on, so that nothing but positions can bring the voxels back.
        segment = read_segment(
            seg, drawn.geometry, frame_of_reference_uid=frame, sop_instance_uids=images
        )
        region = read_region(
            rtstruct, drawn.geometry, frame_of_reference_uid=frame, sop_instance_uids=images
        )
    np.testing.assert_array_equal(segment.mask.voxels, drawn.voxels)
    np.testing.assert_array_equal(region.mask.voxels, drawn.voxels)
    assert [*segment.notes, *(note for note in region.notes if "no contour" not in note)] == []
