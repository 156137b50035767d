"""Every check that the product can make fires on what is made for it, and none on a clean study."""

import ast
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from tests.unit.curate.clean_study import (
    GRID,
    Part,
    change_files,
    change_pixels,
    series_uid,
    tumour,
    write_clean_study,
)

import oncotrace.curate.check_names
from oncotrace.curate.check_names import HEADER_CHECKS, VOXEL_CHECKS
from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.series import Series
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct_write import write_structure
from oncotrace.pipeline.check import check_inventory, header_flags, read_flags
from oncotrace.pipeline.inventory import make_inventory

Failed = set[tuple[str, str]]
"""UIDs of series and names of checks that they failed."""


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the clean study."""
    return write_clean_study(tmp_path_factory.mktemp("clean") / "dicom")


@pytest.fixture(scope="module")
def clean_series(clean: Path) -> list[Series]:
    """Inventory of the clean study."""
    return inventory_of(clean)


def inventory_of(folder: Path) -> list[Series]:
    """Inventory of a folder, its table beside it."""
    table = folder.with_name("inventory.csv")
    list(make_inventory(folder, table, update=False, jobs=1))
    return read_inventory(table)


def outcomes(folder: Path) -> dict[str, dict[str, list[bool | None]]]:
    """Outcomes of all checks by series and check; makes the inventory if there is none."""
    table, out = folder.with_name("inventory.csv"), folder.with_name("checks.csv")
    if not table.exists():
        inventory_of(folder)
    list(check_inventory(table, out, rules=CheckRules(), images=folder))
    found: dict[str, dict[str, list[bool | None]]] = {}
    for uid, flags in read_flags(out).items():
        for flag in flags:
            found.setdefault(uid, {}).setdefault(flag.check, []).append(flag.passed)
    return found


def failed(found: Mapping[str, Mapping[str, Sequence[bool | None]]]) -> Failed:
    return {
        (uid, check)
        for uid, checks in found.items()
        for check, passed in checks.items()
        if False in passed
    }


def test_no_check_fires_on_the_clean_study_and_each_is_made_there(
    clean: Path, clean_series: list[Series]
) -> None:
    found = outcomes(clean)
    assert len(clean_series) == len(found) == 7
    assert failed(found) == set()
    passed = {name for checks in found.values() for name, each in checks.items() if True in each}
    assert passed == {*HEADER_CHECKS, *VOXEL_CHECKS}


def test_all_checks_have_their_case() -> None:
    assert set(OF_HEADERS) == set(HEADER_CHECKS)
    assert set(OF_VOXELS) == set(VOXEL_CHECKS)


def test_the_names_of_checks_are_those_that_the_code_gives_flags() -> None:
    curate = Path(oncotrace.curate.check_names.__file__).parent
    journeys = curate.with_name("pipeline").glob("check*.py")
    given = {name for path in (*curate.glob("*.py"), *journeys) for name in names_in(path)}
    assert given == {*HEADER_CHECKS, *VOXEL_CHECKS}


def names_in(path: Path) -> set[str]:
    """Names that a module gives its flags, as they stand in its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name):
            makes_flag = node.func.id in ("Flag", "flag_of_missing", "_gap", "_flags_of_groups")
            named = node.args[0] if makes_flag else None
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            target = node.targets[0]
            names_first = isinstance(target, ast.Tuple) and ast.unparse(target.elts[0]) == "name"
            named = node.value.elts[0] if names_first else None
        else:
            continue
        if isinstance(named, ast.Constant) and isinstance(named.value, str):
            names.add(named.value)
    return names


# ---- what headers say ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """A part of the clean study, and what is wrong with its row in the inventory."""

    part: Part
    values: Mapping[str, object]

    def among(self, rows: Sequence[Series], uid: str) -> list[Series]:
        return [
            replace(row, **self.values) if row.series_uid == uid else row  # type: ignore[arg-type]
            for row in rows
        ]


