"""Corrections: what a reader says is wrong changes at once, there and nowhere else.

1. Of the points of a correction (a click, or a stroke in steps of half a voxel) that the mask does
   not obey yet, the one deepest on the wrong side is taken.
2. A network looks at a cube around it (``correction_input``) and says how far its side reaches.
   Towards the faces of the cube its word counts less and less; beyond them nothing changes.
3. People click in the middle of a mistake, so no mistake is deeper than the click: where what the
   network would change is, only what it is surer of changes (`believed`).
4. What the reader has marked, now and before, is as it is marked; of two marks the later counts.
5. So again, `MOST_LOOKS` times at most, while points are not obeyed; then all are.

A correction depends on the image, on mask and probability before it and on what was marked
earlier, on nothing else: a history that is replayed gives the same voxels.
"""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.special import expit

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.errors import ClickError
from oncotrace.imaging.crop import Box, box_around
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.onnx_predict import Prediction, load_predictor
from oncotrace.segment.correction_input import (
    CorrectionInput,
    correction_input,
    depth_mm,
    log_odds_of,
    marked_points,
    window,
)
from oncotrace.segment.finish import CERTAIN_LOG_ODDS, NOTHING_LEFT
from oncotrace.segment.marks import BACKGROUND, TUMOUR, correction_marks, points_of
from oncotrace.segment.request import grid_of
from oncotrace.segment.voi import GridClicks, clicks_on_grid, corrections_on_grid, voxels_at

MODEL = Path(str(files("oncotrace") / "correction_model"))
MOST_LOOKS = 4
BORDER_MM = 2.0
"""Over this distance from its border the probability of a mask without one falls off."""
SURENESS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
UNSURE = 0.3
"""Log-odds are limited to this where a change of sides was not believed."""
_THREADS = 2
_BELOW_HALF = np.nextafter(np.float32(0.5), np.float32(0))


class Answering(Protocol):
    """Whatever says how far the click's side reaches; networks of a model do."""

    def predict(self, channels: NDArray[np.float32]) -> Prediction:
        """Log-odds of the click's side in its cube, from the channels of ``correction_input``."""
        ...


@dataclass(frozen=True, eq=False)
class Corrector:
    """Corrects masks with what a model answers; see the module."""

    answering: Answering

    def corrected(
        self, scan: Scan, made: Segmentation, before: Clicks, correction: Correction
    ) -> Segmentation:
        """Segmentation after one more correction, which it obeys; its quality is not predicted.

        Parameters
        ----------
        scan
            The image, on the mask's grid.
        made
            Mask and probability so far; where there is no probability it is made from the mask.
        before
            The first clicks, if the mask was made from any, and the corrections before this one.

        Raises
        ------
        ClickError
            A point of the correction lies outside the image, or it is an undo or a redo.
        InputError
            The voxels around the correction are not finite.
        GeometryMismatchError
            Image and mask lie on different grids.
        """
        start = time.perf_counter()
        geometry = made.mask.geometry
        geometry.require_match(scan.geometry, this="mask", that="image")
        clicks = _with(before, correction, geometry)
        earlier = marked_points(replace(clicks, corrections=clicks.corrections[:-1]))
        points_mm = points_of(correction, geometry)
        voxels, probability = made.mask.voxels.copy(), _probability(made)
        for _ in range(MOST_LOOKS):
            mask = Mask(voxels, geometry)
            point_mm = _deepest_disobeyed(mask, points_mm, is_tumour=correction.marks_tumour)
            if point_mm is None:
                break
            seen = correction_input(
                scan, mask, probability, point_mm, is_tumour=correction.marks_tumour, before=earlier
            )
            said = seen.side * self.answering.predict(seen.channels).logits
            _follow(probability, believed(said, seen), seen, geometry)
            _obey(voxels, probability, clicks, seen.box, geometry)
        _obey(voxels, probability, clicks, _box_of(points_mm, correction, geometry), geometry)
        return replace(
            made,
            mask=Mask(voxels, geometry),
            probability=probability,
            quality=None,
            history=(*made.history, _told(correction, made.mask, voxels)),
            warnings=_warnings(made, is_empty=not voxels.any()),
            seconds={**made.seconds, "correct": time.perf_counter() - start},
        )


def believed(said: NDArray[np.float32], seen: CorrectionInput) -> NDArray[np.float32]:
    """Log-odds of tumour after a correction [z, y, x]: what was said, where it is sure enough.

    Farther than a depth from the click a voxel changes sides only if its log-odds are beyond the
    least of `SURENESS` at which no voxel that changes lies deeper among those that do than the
    click lies in the mistake.
    """
    changing = (said > 0) != (seen.log_odds > 0)
    beyond = np.clip(seen.distance_mm / seen.depth_mm - 1, 0, 1)
    sure = changing
    for least in SURENESS:
        sure = changing & (np.abs(said) >= least * beyond)
        inside_mm = distance_transform_edt(np.pad(sure, 1), seen.cube.spacing_zyx_mm)
        if inside_mm.max() <= seen.depth_mm:
            break
    unsure = np.sign(seen.log_odds) * np.minimum(np.abs(seen.log_odds), UNSURE)
    kept: NDArray[np.float32] = np.where(changing & ~sure, unsure, said).astype(np.float32)
    return kept


def corrector(fold: int | None = None) -> Corrector:
    """Corrector that comes with oncotrace: its networks averaged, or that of one fold alone.

    Raises
    ------
    ModelError
        The model is damaged or lacks the fold.
    """
    return _opened(MODEL, fold)


