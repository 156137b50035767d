"""Any history of corrections, undo and redo: an editor's, obeyed, and the same when replayed."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.io.clicks_file import read_clicks, write_clicks
from oncotrace.segment.refine import corrector, replayed
from oncotrace.segment.segmenters import segmenter
from oncotrace.segment.voi import voxels_at

GEOMETRY = Geometry((28, 24, 12), (1.0, 1.0, 2.0), (-20.0, 13.0, 500.0))
NOWHERE = np.empty((0, 3))


@lru_cache(maxsize=1)
def first() -> tuple[Scan, Clicks, Segmentation]:
    """Return a bright ellipsoid in noise, six clicks, and what they give."""
    z, y, x = np.indices(GEOMETRY.shape_zyx)
    inside = ((x - 14) / 8) ** 2 + ((y - 12) / 7) ** 2 + ((z - 6) / 3) ** 2 <= 1
    noise = np.random.default_rng(0).normal(scale=10, size=inside.shape)
    scan = Scan((200 + 150 * inside + noise).astype(np.float32), GEOMETRY, "mr-t1")
    ends = np.array([[7, 0, 0], [-7, 0, 0], [0, 6, 0], [0, -6, 0], [0, 0, 2], [0, 0, -2]])
    clicks = Clicks(GEOMETRY.to_point_mm(np.array([14, 12, 6]) + ends))
    made = segmenter("six-click-graphcut").segment(SegmentationRequest({"mr-t1": scan}, clicks, 0))
    return scan, clicks, made


places = st.tuples(*[st.floats(0, n - 1) for n in GEOMETRY.size_xyz]).map(
    lambda index: GEOMETRY.to_point_mm(np.array(index))
)
single_clicks = st.builds(
    lambda kind, place: Correction(kind, place[None]),
    st.sampled_from(["positive", "negative"]),
    places,
)
strokes = st.builds(
    lambda line, radius, paints: Correction("stroke", np.array(line), radius, paints=paints),
    st.lists(places, min_size=1, max_size=3),
    st.sampled_from([0.0, 1.5]),
    st.booleans(),
)
steps_back = st.sampled_from([Correction(kind, NOWHERE) for kind in ("undo", "redo")])
histories = st.lists(st.one_of(single_clicks, strokes, steps_back, steps_back), max_size=6)


class Editor:
    """What every editor does: two stacks, of what was done and of what was undone."""

    def __init__(self) -> None:
        self.done: list[Correction] = []
        self.undone: list[Correction] = []

    def take(self, step: Correction) -> None:
        if step.kind == "undo":
            self.undone += [self.done.pop()] if self.done else []
        elif step.kind == "redo":
            self.done += [self.undone.pop()] if self.undone else []
        else:
            self.done.append(step)
            self.undone = []


@settings(max_examples=300, deadline=None)
@given(history=st.lists(st.one_of(single_clicks, steps_back, steps_back), max_size=20))
def test_corrections_stand_as_in_any_editor(history: list[Correction]) -> None:
    editor = Editor()
    for count, step in enumerate(history, start=1):
        editor.take(step)
        clicks = Clicks(np.zeros((1, 3)), tuple(history[:count]))
        assert clicks.standing_corrections() == tuple(editor.done)
        assert clicks.corrections == tuple(history[:count])


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(history=histories)
def test_a_saved_history_replays_to_the_same_voxels_and_every_click_is_obeyed(
    history: list[Correction],
) -> None:
    require_replayed_and_obeyed(history)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(history=histories)
def test_two_hundred_saved_histories_replay_to_the_same_voxels(history: list[Correction]) -> None:
    require_replayed_and_obeyed(history)


def require_replayed_and_obeyed(history: list[Correction]) -> None:
    scan, clicks, made = first()
    by = corrector(0)
    states, undone = [made], []
    for step in history:
        if step.kind == "undo":
            undone += [states.pop()] if len(states) > 1 else []
        elif step.kind == "redo":
            states += [undone.pop()] if undone else []
        else:
            states.append(by.corrected(scan, states[-1], clicks, step))
            undone = []
            there = voxels_at(step.points_mm, GEOMETRY)
            assert (states[-1].mask.voxels[tuple(there.T)] == step.marks_tumour).all()
        clicks = Clicks(clicks.points_mm, (*clicks.corrections, step))
    again = replayed(scan, made, saved_and_read(clicks), by)
    np.testing.assert_array_equal(again.mask.voxels, states[-1].mask.voxels)
    np.testing.assert_array_equal(again.probability, states[-1].probability)
    assert again.history == states[-1].history


def saved_and_read(clicks: Clicks) -> Clicks:
    with TemporaryDirectory() as folder:
        write_clicks(clicks, Path(folder) / "clicks.json")
        return read_clicks(Path(folder) / "clicks.json")
