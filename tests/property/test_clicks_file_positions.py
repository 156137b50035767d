"""Click files hold every point, and everything else or say so."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from tests.property.strategies import clicks, points_mm

from oncotrace.domain.clicks import Clicks
from oncotrace.errors import ClickError
from oncotrace.io.clicks_file import (
    CLICK_SUFFIXES,
    clicks_from_points,
    clicks_json,
    read_clicks,
    write_clicks,
)


def written_and_read(given_clicks: Clicks, suffix: str) -> Clicks:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clicks{suffix}"
        write_clicks(given_clicks, path)
        return read_clicks(path)


@pytest.mark.parametrize("suffix", CLICK_SUFFIXES)
@settings(deadline=None)
@given(points=points_mm())
def test_points_survive_every_format_exactly(suffix: str, points: NDArray[np.float64]) -> None:
    back = written_and_read(Clicks(points), suffix)
    np.testing.assert_array_equal(back.points_mm, points)
    assert back.box_mm is None
    assert back.corrections == ()


@settings(deadline=None)
@given(points=points_mm(2, 2))
def test_box_survives_a_slicer_roi_up_to_the_order_of_its_corners(
    points: NDArray[np.float64],
) -> None:
    back = written_and_read(Clicks(np.empty((0, 3)), box_mm=points), ".mrk.json")
    assert back.box_mm is not None
    np.testing.assert_allclose(back.box_mm, [points.min(axis=0), points.max(axis=0)], atol=1e-9)
    assert len(back.points_mm) == 0


@settings(deadline=None)
@given(given_clicks=clicks())
def test_own_format_loses_nothing(given_clicks: Clicks) -> None:
    back = written_and_read(given_clicks, ".json")
    assert clicks_json(back) == clicks_json(given_clicks)
    assert [c.kind for c in back.standing_corrections()] == [
        c.kind for c in given_clicks.standing_corrections()
    ]


@pytest.mark.parametrize("suffix", [".mrk.json", ".csv", ".fcsv"])
@settings(deadline=None)
@given(given_clicks=clicks())
def test_other_formats_hold_all_or_refuse(suffix: str, given_clicks: Clicks) -> None:
    box_alone = suffix == ".mrk.json" and not len(given_clicks.points_mm)
    if given_clicks.corrections or (given_clicks.box_mm is not None and not box_alone):
        with pytest.raises(ClickError, match="this format cannot hold"):
            written_and_read(given_clicks, suffix)
    else:
        back = written_and_read(given_clicks, suffix)
        np.testing.assert_array_equal(back.points_mm, given_clicks.points_mm)


@given(points=points_mm())
def test_typed_points_are_the_numbers_they_say(points: NDArray[np.float64]) -> None:
    texts = [",".join(map(repr, point)) for point in points.tolist()]
    np.testing.assert_array_equal(clicks_from_points(texts).points_mm, points)
