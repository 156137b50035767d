"""A CT to tumours in the lungs, without clicks, by a network that sees slices.

Slice by slice (``lung_input``), stacked, put back onto the CT's grid; voxels whose probability is
at least one half are tumour, pieces that touch are a lesion, and the largest is GTV-1, the mask.
The others are numbered and kept (``lung_findings``).

References
----------
Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.errors import InputError, ModelError
from oncotrace.learning.onnx_predict import Predictor
from oncotrace.segment.finish import NOTHING_LEFT
from oncotrace.segment.lung_findings import (
    LungFindings,
    artefacts_ml,
    lung_scores,
    numbered_lesions,
    slice_confidences,
    volume_ml,
)
from oncotrace.segment.lung_input import LungInput, channels_of, lung_input, pixels_of
from oncotrace.segment.lung_settings import LungSettings
from oncotrace.segment.lung_substance import substances

_METAL_ML = 0.1


@dataclass(frozen=True, eq=False)
class LungSegmentation(Segmentation):
    """GTV-1 as the mask, and everything else that was found.

    Parameters
    ----------
    findings
        All lesions, the lungs' scores, the slices' confidence, volumes of parts and artefacts.
    """

    findings: LungFindings = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class LungSegmenter:
    """Finds and outlines tumours of the lungs with the networks of a model folder.

    Parameters
    ----------
    settings
        What the reader chooses; see `with_lung_settings`.
    """

    name: str
    predictor: Predictor
    settings: LungSettings = field(default_factory=LungSettings)

    def segment(self, request: SegmentationRequest) -> LungSegmentation:
        """Segment the request's CT, on whose grid the result lies; clicks are not looked at.

        Where nothing is found the mask is empty and a warning says so.

        Raises
        ------
        InputError
            There is no CT, it holds NaN or infinite voxels, or it shows no lungs (``no-lungs``).
        ModelError
            The model asks for what this version does not know, or a network fails.
        """
        start = time.perf_counter()
        ct, warnings = _ct_of(self.name, request.channels)
        seen = lung_input(ct, pixels_of(self.predictor.plan), exclude=self.settings.exclude)
        prepared = time.perf_counter()
        log_odds = self._log_odds(seen)
        predicted = time.perf_counter()
        made = self._finished(ct, seen, log_odds)
        end = time.perf_counter()
        seconds = {
            "prepare": prepared - start,
            "network": predicted - prepared,
            "finish": end - predicted,
        }
        said = (*warnings, *made.warnings)
        return replace(made, warnings=said, seconds=seconds)

    def _log_odds(self, seen: LungInput) -> NDArray[np.float32]:
        """Log-odds of tumour [n, y, x] in the slices that are shown."""
        return np.concatenate(
            [self.predictor.predict(channels_of(grey)).logits for grey in seen.greys()]
        )

    def _finished(
        self, ct: Scan, seen: LungInput, log_odds: NDArray[np.float32]
    ) -> LungSegmentation:
        probability = expit(seen.on_source(log_odds))
        for name in self.settings.exclude:
            probability[seen.artefacts[name].voxels] = 0
        inside = probability >= np.float32(0.5)
        voxel_ml = ct.geometry.voxel_volume_mm3 / 1000
        lesions, lesions_ml = numbered_lesions(inside, voxel_ml, self.settings.smallest_lesion_ml)
        mask = Mask(lesions == 1, ct.geometry)
        metal = seen.objects.metal.voxels & seen.field.on_source(seen.field.field).voxels
        findings = LungFindings(
            lesions=lesions,
            geometry=ct.geometry,
            lesions_ml=lesions_ml,
            lungs=lung_scores(seen, probability),
            slices=tuple(slice_confidences(probability, lesions > 0)),
            substances=substances(ct, mask, self.settings),
            artefacts_ml=artefacts_ml(seen),
            metal_in_field_ml=volume_ml(metal, ct.geometry),
        )
        return LungSegmentation(
            mask=mask,
            maker=self.name,
            probability=probability,
            history=(
                "ct without clicks",
                f"network of fold {', '.join(map(str, self.predictor.folds))} on "
                f"{len(log_odds)} slices of {seen.pixels} x {seen.pixels} pixels",
                f"the largest of {len(lesions_ml)} lesions",
            ),
            warnings=tuple(self._warnings(findings)),
            findings=findings,
        )

    def _warnings(self, findings: LungFindings) -> list[str]:
        """Say what the reader should know before trusting the mask."""
        warnings = [NOTHING_LEFT] if not findings.lesions_ml else []
        others = len(findings.lesions_ml) - 1
        if others > 0:
            warnings.append(f"{others} more lesions were found, the mask is the largest alone.")
        missing = [lung.side for lung in findings.lungs if lung.volume_ml == 0]
        warnings += [f"no {side} lung was found." for side in missing]
        if findings.metal_in_field_ml >= _METAL_ML and "metal" not in self.settings.exclude:
            warnings.append(
                f"{findings.metal_in_field_ml:.1f} ml of metal lie where tumour is looked for."
            )
        return warnings


def with_lung_settings(segmenter: Segmenter, settings: LungSettings | None) -> Segmenter:
    """Segmenter with the reader's settings; as it is where none are given.

    Raises
    ------
    ModelError
        There are settings, and the segmenter is not one for lungs.
    """
    if settings is None:
        return segmenter
    if not isinstance(segmenter, LungSegmenter):
        raise ModelError(
            "settings for lungs are given, and the model is not of the recipe lung.",
            hint="Leave them out, or choose another model.",
            code="unsuitable-model",
        )
    return replace(segmenter, settings=settings)


def _ct_of(name: str, channels: Mapping[Modality, Scan]) -> tuple[Scan, tuple[str, ...]]:
    """CT of a request, and what the reader should know of the other images."""
    ct = channels.get("ct")
    if ct is None:
        raise InputError(
            f"the model {name} needs a ct image, and there is none.",
            hint="Give a CT of the chest; MR and PET are not looked at.",
            code="missing-channel",
        )
    if next(iter(channels)) != "ct":
        raise ModelError(
            f"the model {name} was trained on ct, the image is {next(iter(channels))}.",
            hint="Choose a model of this modality, or train one.",
            code="wrong-modality",
        )
    ignored = [other for other in channels if other != "ct"]
    return ct, (f"{', '.join(ignored)} was not looked at.",) if ignored else ()
