"""The cases of a training: read once, cropped around the tumour, clicked afresh at every step."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import ClickError, InputError, OncotraceError
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.imaging.crop import box_around, crop_scan
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.fingerprint import CaseSummary, Fingerprint, fingerprint
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.segment.planned_input import input_for, is_published
from oncotrace.segment.voi import clicks_on_grid

EXACT_SHARE = 0.3
"""So many of the clicks in training are exact, the others person-like; all are if published."""

_TRIAL_DRAWS = 20
_MARGIN_FRACTION = 0.25
_MARGIN_MM = 15.0  # more than any volume of interest around clicks inside the tumour takes


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """One image of a patient with its outline, cropped around it."""

    case_id: str
    patient_id: str
    scan: Scan
    mask: Mask

    def digest(self) -> str:
        """SHA-256 of image and outline and where they lie."""
        found = hashlib.sha256(repr(self.scan.geometry).encode())
        found.update(np.ascontiguousarray(self.scan.voxels).tobytes())
        found.update(np.packbits(self.mask.voxels).tobytes())
        return found.hexdigest()


def training_cases(cohort: Cohort, modalities: tuple[Modality, ...]) -> Iterator[TrainingCase]:
    """Read every case that has an image and a mask of the modalities.

    Raises
    ------
    InputError
        An image or mask cannot be read, they lie on different grids, or the tumour is empty or too
        small for clicks.
    """
    for case in cohort.cases:
        for modality in modalities:
            if modality in case.images and modality in case.masks:
                yield _read(case, modality)


def case_summary(case: TrainingCase) -> CaseSummary:
    """Return what planning needs to know of a case."""
    geometry = case.scan.geometry
    return CaseSummary(
        case.case_id, geometry.spacing_mm, geometry.size_xyz, case.scan.voxels[case.mask.voxels]
    )


def fingerprint_for(recipe: Recipe, cases: Sequence[TrainingCase]) -> Fingerprint:
    """Return what the cases have in common, as a recipe's planning wants to know it.

    On a fixed grid the region that the network looks at is the crop around the tumour. On other
    grids it is the outline's box without any margin, from which the published program plans.

    Raises
    ------
    EmptyMaskError
        A case has no lesion.
    InputError
        There is no case.
    """
    summaries = map(case_summary, cases)
    if recipe.grid.mode == "fixed":
        return fingerprint(summaries)
    return fingerprint(
        replace(summary, size_xyz=_outline_size_xyz(case.mask))
        for case, summary in zip(cases, summaries, strict=True)
    )


def training_data(cases: list[TrainingCase], plan: Plan) -> TrainingData:
    """Make samples of the cases for a plan, each with clicks of its own, drawn anew every time.

    Where the plan is a published one, all clicks are exact. (The published program draws them once
    and keeps them; drawn anew they tell the network no less.)
    """
    draw = exact_clicks if is_published(plan) else _clicks

    def sample(index: int, rng: np.random.Generator) -> Sample:
        case = cases[index]
        seen = input_for(plan, case.scan, draw(case.mask, rng=rng))
        outline = resample_array(
            case.mask.voxels.astype(np.float32),
            case.mask.geometry,
            seen.working,
            interpolation="linear",
            outside=0.0,
        )
        return Sample(seen.channels, outline >= 0.5, seen.working.spacing_zyx_mm)

    return TrainingData(tuple(case.case_id for case in cases), sample)


def _clicks(mask: Mask, *, rng: np.random.Generator) -> Clicks:
    rule = exact_clicks if rng.random() < EXACT_SHARE else person_like_clicks
    return rule(mask, rng=rng)


def _outline_size_xyz(mask: Mask) -> tuple[int, int, int]:
    z, y, x = (side.stop - side.start for side in mask.box_zyx())
    return x, y, z


def _read(case: Case, modality: Modality) -> TrainingCase:
    try:
        loaded = load_scan(file_of(case, case.images, modality, "image"), modality)
        mask = load_case_mask(case, modality).mask
        mask.geometry.require_match(loaded.scan.geometry, this="mask", that="image")
        mask.require_not_empty()
        scan, mask = _cropped(loaded.scan, mask)
        _require_room_for_clicks(mask)
    except OncotraceError as error:
        raise error.for_case(case.case_id) from error
    return TrainingCase(f"{case.case_id}/{modality}", case.patient_id, scan, mask)


def _require_room_for_clicks(mask: Mask) -> None:
    """Refuse a tumour whose clicks may fall together now, rather than hours into a training."""
    try:
        for seed in range(_TRIAL_DRAWS):
            for rule in (exact_clicks, person_like_clicks):
                clicks = rule(mask, rng=np.random.default_rng(seed))
                clicks_on_grid(clicks, mask.geometry)
    except ClickError as error:
        raise InputError(
            f"the tumour of {np.count_nonzero(mask.voxels)} voxels is too small to draw six "
            "different clicks from it.",
            hint="Leave the case out of the training.",
            code="too-small",
        ) from error


def _cropped(scan: Scan, mask: Mask) -> tuple[Scan, Mask]:
    """Scan and mask around the tumour, as far as any clicks in it can reach."""
    geometry = scan.geometry
    z, y, x = mask.box_zyx()
    ends = np.array([[x.start, y.start, z.start], [x.stop - 1, y.stop - 1, z.stop - 1]], float)
    extent_mm = (ends[1] - ends[0] + 1) * geometry.spacing_mm
    margin_mm = np.maximum(_MARGIN_FRACTION * extent_mm, _MARGIN_MM)
    margin = np.maximum(margin_mm / geometry.spacing_mm, 3.0)
    box = box_around(ends, margin, geometry)
    part = crop_scan(scan, box)
    kept = Scan(part.voxels.copy(), part.geometry, part.modality)  # lets go of the whole image
    return kept, Mask(mask.voxels[box.slices_zyx].copy(), part.geometry)
