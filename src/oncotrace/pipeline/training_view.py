"""A cohort without the images that were not acquired in the plane that a training is for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality
from oncotrace.domain.view import View, acquisition_plane
from oncotrace.errors import InputError, OncotraceError
from oncotrace.pipeline.inputs import load_scan

VIEW = "view"
"""In a model's preparation: the only view that it was trained on."""


@dataclass(frozen=True)
class LeftOut:
    """How many images a training leaves out, since they are not of its view."""

    view: View
    images: int
    of: int


def cohort_of_view(
    cohort: Cohort, modalities: Sequence[Modality], view: View
) -> tuple[Cohort, LeftOut]:
    """Cohort with the images of one view, and how many were left out.

    Images without thick slices are of every view (`AcquisitionPlane.suits`). Images of other
    sequences are not looked at, and cases without any of these are not there.

    Raises
    ------
    InputError
        An image cannot be read, or there is none of the view.
    """
    there = sum(_count(case, modalities) for case in cohort.cases)
    found = [_of_view(case, modalities, view) for case in cohort.cases]
    cases = tuple(case for case in found if _count(case, modalities))
    kept = sum(_count(case, modalities) for case in cases)
    if there and not kept:
        raise InputError(
            f"none of the {there} images of the cohort is {view}.",
            hint="Choose another --view, or leave it out to train on all.",
            code="no-images-of-view",
        )
    return Cohort(cases), LeftOut(view, there - kept, there)


def _of_view(case: Case, modalities: Sequence[Modality], view: View) -> Case:
    others = [name for name in modalities if not _is_of_view(case, name, view)]
    return replace(case, images={n: file for n, file in case.images.items() if n not in others})


def _is_of_view(case: Case, modality: Modality, view: View) -> bool:
    if modality not in case.images:
        return False
    try:
        scan = load_scan(case.images[modality], modality, pet_units="stored").scan
    except OncotraceError as error:
        raise error.for_case(case.case_id) from error
    return acquisition_plane(scan.geometry).suits(view)


def _count(case: Case, modalities: Sequence[Modality]) -> int:
    return sum(name in case.images for name in modalities)
