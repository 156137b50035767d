"""From a cohort of two planes to a model of one."""

from pathlib import Path

import pytest
from tests.integration.conftest import make_phantom

pytest.importorskip("torch")

from tests.train.test_train_journey import TINY

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, SettingsError
from oncotrace.imaging.resample import resample_array, resample_scan
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.recipe import parse_recipe
from oncotrace.pipeline.train import train_model
from oncotrace.pipeline.training_view import LeftOut
from oncotrace.segment.segmenters import view_of_model

SAGITTAL = Geometry(
    (44, 46, 16), (1.0, 1.0, 3.0), (-19.0, 13.0, 500.5), (0, 0, 1, 1, 0, 0, 0, 1, 0)
)


def write_sagittal(folder: Path) -> None:
    scan, mask = read_scan(folder / "image.nii.gz"), read_mask(folder / "mask.nii.gz")
    seen = resample_scan(scan, SAGITTAL, interpolation="linear", outside=200.0)
    inside = resample_array(
        mask.voxels.astype("float32"), mask.geometry, SAGITTAL, interpolation="linear", outside=0.0
    )
    write_scan(Scan(seen.voxels, SAGITTAL), folder / "sagittal.nii.gz")
    write_mask(Mask(inside >= 0.5, SAGITTAL), folder / "sagittal_mask.nii.gz")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four patients with an axial and a sagittal image each, a row for either."""
    folder = tmp_path_factory.mktemp("cohort")
    rows, folds = ["case_id,patient_id,image_mr-t1,mask_mr-t1"], ["patient_id,fold"]
    for number in range(4):
        name = f"p{number}"
        make_phantom(folder / name, seed=number)
        write_sagittal(folder / name)
        rows.append(f"{name}-a,{name},{name}/image.nii.gz,{name}/mask.nii.gz")
        rows.append(f"{name}-s,{name},{name}/sagittal.nii.gz,{name}/sagittal_mask.nii.gz")
        folds.append(f"{name},{number % 2}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    (folder / "folds.csv").write_text("\n".join(folds) + "\n")
    return folder


def training(cohort: Path, out: Path, *, resume: bool = False, **view):
    return train_model(
        cohort / "cohort.csv",
        out,
        recipe=parse_recipe(TINY, "tiny.toml"),
        modalities=("mr-t1",),
        folds=cohort / "folds.csv",
        resume=resume,
        device="cpu",
        **view,
    )


def test_a_model_of_one_view_learns_from_its_images_alone_and_says_so(cohort, tmp_path):
    out = tmp_path / "sagittal"
    first, *_ = training(cohort, out, view="sagittal")
    assert first == LeftOut("sagittal", 4, 8)
    model = read_model(out)
    assert model.plan.preparation["view"] == "sagittal"
    assert view_of_model(str(out)) == "sagittal"
    assert "4 images (mr-t1) of 4 patients" in model.card
    assert "Only sagittal images" in model.card
    assert "p0-s/mr-t1" in model.card
    assert "p0-a/mr-t1" not in model.card


def test_a_training_of_one_view_is_not_resumed_for_another(cohort, tmp_path):
    out = tmp_path / "model"
    steps = training(cohort, out, view="sagittal")
    next(steps)
    next(steps)
    steps.close()
    with pytest.raises(SettingsError, match="another recipe or other cases"):
        list(training(cohort, out, resume=True, view="axial"))


def test_a_view_that_no_image_has_is_refused_before_anything_is_written(cohort, tmp_path):
    with pytest.raises(InputError, match="none of the 8 images of the cohort is coronal"):
        list(training(cohort, tmp_path / "model", view="coronal"))
    assert not [*tmp_path.iterdir()]
