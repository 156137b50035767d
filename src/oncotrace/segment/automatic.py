"""Images to a mask with a trained network and without clicks; see ``whole_image_input``.

The mask is where the log-odds, interpolated onto the first image's grid, are at least 0, tidied up
as the plan says (``published_finish``): the way that was best on patients whom each network had not
seen. Where nothing is left, the mask is empty and a warning says so. Of a model of several labels
(``label_finish``) the mask is the first.

The Dice is predicted as for masks from clicks, from the features that need none.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Quality, Segmentation, SegmentationRequest
from oncotrace.errors import InputError, ModelError
from oncotrace.imaging.crop import Box
from oncotrace.learning.onnx_predict import Prediction, Predictor
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Channels, Recipe
from oncotrace.segment.finish import NOTHING_LEFT
from oncotrace.segment.label_finish import (
    finished_labels,
    plan_label_post_processing,
    told_post_processing,
    tumour_log_odds,
)
from oncotrace.segment.planned_input import needs_clicks
from oncotrace.segment.published_finish import (
    PostProcessing,
    plan_post_processing,
    post_processed,
    published_on_source_grid,
)
from oncotrace.segment.quality import QualityModel
from oncotrace.segment.quality_features import features_without_clicks
from oncotrace.segment.quality_places import places_to_check
from oncotrace.segment.whole_image_input import (
    PRESENCE,
    TEXTURES,
    WholeImages,
    channels_of,
    prediction_grid,
    whole_images,
)


def with_sequences(recipe: Recipe, sequences: tuple[Modality, ...]) -> Recipe:
    """Recipe for those sequences, of which any may be missing; unchanged if it needs clicks.

    A recipe of exactly those sequences keeps its channels, so that it may require some. The others
    have the textures that the recipe has of any.
    """
    if needs_clicks(recipe) or set(recipe.channels.images) == set(sequences):
        return recipe
    images = tuple(dict.fromkeys(sequences))
    kinds = (PRESENCE, *(kind for kind in TEXTURES if _has(recipe, kind)))
    channels = Channels(images=images, cues=tuple(kind + name for kind in kinds for name in images))
    return recipe.model_copy(update={"channels": channels})


def _has(recipe: Recipe, kind: str) -> bool:
    return any(cue.startswith(kind) for cue in recipe.channels.cues)


def sequences_of(recipe: Recipe) -> tuple[Modality, ...]:
    """Sequences that a recipe for whole images looks at, in its order."""
    known: tuple[Modality, ...] = get_args(Modality)
    return tuple(name for image in recipe.channels.images for name in known if name == image)


@dataclass(frozen=True, eq=False)
class WholeImageEvidence:
    """What the networks said of whole images, and what they saw of the first, on their grid.

    Parameters
    ----------
    log_odds
        Log-odds of tumour [z, y, x].
    member_probabilities
        Probability of tumour [m, z, y, x] of every network in every orientation.
    image
        The first image's comparable intensities.
    label_log_odds
        Log-odds of every label on its own, [l, z, y, x] on the first image's own grid; none of
        models of one structure.
    """

    log_odds: NDArray[np.float32]
    member_probabilities: NDArray[np.float32]
    image: Scan
    label_log_odds: NDArray[np.float32] | None = None

    def features(self, kind: PostProcessing) -> dict[str, float] | None:
        """Return what the quality is predicted from; none where the tidied mask is empty."""
        mask = Mask(post_processed(self.log_odds >= 0, kind, self.log_odds), self.image.geometry)
        if mask.is_empty:
            return None
        return features_without_clicks(self.member_probabilities, mask, self.image)


def automatic_segmentation(
    name: str,
    predictor: Predictor,
    request: SegmentationRequest,
    quality: QualityModel | None = None,
) -> Segmentation:
    """Segment the tumour on the grid of the request's first channel, with its predicted quality.

    Raises
    ------
    InputError, ModelError
        See `automatic_with_evidence`.
    """
    made, evidence = automatic_with_evidence(name, predictor, request)
    if quality is None:
        return made
    start = time.perf_counter()
    features = evidence.features(plan_post_processing(predictor.plan))
    predicted = predicted_quality(made, features, quality)
    seconds = {**made.seconds, "quality": time.perf_counter() - start}
    return replace(made, quality=predicted, seconds=seconds)


def predicted_quality(
    made: Segmentation, features: Mapping[str, float] | None, model: QualityModel
) -> Quality:
    """Predicted quality; an empty mask has a Dice of 0 and nowhere to look."""
    if features is None or made.mask.is_empty:
        return Quality(0.0, (0.0, 0.0))
    row = np.array([[features[name] for name in model.features]])
    dice, low, high = map(float, model.predict(row)[0])
    return Quality(dice, (low, high), *places_in(made))


def places_in(made: Segmentation) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Slices and ends of a mask to look at first; see ``quality_places``."""
    return places_to_check(made, Box((0, 0, 0), made.mask.geometry.size_xyz))


