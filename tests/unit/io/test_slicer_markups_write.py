"""Markups of a case: what 3D Slicer finds in the file, and what our reader takes from it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.measurement import Diameter
from oncotrace.errors import ClickError, OutputError
from oncotrace.io.clicks_file import read_clicks
from oncotrace.io.slicer_markups_write import Markup, write_case_markups

POINTS = [[1.5, -2.0, 3.0], [4.0, 5.0, -6.25], [0.1, 1e-7, 1 / 3]]
DIAMETERS = {
    "Longest axial diameter": Diameter(5.0, (0, 0, 7), (3, 4, 7)),
    "Perpendicular diameter": Diameter(2.5, (1.0, 0.5, 7.0), (1.0, 3.0, 7.0)),
    "Longest 3D diameter": Diameter(13.0, (0.0, 0.0, 0.0), (3.0, 4.0, 12.0)),
}
PAINTED = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
CORRECTIONS = (
    Correction("positive", np.array([[1.0, 2.0, 3.0]])),
    Correction("negative", np.array([[4.0, 5.0, 6.0]])),
    Correction("negative", np.array([[9.0, 9.0, 9.0]])),
    Correction("undo", np.empty((0, 3))),
    Correction("positive", np.array([[7.0, 8.0, 9.0]])),
    Correction("stroke", PAINTED[:1], radius_mm=2.0),
    Correction("stroke", PAINTED, radius_mm=2.5),
    Correction("stroke", PAINTED + 10, radius_mm=2.0, paints=False),
    Correction("stroke", PAINTED + 20, radius_mm=2.0, paints=False),
)


def written(folder: Path, clicks: Clicks | None) -> tuple[Path, list[Markup]]:
    """Write the file; return it with its markups."""
    path = folder / "markups.mrk.json"
    write_case_markups(path, clicks=clicks, diameters=DIAMETERS)
    content = json.loads(path.read_text())
    assert content["@schema"].endswith("/markups-schema-v1.0.3.json#")
    markups = content["markups"]
    assert all(m["coordinateSystem"] == "LPS" and m["coordinateUnits"] == "mm" for m in markups)
    return path, markups


def names(markups: list[Markup]) -> list[object]:
    return [markup["name"] for markup in markups]


def positions(markup: Markup) -> list[list[float]]:
    points = markup["controlPoints"]
    assert isinstance(points, list)
    return [point["position"] for point in points]


def test_clicks_that_are_written_are_read_again(tmp_path: Path) -> None:
    path, markups = written(tmp_path, Clicks(np.array(POINTS)))
    assert names(markups) == ["Clicks", *DIAMETERS]
    clicks = read_clicks(path)
    np.testing.assert_array_equal(clicks.points_mm, POINTS)
    assert clicks.box_mm is None


def test_box_that_is_written_is_read_again(tmp_path: Path) -> None:
    box = np.array([[9.0, 18.0, 27.0], [11.0, 22.0, 33.0]])
    path, markups = written(tmp_path, Clicks(np.empty((0, 3)), box_mm=box))
    assert names(markups) == ["Box", *DIAMETERS]
    np.testing.assert_array_equal(read_clicks(path).box_mm, box)


def test_diameters_are_lines_with_their_length_that_cannot_be_dragged(tmp_path: Path) -> None:
    _, markups = written(tmp_path, None)
    assert names(markups) == [*DIAMETERS]
    assert {markup["type"] for markup in markups} == {"Line"}
    assert {markup["locked"] for markup in markups} == {True}
    assert [positions(markup) for markup in markups] == [
        [[0.0, 0.0, 7.0], [3.0, 4.0, 7.0]],
        [[1.0, 0.5, 7.0], [1.0, 3.0, 7.0]],
        [[0.0, 0.0, 0.0], [3.0, 4.0, 12.0]],
    ]
    lengths = [measurement for m in markups for measurement in m["measurements"]]
    assert [(m["name"], m["value"], m["units"]) for m in lengths] == [
        ("length", 5.0, "mm"),
        ("length", 2.5, "mm"),
        ("length", 13.0, "mm"),
    ]


def test_corrections_that_stand_are_shown_by_what_they_say(tmp_path: Path) -> None:
    _, markups = written(tmp_path, Clicks(np.array(POINTS), CORRECTIONS))
    assert names(markups) == [
        "Clicks",
        "Corrections inside",
        "Stroke inside 1, radius 2.5 mm",
        "Corrections outside",
        "Stroke outside 1, radius 2 mm",
        "Stroke outside 2, radius 2 mm",
        *DIAMETERS,
    ]
    kinds = ["Fiducial", "Fiducial", "Curve", "Fiducial", "Curve", "Curve"]
    assert [markup["type"] for markup in markups[:-3]] == kinds
    assert [positions(markup) for markup in markups[:-3]] == [
        POINTS,
        [[1.0, 2.0, 3.0], [7.0, 8.0, 9.0], [0.0, 0.0, 0.0]],
        PAINTED.tolist(),
        [[4.0, 5.0, 6.0]],
        (PAINTED + 10).tolist(),
        (PAINTED + 20).tolist(),
    ]


def test_labels_tell_the_points_apart_where_slicer_does_not_read_names(tmp_path: Path) -> None:
    _, markups = written(tmp_path, Clicks(np.array(POINTS), CORRECTIONS))
    labels = [markup["controlPoints"][0]["label"] for markup in markups]
    assert labels == [
        "click-1",
        "inside-1",
        "stroke inside-1",
        "outside-1",
        "stroke outside-1",
        "stroke outside-1",
        *[f"{name}-1" for name in DIAMETERS],
    ]


def test_every_position_has_decimal_points_without_which_slicer_refuses_it(tmp_path: Path) -> None:
    path, _ = written(tmp_path, Clicks(np.array([[1, 2, 3], [4, 5, 6]])))
    found = re.findall(r'"position": \[([^\]]*)\]', path.read_text())
    numbers = [number.strip() for position in found for number in position.split(",")]
    assert len(numbers) == 3 * (2 + 3 * 2)
    assert [number for number in numbers if "." not in number and "e" not in number] == []


@pytest.mark.parametrize(
    ("clicks", "found"),
    [
        (Clicks(np.array(POINTS), CORRECTIONS[:2]), "6 (Fiducial, Fiducial, Fiducial, Line"),
        (Clicks(np.array(POINTS), box_mm=np.array(POINTS[:2])), "5 (Fiducial, ROI, Line"),
        (None, "3 (Line, Line, Line)"),
    ],
)
def test_markups_that_hold_more_or_less_than_clicks_are_refused_as_clicks(
    tmp_path: Path, clicks: Clicks | None, found: str
) -> None:
    path, _ = written(tmp_path, clicks)
    match = rf"holds one markup, found {re.escape(found)}.*give its clicks\.json"
    with pytest.raises(ClickError, match=match) as caught:
        read_clicks(path)
    assert caught.value.code == "several-markups"


def test_corrections_that_were_all_undone_leave_the_clicks_alone(tmp_path: Path) -> None:
    undone = Clicks(np.array(POINTS), (CORRECTIONS[0], CORRECTIONS[3]))
    path, markups = written(tmp_path, undone)
    assert names(markups) == ["Clicks", *DIAMETERS]
    np.testing.assert_array_equal(read_clicks(path).points_mm, POINTS)


def test_another_name_or_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"c\.json does not end in \.mrk\.json") as caught:
        write_case_markups(tmp_path / "c.json", clicks=None, diameters=DIAMETERS)
    assert caught.value.code == "unknown-format"
    path, _ = written(tmp_path, None)
    with pytest.raises(OutputError, match="exists already"):
        write_case_markups(path, clicks=None, diameters=DIAMETERS)
