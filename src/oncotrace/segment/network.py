"""Six clicks to a mask with a trained network, run by ONNX Runtime: no PyTorch is needed."""

import time
from dataclasses import dataclass

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import ModelError
from oncotrace.imaging.crop import paste
from oncotrace.learning.onnx_predict import Predictor
from oncotrace.segment.finish import CERTAIN_LOG_ODDS, on_source_grid, warnings_about
from oncotrace.segment.network_input import network_input
from oncotrace.segment.request import grid_of, require_clicks


@dataclass(frozen=True, eq=False)
class NetworkSegmenter:
    """Segments the first channel of a request with one or several networks of a model folder."""

    name: str
    predictor: Predictor

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour that the clicks point at.

        Raises
        ------
        ClickError
            There are no clicks, or they cannot be used on this image.
        InputError
            There is no image, or its voxels around the clicks are not finite.
        ModelError
            The model was trained on other sequences, or does not work on a fixed grid.
        """
        start = time.perf_counter()
        geometry = grid_of(request)
        modality, scan = next(iter(request.channels.items()))
        self._require_modality(modality)
        plan = self.predictor.plan
        if plan.grid_xyz is None:
            raise ModelError(
                f"the model {self.name} has no fixed grid, which six clicks need.",
                code="unsuitable-model",
            )
        seen = network_input(
            scan, require_clicks(request, self.name), plan.recipe.channels.names, plan.grid_xyz
        )
        prepared = time.perf_counter()
        made = self.predictor.predict(seen.channels)
        predicted = time.perf_counter()
        odds = np.clip(made.logits, -CERTAIN_LOG_ODDS, CERTAIN_LOG_ODDS)
        inside, probability = on_source_grid(odds, seen.working, seen.part, seen.clicks, slope=1.0)
        mask = Mask(paste(inside, seen.box, geometry).astype(np.bool_, copy=False), geometry)
        whole = paste(probability, seen.box, geometry).astype(np.float32, copy=False)
        end = time.perf_counter()
        return Segmentation(
            mask,
            maker=self.name,
            probability=whole,
            history=(
                f"{len(seen.clicks.seeds_mm)} clicks",
                f"network of fold {', '.join(map(str, self.predictor.folds))} on "
                f"{' x '.join(map(str, plan.grid_xyz))} voxels",
                "pieces with clicks kept, holes filled",
            ),
            warnings=warnings_about(request, seen.clicks, mask),
            seconds={
                "prepare": prepared - start,
                "network": predicted - prepared,
                "paste": end - predicted,
            },
        )

    def _require_modality(self, modality: str) -> None:
        trained_on = self.predictor.plan.preparation.get("modalities")
        if isinstance(trained_on, list) and modality not in trained_on:
            raise ModelError(
                f"the model {self.name} was trained on {', '.join(map(str, trained_on))}, "
                f"the image is {modality}.",
                hint="Choose a model of this modality, or six-click-graphcut.",
                code="wrong-modality",
            )
