"""A cohort goes to nnU-Net and its predictions come back in their place."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.conftest import make_phantom
from tests.unit.learning.test_nnunet_folder import write_folder
from typer.testing import CliRunner

from oncotrace.cli.nnunet import app
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import (
    GeometryMismatchError,
    InputError,
    ModelError,
    OutputError,
    SettingsError,
    TableError,
)
from oncotrace.io.cohort_table import write_table
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.learning.nnunet_folder import read_nnunet_folder
from oncotrace.pipeline.evaluate import evaluate_predictions
from oncotrace.pipeline.nnunet_export import export_nnunet
from oncotrace.pipeline.nnunet_import import import_nnunet
from oncotrace.segment.segmenters import is_without_clicks, segmenter

DATASET = "Dataset501_Tumour"
RAW = Path("nnUNet_raw") / DATASET


def cohort(folder: Path, *, cases: tuple[str, ...] = ("a", "b.1", "c_seg"), **cells: str) -> Path:
    """Write a cohort of phantoms, each of a patient P0, P1, ...; ``cells`` go into every row."""
    rows = []
    for seed, case in enumerate(cases):
        make_phantom(folder / case, seed=seed)
        row = {"case_id": case, "patient_id": f"P{seed}", "image_mr-t1": f"{case}/image.nii.gz"}
        rows.append({**row, "mask_mr-t1": f"{case}/mask.nii.gz", **cells})
    write_table(rows, folder / "cohort.csv")
    return folder / "cohort.csv"


def folds(folder: Path, **fold_of: int) -> Path:
    write_table(
        [{"patient_id": patient, "fold": fold} for patient, fold in fold_of.items()],
        folder / "folds.csv",
    )
    return folder / "folds.csv"


def exported(table: Path, out: Path, **options: object) -> Path:
    """Export a cohort to the end and return the folder."""
    chosen = {"modalities": ["mr-t1"], "folds": None, "dataset": DATASET, **options}
    for _ in export_nnunet(table, out, **chosen).case_ids:
        pass
    return out


def imported(predictions: Path, table: Path, out: Path, **options: object) -> dict[str, str]:
    """Import predictions to the end and return the failures' codes by case."""
    chosen = {"modality": None, "names": None, "resume": False, "jobs": 1, **options}
    outcomes = list(import_nnunet(predictions, table, out, **chosen).outcomes)
    return {o.case_id: o.failure.code for o in outcomes if o.failure is not None}


