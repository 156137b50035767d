"""The model card: what a model was trained on, how well it does out of fold, what it cannot do."""

from collections.abc import Mapping, Sequence

import numpy as np

from oncotrace.learning.plan import Plan
from oncotrace.pipeline.label_card import label_section
from oncotrace.pipeline.label_scores import LabelDice
from oncotrace.pipeline.out_of_fold import (
    LEAST_PATIENTS,
    RULES,
    SEEDS,
    WITHOUT_CLICKS,
    OutOfFoldMask,
    quality_table,
)
from oncotrace.pipeline.training_view import VIEW
from oncotrace.segment.quality_fit import cross_fitted
from oncotrace.stats.agreement import spearman


def model_card(
    plan: Plan,
    masks: Sequence[OutOfFoldMask],
    fold_of: Mapping[str, int],
    about: str,
    labels: Sequence[LabelDice] = (),
) -> str:
    """Markdown: training data, folds, out-of-fold results with the table of cases, limits.

    Parameters
    ----------
    about
        What only the person who trains can know: where the data come from, their licence.
    labels
        Dice of every structure of a model that tells several apart; ``masks`` are of the first.
    """
    return "\n".join(
        [
            f"# Model card: {plan.recipe.name}",
            "",
            f"Made by oncotrace {plan.made_by}. Research use only; not a medical device.",
            "",
            "## Training data",
            "",
            _training_data(masks) + _view(plan),
            "",
            about or "Where the data come from, and their licence, was not stated.",
            "",
            "## Network",
            "",
            _network(plan),
            "",
            "## Out of fold",
            "",
            _judged(plan, masks),
            "",
            *_summary(masks),
            "",
            *label_section(plan, labels),
            *_table(masks),
            "",
            "## Predicted quality",
            "",
            _quality(masks, fold_of),
            "",
            "## Limits",
            "",
            "Scored on the collection that it was trained on, other patients of it; other "
            "hospitals, scanners and tumours have to be tested before the figures are believed "
            "there. The networks were scored one by one; how good their mean is for a new patient "
            f"was not measured. {_one_tumour(masks)}",
            "",
        ]
    )


def _training_data(masks: Sequence[OutOfFoldMask]) -> str:
    cases = {mask.case_id for mask in masks}
    patients = {mask.patient_id for mask in masks}
    folds = {mask.fold for mask in masks}
    modalities = ", ".join(sorted({name for mask in masks for name in mask.modality.split("+")}))
    return (
        f"{len(cases)} images ({modalities}) of {len(patients)} patients, each network trained "
        f"without the patients of its fold ({len(folds)} folds). {_drawn(masks)}"
    )


def _view(plan: Plan) -> str:
    view = plan.preparation.get(VIEW)
    if view is None:
        return ""
    return (
        f" Only {view} images, and such without thick slices: those of other planes were left out."
    )


def _are_clicked(masks: Sequence[OutOfFoldMask]) -> bool:
    return any(mask.clicks in RULES for mask in masks)


def _drawn(masks: Sequence[OutOfFoldMask]) -> str:
    if _are_clicked(masks):
        return "Clicks were drawn from the outlines, afresh at every step."
    return "No clicks: the networks look at whole images."


def _judged(plan: Plan, masks: Sequence[OutOfFoldMask]) -> str:
    every = "Every case is segmented by the network that never saw its patient."
    if _are_clicked(masks):
        return (
            f"{every} Dice is the mean "
            f"of {len(SEEDS)} draws of clicks; mean, SD, median and least are over cases. "
            "`oncotrace evaluate --folds` gives all measures."
        )
    text = f"{every} Mean, SD, median and least of Dice are over cases."
    if len({mask.modality for mask in masks}) > 1:
        text += " Sequences were left out, too, to see what they tell."
    moved_mm = plan.recipe.augmentation.recrop_mm
    if moved_mm:
        text += (
            f" Every side of an image was cropped or continued by up to {moved_mm:g} mm at random, "
            "as in training, so that it does not tell where the tumour is."
        )
    tidied = plan.preparation.get("post_processing", "none")
    return f"{text} The post-processing, {tidied}, was chosen on the same masks."


