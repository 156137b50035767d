"""The loss is the published one, compared with MONAI's."""

import pytest

torch = pytest.importorskip("torch")

from monai.losses import DiceCELoss  # noqa: E402

from oncotrace.learning.recipe import Loss  # noqa: E402
from oncotrace.learning.train.loss import supervised_loss  # noqa: E402


@pytest.fixture
def case():
    """Return logits and target of two samples."""
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(2, 5, 6, 7, generator=generator)
    return logits, (torch.rand(2, 5, 6, 7, generator=generator) < 0.3).float()


@pytest.mark.parametrize("background", [True, False])
def test_one_logit_gives_what_monai_gives_for_two_classes(case, background):
    logits, target = case
    two = torch.stack([torch.zeros_like(logits), logits], dim=1)
    theirs = DiceCELoss(to_onehot_y=True, softmax=True, include_background=background)
    ours = supervised_loss([logits], target, Loss(dice_of_background=background))
    assert ours.item() == pytest.approx(theirs(two, target[:, None]).item(), abs=1e-5)


def test_coarser_levels_count_half_as_much_each(case):
    logits, target = case
    alone = [supervised_loss([level], target, Loss()).item() for level in (logits, -logits)]
    together = supervised_loss([logits, -logits], target, Loss()).item()
    assert together == pytest.approx((alone[0] + 0.5 * alone[1]) / 1.5, rel=1e-6)


def test_weights_weigh_the_terms(case):
    logits, target = case
    dice = supervised_loss([logits], target, Loss(cross_entropy_weight=0.0)).item()
    cross_entropy = supervised_loss([logits], target, Loss(dice_weight=0.0)).item()
    both = supervised_loss([logits], target, Loss(dice_weight=2.0, cross_entropy_weight=3.0))
    assert both.item() == pytest.approx(2 * dice + 3 * cross_entropy, rel=1e-6)


def test_a_perfect_prediction_loses_nothing(case):
    _, target = case
    assert supervised_loss([100 * (2 * target - 1)], target, Loss()).item() < 1e-5
