"""Images, and six clicks if need be, to a mask with a trained network.

ONNX Runtime runs it: no PyTorch is needed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import ModelError
from oncotrace.imaging.crop import paste
from oncotrace.learning.onnx_predict import Prediction, Predictor
from oncotrace.learning.plan import Plan
from oncotrace.segment.automatic import automatic_segmentation
from oncotrace.segment.finish import CERTAIN_LOG_ODDS, on_source_grid, warnings_about
from oncotrace.segment.network_input import NetworkInput
from oncotrace.segment.planned_input import input_for, is_published, needs_clicks
from oncotrace.segment.published_finish import plan_post_processing, published_on_source_grid
from oncotrace.segment.quality import QualityModel, with_quality
from oncotrace.segment.quality_features import Evidence
from oncotrace.segment.request import grid_of, require_clicks


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """Mask and probability [z, y, x] on the part of the source grid that was looked at."""

    log_odds: NDArray[np.float32]
    """[z, y, x] on the working grid, from which the mask was made."""
    inside: NDArray[np.bool_]
    probability: NDArray[np.float32] | None
    done: str
    """What was done to the network's output, for people."""


Finish = Callable[[Prediction, NetworkInput, Plan], Finished]
"""From what the networks say, and saw, to a mask."""


@dataclass(frozen=True, eq=False)
class NetworkSegmenter:
    """Segments a request with one or several networks of a model folder.

    How the channels are made and the mask is finished is decided by the plan (``planned_input``):
    around the clicks on the first channel, or without clicks on whole images (``automatic``).
    """

    name: str
    predictor: Predictor
    quality: QualityModel | None = None
    """From which the quality of the masks is predicted, if the model has it."""

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour; see `segmentation_by` and `automatic_segmentation`."""
        if not needs_clicks(self.predictor.plan.recipe):
            return automatic_segmentation(self.name, self.predictor, request, self.quality)
        made, evidence = self.segment_with_evidence(request)
        return with_quality(made, evidence, self.quality)

    def segment_with_evidence(self, request: SegmentationRequest) -> tuple[Segmentation, Evidence]:
        """Segmentation without its quality, and what that is predicted from."""
        return segmentation_by(self.name, self.predictor, request, finished_as_planned)


def segmentation_by(
    name: str, predictor: Predictor, request: SegmentationRequest, finish: Finish
) -> tuple[Segmentation, Evidence]:
    """Segment the tumour that the clicks point at on the first channel.

    Raises
    ------
    ClickError
        There are no clicks, or they cannot be used on this image.
    InputError
        There is no image, or its voxels around the clicks are not finite.
    ModelError
        The model was trained on other sequences, or asks for what this version does not know.
    """
    start = time.perf_counter()
    geometry = grid_of(request)
    modality, scan = next(iter(request.channels.items()))
    plan = predictor.plan
    _require_modality(name, plan, modality)
    seen = input_for(plan, scan, require_clicks(request, name))
    prepared = time.perf_counter()
    made = predictor.predict(seen.channels)
    predicted = time.perf_counter()
    end_product = finish(made, seen, plan)
    mask = Mask(
        paste(end_product.inside, seen.box, geometry).astype(np.bool_, copy=False), geometry
    )
    whole = None
    if end_product.probability is not None:
        whole = paste(end_product.probability, seen.box, geometry).astype(np.float32, copy=False)
    end = time.perf_counter()
    segmentation = Segmentation(
        mask,
        maker=name,
        probability=whole,
        history=(
            f"{len(seen.clicks.seeds_mm)} clicks",
            f"network of fold {', '.join(map(str, predictor.folds))} on "
            f"{' x '.join(map(str, seen.working.size_xyz))} voxels",
            end_product.done,
        ),
        warnings=warnings_about(request, seen.clicks, mask),
        seconds={
            "prepare": prepared - start,
            "network": predicted - prepared,
            "paste": end - predicted,
        },
    )
    evidence = Evidence(
        end_product.log_odds, made.member_probabilities, seen.image, seen.clicks, seen.box
    )
    return segmentation, evidence


def finished_as_planned(made: Prediction, seen: NetworkInput, plan: Plan) -> Finished:
    """Mask in our way on a fixed grid, in the published way on others."""
    if is_published(plan):
        kind = plan_post_processing(plan)
        inside, probability = published_on_source_grid(made.logits, seen.working, seen.part, kind)
        return Finished(made.logits, inside, probability, f"post-processing: {kind}")
    odds = np.clip(made.logits, -CERTAIN_LOG_ODDS, CERTAIN_LOG_ODDS)
    inside, probability = on_source_grid(odds, seen.working, seen.part, seen.clicks, slope=1.0)
    return Finished(odds, inside, probability, "pieces with clicks kept, holes filled")


def _require_modality(name: str, plan: Plan, modality: str) -> None:
    trained_on = plan.preparation.get("modalities")
    if isinstance(trained_on, list) and modality not in trained_on:
        raise ModelError(
            f"the model {name} was trained on {', '.join(map(str, trained_on))}, "
            f"the image is {modality}.",
            hint="Choose a model of this modality, or six-click-graphcut.",
            code="wrong-modality",
        )
