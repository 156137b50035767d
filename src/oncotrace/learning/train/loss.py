"""Soft Dice and cross-entropy of logits against a target."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from oncotrace.learning.recipe import Loss

SMOOTH = 1e-5
_ONE_STRUCTURE = 4
"""Axes of its logits and target, [b, z, y, x]."""


def supervised_loss(levels: Sequence[Tensor], target: Tensor, settings: Loss) -> Tensor:
    """Mean loss over deep supervision, level i with weight 0.5^i.

    Parameters
    ----------
    levels
        Logits [b, z, y, x], the finest level first. [b, l, z, y, x] of several labels, of which
        each is compared alone; their losses are averaged.
    target
        Of the same shape, 0 or 1.
    """
    weights = [0.5**i for i in range(len(levels))]
    compare = _loss if target.ndim == _ONE_STRUCTURE else _mean_over_labels
    terms = [
        w * compare(logits, target, settings) for w, logits in zip(weights, levels, strict=True)
    ]
    return torch.stack(terms).sum() / sum(weights)


def loss_at(settings: Loss, done: float) -> Loss:
    """Return what counts when so much of the training is done, 0 to 1.

    While Dice is privileged, cross-entropy has another weight.
    """
    if done >= settings.early_share:
        return settings
    return settings.model_copy(update={"cross_entropy_weight": settings.early_cross_entropy_weight})


def _mean_over_labels(logits: Tensor, target: Tensor, settings: Loss) -> Tensor:
    pairs = zip(logits.unbind(1), target.unbind(1), strict=True)
    return torch.stack([_loss(*of_label, settings) for of_label in pairs]).mean()


def _loss(logits: Tensor, target: Tensor, settings: Loss) -> Tensor:
    probability = torch.sigmoid(logits)
    if settings.dice_over_batch:
        probability, target, logits = probability[None], target[None], logits[None]
    dice = _dice_loss(probability, target)
    if settings.dice_of_background:
        dice = (dice + _dice_loss(1 - probability, 1 - target)) / 2
    cross_entropy = binary_cross_entropy_with_logits(logits, target)
    return settings.dice_weight * dice + settings.cross_entropy_weight * cross_entropy


def _dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    axes = tuple(range(1, target.ndim))
    overlap = (probability * target).sum(axes)
    total = probability.sum(axes) + target.sum(axes)
    return (1 - (2 * overlap + SMOOTH) / (total + SMOOTH)).mean()