def _one_tumour(masks: Sequence[OutOfFoldMask]) -> str:
    if _are_clicked(masks):
        return "One tumour per set of clicks."
    return "Which of several tumours is meant cannot be said: look at the mask."


def _network(plan: Plan) -> str:
    grid = "each case's own grid"
    if plan.grid_xyz is not None:
        grid = f"{' x '.join(map(str, plan.grid_xyz))} voxels"
    return (
        f"{plan.recipe.network.kind} on {grid}, channels {', '.join(plan.recipe.channels.names)}, "
        f"{plan.recipe.optimiser.steps} steps of {plan.recipe.optimiser.batch_size} samples, "
        f"seed {plan.recipe.seed}."
    )


def _summary(masks: Sequence[OutOfFoldMask]) -> list[str]:
    lines = [
        "| modality | clicks | n | Dice, mean ± SD | median | least |",
        "| - | - | - | - | - | - |",
    ]
    for modality in dict.fromkeys(mask.modality for mask in masks):
        for rule in _rules(masks):
            of = np.array(list(_means([m for m in masks if m.modality == modality], rule).values()))
            sd = of.std(ddof=1) if len(of) > 1 else 0.0
            lines.append(
                f"| {modality} | {rule} | {len(of)} | {of.mean():.3f} ± {sd:.3f} "
                f"| {np.median(of):.3f} | {of.min():.3f} |"
            )
    return lines


def _table(masks: Sequence[OutOfFoldMask]) -> list[str]:
    """Dice of every case, by clicks; or by sequences, since those of one image are its own case."""
    columns = {rule: _means(masks, rule) for rule in _rules(masks)}
    if not _are_clicked(masks):
        columns = {
            modality: _means([m for m in masks if m.modality == modality], WITHOUT_CLICKS)
            for modality in dict.fromkeys(mask.modality for mask in masks)
        }
    lines = [f"| case | fold | {' | '.join(columns)} |", "| - " * (2 + len(columns)) + "|"]
    for case_id, fold in {mask.case_id: mask.fold for mask in masks}.items():
        dices = (f"{of[case_id]:.3f}" if case_id in of else "" for of in columns.values())
        lines.append(f"| {case_id} | {fold} | {' | '.join(dices)} |")
    return lines


def _rules(masks: Sequence[OutOfFoldMask]) -> list[str]:
    """Kinds of clicks, in the order in which they come."""
    return list(dict.fromkeys(mask.clicks for mask in masks))


def _means(masks: Sequence[OutOfFoldMask], rule: str) -> dict[str, float]:
    """Mean Dice over the draws of one kind, by case."""
    dices: dict[str, list[float]] = {}
    for mask in masks:
        if mask.clicks == rule:
            dices.setdefault(mask.case_id, []).append(mask.dice)
    return {case_id: float(np.mean(of)) for case_id, of in dices.items()}


def _quality(masks: Sequence[OutOfFoldMask], fold_of: Mapping[str, int]) -> str:
    table = quality_table(masks)
    if table is None:
        return "None: too few patients to learn it from."
    fitted = f"Fitted on {len(table.dice)} masks of {len(set(table.patients))} patients"
    folds = [fold_of[patient] for patient in set(table.patients)]
    if len(folds) - max(map(folds.count, folds)) < LEAST_PATIENTS:
        return f"{fitted}, which are too few to try it on patients left out."
    predicted, low, high = cross_fitted(table, fold_of).T
    covered = np.mean((low <= table.dice) & (table.dice <= high))
    rank = spearman(predicted, table.dice)
    correlation = "undefined" if rank is None else f"{rank:.2f}"
    return (
        f"{fitted}. Fitted without the patients of each fold in turn: Spearman's correlation of "
        f"predicted and real Dice {correlation}, mean absolute error "
        f"{np.abs(predicted - table.dice).mean():.3f}, the interval of 80 % holds the real Dice "
        f"of {100 * covered:.0f} %."
    )