def segmented(
    segmenter: Segmenter, request: SegmentationRequest, corrector: Corrector
) -> Segmentation:
    """Segmentation from the first clicks, with every correction that stands made after it.

    Raises
    ------
    OncotraceError
        What `Segmenter.segment` and `Corrector.corrected` raise.
    """
    clicks = request.clicks
    if clicks is None:
        return segmenter.segment(request)
    first = replace(request, clicks=replace(clicks, corrections=()) if clicks.has_first else None)
    if clicks.has_first:  # who needs none has its own way with images on other grids
        grid_of(request)
    scan = next(iter(request.channels.values()))
    return replayed(scan, segmenter.segment(first), clicks, corrector)


def replayed(scan: Scan, made: Segmentation, clicks: Clicks, corrector: Corrector) -> Segmentation:
    """Segmentation after all corrections that stand, made from the one without any."""
    standing = clicks.standing_corrections()
    for count, correction in enumerate(standing):
        before = replace(clicks, corrections=standing[:count])
        made = corrector.corrected(scan, made, before, correction)
    return made


@lru_cache(maxsize=8)
def _opened(folder: Path, fold: int | None) -> Corrector:
    model = read_model(folder, folds=None if fold is None else (fold,))
    return Corrector(load_predictor(model, threads=_THREADS))


def _with(before: Clicks, correction: Correction, geometry: Geometry) -> GridClicks:
    """First clicks, corrections that stand and the new one, checked against the grid."""
    if correction.kind in ("undo", "redo"):
        raise ClickError(f"{correction.kind} says nothing of the image; replay the history.")
    clicks = replace(before, corrections=(*before.standing_corrections(), correction))
    if clicks.has_first:
        return clicks_on_grid(clicks, geometry)
    return GridClicks(clicks.points_mm, clicks.points_mm, corrections_on_grid(clicks, geometry), ())


def _probability(made: Segmentation) -> NDArray[np.float32]:
    """Probability that may be changed; without one, a function of the distance from the border."""
    if made.probability is not None:
        return made.probability.copy()
    voxels, spacing = made.mask.voxels, made.mask.geometry.spacing_zyx_mm
    if voxels.all() or not voxels.any():
        return np.where(voxels, np.float32(0.9), np.float32(0.1))
    signed = distance_transform_edt(voxels, spacing) - distance_transform_edt(~voxels, spacing)
    return np.asarray(expit(signed / BORDER_MM), dtype=np.float32)


def _deepest_disobeyed(
    mask: Mask, points_mm: NDArray[np.float64], *, is_tumour: bool
) -> NDArray[np.float64] | None:
    """Point on the wrong side that is farthest from the border; none if all are on the right."""
    there = mask.voxels[tuple(voxels_at(points_mm, mask.geometry).T)]
    wrong = points_mm[there != is_tumour]
    if len(wrong) == 0:
        return None
    deepest: NDArray[np.float64] = wrong[np.argmax([depth_mm(mask, point) for point in wrong])]
    return deepest


def _follow(
    probability: NDArray[np.float32],
    said: NDArray[np.float32],
    seen: CorrectionInput,
    geometry: Geometry,
) -> None:
    """Let the probability become what was said in the cube; elsewhere every bit stays."""
    limited = np.clip(said, -CERTAIN_LOG_ODDS, CERTAIN_LOG_ODDS)
    grid = geometry.crop(seen.box.start_xyz, seen.box.size_xyz)
    difference = (limited - seen.log_odds) * window(seen.cube)
    change = resample_array(difference, seen.cube, grid, interpolation="linear", outside=0.0)
    part, changing = probability[seen.box.slices_zyx], change != 0
    part[changing] = expit(log_odds_of(part[changing]) + change[changing])


def _obey(
    voxels: NDArray[np.bool_],
    probability: NDArray[np.float32],
    clicks: GridClicks,
    box: Box,
    geometry: Geometry,
) -> None:
    """Let a part of the mask follow the probability, and both what the reader has marked there."""
    marks = correction_marks(clicks, geometry.crop(box.start_xyz, box.size_xyz))
    part = probability[box.slices_zyx]
    part[...] = np.where(marks == TUMOUR, np.maximum(part, np.float32(0.5)), part)
    part[...] = np.where(marks == BACKGROUND, np.minimum(part, _BELOW_HALF), part)
    voxels[box.slices_zyx] = part >= np.float32(0.5)


def _box_of(points_mm: NDArray[np.float64], correction: Correction, geometry: Geometry) -> Box:
    margin = correction.radius_mm / np.asarray(geometry.spacing_mm)
    return box_around(geometry.to_index(points_mm), margin, geometry)


def _warnings(made: Segmentation, *, is_empty: bool) -> tuple[str, ...]:
    """Warnings so far, of which that of an empty mask comes and goes."""
    others = tuple(warning for warning in made.warnings if warning != NOTHING_LEFT)
    return (*others, NOTHING_LEFT) if is_empty else others


def _told(correction: Correction, before: Mask, after: NDArray[np.bool_]) -> str:
    """Say what a correction did."""
    added = np.count_nonzero(after & ~before.voxels)
    removed = np.count_nonzero(before.voxels & ~after)
    place = ", ".join(f"{mm:.1f}" for mm in correction.points_mm[0])
    side = "inside" if correction.marks_tumour else "outside"
    what = "stroke" if correction.kind == "stroke" else "click"
    return f"{what} {side} from ({place}) mm: {added} voxels added, {removed} removed"
