"""A folder of nnU-Net is believed only where it names nnU-Net's own code."""

import json
from pathlib import Path

import pytest

from oncotrace.errors import MissingDependencyError, ModelError
from oncotrace.learning import nnunet_predict
from oncotrace.learning.nnunet_folder import nnunet_digest, read_nnunet_folder

NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"


def plans(**architecture: object) -> dict[str, object]:
    """Plans of a tiny network of two stages, in nnU-Net's words."""
    stages = 2
    arguments = {
        "n_stages": stages,
        "features_per_stage": [4, 8],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1], [2, 2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    resampling = {
        f"resampling_fn_{what}": "resample_data_or_seg_to_shape"
        for what in ("data", "seg", "probabilities")
    }
    options = {
        f"{name}_kwargs": {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
        for name in resampling
    }
    return {
        "dataset_name": "Dataset501_Tumour",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": [8, 16, 16],
                "spacing": [4.0, 2.0, 2.0],
                "normalization_schemes": ["ZScoreNormalization"],
                "use_mask_for_norm": [False],
                **resampling,
                **options,
                "architecture": {
                    "network_class_name": (
                        "dynamic_network_architectures.architectures.unet.PlainConvUNet"
                    ),
                    "arch_kwargs": arguments,
                    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
                    **architecture,
                },
            }
        },
    }


def write_folder(
    parent: Path, *, dataset: dict[str, object] | None = None, said: dict[str, object] | None = None
) -> Path:
    """Write a folder of one fold whose checkpoint holds nothing."""
    folder = parent / NAME
    (folder / "fold_0").mkdir(parents=True)
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"nothing")
    known = {"channel_names": {"0": "mr-t1"}, "labels": {"background": 0, "tumour": 1}}
    (folder / "dataset.json").write_text(json.dumps(dataset or known))
    (folder / "plans.json").write_text(json.dumps(said or plans()))
    return folder


def test_a_folder_says_its_configuration_channels_and_folds(tmp_path):
    found = read_nnunet_folder(write_folder(tmp_path))
    assert (found.name, found.configuration) == (NAME, "3d_fullres")
    assert found.sequences == found.channels == ("mr-t1",)
    assert list(found.checkpoints) == ["0"]


def test_channels_are_sequences_whatever_their_case_and_others_are_none(tmp_path):
    names = {"0": "CT", "1": "Perfusion"}
    labels = {"background": 0, "tumour": 1}
    folder = write_folder(tmp_path, dataset={"channel_names": names, "labels": labels})
    found = read_nnunet_folder(folder)
    assert found.channels == ("CT", "Perfusion")
    assert found.sequences == ("ct",)


def test_the_network_of_all_cases_is_taken_only_where_it_is_alone(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "fold_all").mkdir()
    (folder / "fold_all" / "checkpoint_final.pth").write_bytes(b"nothing")
    assert list(read_nnunet_folder(folder).checkpoints) == ["0"]
    (folder / "fold_0" / "checkpoint_final.pth").unlink()
    assert list(read_nnunet_folder(folder).checkpoints) == ["all"]


@pytest.mark.parametrize(
    "network", ["os.system", "dynamic_network_architectures.architectures", "evil.unet.PlainConv"]
)
def test_plans_that_name_other_networks_are_refused(tmp_path, network):
    folder = write_folder(tmp_path, said=plans(network_class_name=network))
    with pytest.raises(ModelError, match="names code that is not nnU-Net's own") as refusal:
        read_nnunet_folder(folder)
    assert refusal.value.code == "nnunet-code"


@pytest.mark.parametrize("layer", ["os.system", "torch.hub.load", "torch.nn.init.ones_"])
def test_plans_that_name_other_layers_are_refused(tmp_path, layer):
    said = plans()
    said["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["nonlin"] = layer
    with pytest.raises(ModelError, match="names code that is not nnU-Net's own"):
        read_nnunet_folder(write_folder(tmp_path, said=said))


def test_layers_that_a_configuration_inherits_are_looked_at_too(tmp_path):
    said = plans(network_class_name="os.system")
    known = said["configurations"]
    known["base"] = known.pop("3d_fullres")
    known["3d_fullres"] = {"inherits_from": "base"}
    with pytest.raises(ModelError, match="names code"):
        read_nnunet_folder(write_folder(tmp_path, said=said))


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("image_reader_writer", "SimpleITKIOWithReorient", "nnunet-reader"),
        ("configurations", {"2d": {"batch_size": 1}}, "not-nnunet"),
        ("configurations", {"3d_fullres": {"UNet_class_name": "PlainConvUNet"}}, "old-nnunet"),
    ],
)
def test_plans_that_cannot_be_used_are_refused(tmp_path, key, value, code):
    with pytest.raises(ModelError) as refusal:
        read_nnunet_folder(write_folder(tmp_path, said={**plans(), key: value}))
    assert refusal.value.code == code


def test_the_second_stage_of_a_cascade_is_refused(tmp_path):
    said = plans()
    said["configurations"]["3d_fullres"]["previous_stage"] = "3d_lowres"
    with pytest.raises(ModelError, match="second stage of a cascade"):
        read_nnunet_folder(write_folder(tmp_path, said=said))


@pytest.mark.parametrize("name", ["dataset.json", "plans.json", "fold_0/checkpoint_final.pth"])
def test_a_folder_without_one_of_its_files_is_no_model(tmp_path, name):
    folder = write_folder(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelError, match="is no trained model of nnU-Net"):
        read_nnunet_folder(folder)


def test_the_digest_changes_with_the_weights_and_with_nothing_else(tmp_path):
    folder = write_folder(tmp_path)
    before = nnunet_digest(folder)
    (folder / "progress.png").write_bytes(b"picture")
    assert nnunet_digest(folder) == before
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"something")
    assert nnunet_digest(folder) != before


def test_without_nnunet_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(nnunet_predict, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match="oncotrace\\[nnunet\\]"):
        nnunet_predict.load_nnunet(read_nnunet_folder(write_folder(tmp_path)))
