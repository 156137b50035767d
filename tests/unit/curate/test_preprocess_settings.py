"""Steps of a pre-processing as settings: presets that parse, mistakes that are named."""

from pathlib import Path

import pytest

from oncotrace.curate.preprocess_settings import (
    described,
    parse_preprocessing,
    preprocessing,
    preset_names,
)
from oncotrace.errors import SettingsError

HEAD = 'name = "mine"\nsource = "me"\n[[steps]]\n'


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_called_like_its_file_and_names_its_source(name: str) -> None:
    steps = preprocessing(name)
    assert steps.name == name
    assert len(steps.source) > 10
    assert all(described(step).startswith(step.step) for step in steps.steps)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("minimalist", ["z-score", "shift-to-positive"]),
        ("standardisation", ["white-stripe"]),
        ("harmonisation", ["clahe"]),
    ],
)
def test_the_three_published_pipelines_differ_after_n4_and_cubes(
    name: str, last: list[str]
) -> None:
    steps = preprocessing(name).steps
    assert [step.step for step in steps] == ["n4", "resample", *last]
    assert steps[1].spacing_mm == (1.0, 1.0, 1.0)
    assert steps[1].interpolation == "cubic"


def test_the_glioblastoma_pipeline_is_fitted_at_its_last_step() -> None:
    steps = preprocessing("glioblastoma")
    assert [step.step for step in steps.steps] == ["resample", "n4", "equalise", "z-score"]
    assert steps.steps[0].spacing_mm == (0.449, 0.449, 5.5)
    assert steps.fitted == (3,)
    assert not steps.needs_mask
    assert preprocessing("minimalist").fitted == ()


def test_roi_nets_coarse_image_is_64_cubes_of_5_mm() -> None:
    resample, crop, _ = preprocessing("roi-net-coarse").steps
    assert (resample.spacing_mm, resample.interpolation) == ((5, 5, 5), "nearest")
    assert crop.size_xyz == (64, 64, 64)


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ('step = "n4"\nshrink = 3', r"steps.0.n4.shrink: Extra inputs are not permitted"),
        ('step = "n5"', "steps.0"),
        ('step = "resample"', r"steps.0.resample.spacing_mm: Field required"),
        ('step = "window"\nlimits = [5, 1]', "limits must rise"),
        ('step = "nyul"\npercentiles = [1, 50, 40]', "percentiles must rise"),
        ('step = "min-max"\nrange = [1, nan]', "steps.0.min-max.range.1"),
        ('step = "curvature-flow"\ntime_step = 0.5', "time_step"),
        ('step = "clahe"\nclip_limit = 0.5', "clip_limit"),
    ],
)
def test_a_wrong_setting_is_named(steps: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_preprocessing(HEAD + steps, "mine.toml")


def test_a_file_of_ones_own_is_read_and_an_unknown_name_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + 'step = "median"\n')
    assert preprocessing(str(path)).steps[0].step == "median"
    with pytest.raises(SettingsError, match="no preset called 'minimal'") as refused:
        preprocessing("minimal")
    assert refused.value.code == "unknown-preset"
    with pytest.raises(SettingsError, match="cannot be read"):
        preprocessing(str(tmp_path / "absent.toml"))
    path.write_text("steps = [")
    with pytest.raises(SettingsError, match="is not TOML"):
        preprocessing(str(path))


def test_steps_that_look_at_the_mask_are_known() -> None:
    for text in (
        'step = "z-score"\nwithin = "mask"',
        'step = "crop-pad"\nsize_xyz = [4, 4, 4]\naround = "mask"',
        'step = "tissue-reference"\ntissue = "region"',
    ):
        assert parse_preprocessing(HEAD + text, "mine.toml").needs_mask
