"""Markups JSON files of 3D Slicer (``.mrk.json``): their parts, and a case's clicks and diameters.

A file may hold several markups, each with its own name. The first versions of 3D Slicer 5 do not
read that and call them by the file, so the points' labels say it too; and they refuse a position
with a number that has no decimal point.

References
----------
Schema v1.0.3, github.com/Slicer/Slicer, Modules/Loadable/Markups/Resources/Schema/
markups-schema-v1.0.3.json; how it is read: Modules/Loadable/Markups/MRML/
vtkMRMLMarkupsJsonStorageNode.cxx, ``UpdateMarkupsNodeFromJsonValue``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from oncotrace.atomic import write_text
from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.measurement import Diameter
from oncotrace.errors import OutputError

MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
RAS_AXES_IN_LPS = [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0]

_SUFFIX = ".mrk.json"

Markup = dict[str, object]
"""One markup as plain JSON values."""


def write_case_markups(
    path: Path, *, clicks: Clicks | None, diameters: Mapping[str, Diameter]
) -> None:
    """Write what was clicked and measured for 3D Slicer to show; atomic, never over another file.

    The clicks are a point list and their box a ROI. Corrections that stand are two more point
    lists, inside and outside, and a curve for each painted line. The diameters are lines.

    Parameters
    ----------
    clicks
        None for a mask that was made without any.
    diameters
        By the names that 3D Slicer shows.

    Raises
    ------
    OutputError
        The name does not end in ``.mrk.json``, the file exists, or it cannot be written.
    """
    if not path.name.lower().endswith(_SUFFIX):
        raise OutputError(
            f"{path.name} does not end in {_SUFFIX}, by which 3D Slicer knows markups.",
            hint="Name it so.",
            code="unknown-format",
        )
    clicked = [] if clicks is None else [*_first_clicks(clicks), *_corrections(clicks)]
    write_text(path, markups_json([*clicked, *starmap(_line, diameters.items())]))


def markups_json(markups: Sequence[Markup]) -> str:
    """Text of a file with the markups."""
    content = {"@schema": MARKUPS_SCHEMA, "markups": markups}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def point_list(points_mm: ArrayLike, *, label: str = "click") -> Markup:
    """Return a point list; its points (n, 3), LPS mm, are called by the label and a number."""
    return _markup({"type": "Fiducial"}, points_mm, label)


def roi(box_mm: ArrayLike) -> Markup:
    """Return a ROI along the patient's axes; its opposite corners are (2, 3), LPS mm."""
    corners = np.asarray(box_mm, dtype=np.float64)
    centre = corners.mean(axis=0)
    shape: Markup = {
        "type": "ROI",
        "roiType": "Box",
        "center": centre.tolist(),
        "orientation": RAS_AXES_IN_LPS,
        "size": np.abs(corners[1] - corners[0]).tolist(),
    }
    return _markup(shape, centre[np.newaxis], "click")


def _first_clicks(clicks: Clicks) -> Iterator[Markup]:
    if len(clicks.points_mm):
        yield _named("Clicks", point_list(clicks.points_mm))
    if clicks.box_mm is not None:
        yield _named("Box", roi(clicks.box_mm))


def _corrections(clicks: Clicks) -> Iterator[Markup]:
    """Markups of the corrections that stand, by what they say of the points that they mark."""
    standing = clicks.standing_corrections()
    for side, marks_tumour in (("inside", True), ("outside", False)):
        of_side = [c for c in standing if c.marks_tumour == marks_tumour]
        if points := [point for c in of_side if not _is_line(c) for point in c.points_mm]:
            yield _named(f"Corrections {side}", point_list(points, label=side))
        for number, stroke in enumerate(filter(_is_line, of_side), start=1):
            name = f"Stroke {side} {number}, radius {stroke.radius_mm:g} mm"
            yield _named(name, _markup({"type": "Curve"}, stroke.points_mm, f"stroke {side}"))


def _is_line(correction: Correction) -> bool:
    """Whether it was painted along a line; a stroke of one point is a dab, shown as a point."""
    return correction.kind == "stroke" and len(correction.points_mm) > 1


def _line(name: str, diameter: Diameter) -> Markup:
    """Return a line that shows its length; locked, because moved it would be no measurement."""
    length = {
        "name": "length",
        "enabled": True,
        "value": float(diameter.length_mm),
        "units": "mm",
        "printFormat": "%-#4.4g%s",
    }
    ends = (diameter.start_mm, diameter.end_mm)
    line = _markup({"type": "Line"}, ends, name)
    return _named(name, {**line, "locked": True, "measurements": [length]})


def _named(name: str, markup: Markup) -> Markup:
    """Return the markup with a name, for files with several; one alone is named by its file."""
    return {"name": name, **markup}


def _markup(shape: Markup, points_mm: ArrayLike, label: str) -> Markup:
    points = np.asarray(points_mm, dtype=np.float64).tolist()
    return {
        **shape,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(points),
        "controlPoints": [
            _control_point(number, point, label) for number, point in enumerate(points, start=1)
        ],
    }


def _control_point(number: int, point: list[float], label: str) -> Markup:
    return {
        "id": str(number),
        "label": f"{label}-{number}",
        "description": "",
        "associatedNodeID": "",
        "position": point,
        "orientation": RAS_AXES_IN_LPS,
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "defined",
    }
