"""The card of a model that was adapted to few cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oncotrace.learning.plan import Plan
from oncotrace.learning.tuning import Layers

TUNED = "tuned"
"""In a model's preparation: from which model, on which cases, which layers."""

_LAYERS: Mapping[Layers, str] = {
    "last-layer": "the last layer alone",
    "decoder": "the decoder, from the bottleneck to the last layer",
    "whole": "all weights",
}


@dataclass(frozen=True)
class Ancestry:
    """What a model was adapted from, and to what.

    Parameters
    ----------
    parent
        Name of the model that it began with.
    parent_digest
        SHA-256 of its ``plan.json``, which holds the digests of its other files.
    parent_card
        Its card.
    case_ids
        Cases that it was adapted to, and of sequences where each is its own case.
    patients, patients_there
        How many they are of, and how many they were drawn from.
    origin
        Where the outlines come from.
    """

    parent: str
    parent_digest: str
    parent_card: str
    layers: Layers
    case_ids: Sequence[str]
    patients: int
    patients_there: int
    origin: str
    seed: int

    def to_json(self) -> dict[str, object]:
        """Return what the plan keeps of it."""
        return {
            "parent_sha256": self.parent_digest,
            "layers": self.layers,
            "cases": [*self.case_ids],
            "seed": self.seed,
        }


def finetune_card(plan: Plan, folds: Sequence[int], known: Ancestry, about: str) -> str:
    """Markdown: what it began with, what it was adapted to and how, and what nobody knows yet."""
    settings = plan.recipe.optimiser
    return "\n".join(
        [
            f"# Model card: {plan.recipe.name}, fine-tuned",
            "",
            f"Made by oncotrace {plan.made_by}. Research use only; not a medical device.",
            "",
            "## Fine-tuning",
            "",
            f"Begun with the model {known.parent}, whose plan.json has the SHA-256 "
            f"{known.parent_digest}. Each of its {len(folds)} networks was trained further from "
            f"its own weights: {_LAYERS[known.layers]}, {settings.steps} steps of "
            f"{settings.batch_size} samples at a learning rate of {settings.learning_rate:g}, "
            f"with the recipe's augmentation, seed {known.seed}; no early stopping."
            + _locator(plan),
            "",
            f"{len(known.case_ids)} cases of {known.patients} patients, "
            f"{_drawn(known)}; {known.origin}: {', '.join(known.case_ids)}.",
            "",
            about or "Where these cases come from, and their licence, was not stated.",
            "",
            "## What is not known",
            "",
            "**How good this model is.** It was not scored: every one of its networks has seen "
            "every one of these cases, so that none is left to score it on. On tumours unlike "
            "them it may be worse than the model that it began with. Evaluate both on the same "
            "other patients (`oncotrace evaluate`) before you use it.",
            "",
            "**How good a mask is.** There is no predicted Dice: the one of the model that it "
            "began with was fitted on masks of other networks. The post-processing is still that "
            "model's.",
            "",
            "## The model that it began with",
            "",
            *_quoted(known.parent_card),
            "",
        ]
    )


def _locator(plan: Plan) -> str:
    """Say what became of the first of two stages."""
    if plan.recipe.locator is None:
        return ""
    return (
        " These are the networks of the second stage; its first stage, which finds the tumour, is "
        "as it was."
    )


def _drawn(known: Ancestry) -> str:
    if known.patients == known.patients_there:
        return "all that there were"
    return f"drawn from {known.patients_there}"


def _quoted(card: str) -> list[str]:
    return [f"> {line}".rstrip() for line in card.strip().splitlines()]
