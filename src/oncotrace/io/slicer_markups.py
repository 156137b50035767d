"""Points and boxes of 3D Slicer: Markups JSON (``.mrk.json``) and the older ``.fcsv``.

References
----------
Markups JSON: schema v1.0.3, github.com/Slicer/Slicer,
Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json. ``.fcsv``: Slicer developer
guide, "Markups fiducial point list file format"; its coordinate systems 0 and 1 are RAS and LPS.
"""

import re

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.errors import ClickError
from oncotrace.io.csv_cells import number_in, read_rows
from oncotrace.io.json_values import list_at, numbers_at, object_at, parse_json, text_at
from oncotrace.io.slicer_markups_write import (
    MARKUPS_SCHEMA,
    RAS_AXES_IN_LPS,
    markups_json,
    point_list,
    roi,
)

_SCHEMA_V1 = re.compile(r"markups-schema-v1\.\d+\.\d+\.json#*$", re.IGNORECASE)
_TO_LPS = {
    "LPS": np.array([1.0, 1.0, 1.0]),
    "1": np.array([1.0, 1.0, 1.0]),
    "RAS": np.array([-1.0, -1.0, 1.0]),
    "0": np.array([-1.0, -1.0, 1.0]),
}
_TILT_TOLERANCE = 1e-3

_FCSV_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
# Slicer 5 appends a point's status behind the columns that it names.
_STATUS_COLUMN = 14
_FCSV_STATUS = {"": "defined", "1": "preview", "2": "defined"}
_FCSV_HEADER = re.compile(r"#\s*(?P<key>[A-Za-z ]+?)\s*=\s*(?P<value>.*?)\s*")


def read_markups(text: str) -> Clicks:
    """Clicks of a Markups JSON file with one point list, or one ROI, which becomes the box.

    Points that Slicer only previews under the cursor are left out: they were never placed. So are
    lines beside that markup, which measure something, as those that `write_case_markups` adds.

    Raises
    ------
    ClickError
        It is another markup or several, a point has no place, or a ROI is tilted.
    """
    value = object_at(parse_json(text), "the file")
    if not _SCHEMA_V1.search(text_at(value.get("@schema", MARKUPS_SCHEMA), "@schema")):
        raise ClickError("its @schema is not 3D Slicer's markups schema 1.", code="newer-format")
    if "markups" not in value:
        raise ClickError("there is no key 'markups'; this is not a 3D Slicer markups file.")
    markups = [object_at(item, "a markup") for item in list_at(value["markups"], "markups")]
    candidates = [markup for markup in markups if markup.get("type") != "Line"] or markups
    if len(candidates) != 1:
        kinds = ", ".join(str(markup.get("type"))[:20] for markup in markups) or "none"
        raise ClickError(
            f"a file of clicks holds one markup, found {len(markups)} ({kinds}); lines beside it "
            "do not count.",
            hint="Save the point list of the tumour, or its ROI, alone; of a case that oncotrace "
            "exported, give its clicks.json, which holds the corrections too.",
            code="several-markups",
        )
    [markup] = candidates
    system = markup.get("coordinateSystem", value.get("coordinateSystem", "LPS"))
    to_lps = _sign_to_lps(text_at(system, "coordinateSystem"))
    _require_millimetres(markup.get("coordinateUnits", "mm"))
    if markup.get("type") == "Fiducial":
        return Clicks(_control_points(markup) * to_lps)
    if markup.get("type") == "ROI":
        return Clicks(np.empty((0, 3)), box_mm=_roi_box(markup) * to_lps)
    raise ClickError(
        f"the markup is of type {str(markup.get('type'))[:20]}; clicks are a point list (Fiducial) "
        "or a ROI.",
        code="unknown-markup",
    )


def markups_text(clicks: Clicks) -> str:
    """Text of a Markups JSON file (schema v1.0.3, LPS): a point list, or a ROI for a box.

    Raises
    ------
    ClickError
        There are corrections, or a box beside points, which one markup cannot hold.
    """
    if clicks.box_mm is None or len(clicks.points_mm):
        require_points_only(clicks)
        markup = point_list(clicks.points_mm)
    else:
        _require_no_corrections(clicks)
        markup = roi(clicks.box_mm)
    return markups_json([markup])


def read_fcsv(text: str) -> Clicks:
    """Clicks of a fiducial list.

    Raises
    ------
    ClickError
        It does not say its coordinate system, or a line does not hold a point.
    """
    columns, to_lps = _fcsv_header(text)
    points = []
    for line, cells in read_rows(text, name="list", error=ClickError):
        if cells[0].startswith("#"):
            continue
        status = _FCSV_STATUS.get(cells[_STATUS_COLUMN] if len(cells) > _STATUS_COLUMN else "2")
        if status == "preview":
            continue
        if status != "defined":
            raise _not_placed(f"the point on line {line}", "undefined")
        values = [number_in(cell) for cell in (cells[i] for i in columns if i < len(cells))]
        if len(values) != 3 or None in values:
            raise ClickError(f"line {line} must hold a point x, y, z.", code="not-a-point")
        points.append(values)
    return Clicks(np.array(points, dtype=np.float64).reshape(-1, 3) * to_lps)


