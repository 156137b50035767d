"""Training repeats itself bit for bit, resumes to the same weights, and learns."""

import numpy as np
import pytest
from tests.unit.learning.builders import ball, tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.errors import (  # noqa: E402
    EmptyMaskError,
    InputError,
    ModelError,
    OutputError,
    SettingsError,
)
from oncotrace.learning.curve import read_curve  # noqa: E402
from oncotrace.learning.recipe import Optimiser, preset  # noqa: E402
from oncotrace.learning.sample import Sample, TrainingData  # noqa: E402
from oncotrace.learning.train import loop  # noqa: E402
from oncotrace.learning.train.batches import case_index  # noqa: E402
from oncotrace.learning.train.device import chosen_device  # noqa: E402
from oncotrace.learning.train.loop import (  # noqa: E402
    Validation,
    curve_beside,
    predictor_of,
    train,
    trained_network,
)
from oncotrace.learning.train.patches import random_patch  # noqa: E402
from oncotrace.learning.train.precision import autocast_for  # noqa: E402
from oncotrace.learning.train.state import learning_rate  # noqa: E402

DATA = TrainingData(("a", "b", "c"), ball)
EVERYTHING = preset("six-click").augmentation.model_dump()


def plan_of(**changes):
    optimiser = {"steps": 6, "batch_size": 2, "average_decay": 0.9, "warm_up_steps": 2}
    return tiny_plan(**{"augmentation": EVERYTHING, "optimiser": optimiser, **changes})


def weights(plan, checkpoint, data=DATA):
    state = trained_network(plan, data, checkpoint).state_dict()
    return {name: value.numpy() for name, value in state.items()}


def require_same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.mark.parametrize(
    ("kind", "precision"),
    [("adamw", "float32"), ("sgd", "float32"), ("muon", "float32"), ("adamw", "bfloat16")],
)
def test_an_interrupted_training_resumes_to_the_same_weights(tmp_path, kind, precision):
    optimiser = {"steps": 6, "batch_size": 2, "average_decay": 0.9}
    optimiser |= {"kind": kind, "precision": precision}
    plan = plan_of(optimiser=optimiser)
    straight, resumed = tmp_path / "straight.pt", tmp_path / "resumed.pt"
    losses = [done.loss for done in train(plan, DATA, straight, device="cpu")]

    first = train(plan, DATA, resumed, device="cpu")
    before = [next(first).loss, next(first).loss]
    first.close()
    after = [done.loss for done in train(plan, DATA, resumed, resume=True, device="cpu")]

    assert before + after == losses
    require_same(weights(plan, resumed), weights(plan, straight))
    assert curve_beside(resumed).read_bytes() == curve_beside(straight).read_bytes()


def test_two_runs_with_one_seed_agree_bit_for_bit_whatever_prepares_the_samples(tmp_path):
    plan = plan_of()
    for name, workers in (("one.pt", 1), ("three.pt", 3)):
        list(train(plan, DATA, tmp_path / name, device="cpu", workers=workers))
    require_same(weights(plan, tmp_path / "one.pt"), weights(plan, tmp_path / "three.pt"))


def test_another_seed_gives_other_weights(tmp_path):
    found = []
    for seed in (0, 1):
        plan = plan_of(seed=seed)
        list(train(plan, DATA, tmp_path / f"{seed}.pt", device="cpu"))
        found.append(weights(plan, tmp_path / f"{seed}.pt")["output.conv.conv.weight"])
    assert not np.array_equal(*found)


def test_low_precision_changes_the_course_but_not_the_weights_type(tmp_path):
    losses = {}
    for precision in ("float32", "bfloat16"):
        plan = plan_of(optimiser={"steps": 4, "batch_size": 2, "precision": precision})
        checkpoint = tmp_path / f"{precision}.pt"
        losses[precision] = [done.loss for done in train(plan, DATA, checkpoint, device="cpu")]
        assert all(value.dtype == np.float32 for value in weights(plan, checkpoint).values())
    assert losses["bfloat16"] != losses["float32"]
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=0.05)