OF_HEADERS: dict[str, Wrong] = {
    "slice-count": Wrong("ct", {"slices": 2}),
    "missing-slices": Wrong("ct", {"largest_gap_mm": 10.0}),
    "overlapping-slices": Wrong("ct", {"smallest_gap_mm": 2.5}),
    "repeated-positions": Wrong("ct", {"images_at_a_position": 2}),
    "repeated-images": Wrong("ct", {"copies": 3}),
    "one-orientation": Wrong("t1", {"orientations": 2}),
    "thickness-as-distance": Wrong("t1", {"slice_thickness_mm": 8.0}),
    "spacing-as-measured": Wrong("t1", {"spacing_between_slices_mm": 2.5}),
    "rescale-slope": Wrong("ct", {"largest_rescale_slope": 2.0}),
    "rescale-intercept": Wrong(
        "ct", {"smallest_rescale_intercept": 24.0, "largest_rescale_intercept": 24.0}
    ),
    "pet-corrections": Wrong("pet", {"corrected_image": "DECY\\SCAT"}),
    "pet-dose": Wrong("pet", {"patient_weight_kg": None}),
    "injected-before-scan": Wrong("pet", {"injection_time": "121000"}),
    "frame-of-reference": Wrong("t1", {"frame_of_reference_uid": ""}),
    "link-by-uid": Wrong("segments", {"link": "frame-of-reference"}),
    "study-dates": Wrong("ct", {"series_date": "20191224"}),
    "burned-in-annotation": Wrong("ct", {"burned_in_annotation": "YES"}),
    "duplicate-series": Wrong(
        "later", {"acquisition_date": "20200302", "series_description": "ct"}
    ),
    "one-patient-a-study": Wrong("t1gd", {"patient_id": "another"}),
    "mask-frame-of-reference": Wrong("outlines", {"frame_of_reference_uid": "1.2.9"}),
    "made-after-image": Wrong("outlines", {"series_date": "20200229"}),
    "study-order": Wrong("later", {"acquisition_date": "20200201"}),
    "native-before-contrast": Wrong("t1", {"acquisition_time": "110000"}),
}
ALONG_WITH = {
    "study-order": {"study-dates"},  # what was acquired before its study is noticed twice
    "duplicate-series": {"study-dates"},
}


@pytest.mark.parametrize("check", OF_HEADERS)
def test_a_check_of_headers_fires_on_its_case_and_no_other_does(
    check: str, clean: Path, clean_series: list[Series]
) -> None:
    wrong = OF_HEADERS[check]
    uid = series_uid(clean, wrong.part)
    flags = header_flags(wrong.among(clean_series, uid), CheckRules())
    found = {flag.check for some in flags.values() for flag in some if flag.passed is False}
    assert check in {flag.check for flag in flags[uid] if flag.passed is False}
    assert found - {check} <= ALONG_WITH.get(check, set())


# ---- what voxels and outlines say ----------------------------------------------------------------


@dataclass(frozen=True)
class Spoilt:
    """Parts of the clean study, what is done to them, and which of them then fails the check."""

    parts: tuple[Part, ...]
    spoil: Callable[[Path], None]

    @property
    def failing(self) -> Part:
        return self.parts[-1]


def each(part: Part, change: Callable[[Dataset], None]) -> Callable[[Path], None]:
    """Change every file of a part."""
    return lambda folder: change_files(folder, part, change)


def pixels(
    part: Part, change: Callable[[NDArray[np.uint16]], NDArray[np.uint16]]
) -> Callable[[Path], None]:
    """Change the pixels of a part."""
    return lambda folder: change_pixels(folder, part, change)


def with_(**elements: object) -> Callable[[Dataset], None]:
    """Give a dataset other values."""

    def change(dataset: Dataset) -> None:
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def without(keyword: str) -> Callable[[Dataset], None]:
    return lambda dataset: delattr(dataset, keyword)


def lose_a_slice(folder: Path) -> None:
    sorted((folder / "ct").iterdir())[4].unlink()


def same_pixels(folder: Path) -> None:
    stored = [path.read_bytes() for path in sorted((folder / "t1").iterdir())]
    for path, content in zip(sorted((folder / "t1gd").iterdir()), stored, strict=True):
        own = path.read_bytes()
        size = 2 * GRID.size_xyz[0] * GRID.size_xyz[1]
        path.write_bytes(own[:-size] + content[-size:])


def outlined_anew(mask: Mask) -> Callable[[Path], None]:
    """Outline another mask on the CT."""

    def draw(folder: Path) -> None:
        path = folder / "outlines" / "outlines.dcm"
        path.unlink()
        write_structure(mask, path, read_source(folder / "ct"), name="GTV", algorithm="MANUAL")

    return draw


def two_pieces() -> Mask:
    voxels = tumour().voxels.copy()
    voxels[5, 20, 30] = True  # of 0.125 ml
    return Mask(voxels, GRID)


def moved(x: float = 0.0, z: float = 0.0) -> Callable[[Dataset], None]:
    """Move all contours, in mm."""

    def change(dataset: Dataset) -> None:
        for contour in dataset.ROIContourSequence[0].ContourSequence:
            points = np.reshape([float(value) for value in contour.ContourData], (-1, 3))
            points += np.array([x, 0, z])
            contour.ContourData = [f"{value:.4f}" for value in points.ravel()]

    return change


def between_slices(dataset: Dataset) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        place = frame.PlanePositionSequence[0]
        x, y, z = map(float, place.ImagePositionPatient)
        place.ImagePositionPatient = [x, y, z + 2.5]


def empty(dataset: Dataset) -> None:
    dataset.PixelData = bytes(len(dataset.PixelData))


