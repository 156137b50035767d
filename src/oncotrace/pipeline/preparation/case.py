"""One case of a preparation: its series become volumes and masks, checked voxel by voxel."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oncotrace.atomic import write_bytes
from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.flag import Flag
from oncotrace.curate.voxel_checks import coarse_body, flip_of_bodies, image_flags, mask_flags
from oncotrace.domain.case import Case
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import EmptyMaskError, InputError, OncotraceError
from oncotrace.io.series_files import gathered
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.check_voxels import drawn_in
from oncotrace.pipeline.convert import file_name_of, metabolic_json
from oncotrace.pipeline.inputs import LoadedScan, geometry_json, load_mask, load_scan
from oncotrace.pipeline.preparation.plan import CasePlan, PlannedImage, read_plan
from oncotrace.pipeline.preparation.privacy import (
    Privacy,
    Telling,
    told_names,
    told_uid,
    told_values,
    write_deidentified,
)
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.report.montage import thumbnail

DICOM = "dicom"

PARAMETERS = (
    "manufacturer", "model", "software", "body_part", "plane", "columns", "rows", "slices",
    "spacing_x_mm", "spacing_y_mm", "slice_thickness_mm", "slice_distance_mm", "gantry_tilt_deg",
    "patient_position", "lossy_compression", "contrast_agent", "kernel", "tube_voltage_kv",
    "largest_tube_current_ma", "largest_exposure_mas", "field_strength_t", "repetition_time_ms",
    "echo_time_ms", "inversion_time_ms", "flip_angle_deg", "echo_train_length",
    "scanning_sequence", "sequence_variant", "scan_options", "mr_acquisition_type",
    "fat_suppression", "b_values_s_per_mm2", "tracer", "radionuclide", "injected_dose_bq",
    "half_life_s", "decay_correction", "attenuation_correction", "reconstruction",
    "patient_weight_kg",
)  # fmt: skip
"""Columns of the inventory that tell how an image was made, and not whose it is."""


@dataclass(frozen=True)
class PrepareTask:
    """Converting and checking the images of every case.

    Parameters
    ----------
    root
        Folder or archive that the series lie in.
    must_pass
        Checks that fail a case.
    described
        Settings of the whole preparation as plain JSON values.
    """

    root: Path
    rules: CheckRules
    must_pass: tuple[str, ...]
    privacy: Privacy | None
    described: Mapping[str, object] = field(repr=False)
    journey: ClassVar[str] = "prepare"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return dict(self.described)

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's files, by role."""
        digests: dict[str, str] = {}
        for image in self._plan(case).images:
            for role, files in (("image", image.files), ("outlines", image.outlines)):
                if files:
                    with gathered(self.root, files) as folder:
                        digests[f"{role}_{image.role}"] = source_digest(folder)
        return digests

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Convert the case's images into ``folder``."""
        plan = self._plan(case)
        names = told_names(_structures(plan), self.privacy)
        told = Telling(names, is_private=self.privacy is not None)
        with told.errors():
            if self.privacy is not None:
                with clock.stage("deidentify"), self._all_files(plan) as source:
                    write_deidentified(source, folder / DICOM, self.privacy)
            prepared = _PreparedCase(self, folder, clock, told)
            for image in plan.images:
                prepared.add(image)
        return {
            "patient_id": plan.patient_id,
            "time_point": plan.time_point,
            "centre": plan.centre,
            "files": prepared.files,
            "images": prepared.images,
            "warnings": list(dict.fromkeys(map(told.text, prepared.warnings))),
        }

    def _plan(self, case: Case) -> CasePlan:
        return read_plan(next(iter(case.images.values())))

    @contextmanager
    def _all_files(self, plan: CasePlan) -> Iterator[Path]:
        files = {file: None for image in plan.images for file in (*image.files, *image.outlines)}
        with gathered(self.root, list(files)) as source:
            yield source


def _structures(plan: CasePlan) -> list[str]:
    """Names of all structures of a case, each once."""
    return list(dict.fromkeys(name for image in plan.images for name in image.structures))


@dataclass(frozen=True, eq=False)
class _Outlined:
    """A structure, and the points (n, 3) of its contours if it was drawn by contours."""

    name: str
    mask: Mask
    drawn_mm: NDArray[np.float64] | None


