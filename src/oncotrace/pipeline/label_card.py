"""What a model card says of a model that tells several structures apart."""

from collections.abc import Sequence

import numpy as np

from oncotrace.learning.plan import Plan
from oncotrace.pipeline.label_scores import LabelDice
from oncotrace.segment.label_finish import plan_label_post_processing


def label_section(plan: Plan, dices: Sequence[LabelDice]) -> list[str]:
    """Lines with the Dice of every structure; none for models of one."""
    if not plan.recipe.labels:
        return []
    tumour = plan.recipe.labels[0].name
    return [
        f"Of several structures, {tumour} is the one above and below and the one that is measured. "
        "Where a case is without a structure, it is not counted here, whatever was found. The "
        "post-processing of each was chosen on the same masks.",
        "",
        "| structure | value | n | Dice, mean ± SD | post-processing |",
        "| - | - | - | - | - |",
        *_rows(plan, dices),
        "",
    ]


def _rows(plan: Plan, dices: Sequence[LabelDice]) -> list[str]:
    kinds = plan_label_post_processing(plan)
    rows = []
    for label in plan.recipe.labels:
        of_label = np.array([one.dice for one in dices if one.label == label.name])
        found = "none"
        if len(of_label):
            sd = of_label.std(ddof=1) if len(of_label) > 1 else 0.0
            found = f"{of_label.mean():.3f} ± {sd:.3f}"
        rows.append(
            f"| {label.name} | {label.value} | {len(of_label)} | {found} | {kinds[label.name]} |"
        )
    return rows