OF_VOXELS: dict[str, Spoilt] = {
    "readable": Spoilt(("ct",), lose_a_slice),
    "suv": Spoilt(("pet",), each("pet", without("PatientWeight"))),
    "not-blank": Spoilt(("ct",), pixels("ct", np.zeros_like)),
    "no-negative-uptake": Spoilt(("pet",), each("pet", with_(RescaleIntercept="-50"))),
    "air-hu": Spoilt(("ct",), each("ct", with_(RescaleIntercept="0"))),
    "body-hu": Spoilt(("ct",), pixels("ct", lambda p: np.where(p > 500, p + 1500, p))),
    "whole-body": Spoilt(("ct",), pixels("ct", lambda p: np.roll(p, -8, axis=1))),
    "left-is-left": Spoilt(("ct", "t1"), pixels("t1", lambda p: p[:, ::-1])),
    "identical-pixels": Spoilt(("t1", "t1gd"), same_pixels),
    "mask-on-image-grid": Spoilt(("t1", "segments"), each("segments", between_slices)),
    "mask-not-empty": Spoilt(("t1", "segments"), each("segments", empty)),
    "mask-in-one-piece": Spoilt(("ct", "outlines"), outlined_anew(two_pieces())),
    "mask-in-image": Spoilt(("ct", "outlines"), each("outlines", moved(z=-20.0))),
    "mask-in-body": Spoilt(("ct", "outlines"), each("outlines", moved(x=45.0))),
}
UNREAD = {"mask-on-image-grid", "mask-not-empty"}


def spoilt(clean: Path, case: Spoilt, folder: Path) -> Path:
    """Copy the parts of a case and spoil them."""
    for part in case.parts:
        shutil.copytree(clean / part, folder / part)
    case.spoil(folder)
    return folder


@pytest.mark.parametrize("check", OF_VOXELS)
def test_a_check_of_voxels_fires_on_its_case(check: str, clean: Path, tmp_path: Path) -> None:
    case = OF_VOXELS[check]
    found = outcomes(spoilt(clean, case, tmp_path / "dicom"))
    assert (series_uid(tmp_path / "dicom", case.failing), check) in failed(found)
    others = {name for _, name in failed(found)} - {check}
    assert others - set(HEADER_CHECKS) <= ({"readable"} if check in UNREAD else set())


# ---- masks that their reader refuses -------------------------------------------------------------


@pytest.mark.parametrize("part", ["outlines", "segments"])
def test_a_mask_on_another_frame_of_reference_is_told_as_such(
    part: Part, clean: Path, tmp_path: Path
) -> None:
    def foreign(dataset: Dataset) -> None:
        dataset.FrameOfReferenceUID = "1.2.9"
        for item in dataset.get("ReferencedFrameOfReferenceSequence", ()):
            item.FrameOfReferenceUID = "1.2.9"
        for item in dataset.get("StructureSetROISequence", ()):
            item.ReferencedFrameOfReferenceUID = "1.2.9"

    image: Part = "ct" if part == "outlines" else "t1"
    folder = spoilt(clean, Spoilt((image, part), each(part, foreign)), tmp_path / "dicom")
    found = outcomes(folder)[series_uid(folder, part)]
    assert found["mask-frame-of-reference"] == [False, False]  # by its header, and by its contours
    assert found["readable"] == [False]


def test_contours_lie_in_the_frame_that_they_name_whatever_their_file_says_of_itself(
    clean: Path, tmp_path: Path
) -> None:
    case = Spoilt(("ct", "outlines"), each("outlines", with_(FrameOfReferenceUID="1.2.9")))
    folder = spoilt(clean, case, tmp_path / "dicom")
    assert failed(outcomes(folder)) == set()


def test_outlines_wholly_outside_the_image_are_told_as_such(clean: Path, tmp_path: Path) -> None:
    case = Spoilt(("ct", "outlines"), each("outlines", moved(z=500.0)))
    folder = spoilt(clean, case, tmp_path / "dicom")
    found = outcomes(folder)[series_uid(folder, "outlines")]
    assert (found["mask-in-image"], found["readable"]) == ([False], [False])


def test_masks_whose_image_is_a_guess_are_not_called_wrong(clean: Path, tmp_path: Path) -> None:
    def names_no_series(dataset: Dataset) -> None:
        del dataset.ReferencedSeriesSequence
        dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[
            0
        ].ImagePositionPatient = [0, 0, 999]

    case = Spoilt(("t1", "segments"), each("segments", names_no_series))
    folder = spoilt(clean, case, tmp_path / "dicom")
    found = outcomes(folder)[series_uid(folder, "segments")]
    assert (found["link-by-uid"], found["readable"]) == ([False], [None])


def test_masks_of_an_image_that_is_not_readable_are_neither_right_nor_wrong(
    clean: Path, tmp_path: Path
) -> None:
    folder = spoilt(clean, Spoilt(("ct", "outlines"), lose_a_slice), tmp_path / "dicom")
    assert outcomes(folder)[series_uid(folder, "outlines")]["readable"] == [None]
