"""Options that several commands share, so that they mean and say the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

MaskOrCohort = Annotated[
    Path,
    typer.Argument(
        help="A mask (NIfTI, NRRD, MetaImage, .seg.nrrd, DICOM SEG, RTSTRUCT), or a cohort.csv.",
        metavar="MASK|COHORT.csv",
    ),
]
DrawnOn = Annotated[
    Path | None, typer.Option("--image", help="The image that a SEG or RTSTRUCT was made on.")
]
Region = Annotated[
    str | None,
    typer.Option("--region", help="Segment or region of the mask, if the file holds several."),
]
MaskColumn = Annotated[
    str | None, typer.Option("--modality", help="Which mask column of the cohort.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted cohort run.")]
Jobs = Annotated[int, typer.Option("--jobs", help="Cases of a cohort at a time.", min=1)]

# Of a de-identification, by itself or as a part of a preparation.
ProfileOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="Option of the profile, may be given several times: retain-modified-dates, "
        "retain-patient-characteristics, clean-descriptors, ...",
    ),
]
AskPassphrase = Annotated[
    bool, typer.Option("--passphrase", help="Ask for the passphrase of the key file.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File that holds the passphrase of the key file."),
]
Pseudonyms = Annotated[
    Path | None, typer.Option("--patients", help="CSV of pseudonyms: patient_id,pseudonym.")
]
