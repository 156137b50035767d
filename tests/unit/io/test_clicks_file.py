"""Files of clicks as people and 3D Slicer write them, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.errors import ClickError, OutputError
from oncotrace.io.clicks_file import (
    CLICK_SUFFIXES,
    MAX_POINTS,
    clicks_from_points,
    parse_point,
    read_clicks,
    read_strokes,
    write_clicks,
)

POINTS = [[1.5, -2.0, 3.0], [4.0, 5.0, -6.25]]
OURS = {"format": 1, "frame": "LPS", "points_mm": POINTS}
STROKE = {"kind": "stroke", "points_mm": POINTS, "radius_mm": 2.5, "at": "", "paints": False}

# As 3D Slicer 5.6 saves two points, shortened to what describes them.
SLICER_POINTS = {
    "@schema": "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/"
    "Resources/Schema/markups-schema-v1.0.3.json#",
    "markups": [
        {
            "type": "Fiducial",
            "coordinateSystem": "LPS",
            "coordinateUnits": "mm",
            "controlPoints": [
                {"id": "1", "position": POINTS[0], "positionStatus": "defined"},
                {"id": "2", "position": POINTS[1], "positionStatus": "defined"},
            ],
        }
    ],
}
SLICER_ROI = {
    "type": "ROI",
    "coordinateSystem": "LPS",
    "roiType": "Box",
    "center": [10.0, 20.0, 30.0],
    "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
    "size": [2.0, 4.0, 6.0],
    "controlPoints": [{"position": [10.0, 20.0, 30.0]}],
}
FCSV = """# Markups fiducial file version = 4.11
# CoordinateSystem = {system}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,1.5,-2.0,3,0,0,0,1,1,1,0,"F-1, anterior",,
2,4,5,-6.25,0,0,0,1,1,0,1,F-2,,vtkMRMLScalarVolumeNode1
"""


def saved(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def slicer(**changes: object) -> dict[str, object]:
    """Return the file of two points with keys of its markup changed; None deletes one."""
    markup = {**SLICER_POINTS["markups"][0], **changes}
    markup = {key: value for key, value in markup.items() if value is not None}
    return {**SLICER_POINTS, "markups": [markup]}


# ---- our own format ----------------------------------------------------------------------------


def test_own_format_is_read_with_corrections_and_box(tmp_path: Path) -> None:
    undo = {"kind": "undo", "at": "2026-03-01T10:00:00Z"}
    changes = [STROKE, undo, {"kind": "redo"}]
    content = {**OURS, "corrections": changes, "box_mm": [[0, 0, 0], [1, 2, 3]]}
    clicks = read_clicks(saved(tmp_path, "c.json", content))
    np.testing.assert_array_equal(clicks.points_mm, POINTS)
    np.testing.assert_array_equal(clicks.box_mm, [[0, 0, 0], [1, 2, 3]])
    stroke, taken_back, again = clicks.corrections
    assert (stroke.kind, stroke.radius_mm, stroke.paints) == ("stroke", 2.5, False)
    assert (taken_back.kind, taken_back.at) == ("undo", "2026-03-01T10:00:00Z")
    assert again.kind == "redo"


def test_own_format_is_written_as_the_contract_says(tmp_path: Path) -> None:
    correction = Correction("negative", np.array(POINTS[:1]), radius_mm=1.5, at="2026-03-01")
    write_clicks(Clicks(np.array(POINTS), (correction,)), tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text()) == {
        "format": 1,
        "frame": "LPS",
        "points_mm": POINTS,
        "corrections": [
            {"kind": "negative", "points_mm": POINTS[:1], "radius_mm": 1.5, "at": "2026-03-01"}
        ],
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({**OURS, "format": 2}, "format 2, this version reads format 1.*newer version"),
        ({**OURS, "format": 9, "new_key": 1}, "newer version"),
        ({**OURS, "format": True}, 'must say "format": 1'),
        ({**OURS, "format": "1"}, 'must say "format": 1'),
        ({"frame": "LPS", "points_mm": POINTS}, 'must say "format": 1'),
        ({**OURS, "frame": "RAS"}, "no other frame.*change the sign of every x and y"),
        ({"format": 1, "points_mm": POINTS}, "no other frame"),
        ({**OURS, "point_mm": POINTS}, "unknown key 'point_mm'; known are format, frame"),
        (SLICER_POINTS, "unknown key.*must be called .mrk.json"),
        ({"format": 1, "frame": "LPS"}, "there are no clicks"),
        ({**OURS, "points_mm": [[1, 2, 3], [1, 2]]}, "point 2 must have 3 numbers, found 2"),
        ({**OURS, "points_mm": [[1, 2, "3"]]}, "point 1 must be a number, found text"),
        ({**OURS, "points_mm": [[1, 2, True]]}, "must be a number, found true or false"),
        ({**OURS, "points_mm": [[1, 2, None]]}, "must be a number, found null"),
        ({**OURS, "points_mm": [[1, 2, 10**400]]}, "too large a number"),
        ({**OURS, "points_mm": {"x": 1}}, "points_mm must be a list .*, found an object"),
        ({**OURS, "box_mm": [[0, 0, 0]]}, "two opposite corners, found 1"),
        ({**OURS, "corrections": [1]}, "correction 1 must be an object .*, found a number"),
        ({**OURS, "corrections": [{"kind": "erase"}]}, "correction 1 must have a kind, one of pos"),
        ({**OURS, "corrections": [{"kind": []}]}, "correction 1 must have a kind"),
        ({**OURS, "corrections": [{**STROKE, "color": 1}]}, "correction 1 has the unknown key 'co"),
        ({**OURS, "corrections": [{**STROKE, "at": 5}]}, "at must be text, found a number"),
        ({**OURS, "corrections": [{**STROKE, "paints": 1}]}, "paints must be true or false"),
        ({**OURS, "corrections": [{**STROKE, "radius_mm": -1}]}, "radius must be >= 0 mm"),
        ({**OURS, "corrections": [{**STROKE, "kind": "negative"}]}, "only a stroke may have"),
        ({**OURS, "corrections": [{"kind": "positive"}]}, "positive correction needs at least one"),
        ([OURS], "the file must be an object .*, found a list"),
        ('{"format": 1,\n "frame": }', "line 2: this is not JSON"),
        ('{"format": 1, "format": 1}', "a key stands twice"),
        ('{"points_mm": [[NaN, 0, 0]]}', "NaN is not a number that JSON knows"),
        ('{"points_mm": [[-Infinity, 0, 0]]}', "-Infinity is not a number"),
        ('{"points_mm": [[1e999, 0, 0]], "format": 1, "frame": "LPS"}', "too large a number"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "thousands of digits"),
        ("", "line 1: this is not JSON"),
        ("\0" * 100, "line 1: this is not UTF-8 text"),
    ],
)
def test_malformed_own_file_is_refused(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(ClickError, match=rf"^c\.json.*{reason}"):
        read_clicks(saved(tmp_path, "c.json", content))


# ---- every format ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", CLICK_SUFFIXES)
def test_missing_file_is_refused_by_name_alone(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ClickError, match=rf"^there is no file c{suffix}\.$"):
        read_clicks(tmp_path / f"c{suffix}")


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClickError, match=r"c\.txt does not end like a file of clicks\. Use one of"):
        read_clicks(saved(tmp_path, "c.txt", OURS))
    with pytest.raises(OutputError, match=r"c\.txt does not end like a file of clicks"):
        write_clicks(Clicks(np.array(POINTS)), tmp_path / "c.txt")


def test_file_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClickError, match=r"c\.csv is larger than 10 MiB"):
        read_clicks(saved(tmp_path, "c.csv", "x" * (10 * 1024 * 1024 + 1)))


def test_too_many_points_are_refused_in_reading_and_writing(tmp_path: Path) -> None:
    rows = "\n".join(["x,y,z", *["1,2,3"] * (MAX_POINTS + 1)])
    with pytest.raises(ClickError, match="there are 10001 points, at most 10000"):
        read_clicks(saved(tmp_path, "c.csv", rows))
    stroke = Correction("stroke", np.zeros((MAX_POINTS + 1, 3)))
    with pytest.raises(ClickError, match="there are 10001 points"):
        write_clicks(Clicks(np.array(POINTS), (stroke,)), tmp_path / "c.json")


def test_file_in_latin_1_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.fcsv"
    path.write_bytes(b"# one\n# gr\xf6\xdfe\n")
    with pytest.raises(ClickError, match=r"c\.fcsv, line 2: this is not UTF-8 text"):
        read_clicks(path)


@pytest.mark.parametrize("suffix", CLICK_SUFFIXES)
def test_existing_file_is_not_written_over(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path, f"c{suffix}", "old")
    with pytest.raises(OutputError, match="exists already"):
        write_clicks(Clicks(np.array(POINTS)), path)
    assert path.read_text() == "old"


@pytest.mark.parametrize("suffix", [".csv", ".fcsv", ".mrk.json"])
def test_format_that_would_lose_something_is_refused_and_not_written(
    tmp_path: Path, suffix: str
) -> None:
    corrected = Clicks(np.array(POINTS), (Correction("positive", np.array(POINTS)),))
    with pytest.raises(ClickError, match=r"cannot hold the 1 corrections .* Write \.json"):
        write_clicks(corrected, tmp_path / f"c{suffix}")
    boxed = Clicks(np.array(POINTS), box_mm=np.array(POINTS))
    with pytest.raises(ClickError, match=r"cannot hold the box .* Write \.json"):
        write_clicks(boxed, tmp_path / f"c{suffix}")
    assert list(tmp_path.iterdir()) == []


# ---- tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "x_mm,y_mm,z_mm\n1.5,-2,3\n4,5,-6.25\n",
        "\ufeffx,y,z\r\n1.5, -2.0 ,+3\r\n\r\n4e0,5.,-6.25\r\n",
        '"x","y","z"\n"1.5",-2,3\n4,5,-6.25',
    ],
)
def test_table_of_points_is_read(tmp_path: Path, text: str) -> None:
    np.testing.assert_array_equal(read_clicks(saved(tmp_path, "c.csv", text)).points_mm, POINTS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,2,3\n", "line 1 must name the columns x_mm,y_mm,z_mm"),
        ("x;y;z\n1;2;3\n", "line 1 must name the columns.*Separate columns by commas"),
        ("z,y,x\n1,2,3\n", "line 1 must name the columns"),
        ("label,x,y,z\nF,1,2,3\n", "line 1 must name the columns.*no others"),
        ("", "line 1 must name the columns"),
        ("x,y,z\n", "there are no clicks"),
        ("x,y,z\n1,2,3\n1,2\n", "line 3 must hold three numbers"),
        ("x,y,z\n1,2,3,4\n", "line 2 must hold three numbers"),
        ("x,y,z\n1,2,three\n", "line 2 must hold three numbers"),
        ("x,y,z\n1,2,nan\n", "line 2 must hold three numbers"),
        ("x,y,z\n1,2,1_0\n", "line 2 must hold three numbers"),
        ("x,y,z\n1,2,1e999\n", "line 2 must hold three numbers"),
        ("x,y,z\n1,2,\n", "line 2 must hold three numbers"),
        ('x,y,z\n1,2,"3\n', "line 2: the row cannot be read"),
    ],
)
def test_malformed_table_is_refused_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ClickError, match=rf"^c\.csv.*{reason}"):
        read_clicks(saved(tmp_path, "c.csv", text))


# ---- 3D Slicer ---------------------------------------------------------------------------------


def test_slicer_points_in_lps_and_ras_are_the_same_places(tmp_path: Path) -> None:
    ras = [{"position": [-x, -y, z]} for x, y, z in POINTS]
    per_file = {**slicer(coordinateSystem=None, controlPoints=ras), "coordinateSystem": "RAS"}
    files = {
        "lps": SLICER_POINTS,
        "default": slicer(coordinateSystem=None),
        "ras": slicer(coordinateSystem="RAS", controlPoints=ras),
        "file": per_file,
        "coded_unit": slicer(coordinateUnits=["mm", "UCUM", "millimeter"]),
    }
    for name, content in files.items():
        clicks = read_clicks(saved(tmp_path, f"{name}.mrk.json", content))
        np.testing.assert_array_equal(clicks.points_mm, POINTS)


def test_point_under_slicers_cursor_does_not_count(tmp_path: Path) -> None:
    preview = {"position": [9, 9, 9], "positionStatus": "preview"}
    content = slicer(controlPoints=[{"position": POINTS[0]}, preview])
    clicks = read_clicks(saved(tmp_path, "c.mrk.json", content))
    np.testing.assert_array_equal(clicks.points_mm, POINTS[:1])


def test_slicer_roi_becomes_a_box_in_either_frame(tmp_path: Path) -> None:
    expected = [[9, 18, 27], [11, 22, 33]]
    ras = {"coordinateSystem": "RAS", "center": [-10, -20, 30], "orientation": None}
    turned = {"orientation": [0, 1, 0, 1, 0, 0, 0, 0, -1], "size": [4, 2, 6]}
    for number, changes in enumerate([{}, ras, turned]):
        roi = {k: v for k, v in {**SLICER_ROI, **changes}.items() if v is not None}
        content = {"markups": [roi]}
        box = read_clicks(saved(tmp_path, f"{number}.mrk.json", content)).box_mm
        np.testing.assert_allclose(np.sort(box, axis=0), expected)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (OURS, "no key 'markups'"),
        ({"@schema": "markups-schema-v2.0.0.json#", "markups": []}, "not 3D Slicer's markups sch"),
        ({"markups": []}, r"holds one markup, found 0 \(none\)"),
        ({"markups": [SLICER_ROI, SLICER_ROI]}, r"found 2 \(ROI, ROI\)"),
        (slicer(type="Curve"), "of type Curve; clicks are a point list"),
        (slicer(coordinateSystem="IJK"), "coordinate system 'IJK' is not known"),
        (slicer(coordinateUnits="um"), "coordinateUnits must be mm, found um"),
        (slicer(controlPoints=[]), "there are no clicks"),
        (slicer(controlPoints=[{"position": [1, 2]}]), "point 1, position must have 3 numbers"),
        (slicer(controlPoints=[{}]), "control point 1, position must be a list .*, found null"),
        (
            slicer(controlPoints=[{"position": [1, 2, 3]}, {"positionStatus": "undefined"}]),
            r"control point 2 was never placed \(status undefined\)\. Place it in Slicer",
        ),
        ({"markups": [{**SLICER_ROI, "size": [1, -2, 3]}]}, "ROI's size is negative"),
        ({"markups": [{"type": "ROI"}]}, "ROI's center must be a list"),
        (
            {"markups": [{**SLICER_ROI, "orientation": [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1]}]},
            "turned against the patient's axes",
        ),
        ({"markups": [{**SLICER_ROI, "orientation": [0] * 9}]}, "turned against the patient"),
    ],
)
def test_markups_that_are_not_clicks_are_refused(
    tmp_path: Path, content: object, reason: str
) -> None:
    with pytest.raises(ClickError, match=rf"^c\.mrk\.json: .*{reason}"):
        read_clicks(saved(tmp_path, "c.mrk.json", content))


def test_markups_are_written_as_slicers_schema_asks(tmp_path: Path) -> None:
    write_clicks(Clicks(np.array(POINTS)), tmp_path / "points.mrk.json")
    content = json.loads((tmp_path / "points.mrk.json").read_text())
    assert set(content) == {"@schema", "markups"}
    assert content["@schema"].endswith("/markups-schema-v1.0.3.json#")
    [markup] = content["markups"]
    assert (markup["type"], markup["coordinateSystem"]) == ("Fiducial", "LPS")
    assert [point["position"] for point in markup["controlPoints"]] == POINTS
    assert {point["positionStatus"] for point in markup["controlPoints"]} == {"defined"}
    assert all(len(point["orientation"]) == 9 for point in markup["controlPoints"])


def test_box_is_written_as_a_roi(tmp_path: Path) -> None:
    box = np.array([[9.0, 22.0, 27.0], [11.0, 18.0, 33.0]])
    write_clicks(Clicks(np.empty((0, 3)), box_mm=box), tmp_path / "box.mrk.json")
    [markup] = json.loads((tmp_path / "box.mrk.json").read_text())["markups"]
    expected = {
        key: SLICER_ROI[key] for key in ("type", "roiType", "center", "orientation", "size")
    }
    assert {key: markup[key] for key in expected} == expected


@pytest.mark.parametrize("system", ["LPS", "1"])
def test_fiducial_list_in_lps_is_read(tmp_path: Path, system: str) -> None:
    path = saved(tmp_path, "c.fcsv", FCSV.format(system=system))
    np.testing.assert_array_equal(read_clicks(path).points_mm, POINTS)


@pytest.mark.parametrize("system", ["RAS", "0"])
def test_fiducial_list_in_ras_changes_the_sign_of_x_and_y(tmp_path: Path, system: str) -> None:
    path = saved(tmp_path, "c.fcsv", FCSV.format(system=system))
    expected = np.array(POINTS) * [-1, -1, 1]
    np.testing.assert_array_equal(read_clicks(path).points_mm, expected)


def test_fiducial_list_may_order_its_columns_otherwise(tmp_path: Path) -> None:
    text = "# CoordinateSystem = LPS\n# columns = label,z,y,x\nF-1,3,-2,1.5\nF-2,-6.25,5,4\n"
    np.testing.assert_array_equal(read_clicks(saved(tmp_path, "c.fcsv", text)).points_mm, POINTS)


def test_status_that_slicer_5_appends_to_fiducial_lists_is_heeded(tmp_path: Path) -> None:
    text = FCSV.format(system="LPS").replace('anterior",,', 'anterior",,,2,0')
    text = text.replace("Node1", "Node1,{status},0")
    placed = read_clicks(saved(tmp_path, "placed.fcsv", text.format(status=2)))
    assert len(placed.points_mm) == 2
    preview = read_clicks(saved(tmp_path, "preview.fcsv", text.format(status=1)))
    assert len(preview.points_mm) == 1
    with pytest.raises(ClickError, match="the point on line 5 was never placed"):
        read_clicks(saved(tmp_path, "undefined.fcsv", text.format(status=0)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("F-1,1,2,3,1,1\n", "names no coordinate system.*must stand above the points"),
        (FCSV.format(system="2"), "coordinate system '2' is not known"),
        (FCSV.format(system="LPS") + FCSV.format(system="RAS"), "several coordinate systems"),
        ("# CoordinateSystem = LPS\n# columns = id,r,a,s\n1,2,3,4\n", "no columns x, y, z"),
        ("# CoordinateSystem = LPS\n1,2,3\n", "line 2 must hold a point"),
        ("# CoordinateSystem = LPS\n1,2,3,four\n", "line 2 must hold a point"),
        ("# CoordinateSystem = LPS\n", "there are no clicks"),
    ],
)
def test_malformed_fiducial_list_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ClickError, match=rf"^c\.fcsv: .*{reason}"):
        read_clicks(saved(tmp_path, "c.fcsv", text))


def test_fiducial_list_is_written_with_slicers_header(tmp_path: Path) -> None:
    write_clicks(Clicks(np.array(POINTS[:1])), tmp_path / "c.fcsv")
    assert (tmp_path / "c.fcsv").read_text().splitlines() == [
        *FCSV.format(system="LPS").splitlines()[:3],
        "1,1.5,-2.0,3.0,0,0,0,1,1,1,0,click-1,,",
    ]


# ---- strokes alone -----------------------------------------------------------------------------


def test_strokes_are_read_without_first_clicks(tmp_path: Path) -> None:
    content = {"format": 1, "frame": "LPS", "corrections": [STROKE, {**STROKE, "paints": True}]}
    strokes = read_strokes(saved(tmp_path, "s.json", content))
    assert [stroke.paints for stroke in strokes] == [False, True]
    np.testing.assert_array_equal(strokes[0].points_mm, POINTS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({**OURS, "corrections": [STROKE]}, "must hold strokes alone, found first clicks or a box"),
        (
            {"format": 1, "frame": "LPS", "corrections": [{"kind": "undo"}, STROKE]},
            "found a correction of the kind undo",
        ),
        ({"format": 1, "frame": "LPS"}, "must hold strokes alone, found none"),
        ({"frame": "LPS", "corrections": [STROKE]}, 'must say "format": 1'),
        ("{", "line 1: this is not JSON"),
    ],
)
def test_what_is_not_strokes_alone_is_refused(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(ClickError, match=rf"^s\.json: .*{reason}"):
        read_strokes(saved(tmp_path, "s.json", content))


def test_strokes_in_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClickError, match=r"c\.mrk\.json is no file of strokes"):
        read_strokes(saved(tmp_path, "c.mrk.json", SLICER_POINTS))


# ---- typed by hand -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["12.5,-30,44", " 12.5 , -30.0 , +44 ", "1.25e1,-3e1,44."])
def test_typed_point_is_read(text: str) -> None:
    assert parse_point(text) == (12.5, -30.0, 44.0)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "1;2;3", "1,2,x", "nan,1,2", "1,2,inf"])
def test_typed_text_that_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(ClickError, match=r"is not a point\. Write x,y,z in LPS mm, for example"):
        parse_point(text)


def test_typed_points_make_clicks_and_errors_count_them() -> None:
    np.testing.assert_array_equal(clicks_from_points(["1.5,-2,3", "4,5,-6.25"]).points_mm, POINTS)
    with pytest.raises(ClickError, match="point 2: '4,5' is not a point"):
        clicks_from_points(["1,2,3", "4,5"])
    with pytest.raises(ClickError, match="there are no clicks"):
        clicks_from_points([])
