"""The published configuration, trained by name on a small cohort, segments from its folder."""

from pathlib import Path

import pytest
from tests.integration.conftest import make_phantom

pytest.importorskip("torch")

from oncotrace.errors import ModelError
from oncotrace.io.clicks_file import read_clicks
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.recipe import preset
from oncotrace.pipeline.segment import segment_case
from oncotrace.pipeline.train import FoldProgress, train_model


def published(**optimiser):
    recipe = preset("interactivenet")
    return recipe.model_copy(
        update={"optimiser": recipe.optimiser.model_copy(update={"steps": 2, **optimiser})}
    )


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    rows, folds = ["case_id,image_mr-t1,mask_mr-t1"], ["patient_id,fold"]
    for number in range(2):
        name = f"c{number}"
        make_phantom(folder / name, seed=number)
        rows.append(f"{name},{name}/image.nii.gz,{name}/mask.nii.gz")
        folds.append(f"{name},{number}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    (folder / "folds.csv").write_text("\n".join(folds) + "\n")
    return folder


def trained(cohort: Path, out: Path) -> Path:
    steps = train_model(
        cohort / "cohort.csv", out, recipe=published(), modalities=("mr-t1",),
        folds=cohort / "folds.csv", resume=False, device="cpu",
    )  # fmt: skip
    done = [(now.place, now.step) for now in steps if isinstance(now, FoldProgress)]
    assert done == [(1, 1), (1, 2), (2, 1), (2, 2)]
    return out


@pytest.fixture(scope="module")
def model(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(cohort, tmp_path_factory.mktemp("models") / "theirs")


def segment(cohort: Path, model: Path, out: Path, modality: str = "mr-t1"):
    return segment_case(
        cohort / "c0" / "image.nii.gz",
        read_clicks(cohort / "c0" / "clicks.json"),
        out,
        modality=modality,
        model=str(model),
        seed=0,
    )


def test_the_folder_says_that_every_case_keeps_the_target_spacing(model):
    plan = read_model(model).plan
    assert plan.grid_xyz is None
    assert plan.spacing_mm == (1.0, 1.0, 2.0)
    assert plan.preparation["modalities"] == ["mr-t1"]
    assert "post_processing" not in plan.preparation
    assert plan.widths[:3] == (4, 8, 16)


def test_the_model_segments(model, cohort, tmp_path):
    result = segment(cohort, model, tmp_path / "out")
    assert result["model"] == "theirs"
    assert 0 < result["volume_ml"] < 40  # two steps teach little; the volume of interest has 40 ml


def test_two_trainings_with_one_seed_end_in_the_same_networks(model, cohort, tmp_path):
    again = trained(cohort, tmp_path / "theirs")
    for fold in (0, 1):
        name = f"fold_{fold}.onnx"
        assert (again / name).read_bytes() == (model / name).read_bytes()


def test_a_model_of_one_modality_is_not_used_on_another(model, cohort, tmp_path):
    with pytest.raises(ModelError, match="trained on mr-t1, the image is ct"):
        segment(cohort, model, tmp_path / "out", "ct")
