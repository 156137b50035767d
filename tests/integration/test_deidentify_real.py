"""Real patients' files de-identified: nothing planted survives, geometry and links do."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tests.integration.exported_patient import export_patient
from tests.unit.curate.deid_planting import (
    SECRET,
    left_behind,
    plant_all,
    plants,
    processed,
    read,
    written,
)

from oncotrace.curate.deid_key import Key
from oncotrace.curate.deid_key_file import write_key
from oncotrace.curate.deid_options import Confidentiality, chosen_confidentiality
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_series import list_series
from oncotrace.io.structured_report_read import read_report
from oncotrace.pipeline.deidentify import KeyChoice, deidentify
from oncotrace.pipeline.inputs import load_mask, load_scan

KINDS = {"CT": "CT/image", "MR": "MR_T1/image", "PET": "PET/image", "RTSTRUCT": "PET/mask"}


@pytest.fixture(scope="module")
def patient(shared_data: Path) -> Path:
    """Return the folder of one patient: CT, MR and PET with RTSTRUCT."""
    return shared_data / "sts_dicom" / "STS_003"


@pytest.fixture(scope="module")
def exported(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SEG, RTSTRUCT and report of the patient's tumour, as our own export writes them."""
    folder = patient / "MR_T1"
    out = tmp_path_factory.mktemp("exported")
    return export_patient(folder / "image", folder / "mask" / "RS.dcm", out).files


def run(source: Path, out: Path, *options: str) -> Confidentiality:
    """De-identify a folder with the planted tests' secret."""
    confidentiality = chosen_confidentiality("basic", options)
    key_file = out.with_suffix(".key")
    if not key_file.exists():
        write_key(key_file, Key(SECRET), None)
    for _ in deidentify(
        source, out, confidentiality=confidentiality, key=KeyChoice(key_file)
    ).progress:
        pass
    return confidentiality


@pytest.mark.parametrize("kind", [*KINDS, "seg", "sr"])
@pytest.mark.parametrize("options", [(), ("clean-descriptors", "clean-structured-content")])
def test_nothing_planted_in_a_real_file_survives(
    kind: str, options: tuple[str, ...], patient: Path, exported: dict[str, Path]
) -> None:
    path = exported[kind] if kind in exported else sorted((patient / KINDS[kind]).rglob("*.dcm"))[0]
    with quiet_pydicom():
        dataset = dcmread(path)
    own = {int(tag) for tag in dataset.keys() if tag.group == 0x3006}  # noqa: SIM118
    chosen = [plant for plant in plants() if plant.tag not in own]
    plant_all(dataset, chosen)
    has_pixels = "PixelData" in dataset
    content = written(dataset, trailing=b"PLANT" * 9 if has_pixels else b"\0" * 9)
    assert len(left_behind(content)) > 400

    out = processed(content, *options).content

    assert left_behind(out) == []
    if has_pixels:
        assert read(out).PixelData == dataset.PixelData


def identifiers_of(source: Path) -> set[bytes]:
    """Everything in real files that names the patient, the study, the images or a day."""
    found = set()
    for path in source.rglob("*.dcm"):
        with quiet_pydicom():
            for element in dcmread(path, stop_before_pixels=True).iterall():
                text = str(element.value)
                names = element.keyword in (
                    "PatientName",
                    "PatientID",
                    "AccessionNumber",
                    "StudyID",
                )
                is_uid = element.VR == "UI" and not text.startswith("1.2.840.10008.")
                if len(text) > 4 and (is_uid or element.VR == "DA" or names):
                    found.add(text.encode())
    return found


def test_nothing_of_real_patients_is_in_any_byte_or_name_of_the_output(
    patient: Path, tmp_path: Path
) -> None:
    run(patient, tmp_path / "out")
    identifiers = identifiers_of(patient)
    assert len(identifiers) > 100
    pattern = re.compile(b"|".join(re.escape(one) for one in sorted(identifiers, key=len)[::-1]))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) > 100
    for path in files:
        assert pattern.search(path.read_bytes()) is None
        assert pattern.search(str(path.relative_to(tmp_path)).encode()) is None


