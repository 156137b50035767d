"""From a real PACS to a cohort, and what was made of it back into the PACS."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from tests.integration.exported_patient import export_mask
from tests.integration.orthanc_server import (
    PASSWORD,
    USER,
    OrthancServer,
    has_dicomweb,
    is_installed,
    running_pacs,
)

from oncotrace.curate.inventory_table import read_inventory
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.pacs.access import PacsAccess
from oncotrace.io.pacs.credentials import PASSWORD as PASSWORD_VARIABLE
from oncotrace.io.pacs.credentials import USER as USER_VARIABLE
from oncotrace.io.pacs.patience import Patience
from oncotrace.io.pacs.query import Filters
from oncotrace.io.rtstruct import read_region
from oncotrace.io.structured_report_read import read_report
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.pacs import retrieve_from_pacs, send_to_pacs

pytestmark = [pytest.mark.pacs, pytest.mark.slow]

PATIENCE = Patience(timeout_s=20, attempts=2, first_wait_s=0.1)
FILES = {"ct": "ct", "mr-t1": "mr_t1", "pet": "pet"}


@pytest.fixture(scope="module")
def orthanc(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    """A PACS that holds two patients with their outlines; one came by C-STORE, one by STOW-RS."""
    pytest.importorskip("pynetdicom", reason="pynetdicom is not installed (oncotrace[pacs])")
    if not (is_installed() and has_dicomweb()):
        pytest.skip("Orthanc is not installed (Debian: orthanc orthanc-dicomweb)")
    with (
        pytest.MonkeyPatch.context() as environment,
        running_pacs(tmp_path_factory.mktemp("pacs")) as server,
    ):
        environment.setenv(USER_VARIABLE, USER)
        environment.setenv(PASSWORD_VARIABLE, PASSWORD)
        for patient, address in (
            ("STS_003", server.dicom_address()),
            ("STS_025", server.web_address),
        ):
            sending = send_to_pacs(
                PacsAccess(address, patience=PATIENCE), [shared_data / "sts_dicom" / patient]
            )
            assert all(outcome.is_stored for outcome in sending.outcomes)
        yield server


def address_of(server: OrthancServer, way: str) -> str:
    """Address by which a way of retrieval is chosen."""
    if way == "wado":
        return server.web_address
    options = {"retrieve": "move", "listen": server.store_port} if way == "move" else {}
    return server.dicom_address(**options)


@pytest.mark.parametrize("way", ["wado", "get", "move"])
def test_a_pacs_becomes_a_cohort_and_takes_back_what_was_made(
    cli, way, orthanc, shared_data, tmp_path
) -> None:
    out, address = tmp_path / "cohort", address_of(orthanc, way)
    made = cli("prepare", address, "--patient", "STS_003", "--out", out)
    assert made.exit_code == 0, made.stderr
    (case,) = read_cohort(out / "cohort.csv").cases
    for modality, name in FILES.items():
        reference = read_mask(shared_data / "sts" / "STS_003" / f"{name}_mask.nii.gz")
        np.testing.assert_array_equal(read_mask(case.masks[modality]).voxels, reference.voxels)

    drawn = read_mask(case.masks["ct"])
    result = json.loads((out / "cases" / case.case_id / "result.json").read_text())
    (images,) = (out / "source" / "dicom").glob(f"*/{result['images']['ct']['series_uid']}")
    exported = export_mask(drawn, images, tmp_path / "made")
    access = PacsAccess(address, patience=PATIENCE)
    sending = send_to_pacs(access, list(exported.files.values()))
    assert all(outcome.is_stored for outcome in sending.outcomes)

    source = exported.source
    of_images = {
        "frame_of_reference_uid": source.frame_of_reference_uid,
        "sop_instance_uids": source.sop_instance_uids,
    }
    back = {}
    for kind, modality in {"seg": "SEG", "rtstruct": "RTSTRUCT", "sr": "SR"}.items():
        filters = Filters(study_uid=source.study_uid, modality=modality)
        list(retrieve_from_pacs(access, filters, tmp_path / kind).outcomes)
        wanted = pydicom.dcmread(exported.files[kind]).SOPInstanceUID
        (back[kind],) = (path for path in (tmp_path / kind).rglob("*.dcm") if path.stem == wanted)
    segment = read_segment(back["seg"], source.geometry, **of_images)
    region = read_region(back["rtstruct"], source.geometry, **of_images)
    np.testing.assert_array_equal(segment.mask.voxels, drawn.voxels)
    np.testing.assert_array_equal(region.mask.voxels, drawn.voxels)
    assert read_report(back["sr"]) == read_report(exported.files["sr"])


def test_a_patient_whom_the_pacs_does_not_have_is_one_error(cli, orthanc, tmp_path) -> None:
    out = tmp_path / "cohort"
    made = cli("prepare", orthanc.web_address, "--patient", "NOBODY", "--out", out)
    assert made.exit_code == 2
    assert "(pacs-not-found)" in made.stderr


@pytest.mark.parametrize("way", ["wado", "get"])
def test_a_pacs_is_listed_like_a_folder(cli, way, orthanc, shared_data, tmp_path) -> None:
    table = tmp_path / "inventory.csv"
    arguments = ("inventory", address_of(orthanc, way), "--patient", "STS_025", "--out", table)
    made = cli(*arguments)
    assert made.exit_code == 0, made.stderr
    folder = tmp_path / "folder.csv"
    assert cli("inventory", shared_data / "sts_dicom" / "STS_025", "--out", folder).exit_code == 0
    ours, theirs = (
        {replace(row, folder="", folders=0) for row in read_inventory(path)}
        for path in (table, folder)
    )
    assert ours == theirs
    assert cli(*arguments).exit_code == 2
    again = cli(*arguments, "--update")
    assert again.exit_code == 0
    assert "(0 read now)" in again.stdout
