"""Predicted Dice of a mask, with an interval of 80 %, from the features of its segmentation.

The logit of Dice is a weighted sum of standardised features (``quality_features``); how the
weights are found, ``quality_fit`` says. The interval adds two constants to that sum, between which
four fifths of the errors lay on patients left out; on the scale of Dice it is therefore wider
where the prediction is low, and it never leaves 0 to 1.

A standardised feature counts as at most 3 standard deviations, so that a mask unlike all those
fitted on is not given an absurd value.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from scipy.special import expit

from oncotrace.domain.segmentation import Quality, Segmentation
from oncotrace.errors import ModelError
from oncotrace.learning.recipe import first_complaint
from oncotrace.segment.quality_features import FEATURES, Evidence, quality_features
from oncotrace.segment.quality_places import places_to_check

FORMAT = 1
GREATEST_DEVIATION = 3.0
"""A feature counts as no farther than this from its mean, in standard deviations."""

_GRAPH_CUT = files("oncotrace.segment") / "graph_cut_quality.json"
_CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class FeatureWeight:
    """How a feature is standardised, and what a standard deviation of it counts in the logit."""

    mean: float
    standard_deviation: Annotated[float, Field(gt=0)]
    weight: float

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


@dataclass(frozen=True)
class QualityModel:
    """Constants from which the Dice of one segmenter's masks is predicted.

    Parameters
    ----------
    intercept
        Logit of Dice where all features have their means.
    features
        By name, those of `FEATURES` that count.
    residuals
        Ends of the interval of 80 %, in logits from the prediction.
    fitted_on
        Numbers of patients and of segmentations that the constants were fitted on.
    """

    intercept: float
    features: Mapping[str, FeatureWeight]
    residuals: tuple[Annotated[float, Field(le=0)], Annotated[float, Field(ge=0)]]
    fitted_on: Mapping[Literal["patients", "segmentations"], int]

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    def logit(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logit of the predicted Dice, shape (n,), for features (n, k) in this model's order."""
        means, deviations, weights = np.array(
            [(of.mean, of.standard_deviation, of.weight) for of in self.features.values()]
        ).T
        distance = np.clip((features - means) / deviations, -GREATEST_DEVIATION, GREATEST_DEVIATION)
        return np.asarray(self.intercept + distance @ weights, dtype=np.float64)

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted Dice and the ends of its interval, shape (n, 3); see `logit`."""
        low, high = self.residuals
        logit = self.logit(features)
        dice: NDArray[np.float64] = expit(np.stack([logit, logit + low, logit + high], axis=1))
        return dice

    def to_json(self) -> dict[str, JsonValue]:
        """Content of ``quality.json``."""
        content: dict[str, JsonValue] = _STORED.dump_python(self, mode="json")
        return {"format": FORMAT, **content}

    @classmethod
    def from_json(cls, content: Mapping[str, JsonValue]) -> "QualityModel":
        """Constants from the content of ``quality.json``.

        Raises
        ------
        ModelError
            It is of another format, or not what `to_json` makes.
        """
        rest = dict(content)
        number = rest.pop("format", None)
        if type(number) is not int or number != FORMAT:
            raise _damaged(f"it is of format {json.dumps(number)}, this version reads {FORMAT}.")
        try:
            model = _STORED.validate_json(json.dumps(rest), strict=True)
        except ValidationError as error:
            raise _damaged(first_complaint(error)) from error
        unknown = sorted(set(model.features) - set(FEATURES))
        if unknown or not model.features:
            raise _damaged(f"it needs features of this version, found {unknown or 'none'}.")
        return model


_STORED = TypeAdapter(QualityModel)


@cache
def graph_cut_quality() -> QualityModel:
    """Constants for the masks of the six-click graph cut, which come with oncotrace."""
    return QualityModel.from_json(json.loads(_GRAPH_CUT.read_text(encoding="utf-8")))


def with_quality(
    made: Segmentation, evidence: Evidence, model: QualityModel | None
) -> Segmentation:
    """Segmentation with its predicted quality, as far as there are constants to predict it with."""
    if model is None:
        return made
    start = time.perf_counter()
    quality = predicted_quality(made, evidence, model)
    seconds = {**made.seconds, "quality": time.perf_counter() - start}
    return replace(made, quality=quality, seconds=seconds)


def predicted_quality(made: Segmentation, evidence: Evidence, model: QualityModel) -> Quality:
    """Predicted Dice of a mask, its interval, and where to look first.

    An empty mask has a Dice of 0 and nowhere to look.
    """
    if made.mask.is_empty or not evidence.inside.any():
        return Quality(0.0, (0.0, 0.0))
    values = quality_features(evidence)
    dice, low, high = map(float, model.predict(np.array([[values[n] for n in model.features]]))[0])
    return Quality(dice, (low, high), *places_to_check(made, evidence.box))


def _damaged(complaint: str) -> ModelError:
    return ModelError(
        f"the constants of the predicted quality are damaged: {complaint}",
        hint="Get the model again.",
        code="damaged-model",
    )