@pytest.mark.parametrize("name", ["CT", "MR_T1", "PET"])
def test_voxels_geometry_and_masks_stay_and_links_hold(
    name: str, patient: Path, tmp_path: Path
) -> None:
    run(patient / name, tmp_path / "out")
    before = load_scan(patient / name / "image")
    (series,) = list_series(tmp_path / "out")
    after = load_scan(tmp_path / "out", series_uid=series.uid)
    np.testing.assert_array_equal(after.scan.voxels, before.scan.voxels)
    after.scan.geometry.require_match(before.scan.geometry, this="after", that="before")
    assert after.series_uid == SECRET.uid(before.series_uid)

    (structures,) = (
        path
        for path in (tmp_path / "out").rglob("*.dcm")
        if dcmread(path, stop_before_pixels=True).Modality == "RTSTRUCT"
    )
    drawn = load_mask(patient / name / "mask" / "RS.dcm", image=before)
    found = load_mask(structures, image=after)
    np.testing.assert_array_equal(found.mask.voxels, drawn.mask.voxels)


def test_segmentation_and_report_refer_to_the_new_images(
    patient: Path, exported: dict[str, Path], tmp_path: Path
) -> None:
    together = tmp_path / "in"
    shutil.copytree(patient / "MR_T1" / "image", together / "image")
    for path in exported.values():
        shutil.copy(path, together)
    run(together, tmp_path / "out", "clean-structured-content")
    objects = {
        dcmread(path, stop_before_pixels=True).Modality: path
        for path in sorted((tmp_path / "out").rglob("*.dcm"))
    }
    images = load_scan(objects["MR"].parent)
    before = load_scan(patient / "MR_T1" / "image")
    drawn = load_mask(exported["seg"], image=before)
    for modality in ("SEG", "RTSTRUCT"):
        found = load_mask(objects[modality], image=images)
        np.testing.assert_array_equal(found.mask.voxels, drawn.mask.voxels)
    assert load_mask(objects["SEG"], image=images).image_uids <= set(images.sop_instance_uids)
    report, original = read_report(objects["SR"]), read_report(exported["sr"])
    assert report.report.size == original.report.size
    assert report.segmentation_uid == SECRET.uid(original.segmentation_uid)
    assert report.segmentation_uid == dcmread(objects["SEG"]).SOPInstanceUID
    assert report.source_series_uid == images.series_uid
    assert dcmread(objects["SR"]).CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID == (
        dcmread(objects["MR"]).StudyInstanceUID
    )


@pytest.mark.slow
def test_the_same_key_gives_the_same_bytes_in_one_process_and_in_two(
    patient: Path, tmp_path: Path
) -> None:
    for name, jobs in (("a", 1), ("b", 2)):
        key = tmp_path / "key.json"
        confidentiality = chosen_confidentiality("basic", ["retain-modified-dates"])
        for _ in deidentify(
            patient, tmp_path / name, confidentiality=confidentiality, key=KeyChoice(key), jobs=jobs
        ).progress:
            pass
    a, b = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.dcm")}
        for n in "ab"
    )
    assert len(a) > 100
    assert a == b


@pytest.mark.slow
def test_another_key_gives_other_uids(patient: Path, tmp_path: Path) -> None:
    found = []
    for name in "ab":
        for _ in deidentify(
            patient / "PET",
            tmp_path / name,
            confidentiality=Confidentiality(),
            key=KeyChoice(tmp_path / f"{name}.json"),
        ).progress:
            pass
        uids = set()
        for path in (tmp_path / name).rglob("*.dcm"):
            for element in dcmread(path).iterall():
                if element.VR == "UI" and not str(element.value).startswith("1.2.840.10008."):
                    uids.add(str(element.value))
        found.append(uids)
    assert len(found[0]) > 20
    assert not found[0] & found[1]


def errors(path: Path) -> Counter[str]:
    """Errors that dicom3tools finds in a file, without the values they repeat."""
    ran = subprocess.run(["dciodvfy", str(path)], capture_output=True, check=False, timeout=60)
    lines = (ran.stdout + ran.stderr).decode(errors="replace").splitlines()
    return Counter(re.sub(r"<.*?>", "<>", line) for line in lines if line.startswith("Error"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("options", [(), ("retain-modified-dates", "clean-descriptors")])
def test_no_object_is_less_valid_than_it_was(
    options: tuple[str, ...],
    patient: Path,
    exported: dict[str, Path],
    tmp_path: Path,
) -> None:
    firsts = [sorted((patient / folder).rglob("*.dcm"))[0] for folder in KINDS.values()]
    for path in [*firsts, *exported.values()]:
        after = tmp_path / "after.dcm"
        after.write_bytes(processed(path.read_bytes(), *options).content or b"")
        assert errors(after) - errors(path) == Counter()
