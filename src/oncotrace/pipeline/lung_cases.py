"""The cases of a training on lungs: CTs with outlines, each prepared once, learnt slice by slice.

A case whose outline is empty is a CT without tumour, from which a network learns what is none. A
prepared case holds the grey levels of its lung field alone, about 8 MB a CT at 1 mm.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import InputError, OncotraceError
from oncotrace.imaging.overlap import dice
from oncotrace.learning.fingerprint import CaseSummary
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.pipeline.out_of_fold import WITHOUT_CLICKS, OutOfFoldMask
from oncotrace.segment.lung import LungSegmenter
from oncotrace.segment.lung_input import channels_of, lung_input, require_lung_recipe

_THREADS = 2
_AIR_GREY = 55  # -1024 HU in the lung window


@dataclass(frozen=True, eq=False)
class PackedSlices:
    """Slices of a lung field within the box around it.

    Parameters
    ----------
    greys
        Grey levels [n, y, x] within the box.
    outlines
        Tumour [n, y, x] within the box.
    corner_yx
        Place of the box in the slices.
    pixels
        Pixels of a whole slice along x and along y.
    """

    greys: NDArray[np.uint8]
    outlines: NDArray[np.bool_]
    corner_yx: tuple[int, int]
    pixels: int

    @classmethod
    def of(cls, greys: NDArray[np.uint8], outlines: NDArray[np.bool_]) -> Self:
        """Slices [n, y, x], packed."""
        shown = (greys != _AIR_GREY) | outlines
        rows, columns = (np.flatnonzero(shown.any(axis=axes)) for axes in ((0, 2), (0, 1)))
        part = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(
            greys[part].copy(),
            outlines[part].copy(),
            (int(rows[0]), int(columns[0])),
            greys.shape[2],
        )

    def slice(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Grey levels and tumour [y, x] of a whole slice."""
        grey = np.full((self.pixels, self.pixels), _AIR_GREY, dtype=np.uint8)
        outline = np.zeros(grey.shape, dtype=np.bool_)
        y, x = self.corner_yx
        _, height, width = self.greys.shape
        grey[y : y + height, x : x + width] = self.greys[index]
        outline[y : y + height, x : x + width] = self.outlines[index]
        return grey, outline


@dataclass(frozen=True, eq=False)
class LungCase:
    """A CT with its outline, prepared for the network.

    Parameters
    ----------
    summary
        What planning needs to know; none without tumour.
    content
        SHA-256 of image and outline and where they lie.
    """

    case: Case
    summary: CaseSummary | None
    content: str
    slices: PackedSlices

    @property
    def case_id(self) -> str:
        """The case's id."""
        return self.case.case_id

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        return self.case.patient_id

    def digest(self) -> str:
        """SHA-256 of image and outline and where they lie."""
        return self.content

    def read(self) -> tuple[Scan, Mask]:
        """CT and outline.

        Raises
        ------
        InputError
            A file cannot be read any more.
        """
        return read_lung_case(self.case)


def lung_cases(cohort: Cohort, recipe: Recipe) -> Iterator[LungCase]:
    """Read and prepare every case that has a CT and an outline, which may be empty.

    Raises
    ------
    InputError
        An image or mask cannot be read, they lie on different grids, or there are no lungs.
    ModelError
        The recipe cannot be prepared.
    """
    pixels = require_lung_recipe(recipe)
    for case in cohort.cases:
        if "ct" in case.images and "ct" in case.masks:
            try:
                yield _case(case, pixels)
            except OncotraceError as error:
                raise error.for_case(case.case_id) from error


def read_lung_case(case: Case) -> tuple[Scan, Mask]:
    """CT and outline of a case, on one grid; the outline may be empty.

    Raises
    ------
    InputError
        A file is missing or cannot be read, or they lie on different grids.
    """
    scan = load_scan(file_of(case, case.images, "ct", "image"), "ct").scan
    mask = load_case_mask(case, "ct").mask
    mask.geometry.require_match(scan.geometry, this="mask", that="image")
    return scan, mask


def slices_of(cases: Sequence[LungCase]) -> list[tuple[int, int]]:
    """Place of the case and of the slice, of all slices of all cases."""
    return [(place, z) for place, case in enumerate(cases) for z in range(len(case.slices.greys))]


def lung_data(cases: Sequence[LungCase], plan: Plan) -> TrainingData:
    """Make samples of one slice; every slice comes once before any comes again.

    In some draws, as `Grid.share_on_target` says, a slice of the same case that shows tumour comes
    in its place, if there is one.
    """
    places = slices_of(cases)
    with_tumour = [np.flatnonzero(case.slices.outlines.any(axis=(1, 2))) for case in cases]
    share, spacing_z = plan.recipe.grid.share_on_target, plan.spacing_mm[2]
    pixel_mm = plan.spacing_mm[0]

    def sample(index: int, rng: np.random.Generator) -> Sample:
        place, z = places[index]
        if len(with_tumour[place]) and rng.random() < share:
            z = int(rng.choice(with_tumour[place]))
        grey, outline = cases[place].slices.slice(z)
        return Sample(channels_of(grey), outline[None], (spacing_z, pixel_mm, pixel_mm))

    return TrainingData(tuple(f"{cases[place].case_id}/{z}" for place, z in places), sample)


def lung_scores_out_of_fold(
    plan: Plan,
    cases: Sequence[LungCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
) -> Iterator[OutOfFoldMask]:
    """Segment every case with a tumour by the network of its fold; GTV-1 against the outline."""
    model = ModelFolder(plan.recipe.name, plan, networks, None, "")
    segmenters = {
        fold: LungSegmenter(plan.recipe.name, load_predictor(model, folds=[fold], threads=_THREADS))
        for fold in networks
    }
    for case in cases:
        if case.summary is None:
            continue
        scan, outline = case.read()
        fold = fold_of[case.patient_id]
        made = segmenters[fold].segment(SegmentationRequest({"ct": scan}, None, seed=0))
        score = dice(made.mask, outline)
        yield OutOfFoldMask(
            case.case_id, case.patient_id, "ct", fold, WITHOUT_CLICKS, 0, score, None
        )


def _case(case: Case, pixels: int) -> LungCase:
    scan, outline = read_lung_case(case)
    seen = lung_input(scan, pixels)
    found = hashlib.sha256(repr(scan.geometry).encode())
    found.update(np.ascontiguousarray(scan.voxels).tobytes())
    found.update(np.packbits(outline.voxels).tobytes())
    return LungCase(
        case,
        _summary(case.case_id, scan, outline, seen.grid.spacing_mm, pixels),
        found.hexdigest(),
        PackedSlices.of(seen.greys(), seen.outline(outline)),
    )


def _summary(
    case_id: str,
    scan: Scan,
    outline: Mask,
    spacing_mm: tuple[float, float, float],
    pixels: int,
) -> CaseSummary | None:
    if outline.is_empty:
        return None
    return CaseSummary(case_id, spacing_mm, (pixels, pixels, 1), scan.voxels[outline.voxels])


def require_a_tumour(cases: Sequence[LungCase]) -> list[CaseSummary]:
    """Summaries of the cases with tumour.

    Raises
    ------
    InputError
        There is none.
    """
    summaries = [case.summary for case in cases if case.summary is not None]
    if not summaries:
        raise InputError(
            f"none of the {len(cases)} cases with CT and mask shows a tumour.",
            hint="Give outlines that are not empty.",
            code="no-training-cases",
        )
    return summaries
