"""Further views of a case: which may be joined, and what a run records of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.integration.conftest import write_tiny_model
from tests.unit.io.dicom_factory import FRAME_UID, GRID, series, values, write

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation
from oncotrace.errors import ClickError, InputError, SettingsError
from oncotrace.io.volume_file import write_scan
from oncotrace.learning.model_folder import read_model, write_model
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.segment_task import SegmentTask, recorded_segment_task
from oncotrace.pipeline.views import (
    ViewSource,
    joining,
    plane_warnings,
    recorded_views,
    require_suitable_views,
    views_settings,
)
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.segmenters import segmenter
from oncotrace.segment.views import JoinedSegmenter

CUT = "six-click-graphcut"
CLICKS = Clicks(np.eye(3).repeat(2, axis=0))


def of_view(folder, view):
    """Write a tiny model that says that it was trained on one view."""
    model = read_model(write_tiny_model(folder.with_name(f"{folder.name}-any")))
    known = {**model.plan.preparation, "view": view}
    plan = model.plan.model_copy(update={"preparation": known, "files": {}})
    write_model(folder, plan, model.networks, card=model.card)
    return str(folder)


@pytest.fixture
def dicom(tmp_path):
    """Write a CT series of another frame of reference than usual, if one is named."""

    def written(name, frame_uid=None):
        def change(_z, dataset):
            if frame_uid is not None:
                dataset.FrameOfReferenceUID = frame_uid

        for number, dataset in enumerate(series(values(), GRID, change=change)):
            write(dataset, tmp_path / name / f"{number}.dcm")
        return tmp_path / name

    return written


def test_without_further_views_the_segmenter_stays_and_nothing_is_recorded(dicom):
    cut = GraphCutSegmenter()
    assert joining(cut, (), load_scan(dicom("a"), "ct"), "ct", segmenter) is cut
    assert views_settings((), None) == {}
    assert recorded_views({}) == ()


def test_images_of_one_frame_of_reference_are_joined(dicom):
    views = (ViewSource(dicom("b"), CUT),)
    joined = joining(GraphCutSegmenter(), views, load_scan(dicom("a"), "ct"), "ct", segmenter)
    assert isinstance(joined, JoinedSegmenter)
    assert [other.modality for other in joined.others] == ["ct"]


def test_images_of_other_frames_of_reference_are_refused(dicom):
    views = (ViewSource(dicom("b", f"{FRAME_UID}.9"), CUT),)
    first = load_scan(dicom("a"), "ct")
    with pytest.raises(InputError, match="b lies in another frame of reference") as caught:
        joining(GraphCutSegmenter(), views, first, "ct", segmenter)
    assert caught.value.code == "wrong-frame-of-reference"


def test_an_image_that_is_not_there_is_refused(dicom, tmp_path):
    views = (ViewSource(tmp_path / "nowhere.nii.gz", CUT),)
    with pytest.raises(InputError, match="no file or folder nowhere") as caught:
        joining(GraphCutSegmenter(), views, load_scan(dicom("a"), "ct"), "ct", segmenter)
    assert caught.value.code == "missing-file"


def test_a_view_is_of_the_first_images_sequence_unless_its_model_knows_another_alone(
    dicom, tmp_path
):
    model = str(write_tiny_model(tmp_path / "t1"))
    views = (ViewSource(dicom("b"), CUT), ViewSource(dicom("c"), "six-click"))
    first = load_scan(dicom("a"), "ct")
    joined = joining(GraphCutSegmenter(), views, first, "ct", segmenter)
    assert [other.modality for other in joined.others] == ["ct", "ct"]
    image = tmp_path / "t1.nii.gz"
    write_scan(Scan(np.zeros(GRID.shape_zyx, np.float32), GRID), image)
    joined = joining(GraphCutSegmenter(), (ViewSource(image, model),), first, "ct", segmenter)
    assert [other.modality for other in joined.others] == ["mr-t1"]


def test_what_a_run_records_of_its_views_is_the_same_task_again(tmp_path):
    model = str(write_tiny_model(tmp_path / "tiny"))
    views = (ViewSource(tmp_path / "s.nii.gz", CUT), ViewSource(tmp_path / "c.nii.gz", model))
    task = SegmentTask("mr-t1", CUT, 3, views=views)
    settings = json.loads(json.dumps(task.settings()))
    assert [len(view.get("model_digest", "")) for view in settings["views"]] == [0, 64]
    assert recorded_segment_task("mr-t1", settings) == task
    assert "views" not in replace(task, views=()).settings()


def test_models_that_look_at_clicks_and_such_that_do_not_are_not_joined(tmp_path):
    view = ViewSource(tmp_path / "s.nii.gz", CUT)
    require_suitable_views(CUT, (view,), CLICKS)
    with pytest.raises(ClickError, match="there are no clicks"):
        require_suitable_views(CUT, (view,), None)


def test_a_model_of_lungs_has_one_view(tmp_path):
    lungs = write_tiny_model(
        tmp_path / "lungs",
        preparation="lung",
        channels={"images": ("lung",)},
        grid={"size_xyz": (16, 16, 1)},
        network={"kind": "unet-2d", "first_channels": 1, "levels": 3, "deep_supervision": False},
    )
    with pytest.raises(SettingsError, match="axial slices alone"):
        require_suitable_views(str(lungs), (ViewSource(tmp_path / "s.nii.gz", str(lungs)),), None)
    require_suitable_views(str(lungs), (), None)


@pytest.mark.parametrize(
    ("slice_mm", "trained_on", "warned"),
    [(6.0, "axial", False), (6.0, "sagittal", True), (1.0, "sagittal", False)],
)
def test_a_model_of_one_view_warns_on_thick_slices_of_another(
    tmp_path, slice_mm, trained_on, warned
):
    grid = Geometry((4, 5, 6), (1.0, 1.0, slice_mm))
    scans = {"mr-t1": Scan(np.zeros(grid.shape_zyx, np.float32), grid, "mr-t1")}
    made = Segmentation(Mask(np.zeros(grid.shape_zyx, bool), grid), "tiny")
    said = plane_warnings(of_view(tmp_path / "model", trained_on), scans, (), made)
    assert len(said) == warned
    assert all("trained on sagittal images, this one is axial" in text for text in said)
    assert plane_warnings(CUT, scans, (), made) == ()
