"""``oncotrace demo``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import console, show_folder, show_size


def demo(
    out: Annotated[Path, typer.Option(help="New folder for the results.")] = Path("oncotrace-demo"),
) -> None:
    """Segment and measure the tumour of a real patient that comes with oncotrace."""
    from oncotrace.pipeline.demo import FOLD, MODEL, run_demo

    console.print(
        "Patient STS_003 (TCIA Soft-tissue-Sarcoma, CC BY 3.0): T1-weighted MR, 6 clicks."
    )
    result, agreement = run_demo(out)
    console.print(
        f"Segmented by {MODEL}, by the network of fold {FOLD}, which never saw this patient."
    )
    show_size(result)
    console.print(
        f"Against the published outline ({agreement.published_volume_ml:.1f} ml): "
        f"Dice {agreement.dice:.3f}, HD95 {agreement.hausdorff95_mm:.1f} mm."
    )
    show_folder(out, "picture.png", "mask.nii.gz", "result.json")
    console.print("and, for a hospital's archive, segmentation.dcm, rtstruct.dcm, report.dcm.")
    console.print("Research use only.")