@pytest.mark.parametrize(("depth", "is_low"), [(4, False), (8, False), (12, True), (16, True)])
def test_features_two_voxels_deep_are_computed_in_full_precision(depth, is_low):
    """Torch's gradients are not to be relied on there; the plan has strides of 1, 2 and 4."""
    plan = plan_of(optimiser={"precision": "bfloat16"}, grid={"mode": "free"})
    with autocast_for(plan, (depth, 16, 24), torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") == is_low
    assert not torch.is_autocast_enabled("cpu")


def test_low_precision_learns_the_same_whatever_lay_in_memory_before(tmp_path):
    """A level two voxels deep, in which torch's gradients in bfloat16 depend on such remains."""
    data = TrainingData(("a",), lambda index, rng: ball(index, rng, grid_xyz=(16, 16, 8)))
    plan = plan_of(
        optimiser={"steps": 4, "batch_size": 2, "precision": "bfloat16"}, grid={"mode": "free"}
    )
    for name, remains in (("one", float("nan")), ("other", 1e30)):
        for _ in train(plan, data, tmp_path / name, device="cpu"):
            for count in range(100, 20_000, 100):
                torch.full((count,), remains)
    require_same(*(weights(plan, tmp_path / name, data) for name in ("one", "other")))


def test_training_leaves_torch_as_it_was(tmp_path):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    torch.set_num_threads(2)
    list(train(plan_of(), DATA, tmp_path / "a.pt", device="cpu"))
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(3), expected)


def test_a_small_network_learns_a_ball(tmp_path):
    plan = plan_of(
        network={"first_channels": 4, "levels": 3},
        optimiser={"steps": 20, "batch_size": 2, "learning_rate": 0.1},
        augmentation={},
    )
    data = TrainingData(("a",), lambda _index, _rng: ball(0, np.random.default_rng(3)))
    losses = [done.loss for done in train(plan, data, tmp_path / "a.pt", device="cpu")]
    sample = ball(0, np.random.default_rng(3))
    found = predictor_of(trained_network(plan, data, tmp_path / "a.pt"), plan)(sample.channels) > 0
    dice = 2 * (found & sample.target).sum() / (found.sum() + sample.target.sum())
    assert dice > 0.9
    assert losses[-1] < losses[0] / 2


def test_samples_of_different_sizes_are_learned_from_on_a_free_grid(tmp_path):
    def sample(index, rng):
        return ball(index, rng, grid_xyz=(9 + index, 16, 21))

    data = TrainingData(("a", "b"), sample)
    plan = plan_of(grid={"mode": "free"})
    losses = [done.loss for done in train(plan, data, tmp_path / "a.pt", device="cpu")]
    assert len(losses) == 6
    network = trained_network(plan, data, tmp_path / "a.pt")
    channels = sample(1, np.random.default_rng(0)).channels
    assert predictor_of(network, plan)(channels).shape == (21, 16, 10)


def test_patches_of_samples_are_learned_from(tmp_path):
    def sample(index, rng):
        return ball(index, rng, grid_xyz=(12, 14, 30))

    plan = plan_of(grid={"mode": "patch", "size_xyz": (8, 16, 24)})
    data = TrainingData(("a", "b"), sample)
    assert len(list(train(plan, data, tmp_path / "a.pt", device="cpu"))) == 6


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_patches_lie_within_the_sample_and_on_the_target_if_asked_for(share):
    grid = {"mode": "patch", "size_xyz": (8, 8, 16), "share_on_target": share}
    plan = tiny_plan(grid=grid)
    whole = ball(0, np.random.default_rng(0), grid_xyz=(40, 40, 40))
    rng = np.random.default_rng(1)
    patches = [random_patch(whole, plan, rng) for _ in range(50)]
    assert {patch.target.shape for patch in patches} == {(16, 8, 8)}
    assert {patch.channels.shape for patch in patches} == {(2, 16, 8, 8)}
    assert all(patch.target[8, 4, 4] for patch in patches) == (share == 1.0)


