"""Images to a mask in two stages: one network finds the tumour, another one delineates it.

Where the first finds nothing, the mask is empty and a warning says so, as with any model without
clicks; the second is not asked.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.crop import Box, paste
from oncotrace.learning.onnx_predict import Prediction, Predictor
from oncotrace.segment.automatic import WholeImageEvidence, looked_at, predicted_quality
from oncotrace.segment.finish import NOTHING_LEFT
from oncotrace.segment.located_input import field_within, found_box
from oncotrace.segment.published_finish import plan_post_processing, published_on_source_grid
from oncotrace.segment.quality import QualityModel


@dataclass(frozen=True, eq=False)
class _Look:
    """What one stage saw of a part of the first image on its own grid, and what it said."""

    made: Prediction
    image: Scan
    part: Geometry
    history: str
    seconds: Mapping[str, float]

    @property
    def working(self) -> Geometry:
        return self.image.geometry

    @property
    def probability(self) -> Scan:
        return Scan(expit(self.made.logits), self.working)


@dataclass(frozen=True, eq=False)
class LocatedSegmenter:
    """Segments with networks that look where a locator has found something.

    Parameters
    ----------
    locator
        What finds; none where the networks look at whole images.
    quality
        From which the quality of the masks is predicted, if the model has it.
    """

    name: str
    predictor: Predictor
    locator: Predictor | None
    quality: QualityModel | None = None

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour on the grid of the request's first channel; no click is looked at.

        Raises
        ------
        InputError
            There is no image, a sequence that the model cannot do without is missing, or an image
            holds NaN or infinite voxels.
        ModelError
            The model was not trained on the first channel's sequence, or asks for what this
            version does not know.
        """
        made, evidence = self.segment_with_evidence(request)
        if self.quality is None:
            return made
        start = time.perf_counter()
        features = evidence.features(plan_post_processing(self.predictor.plan))
        predicted = predicted_quality(made, features, self.quality)
        seconds = {**made.seconds, "quality": time.perf_counter() - start}
        return replace(made, quality=predicted, seconds=seconds)

    def segment_with_evidence(
        self, request: SegmentationRequest
    ) -> tuple[Segmentation, WholeImageEvidence]:
        """Segmentation without its quality, and what that is predicted from."""
        scans, warnings = looked_at(self.name, self.predictor.plan, request.channels)
        whole = next(iter(scans.values())).geometry
        box: Box | None = Box((0, 0, 0), whole.size_xyz)
        looks: list[_Look] = []
        if self.locator is not None:
            looks.append(_look("locator", self.locator, scans, whole, None))
            box = found_box(looks[0].probability, whole, _margin_mm(self.predictor))
        if box is not None:
            part = whole.crop(box.start_xyz, box.size_xyz)
            coarse = looks[0].probability if looks else None
            looks.append(_look("network", self.predictor, scans, part, coarse))
        return self._finished(looks, box, whole, warnings)

    def _finished(
        self, looks: Sequence[_Look], box: Box | None, whole: Geometry, warnings: tuple[str, ...]
    ) -> tuple[Segmentation, WholeImageEvidence]:
        """Mask of what the last stage said; an empty one where the locator found nothing."""
        start = time.perf_counter()
        last = looks[-1]
        kind = plan_post_processing(self.predictor.plan)
        inside, probability = published_on_source_grid(
            last.made.logits, last.working, last.part, kind
        )
        if box is not None:
            inside = paste(inside, box, whole).astype(np.bool_, copy=False)
            probability = paste(probability, box, whole).astype(np.float32, copy=False)
        mask = Mask(inside, whole)
        segmentation = Segmentation(
            mask,
            maker=self.name,
            probability=probability,
            history=(*(look.history for look in looks), f"post-processing: {kind}"),
            warnings=(*warnings, NOTHING_LEFT) if mask.is_empty else warnings,
            seconds={
                **{name: value for look in looks for name, value in look.seconds.items()},
                "paste": time.perf_counter() - start,
            },
        )
        evidence = WholeImageEvidence(last.made.logits, last.made.member_probabilities, last.image)
        return segmentation, evidence


def _look(
    stage: str,
    predictor: Predictor,
    scans: Mapping[Modality, Scan],
    part: Geometry,
    coarse: Scan | None,
) -> _Look:
    """Let a stage look at a part of the first image."""
    start = time.perf_counter()
    names = predictor.plan.recipe.channels.names
    field = field_within(scans, predictor.plan, part, coarse)
    prepared = time.perf_counter()
    made = predictor.predict(field.channels)
    first = next(name for name in scans if name in names)
    size = " x ".join(map(str, field.working.size_xyz))
    return _Look(
        made,
        Scan(field.channels[names.index(first)], field.working, first),
        part,
        f"{stage} of fold {', '.join(map(str, predictor.folds))} on {size} voxels",
        {f"prepare {stage}": prepared - start, stage: time.perf_counter() - prepared},
    )


def _margin_mm(predictor: Predictor) -> float:
    locator = predictor.plan.recipe.locator
    return 0.0 if locator is None else locator.margin_mm
