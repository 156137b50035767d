"""The importing of reports: what a structured report of ours says, as plain JSON."""

from pathlib import Path

import oncotrace
from oncotrace.io.dicom_kind import dicom_object
from oncotrace.io.structured_report_read import StoredReport, read_report
from oncotrace.io.volume_file import is_volume_file
from oncotrace.pipeline.measure import size_json, size_warnings
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.pipeline.run.folder import require_new, whole_folder, write_json

REPORT_FILE = "report.json"


def is_report(path: Path) -> bool:
    """Whether the file is a DICOM structured report, of whatever program.

    Raises
    ------
    InputError
        There is no such file, or it begins as DICOM and then cannot be read on.
    """
    if path.is_dir() or is_volume_file(path):
        return False
    found = dicom_object(path)
    return found is not None and found.kind == "report"


def import_report(path: Path, out: Path) -> dict[str, object]:
    """Write what a report says as ``report.json`` into a new folder, and return it.

    Raises
    ------
    InputError
        The file cannot be read, or is no report that oncotrace wrote.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    require_new(out)
    content = _content(read_report(path), file_digest(path))
    with whole_folder(out) as folder:
        write_json(folder / REPORT_FILE, content)
    return content


def _content(stored: StoredReport, digest: str) -> dict[str, object]:
    """Return the content of ``report.json``; what ``result.json`` has too is called as there."""
    report = stored.report
    quality = report.quality
    return {
        "format": 1,
        "tracking_id": report.tracking_id,
        "tracking_uid": report.tracking_uid,
        "model": report.maker,
        **size_json(report.size),
        "predicted_dice": quality.predicted_dice if quality else None,
        "predicted_dice_interval": list(quality.predicted_dice_interval) if quality else None,
        "slices_to_check": list(quality.slices_to_check) if quality else None,
        "ends_to_check": list(quality.ends_to_check) if quality else None,
        "grade": report.grade,
        "warnings": list(size_warnings(report.size)),
        "series_uid": stored.source_series_uid,
        "frame_of_reference_uid": stored.frame_of_reference_uid,
        "segmentation_uid": stored.segmentation_uid,
        "segment_number": stored.segment_number,
        "measured_by_version": stored.version,
        "version": oncotrace.__version__,
        "inputs": {"report": digest},
    }
