"""Segmenters are found by name, ours first, then those of plugins."""

import pytest

from oncotrace.errors import ModelError
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.refine import MODEL as CORRECTION_MODEL
from oncotrace.segment.segmenters import (
    BUILT_IN,
    PLUGINS,
    default_segmenter,
    is_without_clicks,
    model_of_recipe,
    segmenter,
    segmenter_names,
    trained_model,
)
from oncotrace.segment.trained import packaged_models


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package that declares a segmenter, for the length of a test."""

    def installed(name, value):
        folder = tmp_path / "plugin-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{PLUGINS}]\n{name} = {value}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return installed


def test_built_in_segmenters_are_built_by_name():
    assert isinstance(segmenter("six-click-graphcut"), GraphCutSegmenter)
    assert isinstance(segmenter("ellipsoid"), EllipsoidSegmenter)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"no segmenter called 'elipsoid'.*six-click-graphcut, "):
        segmenter("elipsoid")
    with pytest.raises(ModelError) as caught:
        segmenter("")
    assert caught.value.code == "unknown-model"


def test_the_default_is_a_known_segmenter_for_every_modality():
    for modality in ("ct", "mr-t1", "pet", None):
        assert default_segmenter(modality) in segmenter_names()


@pytest.mark.parametrize("modality", ["ct", "mr-t1"])
def test_the_default_is_the_model_that_was_trained_on_the_modality(modality):
    assert default_segmenter(modality) == "six-click"
    made = segmenter("six-click")
    assert isinstance(made, NetworkSegmenter)
    assert made.predictor.folds == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("modality", ["pet", "mr-t2", None])
def test_the_graph_cut_serves_modalities_that_no_model_was_trained_on(modality):
    assert default_segmenter(modality) == "six-click-graphcut"


def test_all_packaged_models_are_at_most_60_megabytes_each_with_its_card():
    folders = [*packaged_models().values(), CORRECTION_MODEL]
    for folder in folders:
        assert {"plan.json", "MODEL_CARD.md"} <= {file.name for file in folder.iterdir()}
    files = [file for folder in folders for file in folder.iterdir()]
    assert sum(file.stat().st_size for file in files) <= 60e6


@pytest.mark.parametrize(
    ("recipe", "modality", "name"),
    [
        ("automatic", "mr-t1", "automatic-mr-t1"),
        ("automatic", "ct", "automatic-ct"),
        *[("multi-sequence", modality, "multi-sequence") for modality in ("mr-t1", "ct", "pet")],
    ],
)
def test_a_recipe_means_the_model_of_it_that_reads_the_sequence(recipe, modality, name):
    assert model_of_recipe(recipe, modality) == name
    assert is_without_clicks(name)


def test_a_recipe_without_a_model_names_another_that_reads_the_sequence():
    with pytest.raises(ModelError, match="no model of the recipe automatic for pet") as caught:
        model_of_recipe("automatic", "pet")
    assert "--model multi-sequence. Or train one" in str(caught.value.hint)


def test_a_folder_called_like_a_model_of_ours_does_not_replace_it(tmp_path, monkeypatch):
    (tmp_path / "six-click").mkdir()
    monkeypatch.chdir(tmp_path)
    assert trained_model("six-click") == packaged_models()["six-click"]


def test_only_trained_models_have_networks_of_folds():
    assert segmenter("six-click", 3).predictor.folds == (3,)
    with pytest.raises(ModelError, match="no network for fold 7") as caught:
        segmenter("six-click", 7)
    assert caught.value.code == "missing-fold"
    with pytest.raises(ModelError, match="ellipsoid is no trained model") as caught:
        segmenter("ellipsoid", 0)
    assert caught.value.code == "not-trained"


def test_a_plugin_is_found_by_its_name(install):
    install("mine", "oncotrace.segment.ellipsoid:EllipsoidSegmenter")
    assert isinstance(segmenter("mine"), EllipsoidSegmenter)
    assert segmenter_names() == (*packaged_models(), *BUILT_IN, "mine")


def test_a_plugin_does_not_replace_a_built_in_segmenter(install):
    install("six-click-graphcut", "oncotrace.segment.ellipsoid:EllipsoidSegmenter")
    assert isinstance(segmenter("six-click-graphcut"), GraphCutSegmenter)
    assert segmenter_names() == (*packaged_models(), *BUILT_IN)


def test_a_plugin_that_cannot_be_loaded_is_named(install):
    install("broken", "no_such_package:Thing")
    with pytest.raises(ModelError, match="'broken' cannot be loaded: ModuleNotFoundError"):
        segmenter("broken")


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError) as caught:
        segmenter(str(tmp_path))
    assert caught.value.code == "not-a-model"