def automatic_with_evidence(
    name: str, predictor: Predictor, request: SegmentationRequest
) -> tuple[Segmentation, WholeImageEvidence]:
    """Segment the tumour on the grid of the request's first channel; clicks are not looked at.

    Other channels may lie on other grids: they are resampled, and a warning says so.

    Raises
    ------
    InputError
        There is no image, a sequence that the model cannot do without is missing, or an image
        holds NaN or infinite voxels, or one value alone, or lies elsewhere than the first.
    ModelError
        The model was not trained on the first channel's sequence, or asks for what this version
        does not know.
    """
    start = time.perf_counter()
    plan = predictor.plan
    scans, warnings = looked_at(name, plan, request.channels)
    modality, first = next((modality, scan.geometry) for modality, scan in scans.items())
    working = prediction_grid(first, plan.spacing_mm)
    seen = whole_images(scans, working, {}, plan.recipe.channels.names)
    _require_common_field(seen, modality)
    channels = channels_of(seen, plan.recipe.channels.names)
    prepared = time.perf_counter()
    made = predictor.predict(channels)
    predicted = time.perf_counter()
    done = _finished(made, working, first, plan)
    end = time.perf_counter()
    segmentation = Segmentation(
        done.mask,
        maker=name,
        probability=done.probability,
        history=(
            f"{', '.join(scans)} without clicks",
            f"network of fold {', '.join(map(str, predictor.folds))} on "
            f"{' x '.join(map(str, working.size_xyz))} voxels",
            f"post-processing: {done.told}",
        ),
        warnings=(*warnings, *_not_found(done)),
        seconds={
            "prepare": prepared - start,
            "network": predicted - prepared,
            "paste": end - predicted,
        },
        labels=done.labels,
    )
    image = Scan(seen.images[modality], working, modality)
    if done.label_log_odds is None:
        return segmentation, WholeImageEvidence(made.logits, made.member_probabilities, image)
    odds, members = tumour_log_odds(made.logits), made.of_label(0).member_probabilities
    return segmentation, WholeImageEvidence(odds, members, image, done.label_log_odds)


def _require_common_field(seen: WholeImages, first: Modality) -> None:
    """Refuse a sequence of which nothing is seen: it would be taken for a missing one."""
    for name, field in seen.fields.items():
        if not field.any():
            raise InputError(
                f"the {name} image shows no part of the body that the {first} image shows.",
                hint="Give images of the same patient, registered to each other, or leave it out.",
                code="no-common-field",
            )


@dataclass(frozen=True, eq=False)
class _Finished:
    """Mask and probability [z, y, x] on the first image's grid; labels if there are several."""

    mask: Mask
    probability: NDArray[np.float32]
    told: str
    labels: LabelVolume | None = None
    label_log_odds: NDArray[np.float32] | None = None


def _finished(made: Prediction, working: Geometry, first: Geometry, plan: Plan) -> _Finished:
    if plan.recipe.labels:
        found = finished_labels(made.logits, working, first, plan)
        told = told_post_processing(plan_label_post_processing(plan))
        mask = found.labels.tumour
        return _Finished(mask, found.probability, told, found.labels, found.log_odds)
    kind = plan_post_processing(plan)
    inside, probability = published_on_source_grid(made.logits, working, first, kind)
    return _Finished(Mask(inside, first), probability, kind)


def _not_found(done: _Finished) -> list[str]:
    """Say what is empty: the tumour, or another structure."""
    warnings = [NOTHING_LEFT] if done.mask.is_empty else []
    if done.labels is not None:
        _, *others = done.labels.values
        empty = [name for name in others if done.labels.mask(name).is_empty]
        warnings += [f"no {name} was found." for name in empty]
    return warnings


def looked_at(
    name: str, plan: Plan, channels: Mapping[Modality, Scan]
) -> tuple[dict[Modality, Scan], tuple[str, ...]]:
    """Channels that the model looks at, and what the reader should know of them."""
    if not channels:
        raise InputError("there is no image to segment.", code="no-image")
    known = plan.recipe.channels.images
    first, *others = channels
    if first not in known:
        raise ModelError(
            f"the model {name} was trained on {', '.join(known)}, the image is {first}.",
            hint="Choose a model of this modality, or train one.",
            code="wrong-modality",
        )
    needed = [image for image in known if PRESENCE + image not in plan.recipe.channels.cues]
    for image in needed:
        if not any(image == given for given in channels):
            raise InputError(
                f"the model {name} needs a {image} image, and there is none.",
                hint=f"Give it with --channel {image}=IMAGE, or in the column image_{image}.",
                code="missing-channel",
            )
    seen = {given: scan for given, scan in channels.items() if given in known}
    for given, scan in seen.items():
        if scan.voxels.min() == scan.voxels.max():
            raise InputError(
                f"the {given} image has the same value everywhere.",
                hint="Export it again, or leave it out.",
                code="blank-image",
            )
    ignored = [other for other in others if other not in seen]
    warnings = [f"{', '.join(ignored)} was not looked at."] if ignored else []
    grid = channels[first].geometry
    elsewhere = [other for other in seen if not seen[other].geometry.matches(grid)]
    if elsewhere:
        warnings.append(
            f"{', '.join(elsewhere)} lies on another grid than {first} and was resampled onto it."
        )
    return seen, tuple(warnings)
