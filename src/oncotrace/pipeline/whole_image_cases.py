"""The cases of a training on whole images: every one is resampled once, and kept."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan, require_finite
from oncotrace.errors import OncotraceError
from oncotrace.learning.fingerprint import CaseSummary
from oncotrace.learning.labels import Label
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.pipeline.case_labels import load_case_labels, require_same_labels
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.segment.whole_image_input import (
    WholeImages,
    training_grid,
    training_sample,
    whole_images,
)

Outline = Mask | LabelVolume
"""Of one structure, or of several."""


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
    labels
        Structures that are told apart; one, of whatever value, if there are none.
    """

    case: Case
    sequences: tuple[Modality, ...]
    summary: CaseSummary
    content: str
    labels: tuple[Label, ...] = ()
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

        Of several structures the outlines are those of the first, the tumour.

        Raises
        ------
        InputError
            A file cannot be read any more.
        """
        scans, outlines = _read(self.case, self.sequences, self.labels)
        return scans, {name: _tumour(outline) for name, outline in outlines.items()}

    def read_labels(self) -> tuple[dict[Modality, Scan], LabelVolume]:
        """Images by sequence, and all structures as they are outlined on the first that is.

        Raises
        ------
        InputError
            A file cannot be read any more.
        """
        scans, _ = self.read()
        drawn = next(name for name in self.sequences if name in self.case.masks)
        return scans, load_case_labels(self.case, drawn, self.labels)

    def prepared(self, plan: Plan) -> WholeImages:
        """Images and outlines on one grid of the plan's spacing; made once."""
        names = plan.recipe.channels.names
        key = repr((plan.spacing_mm, names))
        if key not in self._kept:
            scans, outlines = _read(self.case, self.sequences, self.labels)
            grid = training_grid([scan.geometry for scan in scans.values()], plan.spacing_mm)
            self._kept[key] = whole_images(scans, grid, outlines, names)
        return self._kept[key]


def whole_image_cases(
    cohort: Cohort, sequences: tuple[Modality, ...], labels: tuple[Label, ...] = ()
) -> Iterator[WholeImageCase]:
    """Read every case that has an image of the sequences, and an outline of one of them.

    Parameters
    ----------
    labels
        Structures that are told apart; one, of whatever value, if there are none.

    Raises
    ------
    InputError
        An image or mask cannot be read, an image and its mask lie on different grids, an outline is
        empty or holds other labels, or voxels are not finite.
    """
    if labels:
        require_same_labels(cohort, sequences, labels)
    for case in cohort.cases:
        there = tuple(name for name in sequences if name in case.images)
        if any(name in case.masks for name in there):
            try:
                yield _case(case, there, labels)
            except OncotraceError as error:
                raise error.for_case(case.case_id) from error


def whole_image_data(cases: Sequence[WholeImageCase], plan: Plan) -> TrainingData:
    """Make samples of the cases: whole images, cropped or continued anew every time."""
    recipe = plan.recipe

    def sample(index: int, rng: np.random.Generator) -> Sample:
        seen = cases[index].prepared(plan)
        return training_sample(seen, recipe.channels.names, recipe.augmentation, rng)

    return TrainingData(tuple(case.case_id for case in cases), sample)


def _case(case: Case, sequences: tuple[Modality, ...], labels: tuple[Label, ...]) -> WholeImageCase:
    scans, outlines = _read(case, sequences, labels)
    for scan in scans.values():
        require_finite(scan, f"the {scan.modality} image")
    first = scans[sequences[0]]
    drawn = next(name for name in sequences if name in case.masks)
    values = scans[drawn].voxels[_tumour(outlines[drawn]).voxels]
    summary = CaseSummary(case.case_id, first.geometry.spacing_mm, first.geometry.size_xyz, values)
    return WholeImageCase(case, sequences, summary, _digest(scans, outlines), labels)


def _read(
    case: Case, sequences: tuple[Modality, ...], labels: tuple[Label, ...]
) -> tuple[dict[Modality, Scan], dict[Modality, Outline]]:
    scans = {
        name: load_scan(file_of(case, case.images, name, "image"), name).scan for name in sequences
    }
    drawn = {}
    for name in sequences:
        if name in case.masks:
            drawn[name] = _outline(case, name, labels)
            drawn[name].geometry.require_match(
                scans[name].geometry, this=f"{name} mask", that=f"{name} image"
            )
            _tumour(drawn[name]).require_not_empty()
    first = next(iter(drawn.values()))
    return scans, {name: drawn.get(name, first) for name in sequences}


def _outline(case: Case, name: Modality, labels: tuple[Label, ...]) -> Outline:
    return load_case_labels(case, name, labels) if labels else load_case_mask(case, name).mask


def _tumour(outline: Outline) -> Mask:
    return outline.tumour if isinstance(outline, LabelVolume) else outline


def _digest(scans: Mapping[Modality, Scan], outlines: Mapping[Modality, Outline]) -> str:
    found = hashlib.sha256()
    for name, scan in scans.items():
        found.update(repr((name, scan.geometry, outlines[name].geometry)).encode())
        found.update(np.ascontiguousarray(scan.voxels).tobytes())
        found.update(_content(outlines[name]))
    return found.hexdigest()


def _content(outline: Outline) -> bytes:
    if isinstance(outline, LabelVolume):
        return repr(dict(outline.values)).encode() + np.ascontiguousarray(outline.voxels).tobytes()
    return np.packbits(outline.voxels).tobytes()
