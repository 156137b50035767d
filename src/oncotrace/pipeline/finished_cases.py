"""Cases that readers finished in the product: what a run of ``segment`` or ``workflow`` holds.

The mask is the label, the clicks are those that a reader gave. A mask that no reader has changed
teaches nothing that its model does not know, and is left out: of a run of ``segment`` those without
corrections, of a workflow those that were accepted as the automatic model made them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import ClickError, InputError, OncotraceError
from oncotrace.imaging.click_simulation import person_like_clicks
from oncotrace.imaging.resample import resample_array
from oncotrace.io.clicks_file import clicks_json, read_clicks
from oncotrace.io.cohort_table import read_cohort
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.pipeline.recorded_run import recorded_run
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.digests import file_digest, json_digest, source_digest
from oncotrace.pipeline.run.folder import read_json
from oncotrace.pipeline.run.replacement import is_half_replaced
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.pipeline.segmented_case import CLICKS_FILE, MASK_FILE
from oncotrace.pipeline.workflow_folder import JOURNEY as WORKFLOW
from oncotrace.pipeline.workflow_folder import open_workflow
from oncotrace.segment.planned_input import input_for


@dataclass(frozen=True)
class FinishedRun:
    """What a run holds for a training.

    Parameters
    ----------
    cohort
        Cases with finished masks.
    modality
        Sequence that was segmented, on whose grid the masks lie.
    clicks
        Clicks that readers gave, without corrections, by case id; some cases may have none.
    series_uid
        Which series was segmented, where the images hold several.
    """

    cohort: Cohort
    modality: Modality
    clicks: Mapping[str, Clicks]
    series_uid: str | None = None


@dataclass(frozen=True, eq=False)
class FinishedCase:
    """An image with its finished mask and the clicks that a reader gave, if there are any."""

    case: Case
    modality: Modality
    clicks: Clicks | None
    series_uid: str | None = None

    @property
    def case_id(self) -> str:
        """Name of the case and of the sequence."""
        return f"{self.case.case_id}/{self.modality}"

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        return self.case.patient_id

    def digest(self) -> str:
        """SHA-256 of image, mask and clicks."""
        given = {} if self.clicks is None else {"clicks": json_digest(clicks_json(self.clicks))}
        image = source_digest(file_of(self.case, self.case.images, self.modality, "image"))
        return json_digest(
            {"image": image, "mask": file_digest(self.case.masks[self.modality]), **given}
        )

    def sample(self, plan: Plan) -> Sample:
        """Make the case's sample: always the same, since its clicks are.

        Raises
        ------
        InputError
            Image or mask cannot be read, do not belong together, or the clicks do not fit them.
        """
        try:
            return self._sample(plan)
        except OncotraceError as error:
            raise error.for_case(self.case_id) from error

    def _sample(self, plan: Plan) -> Sample:
        image = file_of(self.case, self.case.images, self.modality, "image")
        scan = load_scan(image, self.modality, self.series_uid).scan
        mask = load_case_mask(self.case, self.modality).mask
        mask.geometry.require_match(scan.geometry, this="mask", that="image")
        mask.require_not_empty()
        clicks = self.clicks
        if clicks is None:  # edited without any: drawn once, so that the sample stays the same
            seed = int.from_bytes(hashlib.sha256(self.case_id.encode()).digest()[:4])
            clicks = person_like_clicks(mask, rng=np.random.default_rng(seed))
        seen = input_for(plan, scan, clicks)
        outline = resample_array(
            mask.voxels.astype(np.float32),
            mask.geometry,
            seen.working,
            interpolation="linear",
            outside=0.0,
        )
        return Sample(seen.channels, outline >= 0.5, seen.working.spacing_zyx_mm)


def finished_data(cases: Sequence[FinishedCase], plan: Plan) -> TrainingData:
    """Make the samples of the cases, all at once: they are few and small."""
    samples = [case.sample(plan) for case in cases]
    return TrainingData(tuple(case.case_id for case in cases), lambda index, _rng: samples[index])


def finished_run(folder: Path) -> FinishedRun:
    """Read the cases that readers finished.

    Raises
    ------
    InputError
        The folder is no run of ``segment`` or ``workflow``, holds no mask that a reader changed, a
        correction was interrupted, or an image is another than was segmented.
    """
    settings = read_json(folder / RUN_FILE).get("settings")
    journey = settings.get("journey") if isinstance(settings, dict) else None
    if isinstance(settings, dict) and journey == WORKFLOW:
        found = _of_workflow(folder, settings)
    elif journey == "segment":
        found = _of_segmentation(folder)
    else:
        raise InputError(
            f"{folder.name} is no run of `oncotrace segment` or `oncotrace workflow`.",
            hint="Give the folder of one, or a cohort table with masks.",
            code="not-a-run",
        )
    if not found.cohort.cases:
        raise InputError(
            f"no mask in {folder.name} was finished by a reader.",
            hint="Correct masks with `oncotrace refine`, or grade those of a workflow.",
            code="no-training-cases",
        )
    return found


def _of_segmentation(folder: Path) -> FinishedRun:
    """Read the cases of a run of ``segment`` in which a correction stands."""
    run = recorded_run(folder.resolve())
    task = run.task
    if not isinstance(task, SegmentTask):
        raise InputError("run.json names another journey.", code="damaged-run")
    cases, clicks = [], {}
    for case, place in run.cases():
        if is_half_replaced(place):
            raise InputError(
                "a correction of this case was interrupted.",
                hint="Call `oncotrace refine` on it again.",
                case_id=case.case_id,
                code="correction-interrupted",
            )
        given = read_clicks(place / CLICKS_FILE) if (place / CLICKS_FILE).is_file() else None
        if given is not None and given.standing_corrections():
            cases.append(_labelled(case, task.modality, place))
            clicks[case.case_id] = replace(given, corrections=())
    return FinishedRun(Cohort(tuple(cases)), task.modality, clicks, task.series_uid)


def _of_workflow(folder: Path, settings: Mapping[str, object]) -> FinishedRun:
    """Read the accepted cases of a workflow of which the automatic model is not the only maker."""
    run = open_workflow(folder)
    modality = modality_named(str(settings.get("modality")))
    cases, clicks = [], {}
    for case in read_cohort(Path(str(settings.get("cohort")))).cases:
        place = run.final_folder(case.case_id)
        if place.is_dir() and read_json(place / RESULT_FILE).get("step") != "automatic":
            cases.append(_labelled(case, modality, place))
            files = (place / CLICKS_FILE, run.clicks_file(case.case_id), case.clicks)
            given = next(_usable_clicks(file for file in files if file is not None), None)
            if given is not None:
                clicks[case.case_id] = replace(given, corrections=())
    return FinishedRun(Cohort(tuple(cases)), modality, clicks)


def _usable_clicks(files: Iterable[Path]) -> Iterator[Clicks]:
    """Clicks of the files that hold any: clicks that cannot be used send a case to editing."""
    for file in files:
        if file.is_file():
            try:
                yield read_clicks(file)
            except ClickError:
                continue


def _labelled(case: Case, modality: Modality, place: Path) -> Case:
    """Case with the mask in a folder, which must have been made on the image that it has now."""
    inputs = read_json(place / RESULT_FILE).get("inputs")
    recorded = inputs.get("image") if isinstance(inputs, dict) else None
    image = file_of(case, case.images, modality, "image")
    if recorded != source_digest(image):
        raise InputError(
            f"{image.name} is not the image that was segmented.",
            hint="Put the old one back.",
            case_id=case.case_id,
            code="inputs-changed",
        )
    return replace(case, masks={modality: place / MASK_FILE})
