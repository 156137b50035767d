"""The measuring journey: masks in, volume and diameters out."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from oncotrace.domain.case import Case
from oncotrace.domain.measurement import Diameter, TumourSize
from oncotrace.domain.scan import Modality
from oncotrace.io.cohort_table import read_cohort
from oncotrace.measure.equivalent_sphere import sphere_diameter_mm
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.cohort import chosen_sequence, file_of
from oncotrace.pipeline.inputs import LoadedMask, load_mask, load_scan, mask_kind
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import source_digest

_NOTABLE_TILT_DEG = 10.0


def measure_mask(
    source: Path, *, image: Path | None = None, region: str | None = None
) -> dict[str, object]:
    """Measurements of one mask as plain JSON values.

    Parameters
    ----------
    source
        A volume file, a DICOM SEG, an RTSTRUCT, or a segmentation of 3D Slicer.
    image
        The image that a SEG or an RTSTRUCT was drawn on; for another mask, an image whose grid it
        must have.
    region
        Which segment or region, if the file holds several; see `oncotrace.pipeline.inputs`.

    Raises
    ------
    InputError
        The mask cannot be read or is empty.
    """
    loaded = load_mask(
        source, image=load_scan(image, pet_units="stored") if image else None, region=region
    )
    size = tumour_size(loaded.mask)
    return {
        "format": 1,
        **size_json(size),
        "warnings": [*loaded.notes, *size_warnings(size)],
    }


def size_json(size: TumourSize) -> dict[str, object]:
    """Measurements under their names in ``result.json``."""
    return {
        "volume_ml": size.volume_ml,
        "longest_axial_diameter_mm": size.longest_axial.length_mm,
        "perpendicular_diameter_mm": size.perpendicular.length_mm,
        "longest_3d_diameter_mm": size.longest_3d.length_mm,
        "who_product_mm2": size.longest_axial.length_mm * size.perpendicular.length_mm,
        "sphere_diameter_mm": sphere_diameter_mm(size.volume_ml),
        "axial_slice": size.axial_slice,
        "axial_axis": "xyz"[size.axial_axis],
        "axial_tilt_deg": size.axial_tilt_deg,
        "longest_axial_diameter_points_mm": _end_points(size.longest_axial),
        "perpendicular_diameter_points_mm": _end_points(size.perpendicular),
        "longest_3d_diameter_points_mm": _end_points(size.longest_3d),
    }


def size_warnings(size: TumourSize) -> tuple[str, ...]:
    """Say what a reader should know before comparing the measurements with others."""
    if size.axial_tilt_deg <= _NOTABLE_TILT_DEG:
        return ()
    return (
        f"the slices are tilted {size.axial_tilt_deg:.0f} degrees from the patient's axial plane; "
        "the axial diameters lie in the tilted slice.",
    )


def _end_points(diameter: Diameter) -> list[list[float]]:
    return [list(diameter.start_mm), list(diameter.end_mm)]


@dataclass(frozen=True)
class MeasureTask:
    """Measuring one mask of every case."""

    modality: Modality
    journey: ClassVar[str] = "measure"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {"modality": self.modality}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role."""
        files = {"mask": file_of(case, case.masks, self.modality, "mask")}
        if (image := _image_under(case, self.modality)) is not None:
            files["image"] = image
        return {role: source_digest(file) for role, file in files.items()}

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:  # noqa: ARG002
        """Measure the case's mask; nothing but the result is written."""
        with clock.stage("read"):
            loaded = load_case_mask(case, self.modality)
        with clock.stage("measure"):
            size = tumour_size(loaded.mask)
        warnings = [*loaded.notes, *size_warnings(size)]
        return {"modality": self.modality, **size_json(size), "warnings": warnings}


def load_case_mask(case: Case, modality: Modality) -> LoadedMask:
    """Mask of a case; all but a plain volume is laid on the case's image of the same modality.

    A segmentation of 3D Slicer without an image keeps the grid that it was stored on.

    Raises
    ------
    InputError
        A file is missing or cannot be read.
    """
    mask = file_of(case, case.masks, modality, "mask")
    image = _image_under(case, modality)
    if image is None:
        return load_mask(mask)
    return load_mask(mask, image=load_scan(image, modality, pet_units="stored"))


def _image_under(case: Case, modality: Modality) -> Path | None:
    """Image that the mask of a case is laid on; none for a plain volume, which has its grid."""
    kind = mask_kind(file_of(case, case.masks, modality, "mask"))
    if kind == "volume":
        return None
    if kind == "slicer":
        return case.images.get(modality)
    return file_of(case, case.images, modality, "image")


def measure_cohort(
    table: Path, out: Path, *, modality: Modality | None, resume: bool, jobs: int
) -> CohortRun:
    """Measure the masks of a cohort into a run folder; cases are done as outcomes are taken.

    Raises
    ------
    InputError
        The table cannot be used.
    SettingsError, OutputError
        See `oncotrace.pipeline.run.cohort_run.run_cohort`.
    """
    cohort = read_cohort(table)
    task = MeasureTask(chosen_sequence(cohort, modality, of="mask"))
    return run_cohort(task, table, cohort, out, seed=0, resume=resume, jobs=jobs)
