"""Every time point of a patient registered to the first, so that lesions can be followed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, OncotraceError, SettingsError
from oncotrace.imaging.register import Registration, register
from oncotrace.imaging.register_settings import RegistrationSettings
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.lesion_table import days_of
from oncotrace.pipeline.cohort import chosen_sequence, file_of
from oncotrace.pipeline.inputs import LoadedScan, load_scan
from oncotrace.pipeline.register import with_known_start


@dataclass(frozen=True, eq=False)
class RegisteredCase:
    """A case, and where its millimetres lie in those of its patient's first time point.

    Parameters
    ----------
    to_first
        4 x 4, LPS mm; the identity of the first time point itself.
    registration
        None of the first time point.
    """

    case: Case
    to_first: NDArray[np.float64]
    registration: Registration | None


def transforms_to_first(
    cohort: Cohort, modality: Modality, *, settings: RegistrationSettings, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Matrices from every case's millimetres to those of its patient's first time point.

    By case id, as `oncotrace.pipeline.lesions_from_masks` takes them. The first time point is that
    of the first case with a mask, which is the baseline; earlier ones, and cases without a time
    point, have none.

    Raises
    ------
    InputError
        An image is missing or cannot be read, or a registration is refused; the message names the
        case, and ``oncotrace register`` draws what was refused.
    SettingsError
        A B-spline is wanted, which no matrix describes.
    """
    return {
        registered.case.case_id: registered.to_first
        for registered in registered_cases(cohort, modality, settings=settings, seed=seed)
    }


def transforms_of_table(
    table: Path, modality: Modality | None, *, settings: RegistrationSettings
) -> dict[str, NDArray[np.float64]]:
    """Return `transforms_to_first` of a ``cohort.csv``, of the one mask column that is meant.

    Raises
    ------
    TableError
        The table cannot be read as a cohort.
    InputError, SettingsError
        See `transforms_to_first`; or the cohort has several mask columns and none is named.
    """
    cohort = read_cohort(table)
    sequence = chosen_sequence(cohort, modality, of="mask")
    return transforms_to_first(cohort, sequence, settings=settings)


def registered_cases(
    cohort: Cohort, modality: Modality, *, settings: RegistrationSettings, seed: int
) -> Iterator[RegisteredCase]:
    """Register the images of every patient to that of the first time point, one by one.

    Raises
    ------
    InputError, SettingsError
        See `transforms_to_first`.
    """
    if settings.transform == "bspline":
        raise SettingsError(
            "time points are registered rigidly or by affine maps: lesions are followed through "
            "matrices, and a B-spline would change their sizes.",
            code="registration-kind",
        )
    for first, *later in _by_patient(cohort, modality).values():
        yield RegisteredCase(first, np.eye(4), None)
        fixed = _image_of(first, modality) if later else None
        for case in later:
            if fixed is not None:
                yield _registered(case, fixed, modality, settings, seed)


def _registered(
    case: Case, fixed: LoadedScan, modality: Modality, settings: RegistrationSettings, seed: int
) -> RegisteredCase:
    moving = _image_of(case, modality)
    try:
        made = register(
            moving.scan,
            fixed.scan,
            settings=with_known_start(settings, moving, fixed),
            seed=seed,
        )
        made.require_usable(
            hint="Draw it with `oncotrace register`, and correct the images or the limits."
        )
    except OncotraceError as error:
        raise error.for_case(case.case_id) from error
    matrix = made.point_map.matrix
    if matrix is None:
        raise InputError("no matrix describes the registration.", code="not-a-transform")
    return RegisteredCase(case, np.asarray(np.linalg.inv(matrix), dtype=np.float64), made)


def _by_patient(cohort: Cohort, modality: Modality) -> Mapping[str, list[Case]]:
    """Cases with a time point in the order of time, from the first that has a mask."""
    dated: dict[str, list[tuple[float, Case]]] = defaultdict(list)
    for case in cohort.cases:
        if case.time_point:
            days, _ = days_of(case.time_point, where=f"case {case.case_id}")
            dated[case.patient_id].append((days, case))
    followed = {}
    for patient_id, pairs in dated.items():
        cases = [case for _, case in sorted(pairs, key=lambda pair: pair[0])]
        with_mask = [at for at, case in enumerate(cases) if modality in case.masks]
        if with_mask:
            followed[patient_id] = cases[with_mask[0] :]
    return followed


def _image_of(case: Case, modality: Modality) -> LoadedScan:
    try:
        return load_scan(file_of(case, case.images, modality, "image"), modality)
    except OncotraceError as error:
        raise error.for_case(case.case_id) from error
