"""Fine-tuning begins with the weights that are given and changes the chosen layers alone."""

import numpy as np
import pytest
from tests.unit.learning.builders import ball, tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.errors import ModelError, SettingsError  # noqa: E402
from oncotrace.learning.recipe import preset  # noqa: E402
from oncotrace.learning.sample import TrainingData  # noqa: E402
from oncotrace.learning.train.loop import train, trained_network  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402
from oncotrace.learning.train.start import Start, keep_others  # noqa: E402
from oncotrace.learning.tuning import Tuning, layers_named  # noqa: E402

DATA = TrainingData(("a",), ball)
OPTIMISER = {"steps": 4, "batch_size": 2, "average_decay": 0.5, "learning_rate": 1e-2}
PLAN = tiny_plan(
    network={"first_channels": 2, "levels": 3, "linear_skip": True, "deep_supervision": False},
    optimiser=OPTIMISER,
)
CHANGED = {
    "last-layer": ("output.", "skip."),
    "decoder": ("decoder.", "output.", "skip."),
    "whole": ("encoder.", "bottleneck.", "decoder.", "output.", "skip."),
}


def given():
    """Network that is not the one that the plan's own seed gives."""
    return build_network(tiny_plan(**{**PLAN.recipe.model_dump(), "seed": 99}))


@pytest.mark.parametrize("layers", CHANGED)
def test_only_the_chosen_layers_change(tmp_path, layers):
    network = given()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    list(train(PLAN, DATA, tmp_path / "a.pt", device="cpu", start=Start(network, layers)))
    after = trained_network(PLAN, DATA, tmp_path / "a.pt").state_dict()
    for name, value in after.items():
        is_same = torch.equal(value, before[name])
        assert is_same != name.startswith(CHANGED[layers]), name


def test_an_interrupted_fine_tuning_resumes_to_the_same_weights(tmp_path):
    found = []
    for name in ("straight", "resumed"):
        start = Start(given(), "decoder")
        steps = train(PLAN, DATA, tmp_path / name, device="cpu", start=start)
        if name == "resumed":
            next(steps)
            steps.close()
            steps = train(PLAN, DATA, tmp_path / name, resume=True, device="cpu", start=start)
        list(steps)
        found.append(trained_network(PLAN, DATA, tmp_path / name).state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


def test_fine_tuning_on_one_case_improves_on_it(tmp_path):
    data = TrainingData(("a",), lambda _index, _rng: ball(0, np.random.default_rng(3)))
    optimiser = {**OPTIMISER, "steps": 30, "learning_rate": 3e-2, "average_decay": None}
    plan = tiny_plan(network=PLAN.recipe.network.model_dump(), optimiser=optimiser)
    start = Start(given(), "whole")
    losses = [now.loss for now in train(plan, data, tmp_path / "a", device="cpu", start=start)]
    assert losses[-1] < losses[0] / 2


def test_a_network_without_such_layers_is_refused():
    class Other(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.only = torch.nn.Linear(2, 2)

    for layers in ("last-layer", "decoder"):
        with pytest.raises(ModelError, match=f"called {layers}") as caught:
            keep_others(Other(), layers)
        assert caught.value.code == "no-such-layers"
    keep_others(Other(), "whole")


def test_the_recipe_of_a_fine_tuning_is_a_gentler_one():
    recipe = preset("automatic")
    tuned = Tuning(steps_share=0.1, learning_rate_share=0.1).recipe_from(recipe, seed=5)
    assert tuned.optimiser.steps == round(recipe.optimiser.steps / 10)
    assert tuned.optimiser.learning_rate == pytest.approx(recipe.optimiser.learning_rate / 10)
    assert tuned.optimiser.warm_up_steps < tuned.optimiser.steps
    assert tuned.augmentation == recipe.augmentation
    assert not tuned.network.deep_supervision
    assert tuned.seed == 5
    assert Tuning(steps_share=1e-9).recipe_from(recipe, seed=0).optimiser.steps == 1


def test_unknown_layers_are_refused():
    assert layers_named("whole") == "whole"
    with pytest.raises(SettingsError, match="unknown layers 'all'"):
        layers_named("all")
