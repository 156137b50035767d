"""A checkpoint is whole and belongs to this training, or it is refused."""

import pickle
import zipfile

import pytest
from tests.unit.learning.builders import ball, tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.errors import ModelError  # noqa: E402
from oncotrace.learning.sample import TrainingData  # noqa: E402
from oncotrace.learning.train.loop import train, trained_network  # noqa: E402

DATA = TrainingData(("a", "b"), ball)
PLAN = tiny_plan()


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """Return the content of a checkpoint of step 1."""
    path = tmp_path_factory.mktemp("checkpoint") / "fold_0.pt"
    steps = train(PLAN, DATA, path, device="cpu")
    next(steps)
    steps.close()
    return path.read_bytes()


def refusal(path, content, match, plan=PLAN, data=DATA):
    path.write_bytes(content)
    with pytest.raises(ModelError, match=match) as caught:
        train(plan, data, path, resume=True, device="cpu")
    return caught.value.code


def test_a_checkpoint_holds_tensors_and_plain_values_alone(tmp_path, unfinished):
    (tmp_path / "a.pt").write_bytes(unfinished)
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    assert content["losses"].shape == (1,)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7, 0.95])
def test_a_flipped_bit_is_noticed(tmp_path, unfinished, place):
    with zipfile.ZipFile(_written(tmp_path / "a.pt", unfinished)) as parts:
        largest = max(parts.infolist(), key=lambda part: part.file_size)
    damaged = bytearray(unfinished)
    damaged[largest.header_offset + 64 + int(place * largest.file_size)] ^= 4
    assert refusal(tmp_path / "a.pt", damaged, "a.pt is damaged") == "corrupt-checkpoint"


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_a_cut_off_checkpoint_is_refused(tmp_path, unfinished, kept):
    assert refusal(tmp_path / "a.pt", unfinished[:kept], "is damaged") == "corrupt-checkpoint"


def test_what_could_run_code_is_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("harm",))

    torch.save({"format": 1, "network": Harmful()}, tmp_path / "a.pt")
    content = (tmp_path / "a.pt").read_bytes()
    assert refusal(tmp_path / "a.pt", content, "is damaged") == "corrupt-checkpoint"
    content = pickle.dumps(Harmful())
    assert refusal(tmp_path / "a.pt", content, "is damaged") == "corrupt-checkpoint"


@pytest.mark.parametrize("missing", ["network", "optimiser", "losses", "validations"])
def test_a_checkpoint_that_lacks_something_is_refused(tmp_path, unfinished, missing):
    (tmp_path / "a.pt").write_bytes(unfinished)
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    del content[missing]
    torch.save(content, tmp_path / "a.pt")
    changed = (tmp_path / "a.pt").read_bytes()
    assert refusal(tmp_path / "a.pt", changed, "is damaged") == "corrupt-checkpoint"


def test_the_checkpoint_of_another_recipe_is_refused(tmp_path, unfinished):
    plan = tiny_plan(seed=1)
    code = refusal(tmp_path / "a.pt", unfinished, "with another plan", plan=plan)
    assert code == "other-checkpoint"


def test_the_checkpoint_of_other_cases_is_refused(tmp_path, unfinished):
    data = TrainingData(("a", "c"), ball)
    code = refusal(tmp_path / "a.pt", unfinished, "with another data", data=data)
    assert code == "other-checkpoint"


def test_an_unfinished_training_has_no_network_yet(tmp_path, unfinished):
    (tmp_path / "a.pt").write_bytes(unfinished)
    with pytest.raises(ModelError, match="of step 1 of 6") as caught:
        trained_network(PLAN, DATA, tmp_path / "a.pt")
    assert caught.value.code == "unfinished-training"


def _written(path, content):
    path.write_bytes(content)
    return path
