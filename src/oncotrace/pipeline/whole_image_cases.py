"""The cases of a training on whole images: every one is resampled once, and kept."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan, require_finite
from oncotrace.errors import OncotraceError
from oncotrace.learning.fingerprint import CaseSummary
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.segment.whole_image_input import (
    WholeImages,
    training_grid,
    training_sample,
    whole_images,
)


@dataclass(frozen=True, eq=False)
class WholeImageCase:
    """A patient's images of some sequences with their outlines, which are read when needed.

    A sequence without an outline of its own takes that of the first sequence that has one.

    Parameters
    ----------
    summary
        What planning needs to know, of the first sequence.
    content
        SHA-256 of all images and outlines and where they lie.
    """

    case: Case
    sequences: tuple[Modality, ...]
    summary: CaseSummary
    content: str
    _kept: dict[str, WholeImages] = field(default_factory=dict, repr=False)

    @property
    def case_id(self) -> str:
        """The case's id."""
        return self.case.case_id

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        return self.case.patient_id

    def digest(self) -> str:
        """SHA-256 of images and outlines and where they lie."""
        return self.content

    def read(self) -> tuple[dict[Modality, Scan], dict[Modality, Mask]]:
        """Images and outlines by sequence, in the order of the training's sequences.

        Raises
        ------
        InputError
            A file cannot be read any more.
        """
        return _read(self.case, self.sequences)

    def prepared(self, plan: Plan) -> WholeImages:
        """Images and outlines on one grid of the plan's spacing; made once."""
        names = plan.recipe.channels.names
        key = repr((plan.spacing_mm, names))
        if key not in self._kept:
            scans, outlines = self.read()
            grid = training_grid([scan.geometry for scan in scans.values()], plan.spacing_mm)
            self._kept[key] = whole_images(scans, grid, outlines, names)
        return self._kept[key]


def whole_image_cases(cohort: Cohort, sequences: tuple[Modality, ...]) -> Iterator[WholeImageCase]:
    """Read every case that has an image of the sequences, and an outline of one of them.

    Raises
    ------
    InputError
        An image or mask cannot be read, an image and its mask lie on different grids, an outline is
        empty, or voxels are not finite.
    """
    for case in cohort.cases:
        there = tuple(name for name in sequences if name in case.images)
        if any(name in case.masks for name in there):
            try:
                yield _case(case, there)
            except OncotraceError as error:
                raise error.for_case(case.case_id) from error


def whole_image_data(cases: Sequence[WholeImageCase], plan: Plan) -> TrainingData:
    """Make samples of the cases: whole images, cropped or continued anew every time."""
    recipe = plan.recipe

    def sample(index: int, rng: np.random.Generator) -> Sample:
        seen = cases[index].prepared(plan)
        return training_sample(seen, recipe.channels.names, recipe.augmentation, rng)

    return TrainingData(tuple(case.case_id for case in cases), sample)


def _case(case: Case, sequences: tuple[Modality, ...]) -> WholeImageCase:
    scans, outlines = _read(case, sequences)
    for scan in scans.values():
        require_finite(scan, f"the {scan.modality} image")
    first = scans[sequences[0]]
    drawn = next(name for name in sequences if name in case.masks)
    values = scans[drawn].voxels[outlines[drawn].voxels]
    summary = CaseSummary(case.case_id, first.geometry.spacing_mm, first.geometry.size_xyz, values)
    return WholeImageCase(case, sequences, summary, _digest(scans, outlines))


def _read(
    case: Case, sequences: tuple[Modality, ...]
) -> tuple[dict[Modality, Scan], dict[Modality, Mask]]:
    scans = {
        name: load_scan(file_of(case, case.images, name, "image"), name).scan for name in sequences
    }
    drawn = {}
    for name in sequences:
        if name in case.masks:
            drawn[name] = load_case_mask(case, name).mask
            drawn[name].geometry.require_match(
                scans[name].geometry, this=f"{name} mask", that=f"{name} image"
            )
            drawn[name].require_not_empty()
    first = next(iter(drawn.values()))
    return scans, {name: drawn.get(name, first) for name in sequences}


def _digest(scans: Mapping[Modality, Scan], outlines: Mapping[Modality, Mask]) -> str:
    found = hashlib.sha256()
    for name, scan in scans.items():
        found.update(repr((name, scan.geometry, outlines[name].geometry)).encode())
        found.update(np.ascontiguousarray(scan.voxels).tobytes())
        found.update(np.packbits(outlines[name].voxels).tobytes())
    return found.hexdigest()