@dataclass
class _PreparedCase:
    """What has been made of a case so far."""

    task: PrepareTask
    folder: Path
    clock: StageClock
    told: Telling
    files: dict[str, str] = field(default_factory=dict)
    images: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    bodies: dict[str, Mask] = field(default_factory=dict)

    def add(self, planned: PlannedImage) -> None:
        """Convert one image with its masks, check them, and write what they are.

        Raises
        ------
        InputError
            The image or its tumour's outline cannot be read, or fails a check that it must pass.
        """
        task, role = self.task, planned.role
        with self.clock.stage("read"), gathered(task.root, planned.files) as source:
            loaded = load_scan(source, role, planned.series.series_uid)
        self.warnings += [f"{role}: {note}" for note in loaded.notes]
        outlined, others = self._structures(planned, loaded)
        tumour = None if outlined is None else outlined.mask
        with self.clock.stage("check"):
            flags = [*planned.flags, *self._voxel_flags(planned, loaded, outlined)]
            self._require(role, flags)
        with self.clock.stage("write"):
            self._write(role, loaded.scan, tumour)
        self.images[role] = {
            **self._record(planned, loaded, tumour),
            "structures": others,
            "flags": [asdict(replace(flag, value=self.told.text(flag.value))) for flag in flags],
        }

    def _structures(
        self, planned: PlannedImage, image: LoadedScan
    ) -> tuple[_Outlined | None, list[dict[str, object]]]:
        """Find the tumour, and what the other structures are, each written at once."""
        tumour, others = None, []
        for outlined in self._masks(planned, image):
            if outlined.name == planned.structure:
                tumour = outlined
            else:
                others.append(self._write_other(planned.role, outlined))
        if planned.structure and tumour is None:
            raise EmptyMaskError(
                f"{planned.role}: the structure '{planned.structure}' is not in the file.",
                hint="Name another one in the query (structures).",
            )
        if planned.outlines and not planned.structure:
            listed = ", ".join(planned.structures) or "none"
            self.warnings.append(
                f"{planned.role}: which structure is the tumour is not clear ({listed}); say it in "
                "the query (structures)."
            )
        return tumour, others

    def _write_other(self, role: Modality, outlined: _Outlined) -> dict[str, object]:
        name = self.told.name(outlined.name)
        with self.clock.stage("write"):
            file = self._free_file(f"mask_{role}_{file_name_of(name)}")
            write_mask(outlined.mask, self.folder / file)
        return {"name": name, "file": file, "volume_ml": volume_ml(outlined.mask)}

    def _masks(self, planned: PlannedImage, image: LoadedScan) -> Iterator[_Outlined]:
        """Structures of an image one by one; those that are not the tumour need not be there."""
        with gathered(self.task.root, planned.outlines) as folder:
            for drawn in (one for file in sorted(folder.iterdir()) for one in drawn_in(file)):
                about = f"{planned.role}, {drawn.name}"
                try:
                    with self.clock.stage("read"):
                        loaded = load_mask(drawn.file, image=image, region=drawn.region)
                except OncotraceError as error:
                    if drawn.name == planned.structure:
                        raise
                    self.warnings.append(f"{about}: no mask ({error.code}).")
                    continue
                self.warnings += [f"{about}: {note}" for note in loaded.notes]
                yield _Outlined(drawn.name, loaded.mask, drawn.points_mm())

    def _voxel_flags(
        self, planned: PlannedImage, loaded: LoadedScan, tumour: _Outlined | None
    ) -> Iterator[Flag]:
        """Yield what the voxels say, as far as the rules ask for it."""
        limits, scan = self.task.rules.limits, loaded.scan
        flags = list(image_flags(scan, limits))
        frame = loaded.frame_of_reference_uid or planned.series.series_uid
        if (body := coarse_body(scan)) is not None:
            first = self.bodies.setdefault(frame, body)
            flip = None if first is body else flip_of_bodies(body, first, limits)
            flags += [] if flip is None else [flip]
        if tumour is not None:
            flags += mask_flags(tumour.mask, scan, limits, drawn_mm=tumour.drawn_mm)
        yield from (flag for flag in flags if flag.check not in self.task.rules.skip)

    def _require(self, role: Modality, flags: Sequence[Flag]) -> None:
        for flag in flags:
            if flag.check in self.task.must_pass and flag.passed is False:
                raise InputError(
                    f"{role} fails {flag.check}: found {flag.value}, asked for {flag.rule}.",
                    hint="Take the check out of must_pass in the query, or leave the case out.",
                    code="failed-check",
                )

    def _write(self, role: Modality, scan: Scan, tumour: Mask | None) -> None:
        self.files[f"image_{role}"] = f"image_{role}.nii.gz"
        write_scan(scan, self.folder / f"image_{role}.nii.gz")
        if tumour is not None:
            self.files[f"mask_{role}"] = f"mask_{role}.nii.gz"
            write_mask(tumour, self.folder / f"mask_{role}.nii.gz")
        write_bytes(self.folder / _picture(role), thumbnail(scan, tumour))

    def _record(
        self, planned: PlannedImage, loaded: LoadedScan, tumour: Mask | None
    ) -> dict[str, object]:
        """Return what an image is, as plain JSON values."""
        privacy, series, scan = self.task.privacy, planned.series, loaded.scan
        parameters = {name: getattr(series, name) for name in PARAMETERS}
        known = {k: v for k, v in parameters.items() if v not in ("", None, ())}
        is_pet = scan.modality == "pet"
        return {
            "series_uid": told_uid(series.series_uid, privacy),
            "file": f"image_{planned.role}.nii.gz",
            "picture": _picture(planned.role),
            "mask": None if tumour is None else f"mask_{planned.role}.nii.gz",
            "structure": None if tumour is None else self.told.name(planned.structure),
            "volume_ml": None if tumour is None else volume_ml(tumour),
            "uptake": None if tumour is None or not is_pet else metabolic_json(scan, tumour),
            "geometry": geometry_json(scan.geometry),
            "voxels_sha256": hashlib.sha256(scan.voxels.tobytes()).hexdigest(),
            "pet_units": "suv" if is_pet else None,
            "suv": None if loaded.suv is None else told_values(asdict(loaded.suv), privacy),
            "sequence": series.sequence,
            "sequence_confidence": series.sequence_confidence,
            "why": self.told.text(planned.why),
            "parameters": told_values(known, privacy),
        }

    def _free_file(self, stem: str) -> str:
        names = (stem, *(f"{stem}-{number}" for number in range(2, 10_000)))
        return next(f"{n}.nii.gz" for n in names if not (self.folder / f"{n}.nii.gz").exists())


def _picture(role: Modality) -> str:
    return f"picture_{role}.jpg"
