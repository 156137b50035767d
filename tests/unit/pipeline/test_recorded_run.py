"""A run folder's settings become the task again that they were written by."""

import json
from pathlib import Path

import pytest

from oncotrace.domain.case import Case
from oncotrace.pipeline.evaluate_lungs import EvaluateLungsTask, recorded_lung_evaluation
from oncotrace.pipeline.predictions import OutOfFold
from oncotrace.pipeline.recorded_run import recorded_run
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.segment.lung_settings import LungSettings


@pytest.fixture
def folds(tmp_path: Path) -> OutOfFold:
    table = tmp_path / "folds.csv"
    table.write_text("patient_id,fold\np0,0\np1,1\n")
    return OutOfFold.read(table.resolve())


def test_an_evaluation_of_lungs_is_the_same_after_it_was_written_and_read(folds, tmp_path):
    segment = SegmentTask("ct", "lungs", 3, lung=LungSettings(exclude=("metal",)))
    for task in (
        EvaluateLungsTask(segment, folds, "clinical_place"),
        EvaluateLungsTask(SegmentTask("ct", "lungs", 0)),
    ):
        settings = json.loads(json.dumps(task.settings()))
        assert recorded_lung_evaluation(settings) == task
        recorded = {"journey": task.journey, "cohort": "cohort.csv", **settings}
        (tmp_path / "run.json").write_text(json.dumps({"format": 1, "settings": recorded}))
        run = recorded_run(tmp_path)
        assert (run.task, [*run.changed_settings()]) == (task, [])


@pytest.mark.parametrize(
    ("said", "location"),
    [
        ("Chest Wall ", "chest wall"), ("MEDIASTINUM", "mediastinum"), ("Lingula", "Lingula"),
        (" ", None), ("", None),
    ],
)  # fmt: skip
def test_a_location_that_a_cohort_names_is_the_published_one_in_any_spelling(said, location):
    task = EvaluateLungsTask(SegmentTask("ct", "lungs", 0), None, "clinical_place")
    case = Case("a", "a", {}, clinical={"place": said})
    assert task._named_location(case) == location
    assert "location" in task.input_digests(case) or location is None


def test_runs_of_before_are_verified_without_a_column_of_locations(folds):
    before = {"modality": "ct", "model": "lungs", "seed": 0, "folds": str(folds.table)}
    assert recorded_lung_evaluation(before).location is None
