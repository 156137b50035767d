"""From a cohort with outlines to a model folder that segments, out of fold and resumed."""

import contextlib
import shutil
from pathlib import Path

import pytest
from tests.integration.conftest import make_phantom

pytest.importorskip("torch")

from oncotrace.errors import EmptyMaskError, OutputError, SettingsError, TableError
from oncotrace.io.clicks_file import read_clicks
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.recipe import parse_recipe
from oncotrace.pipeline.evaluate import evaluate_model
from oncotrace.pipeline.segment import segment_case
from oncotrace.pipeline.train import FoldProgress, ScoringProgress, named_recipe, train_model

TINY = """
name = "tiny"
[channels]
images = ["image"]
cues = ["is-ct", "ellipsoid", "hull", "likelihood", "typical", "geodesic", "guidance"]
[grid]
size_xyz = [16, 16, 16]
[network]
first_channels = 2
levels = 3
linear_skip = true
[optimiser]
steps = 4
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    rows, folds = ["case_id,image_mr-t1,mask_mr-t1,clicks"], ["patient_id,fold"]
    for number in range(4):
        name = f"c{number}"
        make_phantom(folder / name, seed=number)
        rows.append(f"{name},{name}/image.nii.gz,{name}/mask.nii.gz,{name}/clicks.json")
        folds.append(f"{name},{number % 2}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    (folder / "folds.csv").write_text("\n".join(folds) + "\n")
    return folder


def training(cohort: Path, out: Path, *, resume: bool = False, recipe: str = TINY, **others):
    return train_model(
        cohort / "cohort.csv",
        out,
        recipe=parse_recipe(recipe, "tiny.toml"),
        modalities=("mr-t1",),
        folds=cohort / "folds.csv",
        resume=resume,
        device="cpu",
        **others,
    )


@pytest.fixture(scope="module")
def model(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny"
    steps = list(training(cohort, out))
    trained = [(now.place, now.step) for now in steps if isinstance(now, FoldProgress)]
    assert trained == [(place, step) for place in (1, 2) for step in (1, 2, 3, 4)]
    scored = [(now.done, now.cases) for now in steps if isinstance(now, ScoringProgress)]
    assert scored == [(1, 4), (2, 4), (3, 4), (4, 4)]
    return out


def test_the_model_segments(model, cohort, tmp_path):
    result = segment_case(
        cohort / "c0" / "image.nii.gz",
        read_clicks(cohort / "c0" / "clicks.json"),
        tmp_path / "out",
        modality="mr-t1",
        model=str(model),
        seed=0,
    )
    assert result["volume_ml"] == pytest.approx(4.0, rel=0.3)  # the ellipsoid's own volume
    assert result["model"] == "tiny"


def test_the_model_card_has_every_case_out_of_fold(model):
    card = (model / "MODEL_CARD.md").read_text()
    for number in range(4):
        assert f"| c{number}/mr-t1 | {number % 2} |" in card
    assert "too few patients" in card
    assert read_model(model).quality is None


def test_an_interrupted_training_ends_in_the_same_model(model, cohort, tmp_path):
    out = tmp_path / "tiny"
    with contextlib.closing(training(cohort, out)) as steps:
        for now in steps:
            if (now.place, now.step) == (2, 2):
                break
    assert not out.exists()
    for _ in training(cohort, out, resume=True):
        pass
    for fold in (0, 1):
        name = f"fold_{fold}.onnx"
        assert (out / name).read_bytes() == (model / name).read_bytes()


def test_a_training_is_not_begun_over_another(cohort, tmp_path):
    out = tmp_path / "tiny"
    with contextlib.closing(training(cohort, out)) as steps:
        next(steps)
    with pytest.raises(OutputError, match=r"tiny\.training exists already"):
        next(training(cohort, out))
    with pytest.raises(SettingsError, match="another recipe"):
        next(training(cohort, out, resume=True, recipe=TINY.replace("steps = 4", "steps = 5")))


def test_a_patient_without_a_fold_is_refused(cohort, tmp_path):
    folds = tmp_path / "folds.csv"
    folds.write_text("patient_id,fold\nc0,0\nc1,1\n")
    steps = train_model(
        cohort / "cohort.csv", tmp_path / "out", recipe=named_recipe("six-click"),
        modalities=("mr-t1",), folds=folds, resume=False, device="cpu",
    )  # fmt: skip
    with pytest.raises(TableError, match="2 patients of the cohort have no fold"):
        next(steps)


def test_an_empty_training_mask_is_refused_by_its_case(tmp_path):
    import SimpleITK as sitk

    make_phantom(tmp_path / "c0")
    mask = str(tmp_path / "c0" / "mask.nii.gz")
    sitk.WriteImage(sitk.ReadImage(mask) * 0, mask)
    table = "case_id,image_mr-t1,mask_mr-t1\nc0,c0/image.nii.gz,c0/mask.nii.gz\n"
    (tmp_path / "cohort.csv").write_text(table)
    (tmp_path / "folds.csv").write_text("patient_id,fold\nc0,0\nc1,1\n")
    with pytest.raises(EmptyMaskError, match="case c0: the mask is empty"):
        next(training(tmp_path, tmp_path / "out"))


def test_folds_may_be_trained_one_by_one(model, cohort, tmp_path):
    about = tmp_path / "about.md"
    about.write_text("Phantoms, CC0.\n")
    out = tmp_path / "tiny"
    list(training(cohort, out, only=[1], about=about))
    assert not out.exists()
    list(training(cohort, out, only=[0], about=about, resume=True))
    assert (out / "fold_1.onnx").read_bytes() == (model / "fold_1.onnx").read_bytes()
    assert "Phantoms, CC0." in (out / "MODEL_CARD.md").read_text()
    assert (tmp_path / "tiny.training" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_fold_without_patients_is_refused(cohort, tmp_path):
    with pytest.raises(SettingsError, match=r"in fold 7; there are \[0, 1\]"):
        list(training(cohort, tmp_path / "out", only=[7]))


def test_a_changed_outline_is_noticed_on_resuming(cohort, tmp_path):
    changed = tmp_path / "cohort"
    shutil.copytree(cohort, changed)
    out = tmp_path / "out"
    interrupted = training(changed, out)
    next(interrupted)
    interrupted.close()
    shutil.copy(changed / "c1" / "mask.nii.gz", changed / "c0" / "mask.nii.gz")
    with pytest.raises(SettingsError, match="other cases"):
        list(training(changed, out, resume=True))


def test_patients_are_scored_by_the_folds_of_the_training_alone(model, cohort, tmp_path):
    folds = (cohort / "folds.csv").read_text()
    (tmp_path / "folds.csv").write_text(folds.replace("c0,0", "c0,1"))
    settings = {"modality": "mr-t1", "seed": 0, "resume": False, "jobs": 1}
    with pytest.raises(TableError, match="networks that have seen them"):
        evaluate_model(
            cohort / "cohort.csv", str(model), tmp_path / "out",
            folds=tmp_path / "folds.csv", **settings,
        )  # fmt: skip
    evaluate_model(
        cohort / "cohort.csv", str(model), tmp_path / "out",
        folds=cohort / "folds.csv", **settings,
    )  # fmt: skip
