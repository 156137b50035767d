"""What a corrector learns from: corrections of out-of-fold masks, as a reader would make them.

A draft is the mask of a held-out patient by the six-click network of their fold; its mistakes are
those that a reader will meet. From each draft a history of simulated corrections is made
(``oncotrace.imaging.correction_simulation``), of which every click is one example: what the network
sees there, and how far the click's side reaches in truth.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.correction_simulation import simulated_correction
from oncotrace.imaging.resample import resample_array
from oncotrace.segment.correction_input import correction_input, marked_points
from oncotrace.segment.trained import packaged_models, trained_segmenter
from oncotrace.segment.voi import clicks_on_grid
from out_of_fold_files import Draw
from six_clicks import fold_of, load_case

DRAWS = (Draw("exact", 0), Draw("exact", 1), Draw("person-like", 0), Draw("person-like", 1))
MOST_CORRECTIONS = 5

Correct = Callable[[Scan, Segmentation, Clicks, Correction], Segmentation]
"""Makes one correction; see `oncotrace.segment.refine.Corrector.corrected`."""


@dataclass(frozen=True, eq=False)
class Draft:
    """An out-of-fold segmentation, the clicks it was made from, its image and the truth."""

    scan: Scan
    clicks: Clicks
    made: Segmentation
    reference: Mask


@dataclass(frozen=True, eq=False)
class Examples:
    """Clicks of one history: channels [n, c, z, y, x] as float16, targets [n, z, y, x]."""

    channels: NDArray[np.float16]
    targets: NDArray[np.bool_]

    def write(self, path: Path) -> None:
        """Write to a file of numpy's."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, channels=self.channels, targets=self.targets)

    @classmethod
    def read(cls, path: Path) -> "Examples":
        """Read what `write` has written."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["channels"], stored["targets"])


def draft_of(
    patient: str, modality: Modality, draw: Draw, folder: Path, kept: Path | None = None
) -> Draft:
    """Segment a patient by the network that never saw them.

    ``kept``: folder in which probabilities are kept, so that they are made once.
    """
    scan, reference = load_case(folder / patient, modality)
    clicks = draw.of(reference)
    path = kept / f"{patient}_{modality}_{draw.name}.npz" if kept else None
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as stored:
            probability = stored["probability"]
        made = Segmentation(Mask(probability >= 0.5, scan.geometry), "six-click", probability)
    else:
        six_click = trained_segmenter(packaged_models()["six-click"], fold_of(patient))
        made = six_click.segment(SegmentationRequest({modality: scan}, clicks, seed=0))
    if path is not None and not path.exists() and made.probability is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, probability=made.probability)
    return Draft(scan, clicks, made, reference)


def history(draft: Draft, correct: Correct) -> Iterator[tuple[Draft, Correction]]:
    """Drafts, each with the correction that is made next, while there is something to correct."""
    while (correction := simulated_correction(draft.made.mask, draft.reference)) is not None:
        yield draft, correction
        made = correct(draft.scan, draft.made, draft.clicks, correction)
        corrections = (*draft.clicks.corrections, correction)
        draft = replace(draft, made=made, clicks=replace(draft.clicks, corrections=corrections))


def examples(steps: Sequence[tuple[Draft, Correction]]) -> Examples:
    """Return what the corrections of a history show, in the cube around each click."""
    shown = [_shown(draft, correction) for draft, correction in steps]
    return Examples(
        np.stack([channels for channels, _ in shown]).astype(np.float16),
        np.stack([target for _, target in shown]),
    )


def _shown(draft: Draft, correction: Correction) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    probability = draft.made.probability
    if probability is None:
        raise ValueError("a draft needs its probability")
    seen = correction_input(
        draft.scan,
        draft.made.mask,
        probability,
        correction.points_mm[0],
        is_tumour=correction.marks_tumour,
        before=marked_points(clicks_on_grid(draft.clicks, draft.scan.geometry)),
    )
    truth = resample_array(
        draft.reference.voxels.astype(np.float32),
        draft.scan.geometry,
        seen.cube,
        interpolation="linear",
        outside=0.0,
    )
    is_tumour = truth >= 0.5
    return seen.channels, is_tumour if correction.marks_tumour else ~is_tumour
