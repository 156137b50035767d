"""Channels reach a model of nnU-Net in its order and on one grid; its mask comes back on it."""

import numpy as np
import pytest
from tests.unit.learning.test_nnunet_folder import write_folder

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import InputError, ModelError
from oncotrace.learning.nnunet_folder import NnunetFolder
from oncotrace.segment.nnunet import NnunetSegmenter, nnunet_settings
from oncotrace.segment.segmenters import segmenter

GRID = Geometry((4, 5, 6), (1.0, 1.5, 3.0), (10.0, -20.0, 5.0))


class Positive:
    """Takes the first channel's positive voxels for tumour, and remembers what it was given."""

    def predict_single_npy_array(
        self, input_image, image_properties, *, save_or_return_probabilities
    ):
        assert save_or_return_probabilities
        self.image, self.spacing = input_image, image_properties["spacing"]
        inside = input_image[0] > 0
        return inside.astype(np.uint8), np.stack([~inside, inside]).astype(np.float32)


def model(*channels: str) -> NnunetFolder:
    return NnunetFolder("T__P__3d_fullres", {}, {}, "3d_fullres", {}, channels)


def scan(name: Modality, value: float, geometry: Geometry = GRID) -> Scan:
    return Scan(np.full(geometry.shape_zyx, value, np.float32), geometry, name)


def test_channels_are_given_in_the_order_of_the_model_on_the_first_image_s_grid():
    predictor = Positive()
    finer = Geometry((8, 10, 12), (0.5, 0.75, 1.5), (9.75, -20.375, 4.25))
    scans = {"mr-t1": scan("mr-t1", 1.0), "ct": scan("ct", -5.0, finer)}
    made = NnunetSegmenter(model("CT", "mr-t1"), predictor).segment(
        SegmentationRequest(scans, None, 0)
    )
    assert predictor.image.shape == (2, *GRID.shape_zyx)
    assert predictor.spacing == [3.0, 1.5, 1.0]
    np.testing.assert_allclose(predictor.image[0], -5.0)
    np.testing.assert_allclose(predictor.image[1], 1.0)
    assert made.mask.geometry is GRID
    assert made.mask.is_empty


def test_the_mask_and_the_probability_are_nnunet_s_own():
    voxels = np.zeros(GRID.shape_zyx, np.float32)
    voxels[2, 3, 1] = 7.0
    made = NnunetSegmenter(model("mr-t1"), Positive()).segment(
        SegmentationRequest({"mr-t1": Scan(voxels, GRID, "mr-t1")}, None, 0)
    )
    assert np.argwhere(made.mask.voxels).tolist() == [[2, 3, 1]]
    np.testing.assert_array_equal(made.probability, voxels > 0)


def test_a_single_channel_with_a_name_of_its_own_takes_the_image_that_there_is():
    made = NnunetSegmenter(model("T1 post contrast"), Positive()).segment(
        SegmentationRequest({"mr-t1gd": scan("mr-t1gd", 1.0)}, None, 0)
    )
    assert made.mask.voxels.all()


@pytest.mark.parametrize("channels", [("mr-t1", "pet"), ("mr-t1", "Perfusion")])
def test_a_channel_that_is_not_there_is_named(channels):
    segmenting = NnunetSegmenter(model(*channels), Positive())
    with pytest.raises(
        InputError, match=f"looks at mr-t1, {channels[1]}; there is mr-t1"
    ) as refusal:
        segmenting.segment(SegmentationRequest({"mr-t1": scan("mr-t1", 1.0)}, None, 0))
    assert refusal.value.code == "missing-sequence"


def test_a_run_records_the_whole_path_and_the_digest_of_the_files(tmp_path, monkeypatch):
    folder = write_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    recorded = nnunet_settings(f"nnunet:{folder.name}")
    assert recorded["model"] == f"nnunet:{folder}"
    assert recorded == nnunet_settings(str(recorded["model"]))
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"other weights")
    assert nnunet_settings(f"nnunet:{folder.name}")["model_digest"] != recorded["model_digest"]


def test_a_folder_that_is_no_model_of_nnunet_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is no trained model of nnU-Net"):
        segmenter(f"nnunet:{tmp_path}")


def test_a_model_of_nnunet_has_no_networks_of_folds_of_ours(tmp_path):
    with pytest.raises(ModelError) as refusal:
        segmenter(f"nnunet:{tmp_path}", fold=0)
    assert refusal.value.code == "not-trained"
