"""``oncotrace preprocess``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.options import Jobs, Region, Resume
from oncotrace.cli.output import console, finish_cohort, messages, show_folder, tracked
from oncotrace.cli.parse import refuse_together
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.curate.preprocess_fit import FittedSteps
    from oncotrace.curate.preprocess_settings import Preprocessing


def preprocess(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="An image (DICOM folder or zip, NIfTI, NRRD, MetaImage), or a cohort.csv.",
            metavar="IMAGE|COHORT.csv",
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Name of a preset, or a TOML file with the steps.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="New volume file; for a cohort a new folder.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="One image: a mask that goes along with it.")
    ] = None,
    region: Region = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(help="Sequence of the image; for a cohort those to be done, one by one."),
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the folder holds several series.")
    ] = None,
    fit: Annotated[
        Path | None, typer.Option(help="Cohort: fit the parameters on it and write them here.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="With --fit: only cases of this split are fitted on.")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option(help="Parameters that --fit has written.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="One image that takes the place of a training cohort.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Slice and histogram before and after every step.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say the steps and their settings, and stop.")
    ] = False,
    list_presets: Annotated[
        bool, typer.Option("--list", help="Name the presets and where they are from, and stop.")
    ] = False,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Pre-process an image or a cohort: bias field, grid, intensities, noise."""
    if list_presets:
        _show_presets()
        return
    from oncotrace.curate.preprocess_settings import preprocessing

    if source is None or preset is None:
        raise SettingsError(
            "preprocess needs an image or a cohort.csv, and --preset.",
            hint="oncotrace preprocess --list names the presets.",
        )
    steps = preprocessing(preset)
    if dry_run:
        _show_steps(steps)
        return
    names = tuple(modality_named(name) for name in modality or [])
    given = _Given(parameters, reference)
    if source.suffix.lower() == ".csv":
        refuse_together("a cohort", {"--mask": mask, "--region": region, "--series": series})
        _cohort(source, steps, out, names, given, (fit, split), pictures, resume, jobs)
        return
    of_cohort = {"--fit": fit, "--split": split, "--resume": resume}
    refuse_together("one image", {**of_cohort, "--jobs": jobs if jobs != 1 else None})
    if out is None or len(names) > 1:
        raise SettingsError("one image needs --out, a new file, and one --modality at most.")
    from oncotrace.pipeline.preprocess import preprocess_image

    one = names[0] if names else None
    made = preprocess_image(
        source,
        steps,
        out,
        fitted=given.of_image(steps, one),
        modality=one,
        series_uid=series,
        mask=mask,
        region=region,
        pictures=pictures,
    )
    for note in made.notes:
        messages.print(f"note: {note}", markup=False, soft_wrap=True)
    _show_stages(made.stages)
    written = [made.image, made.sidecar, made.mask, made.picture]
    show_folder(out.parent, *(path.name for path in written if path is not None))


class _Given:
    """Where the parameters of fitted steps come from."""

    def __init__(self, parameters: Path | None, reference: Path | None) -> None:
        if parameters is not None and reference is not None:
            raise SettingsError("--parameters and --reference cannot be used together.")
        self.parameters = parameters
        self.reference = reference

    def of_image(self, steps: "Preprocessing", modality: Modality | None) -> "FittedSteps":
        from oncotrace.pipeline.preprocess import fitted_on
        from oncotrace.pipeline.preprocess_parameters import parameters_for, read_parameters

        if self.reference is not None:
            return fitted_on(steps, self.reference, modality)
        if self.parameters is not None:
            return parameters_for(read_parameters(self.parameters, steps), steps, modality)
        return {}

    def of_cohort(
        self, steps: "Preprocessing", modalities: Sequence[Modality]
    ) -> "Mapping[Modality, FittedSteps]":
        from oncotrace.pipeline.preprocess import fitted_on
        from oncotrace.pipeline.preprocess_parameters import read_parameters

        if self.reference is not None:
            if len(modalities) != 1:
                raise SettingsError("--reference needs one --modality: the image's.")
            return {modalities[0]: fitted_on(steps, self.reference, modalities[0])}
        return {} if self.parameters is None else read_parameters(self.parameters, steps)


def _cohort(
    table: Path,
    steps: "Preprocessing",
    out: Path | None,
    modalities: Sequence[Modality],
    given: _Given,
    fit: tuple[Path | None, str | None],
    pictures: bool,
    resume: bool,
    jobs: int,
) -> None:
    target, split = fit
    if target is not None:
        if given.parameters or given.reference:
            raise SettingsError("--fit cannot be used with --parameters or --reference.")
        from oncotrace.pipeline.preprocess_parameters import fit_cohort

        fitting = fit_cohort(table, steps, target, modalities=modalities, split=split, jobs=jobs)
        for _ in tracked(fitting.done, "fitting", fitting.images):
            pass
        console.print(f"Parameters in {target}", markup=False, soft_wrap=True)
        given = _Given(target, None)
    elif split is not None:
        raise SettingsError("--split says what --fit is fitted on, and there is no --fit.")
    if out is None:
        if target is None:
            raise SettingsError("a cohort needs --out, a new folder, or --fit, a new file.")
        return
    from oncotrace.pipeline.preprocess_cohort import preprocess_cohort

    run = preprocess_cohort(
        table,
        steps,
        out,
        fitted=given.of_cohort(steps, modalities),
        modalities=modalities,
        pictures=pictures,
        resume=resume,
        jobs=jobs,
    )
    finish_cohort(run.outcomes, run.cases, "pre-processing", out)


def _show_presets() -> None:
    from oncotrace.curate.preprocess_settings import preprocessing, preset_names

    for name in preset_names():
        console.print(f"{name}: {preprocessing(name).source}", markup=False, soft_wrap=True)


def _show_steps(steps: "Preprocessing") -> None:
    from oncotrace.curate.preprocess_settings import described, is_fitted

    console.print(f"{steps.name} ({steps.source})", markup=False, soft_wrap=True)
    for number, step in enumerate(steps.steps, start=1):
        fitted = "; fitted on a training cohort" if is_fitted(step) else ""
        console.print(f"{number}. {described(step)}{fitted}", markup=False, soft_wrap=True)


def _show_stages(stages: Sequence[Mapping[str, object]]) -> None:
    """Print mean, standard deviation and range after every step."""
    for stage in stages:
        found = stage["intensities"]
        if isinstance(found, dict):
            name = str(stage["stage"]).partition(":")[0]
            console.print(
                f"{name:18} mean {found['mean']:10.4g}  SD {found['sd']:10.4g}  "
                f"{found['minimum']:.4g} to {found['maximum']:.4g}",
                markup=False,
                soft_wrap=True,
            )
