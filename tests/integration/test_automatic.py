"""Segmenting without clicks from the command line, and what is said when it cannot be done."""

import csv
import json

import pytest
from tests.integration.conftest import write_tiny_model
from tests.unit.learning.builders import GRID_XYZ


@pytest.fixture
def automatic(tmp_path):
    """Return a model of whole T1 images that finds no tumour in any."""
    return write_tiny_model(
        tmp_path / "auto",
        ("nothing",),
        preparation="whole-image",
        channels={"images": ("mr-t1",), "cues": ("has-mr-t1",)},
        grid={"mode": "patch", "size_xyz": GRID_XYZ, "spacing_mm": (3.0, 3.0, 3.0)},
    )


def segment(cli, image, out, *options):
    return cli("segment", image, "--modality", "mr-t1", "--out", out, *options)


def test_a_recipe_without_a_model_says_how_to_train_one(cli, phantom, tmp_path):
    run = segment(cli, phantom.image, tmp_path / "out", "--recipe", "coarse-to-fine")
    assert run.exit_code == 2
    assert "--recipe coarse-to-fine" in " ".join(run.stderr.split())
    assert not (tmp_path / "out").exists()


def test_an_unknown_recipe_is_refused(cli, phantom, tmp_path):
    run = segment(cli, phantom.image, tmp_path / "out", "--recipe", "pancreas")
    assert run.exit_code == 2
    assert "no recipe without clicks called 'pancreas'" in " ".join(run.stderr.split())


def test_nothing_found_is_a_failure_of_its_own(cli, phantom, automatic, tmp_path):
    run = segment(
        cli, phantom.image, tmp_path / "out", "--recipe", "automatic", "--model", automatic
    )
    assert run.exit_code == 2
    assert "found no tumour" in run.stderr
    assert not (tmp_path / "out").exists()


def test_in_a_cohort_nothing_found_is_recorded_per_case(cli, cohort, automatic, tmp_path):
    out = tmp_path / "run"
    run = cli("segment", cohort(2), "--model", automatic, "--out", out)
    assert run.exit_code == 1, run.stderr
    with (out / "failures.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["code"] for row in rows] == ["nothing-found"] * 2
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert "channels" not in settings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--clicks",), "looks at no clicks"),
        (("--channel", "pet={image}"), "does not look at pet"),
        (("--channel", "pet"), "is not NAME=IMAGE"),
        (("--channel", "x-ray={image}"), "no modality 'x-ray'"),
        (("--other-grids", "perhaps"), "resample or refuse"),
    ],
)
def test_options_that_do_not_fit_are_refused(cli, phantom, automatic, tmp_path, options, said):
    given = [str(option).format(image=phantom.image) for option in options]
    given += [phantom.clicks] if given == ["--clicks"] else []
    run = segment(cli, phantom.image, tmp_path / "out", "--model", automatic, *given)
    assert run.exit_code == 2
    assert said in " ".join(run.stderr.split())


def test_a_recipe_with_a_model_of_clicks_is_refused(cli, phantom, model, tmp_path):
    run = segment(cli, phantom.image, tmp_path / "out", "--recipe", "automatic", "--model", model)
    assert run.exit_code == 2
    assert "needs clicks" in run.stderr


@pytest.mark.parametrize("model", ["ellipsoid", "six-click"])
def test_more_looks_are_for_models_with_dropout(cli, phantom, tmp_path, model):
    run = segment(
        cli, phantom.image, tmp_path / "out", "--clicks", phantom.clicks, "--model", model,
        "--dropout-looks", 3,
    )  # fmt: skip
    assert (run.exit_code, "no-dropout" in run.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_channels_are_for_models_of_several_sequences(cli, phantom, tmp_path):
    options = ("--clicks", phantom.clicks, "--channel", f"ct={phantom.image}")
    run = segment(cli, phantom.image, tmp_path / "out", *options)
    assert run.exit_code == 2
    assert "does not look at ct" in run.stderr
