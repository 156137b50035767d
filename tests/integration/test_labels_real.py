"""Tumour and oedema of a real patient, from their DICOM contours to one volume of labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from oncotrace.domain.case import Case
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import read_source
from oncotrace.learning.labels import Label
from oncotrace.pipeline.case_labels import load_case_labels

LABELS = (Label(name="gtv_mass", value=1), Label(name="gtv_edema", value=2))


def case_from(folders: dict[str, Path]) -> Case:
    masks = {name: next((folder / "mask").iterdir()) for name, folder in folders.items()}
    images = {name: folder / "image" for name, folder in folders.items()}
    return Case("STS_001", "STS_001", images, masks)


@pytest.mark.parametrize(("series", "modality"), [("MR_T1", "mr-t1"), ("MR_T2", "mr-t2")])
def test_both_contours_become_one_volume_of_labels(
    series: str, modality: str, raw_series: Callable[[str], Path]
) -> None:
    case = case_from({modality: raw_series(series)})
    found = load_case_labels(case, modality, LABELS)
    mass, oedema = (np.count_nonzero(found.mask(name).voxels) for name in found.values)
    ml = found.geometry.voxel_volume_mm3 / 1000
    assert mass * ml == pytest.approx(365, rel=0.01)
    assert (mass + oedema) * ml == pytest.approx(580, rel=0.01)  # drawn around the mass
    assert not (found.mask("gtv_mass").voxels & found.mask("gtv_edema").voxels).any()


def test_segments_of_a_dicom_seg_are_told_by_their_labels(
    raw_series: Callable[[str], Path], tmp_path: Path
) -> None:
    case = case_from({"mr-t1": raw_series("MR_T1")})
    drawn = load_case_labels(case, "mr-t1", LABELS)
    source = read_source(case.images["mr-t1"])
    with quiet_pydicom():
        Segmentation(
            source_images=source.images,
            pixel_array=np.moveaxis(drawn.stack()[::-1], 0, -1).astype(np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=[
                SegmentDescription(
                    segment_number=number,
                    segment_label=label,
                    segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                    segmented_property_type=codes.SCT.Mass,
                    algorithm_type="MANUAL",
                )
                for number, label in ((1, "GTV_Edema"), (2, "GTV_Mass"))
            ],
            series_instance_uid=generate_uid(),
            series_number=1,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="another",
            manufacturer_model_name="another",
            software_versions="1",
            device_serial_number="1",
        ).save_as(tmp_path / "seg.dcm")
    stored = Case("a", "a", case.images, {"mr-t1": tmp_path / "seg.dcm"})
    found = load_case_labels(stored, "mr-t1", LABELS)
    np.testing.assert_array_equal(found.voxels, drawn.voxels)
