"""The pictures of ``out_of_fold.py``: Dice of every patient, and agreement of volumes."""

from pathlib import Path

import pandas as pd

from oncotrace.atomic import write_bytes
from oncotrace.report.bland_altman import bland_altman_picture
from oncotrace.report.dice_strip import dice_strip_picture
from oncotrace.report.evaluation_agreement import volume_agreement
from out_of_fold_summary import OURS, by_patient, cases_of, groups

TITLES = {"mr-t1": "T1", "ct": "CT"}


def write_pictures(table: pd.DataFrame, folder: Path) -> None:
    """Write, for each image and kind of clicks, Dice by method and our agreement of volumes."""
    strips: dict[tuple[str, str], list[tuple[str, list[tuple[str, float]]]]] = {}
    for (modality, clicks, method), of in groups(by_patient(table)):
        members = list(zip(of["patient"], of["dice"], strict=True))
        strips.setdefault((modality, clicks), []).append((method, members))
        if method == OURS and (agreement := volume_agreement(cases_of(of))) is not None:
            picture = bland_altman_picture(
                agreement, title=title(modality, clicks, OURS)
            ).rendered()
            write_bytes(folder / f"volume_{modality}_{clicks}.png", picture, replace=True)
    for (modality, clicks), rows in strips.items():
        picture = dice_strip_picture(rows, title=title(modality, clicks, "out of fold")).rendered()
        write_bytes(folder / f"dice_{modality}_{clicks}.png", picture, replace=True)


def title(modality: str, clicks: str, what: str) -> str:
    """Title of a picture."""
    return f"{TITLES[modality]}, {clicks} clicks, {what}"