def fcsv_text(clicks: Clicks) -> str:
    """Text of a fiducial list (LPS).

    Raises
    ------
    ClickError
        There are corrections or a box, which the format cannot hold.
    """
    require_points_only(clicks)
    lines = [
        "# Markups fiducial file version = 4.11",
        "# CoordinateSystem = LPS",
        f"# columns = {_FCSV_COLUMNS}",
    ]
    for position, point in enumerate(clicks.points_mm, start=1):
        x, y, z = (repr(float(value)) for value in point)
        lines.append(f"{position},{x},{y},{z},0,0,0,1,1,1,0,click-{position},,")
    return "\n".join([*lines, ""])


def require_points_only(clicks: Clicks) -> None:
    """Refuse clicks with corrections or a box, for formats that hold points alone."""
    _require_no_corrections(clicks)
    if clicks.box_mm is not None:
        raise ClickError(
            "this format cannot hold the box of these clicks.",
            hint="Write .json, which holds everything.",
            code="format-holds-less",
        )


def _require_no_corrections(clicks: Clicks) -> None:
    if clicks.corrections:
        raise ClickError(
            f"this format cannot hold the {len(clicks.corrections)} corrections of these clicks.",
            hint="Write .json, which holds everything.",
            code="format-holds-less",
        )


def _sign_to_lps(system: str) -> NDArray[np.float64]:
    if system not in _TO_LPS:
        raise ClickError(
            f"the coordinate system {system[:20]!r} is not known; LPS and RAS are.",
            hint="Save the points in LPS or RAS.",
            code="unknown-frame",
        )
    return _TO_LPS[system]


def _require_millimetres(units: object) -> None:
    code = units[0] if isinstance(units, list) and units else units
    if code != "mm":
        raise ClickError(f"coordinateUnits must be mm, found {str(code)[:20]}.")


def _control_points(markup: dict[str, object]) -> NDArray[np.float64]:
    points = []
    items = list_at(markup.get("controlPoints", []), "controlPoints")
    for position, item in enumerate(items, start=1):
        what = f"control point {position}"
        point = object_at(item, what)
        status = text_at(point.get("positionStatus", "defined"), f"{what}, positionStatus")
        if status == "preview":
            continue
        if status != "defined":
            raise _not_placed(what, status)
        points.append(numbers_at(point.get("position"), 3, f"{what}, position"))
    return np.array(points, dtype=np.float64).reshape(-1, 3)


def _not_placed(what: str, status: str) -> ClickError:
    return ClickError(
        f"{what} was never placed (status {status[:20]}).",
        hint="Place it in Slicer, or delete it from the list.",
        code="point-not-placed",
    )


def _roi_box(markup: dict[str, object]) -> NDArray[np.float64]:
    """Opposite corners (2, 3) of a ROI, in its own coordinate system."""
    centre = np.array(numbers_at(markup.get("center"), 3, "the ROI's center"))
    size = np.array(numbers_at(markup.get("size"), 3, "the ROI's size"))
    if size.min() < 0:
        raise ClickError("the ROI's size is negative.")
    turned = numbers_at(markup.get("orientation", RAS_AXES_IN_LPS), 9, "the ROI's orientation")
    axes = np.abs(np.array(turned).reshape(3, 3))
    along = np.round(axes)
    if not (
        np.allclose(axes, along, atol=_TILT_TOLERANCE)
        and (along.sum(axis=0) == 1).all()
        and (along.sum(axis=1) == 1).all()
    ):
        raise ClickError(
            "the ROI is turned against the patient's axes; a box lies along them.",
            hint="Draw the ROI without turning it, or give points.",
            code="tilted-box",
        )
    half = along @ size / 2
    return np.stack([centre - half, centre + half])


def _fcsv_header(text: str) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Places of the columns x, y, z, and the signs that turn the list's points into LPS."""
    names = _FCSV_COLUMNS.split(",")
    systems = set()
    for line in text.splitlines():
        match = _FCSV_HEADER.fullmatch(line)
        if match and match["key"] == "CoordinateSystem":
            systems.add(match["value"])
        elif match and match["key"] == "columns":
            names = [name.strip() for name in match["value"].split(",")]
    if len(systems) != 1:
        found = "no coordinate system" if not systems else "several coordinate systems"
        raise ClickError(
            f"the list names {found}.",
            hint='A line "# CoordinateSystem = LPS" (or RAS) must stand above the points.',
            code="unknown-frame",
        )
    if not {"x", "y", "z"} <= set(names):
        raise ClickError("the list has no columns x, y, z.", code="unknown-columns")
    return tuple(names.index(axis) for axis in "xyz"), _sign_to_lps(systems.pop())
