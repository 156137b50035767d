"""What goes into a training and what comes out beside the weights."""

import sys

import numpy as np
import pytest
from tests.unit.learning.builders import ball, tiny_plan

from oncotrace.errors import EmptyMaskError, InputError, MissingDependencyError, OutputError
from oncotrace.learning.curve import Curve, read_curve, write_curve
from oncotrace.learning.padding import margins_zyx, padded, unpadded
from oncotrace.learning.sample import Sample, TrainingData, checked_sample

RNG = np.random.default_rng(0)


def checked(sample):
    data = TrainingData(("a",), lambda _index, _rng: sample)
    return checked_sample(data, 0, RNG, tiny_plan())


def test_a_fitting_sample_passes_unchanged():
    sample = ball(0, RNG)
    assert checked(sample) is sample


def test_an_empty_target_names_its_case():
    sample = ball(0, RNG)
    with pytest.raises(EmptyMaskError, match="case a: the training mask is empty") as caught:
        checked(Sample(sample.channels, np.zeros_like(sample.target)))
    assert caught.value.code == "empty-mask"


def test_a_sample_of_another_shape_names_its_case():
    sample = ball(0, RNG)
    with pytest.raises(InputError, match=r"case a: .*\(1, 24, 16, 8\)") as caught:
        checked(Sample(sample.channels[:1], sample.target))
    assert caught.value.code == "bad-sample"


def test_a_sample_that_is_not_finite_names_its_case():
    sample = ball(0, RNG)
    sample.channels[1, 2, 3, 4] = np.nan
    with pytest.raises(InputError, match=r"case a: .*not numbers"):
        checked(sample)


def test_the_digest_of_cases_depends_on_each_and_on_their_order():
    digests = {TrainingData(ids, lambda _i, _r: ball(0, RNG)).digest() for ids in ("ab", "ba", "a")}
    assert len(digests) == 3


def test_on_a_free_grid_padding_reaches_the_next_multiple_and_is_taken_away_again():
    plan = tiny_plan(grid={"mode": "free"})
    assert plan.stride_zyx == (4, 4, 2)
    voxels = RNG.normal(size=(2, 5, 8, 9)).astype(np.float32)
    margins = margins_zyx(voxels.shape[1:], plan)
    larger = padded(voxels, margins)
    assert larger.shape == (2, 8, 8, 10)
    assert larger.sum() == pytest.approx(voxels.sum(), rel=1e-5)
    np.testing.assert_array_equal(unpadded(larger, margins), voxels)


def test_a_tiny_case_is_padded_to_more_than_one_coarsest_voxel():
    plan = tiny_plan(grid={"mode": "free"})
    sums = [n + sum(m) for n, m in zip((1, 4, 2), margins_zyx((1, 4, 2), plan), strict=True)]
    assert sums == [8, 8, 4]


def test_a_case_smaller_than_a_patch_is_padded_to_one():
    plan = tiny_plan(grid={"mode": "patch", "size_xyz": (8, 16, 16)})
    assert margins_zyx((13, 40, 8), plan) == ((1, 2), (0, 0), (0, 0))


def test_a_curve_is_read_as_it_was_written(tmp_path):
    curve = Curve(np.array([1.5, 0.1 + 0.2]), np.array([1e-3, 5e-4]), np.array([np.nan, 0.9]))
    write_curve(tmp_path / "curve.csv", curve)
    found = read_curve(tmp_path / "curve.csv")
    np.testing.assert_array_equal(found.loss, curve.loss)
    np.testing.assert_array_equal(found.learning_rate, curve.learning_rate)
    np.testing.assert_array_equal(found.validation, curve.validation)


@pytest.mark.parametrize("text", ["", "a,b\n", "step,loss,learning_rate,validation\n1,x,2,3\n"])
def test_another_table_is_not_a_curve(tmp_path, text):
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is not the curve of a training"):
        read_curve(tmp_path / "curve.csv")


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"curve\.csv cannot be written"):
        write_curve(tmp_path / "file" / "curve.csv", Curve(*np.zeros((3, 1))))


def test_training_without_torch_names_the_extra(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("oncotrace.learning.train")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"torch.*oncotrace\[train\]") as caught:
        import oncotrace.learning.train  # noqa: F401
    assert caught.value.code == "missing-dependency"
