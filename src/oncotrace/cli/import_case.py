"""``oncotrace import``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import console, show_folder, show_size
from oncotrace.cli.parse import known_modality, refuse_together


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="A mask (DICOM SEG, RTSTRUCT, 3D Slicer's .seg.nrrd, NIfTI, NRRD, MetaImage), or "
            "a structured report of oncotrace.",
            metavar="FILE",
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the results.")],
    source: Annotated[
        Path | None,
        typer.Option(
            help="The images that the mask was made on: DICOM folder, zip or file; for a mask "
            "that is not DICOM also a volume file."
        ),
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(
            help="Number or name of the segment, or name of the region, if the file holds several.",
            metavar="NUMBER|NAME",
        ),
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the source holds several series.")
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Sequence: ct, mr-t1, mr-t1gd, mr-t1fs, mr-t2, mr-t2fs, pet.")
    ] = None,
) -> None:
    """Bring in a mask that was made elsewhere as a case, or read a structured report of ours."""
    from oncotrace.pipeline.import_case import import_case
    from oncotrace.pipeline.import_report import REPORT_FILE, import_report, is_report

    if is_report(file):
        refuse_together(
            "a structured report",
            {"--source": source, "--segment": segment, "--series": series, "--modality": modality},
        )
        content = import_report(file, out)
        show_size(content)
        _show_references(content)
        show_folder(out, REPORT_FILE)
        return
    result = import_case(
        file,
        source,
        out,
        segment=segment,
        series_uid=series,
        modality=known_modality(modality),
    )
    show_size(result)
    show_folder(out, "picture.png", "mask.nii.gz", "result.json")


def _show_references(content: Mapping[str, object]) -> None:
    """Print what a report is about: the tumour, its grade, who measured, and on what."""
    lines = (
        f"Grade in review: {content['grade'] or 'none'}.",
        f"Tumour: {content['tracking_id']}, tracking UID {content['tracking_uid']}.",
        f"Mask: {content['model']}, measured by oncotrace {content['measured_by_version']}.",
        f"Segment {content['segment_number']} of segmentation {content['segmentation_uid']}",
        f"on series {content['series_uid']}.",
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
