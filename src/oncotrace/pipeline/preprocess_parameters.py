"""Parameters of a pre-processing: fitted on a training cohort, kept in a file, transferred."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed

import oncotrace
from oncotrace.curate.preprocess_fit import (
    FittedSteps,
    Parameters,
    Summary,
    fitted_from_json,
    fitted_json,
    parameters_of,
    summary_of,
)
from oncotrace.curate.preprocess_settings import Preprocessing
from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import OncotraceError, SettingsError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.pipeline.new_files import require_absent
from oncotrace.pipeline.preprocess import image_before
from oncotrace.pipeline.preprocess_grids import grid_files, read_grids
from oncotrace.pipeline.run.digests import file_digest, json_digest
from oncotrace.pipeline.run.folder import read_json, write_json

FittedByModality = Mapping[Modality, FittedSteps]

_KIND = "preprocessing-parameters"


@dataclass(frozen=True)
class FitRun:
    """A fit under way: how many images are looked at in all, and each case's id as it is done.

    The file of parameters is written when the last one is taken.
    """

    images: int
    done: Iterator[str]


def fit_cohort(
    table: Path,
    preprocessing: Preprocessing,
    target: Path,
    *,
    modalities: Sequence[Modality] = (),
    split: str | None = None,
    jobs: int = 1,
) -> FitRun:
    """Begin to fit the steps that learn from a cohort; images are looked at as ids are taken.

    Every fitted step sees the images as the steps before it leave them, those fitted included. A
    case that cannot be read ends the fit: parameters of an unknown part of a cohort are worth
    nothing.

    Parameters
    ----------
    modalities
        Sequences to be fitted, each for itself; the only one of the cohort if none is named.
    split
        Only cases whose column ``split`` says this.

    Raises
    ------
    SettingsError
        Nothing is to be fitted, or the cohort has several splits and none is named: parameters
        that have seen the test cases would leak them.
    OutputError
        ``target`` exists.
    """
    require_absent([target])
    if not preprocessing.fitted:
        raise SettingsError(
            f"no step of {preprocessing.name} is fitted.", hint="Leave --fit away.", code="no-fit"
        )
    cohort = read_cohort(table)
    chosen = chosen_modalities(cohort, modalities)
    cases = _cases_of_split(cohort, split)
    images = {modality: [case for case in cases if modality in case.images] for modality in chosen}
    for modality in chosen:
        if not images[modality]:
            raise SettingsError(
                f"no case to be fitted on has an image_{modality}.", code="no-training-cases"
            )
    total = sum(map(len, images.values())) * len(preprocessing.fitted)
    return FitRun(total, _fit(table, preprocessing, target, images, split, jobs))


def read_parameters(path: Path, preprocessing: Preprocessing) -> dict[Modality, FittedSteps]:
    """Parameters by sequence, fitted for just these steps.

    Raises
    ------
    InputError
        The file is missing or damaged.
    SettingsError
        It was fitted for other steps, or lacks one.
    """
    stored = read_json(path)
    if stored.get("kind") != _KIND:
        raise SettingsError(
            f"{path.name} holds no parameters of a pre-processing.", code="damaged-parameters"
        )
    if stored.get("settings_digest") != settings_digest(preprocessing):
        raise SettingsError(
            f"{path.name} was fitted for other steps than those of {preprocessing.name}.",
            hint="Use the preset or TOML it was fitted with, or fit anew with --fit.",
            code="other-parameters",
        )
    by_modality = stored.get("fitted")
    if not isinstance(by_modality, dict) or not by_modality:
        raise SettingsError(f"{path.name} holds no parameters.", code="damaged-parameters")
    return {
        modality_named(str(name)): fitted_from_json(preprocessing, value)
        for name, value in by_modality.items()
    }


def parameters_for(
    fitted: FittedByModality, preprocessing: Preprocessing, modality: Modality | None
) -> FittedSteps:
    """Parameters of one sequence; empty where nothing is fitted.

    Raises
    ------
    SettingsError
        There are none for this sequence, or an image of no stated sequence could have several.
    """
    if not preprocessing.fitted:
        return {}
    if modality is None and len(fitted) == 1:
        return next(iter(fitted.values()))
    if modality is not None and modality in fitted:
        return fitted[modality]
    known, own = ", ".join(fitted) or "no sequence", modality or "of no stated sequence"
    raise SettingsError(
        f"there are parameters for {known}, and the image is {own}.",
        hint="Give --modality, or fit that sequence too.",
        code="parameters-needed",
    )


def chosen_modalities(cohort: Cohort, wanted: Sequence[Modality]) -> tuple[Modality, ...]:
    """Sequences to work on: those asked for, or the only one that the cohort has.

    Raises
    ------
    SettingsError
        The cohort has several and none is asked for, or lacks one that is.
    """
    there = list(dict.fromkeys(name for case in cohort.cases for name in case.images))
    lacking = [name for name in wanted if name not in there]
    if lacking or (not wanted and len(there) != 1):
        found = ", ".join(f"image_{name}" for name in there) or "no image column"
        what = f"lacks image_{lacking[0]}; it has {found}" if lacking else f"has {found}"
        raise SettingsError(
            f"the cohort {what}.", hint="Say which to use with --modality, once for each."
        )
    return tuple(wanted) or tuple(there)


def settings_digest(preprocessing: Preprocessing) -> str:
    """Digest of the steps and their settings, whatever the pre-processing is called."""
    return json_digest({"steps": preprocessing.model_dump(mode="json")["steps"]})


def _cases_of_split(cohort: Cohort, split: str | None) -> list[Case]:
    splits = sorted({case.split for case in cohort.cases if case.split})
    if split is None:
        if len(splits) > 1:
            raise SettingsError(
                f"the cohort has the splits {', '.join(splits)}; parameters fitted on all of them "
                "would let the test cases leak into the training.",
                hint="Say with --split which of them trains.",
                code="split-not-chosen",
            )
        return list(cohort.cases)
    cases = [case for case in cohort.cases if case.split == split]
    if not cases:
        raise SettingsError(
            f"no case is of the split {split!r}.",
            hint=f"The cohort has {', '.join(splits) or 'none'}.",
            code="no-training-cases",
        )
    return cases


def _fit(
    table: Path,
    preprocessing: Preprocessing,
    target: Path,
    images: Mapping[Modality, list[Case]],
    split: str | None,
    jobs: int,
) -> Iterator[str]:
    fitted: dict[Modality, dict[int, Parameters]] = {}
    for modality, cases in images.items():
        fitted[modality] = {}
        for number in preprocessing.fitted:
            known = fitted[modality]
            calls = [(preprocessing, number, case, modality, known) for case in cases]
            summaries = []
            for case, summary in zip(cases, _each(calls, jobs), strict=True):
                summaries.append(summary)
                yield case.case_id
            step = preprocessing.steps[number]
            fitted[modality][number] = parameters_of(step, summaries)
    write_json(
        target,
        {
            "format": 1,
            "kind": _KIND,
            "version": oncotrace.__version__,
            "preprocessing": preprocessing.model_dump(mode="json"),
            "settings_digest": settings_digest(preprocessing),
            "split": split,
            "cases": {name: [case.case_id for case in cases] for name, cases in images.items()},
            "fitted": {name: fitted_json(steps) for name, steps in fitted.items()},
            "inputs": {"cohort": file_digest(table)},
        },
    )


_Call = tuple[Preprocessing, int, Case, Modality, FittedSteps]


def _each(calls: Sequence[_Call], jobs: int) -> Iterator[Summary]:
    """Summaries in the order of the calls."""
    if jobs == 1:
        yield from (_summary(*call) for call in calls)
        return
    parallel = Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    yield from parallel(delayed(_summary)(*call) for call in calls)


def _summary(
    preprocessing: Preprocessing, number: int, case: Case, modality: Modality, fitted: FittedSteps
) -> Summary:
    try:
        scan = load_scan(case.images[modality], modality).scan
        mask = load_case_mask(case, modality).mask if preprocessing.needs_mask else None
        grids = read_grids(grid_files(preprocessing, case.images))
        image = image_before(preprocessing, number, scan, mask, fitted, grids)
        return summary_of(preprocessing.steps[number], image)
    except OncotraceError as error:
        raise error.for_case(case.case_id) from error
