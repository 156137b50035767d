"""``oncotrace clicks``: simulate and convert."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.options import DrawnOn, MaskColumn, MaskOrCohort, Region
from oncotrace.cli.output import console, tracked
from oncotrace.cli.parse import known_modality, refuse_together

if TYPE_CHECKING:
    from oncotrace.pipeline.clicks import Person

app = typer.Typer(help="Draw clicks from masks, and convert clicks between file formats.")


@app.command()
def simulate(
    source: MaskOrCohort,
    out: Annotated[Path, typer.Option(help="Clicks file to write; for a cohort, a new folder.")],
    person_like: Annotated[
        bool, typer.Option("--person-like", help="Miss the extremes as people do.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 0,
    image: DrawnOn = None,
    region: Region = None,
    modality: MaskColumn = None,
) -> None:
    """Draw six clicks from a mask, as published or as people place them."""
    from oncotrace.pipeline.clicks import simulate_clicks, simulate_cohort_clicks

    person: Person = "person-like" if person_like else "exact"
    if source.suffix.lower() == ".csv":
        refuse_together("a cohort", {"--image": image, "--region": region})
        run = simulate_cohort_clicks(
            source, out, modality=known_modality(modality), person=person, seed=seed
        )
        for _ in tracked(run.case_ids, "drawing clicks", run.cases):
            pass
        console.print(f"{out / 'cohort.csv'}", markup=False, soft_wrap=True)
        return
    refuse_together("one mask", {"--modality": modality})
    simulate_clicks(source, out, person=person, seed=seed, image=image, region=region)
    console.print(f"{out}", markup=False, soft_wrap=True)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Clicks: .json, .csv, .mrk.json or .fcsv.")],
    target: Annotated[Path, typer.Argument(help="File to write; its name says the format.")],
) -> None:
    """Rewrite clicks in another format; positions stay where they are in the patient."""
    from oncotrace.pipeline.clicks import convert_clicks

    clicks = convert_clicks(source, target)
    count = len(clicks.points_mm)
    console.print(f"{count} points written to {target}", markup=False, soft_wrap=True)
