"""The model card: what a model was trained on, how well it does out of fold, what it cannot do."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan
from oncotrace.pipeline.training_cases import TrainingCase
from oncotrace.segment.network import NetworkSegmenter

_RULES = {"exact": exact_clicks, "person-like": person_like_clicks}
_SEED = 0


@dataclass(frozen=True)
class OutOfFold:
    """Dice of one case, scored by the network that never saw its patient."""

    case_id: str
    fold: int
    dice: Mapping[str, float]


def model_card(
    plan: Plan,
    cases: list[TrainingCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
    about: str,
) -> str:
    """Markdown: training data, folds, out-of-fold results with the table of cases, limits.

    ``about`` is what only the person who trains can know: where the data come from, their licence.
    """
    rows = _out_of_fold(plan, cases, fold_of, networks)
    modalities = ", ".join(sorted({str(case.scan.modality) for case in cases}))
    patients = {case.patient_id for case in cases}
    size = " x ".join(map(str, plan.grid_xyz or ()))
    return "\n".join(
        [
            f"# Model card: {plan.recipe.name}",
            "",
            f"Made by oncotrace {plan.made_by}. Research use only; not a medical device.",
            "",
            "## Training data",
            "",
            f"{len(cases)} images ({modalities}) of {len(patients)} patients, each network trained "
            f"without the patients of its fold ({len(networks)} folds). Clicks were drawn from the "
            "outlines, afresh at every step.",
            "",
            about or "Where the data come from, and their licence, was not stated.",
            "",
            "## Network",
            "",
            f"{plan.recipe.network.kind} on {size} voxels, channels "
            f"{', '.join(plan.recipe.channels.names)}, {plan.recipe.optimiser.steps} steps of "
            f"{plan.recipe.optimiser.batch_size} samples, seed {plan.recipe.seed}.",
            "",
            "## Out of fold",
            "",
            f"One draw of clicks per case (seed {_SEED}); `oncotrace evaluate` gives all measures.",
            "",
            *_summary(rows),
            "",
            *_table(rows),
            "",
            "## Limits",
            "",
            "Scored on the collection that it was trained on, other patients of it; other "
            "hospitals, scanners and tumours have to be tested before the figures are believed "
            "there. One tumour per set of clicks.",
            "",
        ]
    )


def _out_of_fold(
    plan: Plan,
    cases: list[TrainingCase],
    fold_of: Mapping[str, int],
    networks: Mapping[int, bytes],
) -> list[OutOfFold]:
    model = ModelFolder(plan.recipe.name, plan, networks, None, "")
    segmenters = {
        fold: NetworkSegmenter(plan.recipe.name, load_predictor(model, folds=[fold], threads=1))
        for fold in networks
    }
    rows = []
    for case in cases:
        fold = fold_of[case.patient_id]
        scores = {kind: _score(segmenters[fold], case, kind) for kind in _RULES}
        rows.append(OutOfFold(case.case_id, fold, scores))
    return rows


def _score(segmenter: NetworkSegmenter, case: TrainingCase, kind: str) -> float:
    clicks = _RULES[kind](case.mask, rng=np.random.default_rng(_SEED))
    modality = case.scan.modality or "ct"
    made = segmenter.segment(SegmentationRequest({modality: case.scan}, clicks, _SEED))
    return dice(made.mask, case.mask)


def _summary(rows: list[OutOfFold]) -> list[str]:
    lines = [
        "| modality | clicks | n | Dice, mean ± SD | median | least |",
        "| - | - | - | - | - | - |",
    ]
    for modality in dict.fromkeys(row.case_id.rpartition("/")[2] for row in rows):
        for kind in _RULES:
            of = np.array([r.dice[kind] for r in rows if r.case_id.endswith(f"/{modality}")])
            sd = of.std(ddof=1) if len(of) > 1 else 0.0
            lines.append(
                f"| {modality} | {kind} | {len(of)} | {of.mean():.3f} ± {sd:.3f} "
                f"| {np.median(of):.3f} | {of.min():.3f} |"
            )
    return lines


def _table(rows: list[OutOfFold]) -> list[str]:
    lines = [f"| case | fold | {' | '.join(_RULES)} |", "| - | - | - | - |"]
    for row in rows:
        cells = " | ".join(f"{row.dice[kind]:.3f}" for kind in _RULES)
        lines.append(f"| {row.case_id} | {row.fold} | {cells} |")
    return lines
