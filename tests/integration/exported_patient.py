"""A real patient's tumour, exported as its owner would: SEG, RTSTRUCT and report of one series."""

import json
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.volume_file import write_mask
from oncotrace.pipeline.export import export_case
from oncotrace.pipeline.export_formats import DICOM_FORMATS, FILE_OF_FORMAT

REAL_SERIES = tuple(f"{p}/{s}" for p in ("STS_003", "STS_025") for s in ("CT", "MR_T1", "PET"))
KINDS = {"seg": "Segmentation", "rtstruct": "RTStructureSet", "sr": "Comprehensive3DSR"}
"""Formats, and what dicom3tools calls their objects."""


@dataclass(frozen=True, eq=False)
class ExportedPatient:
    """What was drawn on a series, and the files that it went out as.

    Parameters
    ----------
    files
        The DICOM objects by format: ``seg``, ``rtstruct``, ``sr``.
    notes
        What the export said of the source.
    """

    images: Path
    source: SourceSeries
    drawn: Mask
    files: dict[str, Path]
    notes: tuple[str, ...]


def export_patient(
    images: Path, structures: Path, folder: Path, *, region: str | None = None
) -> ExportedPatient:
    """Export what a person drew on the series in ``images``, as if oncotrace had segmented it."""
    source = read_source(images)
    return _export(
        read_region(structures, source.geometry, name=region).mask, source, images, folder
    )


def export_mask(drawn: Mask, images: Path, folder: Path) -> ExportedPatient:
    """Export any mask on the series in ``images``, likewise."""
    return _export(drawn, read_source(images), images, folder)


def _export(drawn: Mask, source: SourceSeries, images: Path, folder: Path) -> ExportedPatient:
    """Export by way of the folder of a case, as the command does."""
    case, out = folder / "case", folder / "files"
    case.mkdir(parents=True)
    write_mask(drawn, case / "mask.nii.gz")
    result = {
        "format": 1,
        "case_id": "lesion-1",
        "model": "six-click",
        "input_digest": "0" * 64,
        "series_uid": source.series_uid,
        "predicted_dice": 0.91,
        "predicted_dice_interval": [0.85, 0.94],
        "slices_to_check": [3],
        "ends_to_check": ["left"],
    }
    (case / "result.json").write_text(json.dumps(result))
    exported = export_case(case, out, formats=DICOM_FORMATS, source=images)
    files = {name: out / FILE_OF_FORMAT[name] for name in DICOM_FORMATS}
    return ExportedPatient(images, source, drawn, files, exported.notes)
