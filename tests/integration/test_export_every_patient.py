"""The outline of every patient leaves as DICOM and comes back without a voxel of difference.

The patients' images lie here as NIfTI. Each mask therefore gets a synthetic series of empty slices
on exactly its grid, to be written for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.unit.io.dicom_factory import series, write_series

from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_seg import TumourSegment, write_segmentation
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.rtstruct_write import write_structure
from oncotrace.io.volume_file import read_mask

PATIENTS = 40
MODALITY_OF_NAME = {"mr_t1": "MR", "ct": "CT"}
SEGMENT = TumourSegment("MANUAL", "reader", "lesion 1", "2.25.301")

names = pytest.mark.parametrize("name", MODALITY_OF_NAME)


@dataclass(frozen=True)
class Differences:
    """Voxels that differ from what was drawn, and what the readers remark, by kind of object."""

    voxels: dict[str, int]
    notes: dict[str, list[str]]


NONE = Differences({"SEG": 0, "RTSTRUCT": 0}, {"SEG": [], "RTSTRUCT": []})

RoundTrip = Callable[[str, str], Differences]


@pytest.fixture
def round_trip(shared_data: Path, tmp_path: Path) -> RoundTrip:
    """Write the mask of a patient as SEG and as RTSTRUCT, and read both onto the mask's grid."""

    def differences(patient: str, name: str) -> Differences:
        drawn = read_mask(shared_data / "sts" / patient / f"{name}_mask.nii.gz")
        assert drawn.voxels.sum() > 100
        folder = tmp_path / f"{patient}_{name}"
        source = empty_series(drawn, MODALITY_OF_NAME[name], folder / "images")
        seg, rtstruct = folder / "seg.dcm", folder / "rtstruct.dcm"
        write_segmentation(drawn, seg, source, segment=SEGMENT)
        write_structure(drawn, rtstruct, source, name="GTV", algorithm="MANUAL")
        frame, images = source.frame_of_reference_uid, source.sop_instance_uids
        segment = read_segment(
            seg, drawn.geometry, frame_of_reference_uid=frame, sop_instance_uids=images
        )
        region = read_region(
            rtstruct, drawn.geometry, frame_of_reference_uid=frame, sop_instance_uids=images
        )
        return Differences(
            {
                "SEG": int((segment.mask.voxels != drawn.voxels).sum()),
                "RTSTRUCT": int((region.mask.voxels != drawn.voxels).sum()),
            },
            {"SEG": without_gaps(segment.notes), "RTSTRUCT": without_gaps(region.notes)},
        )

    return differences


def empty_series(mask: Mask, modality: str, folder: Path) -> SourceSeries:
    """Write slices of zeros on the grid of a mask."""
    zeros = np.zeros(mask.geometry.shape_zyx, dtype=np.int64)
    return read_source(
        write_series(folder, series(zeros, mask.geometry, modality=modality, bits=8))
    )


def without_gaps(notes: tuple[str, ...]) -> list[str]:
    """Leave out that slices between others are empty: on some patients they were drawn so."""
    return [note for note in notes if "no contour" not in note]


@names
@pytest.mark.parametrize("patient", ["STS_015", "STS_042"])
def test_outline_of_a_patient_comes_back(patient: str, name: str, round_trip: RoundTrip) -> None:
    assert round_trip(patient, name) == NONE


@pytest.mark.slow
@names
def test_outline_of_every_patient_comes_back(
    name: str, shared_data: Path, round_trip: RoundTrip
) -> None:
    patients = sorted(folder.name for folder in (shared_data / "sts").iterdir())
    assert len(patients) == PATIENTS
    found = {patient: round_trip(patient, name) for patient in patients}
    assert {patient: each for patient, each in found.items() if each != NONE} == {}
