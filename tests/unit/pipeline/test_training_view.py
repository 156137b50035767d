"""Which images of a cohort a training of one view learns from."""

import numpy as np
import pytest

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.io.volume_file import write_scan
from oncotrace.pipeline.training_view import LeftOut, cohort_of_view

SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
THICK, CUBES = (1.0, 1.0, 6.0), (1.0, 1.0, 1.0)


@pytest.fixture
def image(tmp_path):
    """Write an image of a direction and a spacing, and return its path."""

    def written(name, direction, spacing_mm):
        geometry = Geometry((4, 5, 6), spacing_mm, direction=direction)
        voxels = np.zeros(geometry.shape_zyx, np.float32)
        write_scan(Scan(voxels, geometry), tmp_path / f"{name}.nii.gz")
        return tmp_path / f"{name}.nii.gz"

    return written


@pytest.fixture
def cohort(image):
    axial = image("a", Geometry((1, 1, 1)).direction, THICK)
    sagittal = image("s", SAGITTAL, THICK)
    cubes = image("c", Geometry((1, 1, 1)).direction, CUBES)
    cases = (
        Case("p1-axial", "p1", {"mr-t1": axial}),
        Case("p1-sagittal", "p1", {"mr-t1": sagittal, "mr-t2": axial}),
        Case("p2-cubes", "p2", {"mr-t1": cubes, "ct": axial}),
    )
    return Cohort(cases)


def test_images_of_other_planes_are_left_out_and_counted(cohort):
    kept, left_out = cohort_of_view(cohort, ("mr-t1",), "sagittal")
    assert [case.case_id for case in kept.cases] == ["p1-sagittal", "p2-cubes"]
    assert left_out == LeftOut("sagittal", 1, 3)


def test_a_case_keeps_those_of_its_sequences_that_are_of_the_view(cohort):
    kept, left_out = cohort_of_view(cohort, ("mr-t1", "mr-t2"), "sagittal")
    assert [set(case.images) for case in kept.cases] == [{"mr-t1"}, {"mr-t1", "ct"}]
    assert left_out == LeftOut("sagittal", 2, 4)


def test_a_cohort_without_an_image_of_the_view_is_refused(cohort):
    thick = Cohort(cohort.cases[:2])
    with pytest.raises(InputError, match="none of the 2 images of the cohort is coronal") as caught:
        cohort_of_view(thick, ("mr-t1",), "coronal")
    assert caught.value.code == "no-images-of-view"


def test_an_image_that_cannot_be_read_names_its_case(cohort, tmp_path):
    (tmp_path / "s.nii.gz").unlink()
    with pytest.raises(InputError, match="case p1-sagittal"):
        cohort_of_view(cohort, ("mr-t1",), "axial")