def test_a_dataset_has_images_labels_and_a_description_that_nnunet_reads(tmp_path):
    out = exported(cohort(tmp_path), tmp_path / "out")
    files = {str(file.relative_to(out / RAW)) for file in (out / RAW).rglob("*.nii.gz")}
    assert files == {
        *(f"imagesTr/{name}_0000.nii.gz" for name in ("a", "case-0001", "case-0002")),
        *(f"labelsTr/{name}.nii.gz" for name in ("a", "case-0001", "case-0002")),
    }
    description = json.loads((out / RAW / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "mr-t1"}
    assert description["labels"] == {"background": 0, "tumour": 1}
    assert (description["numTraining"], description["file_ending"]) == (3, ".nii.gz")
    assert (out / "cases.csv").read_text().splitlines() == [
        "nnunet_id,case_id,patient_id,set,fold",
        "a,a,P0,training,",
        "case-0001,b.1,P1,training,",
        "case-0002,c_seg,P2,training,",
    ]


def test_folds_go_by_patient_and_under_the_names_of_nnunet(tmp_path):
    table = cohort(tmp_path)
    text = table.read_text().replace("c_seg,P2", "c_seg,P0")
    table.write_text(text)
    out = exported(table, tmp_path / "out", folds=folds(tmp_path, P0=1, P1=0, other=0))
    splits = json.loads((out / "nnUNet_preprocessed" / DATASET / "splits_final.json").read_text())
    assert splits == [
        {"train": ["a", "case-0002"], "val": ["case-0001"]},
        {"train": ["case-0001"], "val": ["a", "case-0002"]},
    ]


def test_what_goes_out_and_comes_back_has_the_same_voxels_in_the_same_place(tmp_path):
    table = cohort(tmp_path)
    out = exported(table, tmp_path / "out")
    assert imported(out / RAW / "labelsTr", table, tmp_path / "run", names=out / "cases.csv") == {}
    for case in ("a", "b.1", "c_seg"):
        before = read_mask(tmp_path / case / "mask.nii.gz")
        after = read_mask(tmp_path / "run" / "cases" / case / "mask.nii.gz")
        assert after.geometry.matches(before.geometry)
        np.testing.assert_array_equal(after.voxels, before.voxels)
    evaluation = evaluate_predictions(
        table, tmp_path / "run", tmp_path / "evaluation",
        modality=None, by=None, against=None, resume=False, jobs=1,
    )  # fmt: skip
    assert [o.result["dice"] for o in evaluation.run.outcomes] == [1.0, 1.0, 1.0]


@settings(max_examples=10, deadline=None)
@given(
    st.permutations([0, 1, 2]),
    st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    st.floats(-30, 30),
    st.integers(0, 2**32 - 1),
)
def test_images_and_labels_keep_their_place_on_any_grid(
    tmp_path_factory, axes, signs, degrees, seed
):
    folder = tmp_path_factory.mktemp("pose")
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ (np.eye(3)[:, axes] * signs)
    grid = Geometry((5, 6, 4), (0.8, 1.3, 3.0), (-50.0, 20.0, 7.0), tuple(turned.ravel()))
    rng = np.random.default_rng(seed)
    scan = Scan(rng.normal(size=grid.shape_zyx).astype(np.float32), grid)
    mask = Mask(rng.random(grid.shape_zyx) < 0.5, grid)
    write_scan(scan, folder / "image.nrrd")
    write_mask(mask, folder / "mask.nrrd")
    row = {"case_id": "a", "image_mr-t1": "image.nrrd", "mask_mr-t1": "mask.nrrd"}
    write_table([row], folder / "cohort.csv")
    out = exported(folder / "cohort.csv", folder / "out")
    image = read_scan(out / RAW / "imagesTr" / "a_0000.nii.gz")
    label = read_mask(out / RAW / "labelsTr" / "a.nii.gz")
    assert image.geometry.matches(grid)
    assert label.geometry.matches(grid)
    np.testing.assert_array_equal(image.voxels, scan.voxels)
    np.testing.assert_array_equal(label.voxels, mask.voxels)


def test_several_sequences_become_channels_in_the_order_asked_for(tmp_path):
    table = cohort(tmp_path, cases=("a",), image_ct="a/ct.nii.gz")
    scan = read_scan(tmp_path / "a" / "image.nii.gz")
    write_scan(Scan(scan.voxels - 1000, scan.geometry), tmp_path / "a" / "ct.nii.gz")
    out = exported(table, tmp_path / "out", modalities=["ct", "mr-t1"])
    names = json.loads((out / RAW / "dataset.json").read_text())["channel_names"]
    assert names == {"0": "ct", "1": "mr-t1"}
    second = read_scan(out / RAW / "imagesTr" / "a_0001.nii.gz")
    np.testing.assert_array_equal(second.voxels, scan.voxels)
    assert len(list((out / RAW / "labelsTr").iterdir())) == 1


def test_grids_that_differ_by_rounding_are_written_as_one(tmp_path):
    table = cohort(tmp_path, cases=("a",), image_ct="a/ct.nii.gz", mask_ct="a/mask.nii.gz")
    first = read_scan(tmp_path / "a" / "image.nii.gz")
    x, y, z = first.geometry.spacing_mm
    rounded = Geometry(first.geometry.size_xyz, (x * 1.0001, y, z), first.geometry.origin_mm)
    assert rounded.matches(first.geometry)
    write_scan(Scan(first.voxels, rounded, "ct"), tmp_path / "a" / "ct.nii.gz")
    out = exported(table, tmp_path / "out", modalities=["mr-t1", "ct"])
    headers = [
        sitk.ReadImage(str(out / RAW / "imagesTr" / f"a_000{channel}.nii.gz")).GetSpacing()
        for channel in (0, 1)
    ]
    np.testing.assert_allclose(headers[0], headers[1], rtol=1e-7)  # as nnU-Net asks, to 1e-5


def test_a_channel_on_another_grid_is_refused_and_nothing_is_left(tmp_path):
    table = cohort(tmp_path, cases=("a",), image_ct="a/ct.nii.gz")
    scan = read_scan(tmp_path / "a" / "image.nii.gz")
    moved = Scan(scan.voxels, scan.geometry.crop((1, 0, 0), scan.geometry.size_xyz))
    write_scan(moved, tmp_path / "a" / "ct.nii.gz")
    with pytest.raises(GeometryMismatchError, match=r"case a: the ct image and the mr-t1 image"):
        exported(table, tmp_path / "out", modalities=["mr-t1", "ct"])
    assert not list(tmp_path.glob("*out*"))


def test_a_case_without_an_outline_is_exported_to_be_segmented(tmp_path):
    table = cohort(tmp_path)
    table.write_text(table.read_text().replace("c_seg/mask.nii.gz", ""))
    out = exported(table, tmp_path / "out", folds=folds(tmp_path, P0=0, P1=1))
    assert [f.name for f in (out / RAW / "imagesTs").iterdir()] == ["case-0002_0000.nii.gz"]
    assert json.loads((out / RAW / "dataset.json").read_text())["numTraining"] == 2


@pytest.mark.parametrize(
    ("fold_of", "error", "code"),
    [
        ({"P0": 0, "P1": 1}, TableError, "patient-without-fold"),
        ({"P0": 0, "P1": 0, "P2": 2}, SettingsError, "empty-fold"),
    ],
)
def test_folds_that_nnunet_could_not_train_are_refused(tmp_path, fold_of, error, code):
    with pytest.raises(error) as refusal:
        exported(cohort(tmp_path), tmp_path / "out", folds=folds(tmp_path, **fold_of))
    assert refusal.value.code == code


def test_an_export_needs_all_sequences_an_outline_and_a_proper_name(tmp_path):
    table = cohort(tmp_path, cases=("a",))
    with pytest.raises(InputError, match="the column image_pet is empty"):
        exported(table, tmp_path / "out", modalities=["mr-t1", "pet"])
    with pytest.raises(SettingsError, match="no name of a dataset"):
        exported(table, tmp_path / "out", dataset="Dataset1_Tumour")
    table.write_text(table.read_text().replace("a/mask.nii.gz", ""))
    with pytest.raises(InputError, match="no case has an outline"):
        exported(table, tmp_path / "out")


def test_an_export_is_never_written_over(tmp_path):
    table = cohort(tmp_path, cases=("a",))
    exported(table, tmp_path / "out")
    with pytest.raises(OutputError, match="exists already"):
        exported(table, tmp_path / "out")


def test_predictions_that_are_missing_or_lie_elsewhere_fail_alone(tmp_path):
    table = cohort(tmp_path, cases=("a", "b", "c"))
    given_masks = tmp_path / "predictions"
    given_masks.mkdir()
    shutil.copy(tmp_path / "a" / "mask.nii.gz", given_masks / "a.nii.gz")
    mask = read_mask(tmp_path / "b" / "mask.nii.gz")
    moved = mask.geometry.crop((0, 2, 0), mask.geometry.size_xyz)
    write_mask(Mask(mask.voxels, moved), given_masks / "b.nii.gz")
    failures = imported(given_masks, table, tmp_path / "run")
    assert failures == {"b": "geometry-mismatch", "c": "missing-prediction"}


def test_an_empty_prediction_is_taken_over_as_empty(tmp_path):
    table = cohort(tmp_path, cases=("a",))
    geometry = read_mask(tmp_path / "a" / "mask.nii.gz").geometry
    (tmp_path / "predictions").mkdir()
    empty = Mask(np.zeros(geometry.shape_zyx, dtype=np.bool_), geometry)
    write_mask(empty, tmp_path / "predictions" / "a.nii.gz")
    assert imported(tmp_path / "predictions", table, tmp_path / "run") == {}
    result = json.loads((tmp_path / "run" / "cases" / "a" / "result.json").read_text())
    assert (result["volume_ml"], result["voxels"]) == (0.0, 0)
    assert result["warnings"] == ["nnU-Net found no tumour."]


def test_a_folder_of_something_else_is_refused_at_once(tmp_path):
    with pytest.raises(SettingsError, match="holds no prediction for any of the 3 cases"):
        imported(tmp_path, cohort(tmp_path), tmp_path / "run")


def test_probabilities_are_taken_over_and_a_pickle_is_never_opened(tmp_path):
    table = cohort(tmp_path, cases=("a",))
    mask = read_mask(tmp_path / "a" / "mask.nii.gz")
    folder = tmp_path / "predictions"
    folder.mkdir()
    shutil.copy(tmp_path / "a" / "mask.nii.gz", folder / "a.nii.gz")
    tumour = np.where(mask.voxels, 0.75, 0.25).astype(np.float32)
    np.savez_compressed(folder / "a.npz", probabilities=np.stack([1 - tumour, tumour]))
    (folder / "a.pkl").write_bytes(pickle.dumps(_Writes(str(tmp_path / "was-run"))))
    assert imported(folder, table, tmp_path / "run") == {}
    found = read_scan(tmp_path / "run" / "cases" / "a" / "probability.nii.gz")
    np.testing.assert_array_equal(found.voxels, tumour)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("content", ["other grid", "no probabilities", "objects", "not a zip"])
def test_probabilities_that_are_none_are_refused(tmp_path, content):
    table = cohort(tmp_path, cases=("a",))
    shape = read_mask(tmp_path / "a" / "mask.nii.gz").geometry.shape_zyx
    folder = tmp_path / "predictions"
    folder.mkdir()
    shutil.copy(tmp_path / "a" / "mask.nii.gz", folder / "a.nii.gz")
    arrays = {
        "other grid": np.zeros((2, 3, 3, 3), np.float32),
        "no probabilities": np.full((2, *shape), 7.0, np.float32),
        "objects": np.array([_Writes(str(tmp_path / "was-run"))], dtype=object),
    }
    if content in arrays:
        np.savez_compressed(folder / "a.npz", probabilities=arrays[content])
    else:
        (folder / "a.npz").write_bytes(b"not a zip")
    assert imported(folder, table, tmp_path / "run") == {"a": "not-probabilities"}
    assert not (tmp_path / "was-run").exists()


def test_a_model_of_nnunet_needs_no_clicks():
    assert is_without_clicks("nnunet:anywhere")


def test_the_commands_write_the_dataset_and_take_the_predictions_back(tmp_path):
    table = cohort(tmp_path)
    run, out = CliRunner(), tmp_path / "out"
    arguments = ["export", str(table), "--modality", "mr-t1", "--out", str(out)]
    first = run.invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "3 cases to train on, 0 without an outline." in first.output
    assert "2 cases have another name there, which cases.csv tells." in first.output
    arguments = ["import", str(out / RAW / "labelsTr"), str(table), "--out", str(tmp_path / "run")]
    second = run.invoke(app, [*arguments, "--names", str(out / "cases.csv")])
    assert second.exit_code == 0, second.output
    assert "3 of 3 cases done." in second.output


class _Writes:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path(self.path),))


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder of nnU-Net with random weights; skipped where nnU-Net is not installed."""
    torch = pytest.importorskip("torch", reason="needs the extra nnunet")
    pytest.importorskip("nnunetv2", reason="needs the extra nnunet")
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    folder = write_folder(tmp_path / "model")
    known = PlansManager(dict(read_nnunet_folder(folder).plans))
    torch.manual_seed(0)
    network = nnUNetTrainer.build_network_architecture(
        known, known.get_configuration("3d_fullres"), 1, 2, enable_deep_supervision=True
    )
    checkpoint = {
        "network_weights": network.state_dict(),
        "logging": {"mean_fg_dice": [np.float64(0.5), np.float32(0.25), np.int64(1)]},
        "init_args": {"configuration": "3d_fullres", "device": torch.device("cpu")},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
    return folder


@pytest.mark.slow
def test_a_trained_network_of_nnunet_segments_as_nnunet_does(trained, tmp_path):
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    phantom = make_phantom(tmp_path / "a")
    scan = read_scan(phantom.image, "mr-t1")
    made = segmenter(f"nnunet:{trained}").segment(SegmentationRequest({"mr-t1": scan}, None, 0))
    theirs = nnUNetPredictor(use_mirroring=False, device=_cpu(), allow_tqdm=False)
    theirs.initialize_from_trained_model_folder(str(trained), (0,))
    image, properties = SimpleITKIO().read_images([str(phantom.image)])
    labels, probabilities = theirs.predict_single_npy_array(
        image, properties, save_or_return_probabilities=True
    )
    assert made.mask.geometry.matches(scan.geometry)
    np.testing.assert_array_equal(made.mask.voxels, labels == 1)
    np.testing.assert_allclose(made.probability, probabilities[1], atol=1e-6)
    assert made.maker == f"nnU-Net {trained.name}"


@pytest.mark.slow
def test_a_checkpoint_that_holds_more_than_weights_is_never_run(trained, tmp_path):
    import torch

    file = trained / "fold_0" / "checkpoint_final.pth"
    torch.save({"network_weights": {}, "logging": _Writes(str(tmp_path / "was-run"))}, file)
    with pytest.raises(ModelError, match="holds more than weights") as refusal:
        segmenter(f"nnunet:{trained}")
    assert refusal.value.code == "unsafe-checkpoint"
    assert not (tmp_path / "was-run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("weights", [{}, None])
def test_weights_of_another_network_are_refused(trained, weights):
    import torch

    torch.save({"network_weights": weights}, trained / "fold_0" / "checkpoint_final.pth")
    with pytest.raises(ModelError, match="do not fit the network"):
        segmenter(f"nnunet:{trained}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ({"background": 0, "tumour": 1, "oedema": 2}, "nnunet-labels"),
        ({"tumour": 1}, "not-nnunet"),
    ],
)
def test_a_model_of_other_labels_is_refused(trained, labels, code):
    description = {"channel_names": {"0": "mr-t1"}, "labels": labels}
    (trained / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(ModelError) as refusal:
        segmenter(f"nnunet:{trained}")
    assert refusal.value.code == code


def _cpu() -> object:
    import torch

    return torch.device("cpu")
