"""``oncotrace refine``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.output import console, messages, show_folder, show_size
from oncotrace.cli.parse import refuse_together

if TYPE_CHECKING:
    from oncotrace.domain.clicks import Correction, CorrectionKind


def refine(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A case that oncotrace segment or demo wrote, or RUN/cases/CASE of a cohort.",
            metavar="DIR",
        ),
    ],
    positive: Annotated[
        list[str] | None,
        typer.Option(help="A point that is tumour, x,y,z in LPS mm.", metavar="X,Y,Z"),
    ] = None,
    negative: Annotated[
        list[str] | None,
        typer.Option(help="A point that is not tumour, x,y,z in LPS mm.", metavar="X,Y,Z"),
    ] = None,
    stroke: Annotated[
        list[Path] | None,
        typer.Option(help="Painted lines: a clicks file (.json) with strokes alone."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last correction back.")] = False,
    redo: Annotated[
        bool, typer.Option("--redo", help="Make what was taken back last again.")
    ] = False,
) -> None:
    """Correct the mask of a segmented case; nothing is lost, every correction can be undone."""
    points = {"--positive": positive, "--negative": negative, "--stroke": stroke}
    if undo:
        refuse_together("--undo", {**points, "--redo": redo})
    if redo:
        refuse_together("--redo", points)
    from oncotrace.pipeline.refine import refine_case

    asked = _corrections(positive or [], negative or [], stroke or [])
    done = refine_case(folder, [*asked, *_history(undo=undo, redo=redo)])
    if done.finished:
        messages.print("note: an earlier refine was interrupted; it was finished first.")
    show_size(done.result)
    console.print(f"Corrections that count: {done.result['corrections']}.")
    if done.stale:
        messages.print(
            f"note: {', '.join(done.stale)} in this folder hold the mask as it was before; write "
            "new ones with oncotrace export.",
            markup=False,
            soft_wrap=True,
        )
    show_folder(folder, "picture.png", "mask.nii.gz", "result.json")


def _corrections(
    positive: list[str], negative: list[str], strokes: list[Path]
) -> "list[Correction]":
    """Return corrections in the order in which they are made: of two marks the later counts."""
    from oncotrace.io.clicks_file import read_strokes

    points = [*_clicks("positive", positive), *_clicks("negative", negative)]
    return [*points, *(stroke for file in strokes for stroke in read_strokes(file))]


def _clicks(kind: "CorrectionKind", texts: list[str]) -> "list[Correction]":
    import numpy as np

    from oncotrace.domain.clicks import Correction
    from oncotrace.io.clicks_file import parse_point

    return [Correction(kind, np.array([parse_point(text)])) for text in texts]


def _history(*, undo: bool, redo: bool) -> "list[Correction]":
    import numpy as np

    from oncotrace.domain.clicks import Correction

    nowhere = np.empty((0, 3))
    return [
        *([Correction("undo", nowhere)] if undo else []),
        *([Correction("redo", nowhere)] if redo else []),
    ]
