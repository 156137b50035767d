"""What is to become of every case of a preparation: its series with their files, before any voxel.

A plan is a file of its own for each case, so that a worker reads no more than its case, and an
interrupted preparation goes on with what was decided.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from oncotrace.atomic import write_text
from oncotrace.curate.case_names import NamedCase
from oncotrace.curate.flag import Flag
from oncotrace.curate.inventory_table import series_of
from oncotrace.curate.selection import Chosen
from oncotrace.curate.series import Series
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.io.cohort_table import write_table
from oncotrace.io.headers.sources import FileTask
from oncotrace.io.series_files import files_of_series
from oncotrace.pipeline.run.folder import read_json

PLANS = "plans"
TABLE = "planned.csv"

_Json = Mapping[str, object]


@dataclass(frozen=True)
class PlannedImage:
    """One image of a case, and the outlines that become its masks.

    Parameters
    ----------
    structure
        Which of the outlines becomes the image's mask; empty if none does.
    outlines, structures
        Files of the structure set or segmentation, and what is in them; empty if there is none.
    flags
        What the checks of the headers said.
    """

    role: Modality
    series: Series
    why: str
    files: tuple[FileTask, ...]
    outlines: tuple[FileTask, ...]
    structure: str
    structures: tuple[str, ...]
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class CasePlan:
    """Everything of a case that is decided before a voxel is read."""

    case_id: str
    patient_id: str
    time_point: str
    centre: str
    images: tuple[PlannedImage, ...]


def write_plans(
    cases: Sequence[NamedCase],
    folder: Path,
    *,
    index: Path,
    flags: Mapping[str, Sequence[Flag]],
    centres: Mapping[str, str],
    with_days: bool,
) -> Iterator[int]:
    """Write a file for every case, and a table that lists them; yield how many are done.

    Parameters
    ----------
    index
        Index of the inventory that the cases were selected from.
    flags
        By series UID.
    centres
        What a centre is called, by institution.
    with_days
        Whether the table says how many days after a patient's first case another one is.
    """
    rows = []
    for done, named in enumerate(cases, start=1):
        first = named.case.chosen[0].series
        plan = CasePlan(
            named.case_id,
            named.patient_id,
            named.time_point,
            centres[first.institution],
            tuple(_image(chosen, index, flags) for chosen in named.case.chosen),
        )
        # Escaped: names of files may be no UTF-8.
        text = json.dumps({"format": 1, **asdict(plan)}, allow_nan=False)
        write_text(folder / PLANS / f"{plan.case_id}.json", text)
        rows.append(_row(plan, named.days_from_first if with_days else None))
        yield done
    write_table(rows, folder / TABLE, columns=("case_id", "patient_id"))


def read_plan(path: Path) -> CasePlan:
    """Read what `write_plans` wrote of a case.

    Raises
    ------
    InputError
        It is missing or damaged.
    """
    content = read_json(path)
    images = content["images"]
    return CasePlan(
        case_id=str(content["case_id"]),
        patient_id=str(content["patient_id"]),
        time_point=str(content["time_point"]),
        centre=str(content["centre"]),
        images=tuple(map(_read_image, images if isinstance(images, list) else ())),
    )


def _image(chosen: Chosen, index: Path, flags: Mapping[str, Sequence[Flag]]) -> PlannedImage:
    outlines = chosen.outlines
    own = flags.get(chosen.series.series_uid, ())
    said = {flag.check for flag in own}  # some checks are made of every series
    theirs = flags.get(outlines.series_uid, ()) if outlines else ()
    return PlannedImage(
        modality_named(chosen.role),
        chosen.series,
        chosen.why,
        _files(index, chosen.series),
        _files(index, outlines) if outlines else (),
        chosen.structure,
        outlines.structures if outlines else (),
        (*own, *(flag for flag in theirs if flag.check not in said)),
    )


def _files(index: Path, series: Series) -> tuple[FileTask, ...]:
    return files_of_series(index, series.series_uid, series.study_uid, series.patient_id)


def _row(plan: CasePlan, days: int | None) -> dict[str, object]:
    """Line of a cohort table in which the plan stands for every image."""
    named = {"case_id": plan.case_id, "patient_id": plan.patient_id}
    known = {"time_point": plan.time_point, "centre": plan.centre}
    images = {f"image_{image.role}": f"{PLANS}/{plan.case_id}.json" for image in plan.images}
    day = {} if days is None else {"clinical_days_from_first_study": days}
    return {**named, **{k: v for k, v in known.items() if v}, **images, **day}


def _read_image(content: _Json) -> PlannedImage:
    flags = content["flags"]
    series, structures = content["series"], content["structures"]
    return PlannedImage(
        modality_named(str(content["role"])),
        series_of(series if isinstance(series, dict) else {}),
        str(content["why"]),
        _read_files(content["files"]),
        _read_files(content["outlines"]),
        str(content["structure"]),
        tuple(map(str, structures if isinstance(structures, list) else ())),
        tuple(Flag(**flag) for flag in (flags if isinstance(flags, list) else ())),
    )


def _read_files(content: object) -> tuple[FileTask, ...]:
    return tuple(FileTask(**file) for file in (content if isinstance(content, list) else ()))