def test_progress_counts_steps_and_the_time_left(tmp_path):
    progress = list(train(plan_of(), DATA, tmp_path / "a.pt", device="cpu"))
    assert [done.step for done in progress] == [1, 2, 3, 4, 5, 6]
    assert {done.steps for done in progress} == {6}
    assert progress[0].seconds_left > 0
    assert progress[-1].seconds_left == 0


def test_validation_is_recorded_and_changes_nothing(tmp_path):
    seen = []

    def score(predict):
        seen.append(predict(ball(0, np.random.default_rng(1)).channels))
        return 0.25

    plan = plan_of()
    list(train(plan, DATA, tmp_path / "a.pt", device="cpu", validation=Validation(3, score)))
    list(train(plan, DATA, tmp_path / "b.pt", device="cpu"))
    require_same(weights(plan, tmp_path / "a.pt"), weights(plan, tmp_path / "b.pt"))
    nan = np.nan
    found = read_curve(curve_beside(tmp_path / "a.pt")).validation
    np.testing.assert_array_equal(found, [nan, nan, 0.25, nan, nan, 0.25])
    last = predictor_of(trained_network(plan, DATA, tmp_path / "a.pt"), plan)
    np.testing.assert_array_equal(seen[1], last(ball(0, np.random.default_rng(1)).channels))


def test_a_checkpoint_is_kept_whenever_its_time_has_come(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_S", 0.0)
    steps = train(plan_of(), DATA, tmp_path / "a.pt", device="cpu")
    next(steps)
    assert len(read_curve(curve_beside(tmp_path / "a.pt")).loss) == 1
    next(steps)
    assert len(read_curve(curve_beside(tmp_path / "a.pt")).loss) == 2
    steps.close()


def test_the_error_of_a_sample_reaches_the_caller_with_its_case(tmp_path):
    def sample(index, rng):
        made = ball(index, rng)
        return Sample(made.channels, made.target & (index != 1))

    with pytest.raises(EmptyMaskError, match="case b: the training mask is empty"):
        list(train(plan_of(), TrainingData(("a", "b"), sample), tmp_path / "a.pt", device="cpu"))


def test_a_training_that_diverges_says_so(tmp_path):
    plan = plan_of(optimiser={"kind": "sgd", "learning_rate": 1e30, "largest_gradient": None})
    with pytest.raises(ModelError, match="diverged at step") as caught:
        list(train(plan, DATA, tmp_path / "a.pt", device="cpu"))
    assert caught.value.code == "training-diverged"


def test_no_case_is_refused(tmp_path):
    with pytest.raises(InputError, match="no case to train on"):
        train(plan_of(), TrainingData((), ball), tmp_path / "a.pt", device="cpu")


def test_a_checkpoint_is_never_written_over(tmp_path):
    (tmp_path / "a.pt").write_text("mine")
    with pytest.raises(OutputError, match=r"a\.pt exists already") as caught:
        train(plan_of(), DATA, tmp_path / "a.pt", device="cpu")
    assert caught.value.code == "output-exists"


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="unknown device 'tpu'"):
        train(plan_of(), DATA, tmp_path / "a.pt", device="tpu")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto").type == "cpu"
    with pytest.raises(SettingsError, match="no GPU that PyTorch can use") as caught:
        chosen_device("cuda")
    assert caught.value.code == "no-gpu"


def test_a_gpu_is_taken_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto").type == "cuda"
    assert chosen_device("cpu").type == "cpu"


def test_every_case_comes_once_before_any_comes_again():
    rounds = [[case_index(5, 5 * r + i, seed=3) for i in range(5)] for r in range(4)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in rounds)
    assert len(set(map(tuple, rounds))) > 1


def test_poly_falls_with_the_power_that_was_published():
    settings = Optimiser(schedule="poly", learning_rate=0.01, steps=100)
    assert learning_rate(settings, 0) == 0.01
    assert learning_rate(settings, 50) == pytest.approx(0.01 * 0.5**0.9)


def test_cosine_warms_up_and_falls_to_nothing():
    settings = Optimiser(schedule="cosine", learning_rate=1.0, steps=110, warm_up_steps=10)
    rates = [learning_rate(settings, step) for step in range(110)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.001
    assert int(np.argmax(rates)) == 10
