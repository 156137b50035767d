"""Outlines of several structures from every format, and cases that hold other ones."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.io.rtstruct_factory import RegionSpec, contours_from_indices, write_rtstruct
from tests.unit.io.test_slicer_segmentation import in_one_layer
from tests.unit.learning.test_labels import TWO

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.io.volume_file import read_labels, write_labels, write_scan
from oncotrace.learning.labels import Label
from oncotrace.pipeline.case_labels import load_case_labels, require_same_labels

GRID = Geometry((12, 10, 6), (1.0, 1.0, 3.0), (-5.0, 20.0, 7.0))
BOTH_NEEDED = (TWO[0], Label(name="oedema", value=2))


def square(low: float, high: float) -> list[list[float]]:
    return [[low, low], [high, low], [high, high], [low, high]]


def case_of(folder: Path, mask: Path, case_id: str = "a") -> Case:
    image = folder / "image.nii.gz"
    if not image.exists():
        write_scan(Scan(np.ones(GRID.shape_zyx, np.float32), GRID), image)
    return Case(case_id, case_id, {"mr-t1": image}, {"mr-t1": mask})


def volume(folder: Path, *values: int, name: str = "labels") -> Path:
    """Write a volume with two voxels of every value."""
    voxels = np.zeros(GRID.shape_zyx, np.uint8)
    for place, value in enumerate(values):
        voxels[1, place, 3:5] = value
    path = folder / f"{name}.nii.gz"
    write_labels(voxels, GRID, path)
    return path


def contoured(folder: Path, **squares: tuple[float, float]) -> Path:
    regions = [
        RegionSpec(name, contours_from_indices(GRID, [(z, square(*ends)) for z in (2, 3)]), number)
        for number, (name, ends) in enumerate(squares.items(), start=1)
    ]
    return write_rtstruct(folder / "rs.dcm", regions)


def test_values_of_a_volume_are_the_structures(tmp_path):
    found = load_case_labels(case_of(tmp_path, volume(tmp_path, 1, 2)), "mr-t1", BOTH_NEEDED)
    assert dict(found.values) == {"tumour": 1, "oedema": 2}
    assert [np.count_nonzero(found.mask(name).voxels) for name in found.values] == [2, 2]
    np.testing.assert_array_equal(found.tumour.voxels, found.stack()[0])


def test_contours_are_told_by_name_and_the_inner_one_counts_first(tmp_path):
    mask = contoured(tmp_path, Oedema=(1.5, 8.5), TUMOUR=(3.5, 6.5), Bladder=(0.5, 1.5))
    found = load_case_labels(case_of(tmp_path, mask), "mr-t1", BOTH_NEEDED)
    assert np.count_nonzero(found.tumour.voxels) == 2 * 3 * 3
    assert np.count_nonzero(found.mask("oedema").voxels) == 2 * (7 * 7 - 3 * 3)
    assert set(np.unique(found.voxels)) == {0, 1, 2}


def test_segments_of_slicer_are_told_by_name(tmp_path):
    mask = in_one_layer(tmp_path / "two.seg.nrrd", GRID)
    labels = (Label(name="tumour", value=1), Label(name="oedema", value=2))
    found = load_case_labels(case_of(tmp_path, mask), "mr-t1", labels)
    assert all(found.stack().any(axis=(1, 2, 3)))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1, 2, 9), "holds 9; expected are tumour = 1, oedema = 2"),
        ((1, 7, 9), "holds 7, 9 and has no oedema; expected"),
        ((1,), "has no oedema; expected"),
        ((2,), "has no tumour; expected"),
        ((), "has no tumour and no oedema; expected"),
    ],
)
def test_other_values_are_named_with_those_expected(tmp_path, values, said):
    with pytest.raises(InputError, match=f"the mr-t1 mask {said}") as caught:
        load_case_labels(case_of(tmp_path, volume(tmp_path, *values)), "mr-t1", BOTH_NEEDED)
    assert caught.value.code == "other-labels"
    assert "--label NAME=VALUE" in caught.value.hint


def test_a_structure_that_no_contour_has_is_missed_by_its_name(tmp_path):
    mask = contoured(tmp_path, Tumour=(3.5, 6.5), Swelling=(1.5, 8.5))
    with pytest.raises(InputError, match=r"has no oedema \(Its regions: .*Swelling.*\)"):
        load_case_labels(case_of(tmp_path, mask), "mr-t1", BOTH_NEEDED)


def test_an_optional_structure_may_be_absent_and_no_other_value_may_stand_for_it(tmp_path):
    found = load_case_labels(case_of(tmp_path, volume(tmp_path, 1)), "mr-t1", TWO)
    assert found.mask("oedema").is_empty
    (tmp_path / "labels.nii.gz").unlink()
    with pytest.raises(InputError, match="holds 3; expected"):
        load_case_labels(case_of(tmp_path, volume(tmp_path, 1, 3)), "mr-t1", TWO)


def test_all_cases_that_differ_are_told_at_once(tmp_path):
    held = {"good": (1, 2), "odd": (1, 2, 4), "poor": (1,), "fine": (2, 1)}
    cohort = Cohort(
        tuple(
            case_of(tmp_path, volume(tmp_path, *values, name=name), name)
            for name, values in held.items()
        )
    )
    with pytest.raises(InputError) as caught:
        require_same_labels(cohort, ("mr-t1", "ct"), BOTH_NEEDED)
    assert caught.value.code == "other-labels"
    assert caught.value.message.splitlines() == [
        "2 of 4 masks hold other labels than tumour = 1, oedema = 2:",
        "  case odd: the mr-t1 mask holds 4",
        "  case poor: the mr-t1 mask has no oedema",
    ]
    require_same_labels(Cohort((cohort.cases[0], cohort.cases[3])), ("mr-t1",), BOTH_NEEDED)


def test_a_structure_that_no_case_has_cannot_be_learnt(tmp_path):
    cases = [case_of(tmp_path, volume(tmp_path, 1, name=name), name) for name in ("a", "b")]
    with pytest.raises(InputError, match="no mask holds oedema, so it cannot be learnt") as caught:
        require_same_labels(Cohort(tuple(cases)), ("mr-t1",), TWO)
    assert caught.value.code == "other-labels"
    both = case_of(tmp_path, volume(tmp_path, 1, 2, name="both"), "c")
    require_same_labels(Cohort((*cases, both)), ("mr-t1",), TWO)


def test_a_mask_that_cannot_be_read_names_its_case(tmp_path):
    (tmp_path / "broken.nii.gz").write_bytes(b"nothing")
    broken = case_of(tmp_path, tmp_path / "broken.nii.gz", "b")
    with pytest.raises(InputError, match="case b: broken"):
        require_same_labels(Cohort((broken,)), ("mr-t1",), BOTH_NEEDED)


@pytest.mark.parametrize("value", [1.5, -1.0, 256.0])
def test_values_that_are_no_labels_are_refused(tmp_path, value):
    voxels = np.zeros(GRID.shape_zyx, np.float32)
    voxels[2, 3, 4] = value
    write_scan(Scan(voxels, GRID), tmp_path / "odd.nii.gz")
    with pytest.raises(InputError, match=f"holds the value {value:g}; labels are whole") as caught:
        read_labels(tmp_path / "odd.nii.gz")
    assert caught.value.code == "not-labels"
