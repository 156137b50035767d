"""Reading an image with PET in SUV, as everything behind the reader expects it."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from oncotrace.domain.scan import Modality
from oncotrace.errors import SettingsError
from oncotrace.io.dicom_series import is_dicom_source, list_series
from oncotrace.io.dicom_suv import SuvRecord, read_suv_series
from oncotrace.io.volume_file import is_volume_file
from oncotrace.pipeline.inputs import LoadedScan, load_scan

PetUnits = Literal["suv", "stored"]


def load_scan_in_suv(
    source: Path,
    modality: Modality | None = None,
    series_uid: str | None = None,
    *,
    pet_units: PetUnits = "suv",
) -> tuple[LoadedScan, SuvRecord | None]:
    """Scan of any source, and how it became SUV if it is PET from DICOM.

    Parameters
    ----------
    pet_units
        ``stored`` leaves the values of PET as the file has them (usually Bq/ml).

    Raises
    ------
    DicomError
        SUV cannot be computed; the message names the element.
    InputError, SettingsError
        See `oncotrace.pipeline.inputs.load_scan`.
    """
    if pet_units == "stored" or not _is_pet_series(source, series_uid):
        return load_scan(source, modality, series_uid), None
    if modality not in (None, "pet"):
        return load_scan(source, modality, series_uid), None  # which says what contradicts what
    suv = read_suv_series(source, series_uid=series_uid)
    series = suv.series
    loaded = LoadedScan(
        series.scan,
        series.notes,
        series.series_uid,
        series.frame_of_reference_uid,
        series.sop_instance_uids,
    )
    return loaded, suv.record


def pet_units_named(name: str) -> PetUnits:
    """Return the choice of that name.

    Raises
    ------
    SettingsError
        There is none.
    """
    if name == "suv":
        return "suv"
    if name == "stored":
        return "stored"
    raise SettingsError(f"--pet-units is suv or stored, not {name!r}.")


def suv_json(record: SuvRecord | None) -> dict[str, object] | None:
    """Record of a conversion to SUV as plain JSON values."""
    return None if record is None else asdict(record)


def _is_pet_series(source: Path, series_uid: str | None) -> bool:
    if not source.exists() or is_volume_file(source) or not is_dicom_source(source):
        return False
    found = {s.modality for s in list_series(source) if series_uid in (None, s.uid)}
    return found == {"PT"}
