"""The tables of ``nnunet_comparison.py``: Dice of every case, the paired difference, the time."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from automatic_files import Cell, made_mask, moved_case
from markdown_table import markdown
from nnunet_files import METHOD, SEQUENCE, tested_patients
from oncotrace.imaging.overlap import dice
from oncotrace.stats.bootstrap import bootstrap_interval

OURS, DEFAULT = "automatic-mr-t1", "nnunet-default"
KINDS = {"dice": "none", "dice_largest": "largest"}
"""Masks as they come, and their largest pieces alone: neither is tuned on these patients."""


def write_tables(out: Path, ours: Path, data: Path, trained_minutes: float) -> str:
    """Write ``per_case.csv`` and ``summary.md``, and return the latter."""
    rows = [
        _row(method, patient, root, data)
        for method, root in ((OURS, ours), (METHOD, out), (DEFAULT, out))
        for patient in tested_patients()
        if _cell(method, patient).file(root, ".nii.gz").exists()
    ]
    table = pd.DataFrame(rows)
    table.round(4).to_csv(out / "per_case.csv", index=False, lineterminator="\n")
    text = "\n".join(_summary(table, trained_minutes)) + "\n"
    (out / "summary.md").write_text(text, encoding="utf-8", newline="\n")
    return text


def _cell(method: str, patient: str) -> Cell:
    return Cell(method, (SEQUENCE,), "moved", patient)


def _row(method: str, patient: str, root: Path, data: Path) -> dict[str, object]:
    cell = _cell(method, patient)
    record = json.loads(cell.file(root, ".json").read_text(encoding="utf-8"))
    row: dict[str, object] = {"method": method, "patient": patient}
    if method != DEFAULT:  # its weights are random
        _, outline = moved_case(data / "sts" / patient, (SEQUENCE,), "moved")
        for name, kind in KINDS.items():
            row[name] = dice(made_mask(cell.file(root, ".nii.gz"), kind), outline)
    return {**row, "cpu_seconds": record.get("cpu_seconds")}


def _summary(table: pd.DataFrame, trained_minutes: float) -> list[str]:
    by = {str(method): of.set_index("patient") for method, of in table.groupby("method")}
    lines = [
        "# nnU-Net v2 and the recipe automatic: fold 0, T1, 60 core-minutes each",
        "",
        f"nnU-Net's training took {trained_minutes:.1f} core-minutes. The images are cropped "
        "around the tumour, their sides moved by up to 40 mm; `nnunet_comparison.py` says what was "
        "done.",
        "",
        *markdown(["method", "patient", "Dice", "Dice, largest piece", "CPU-s"], _cells(table)),
    ]
    if OURS not in by or METHOD not in by:
        return lines
    ours, theirs = by[OURS], by[METHOD]
    return [
        *lines,
        "",
        *markdown(
            ["ours minus nnU-Net", "n", "mean", "95 % CI (bootstrap over patients, BCa)"],
            [_difference(name, ours[name] - theirs[name]) for name in KINDS],
        ),
        "",
        *markdown(
            ["prediction", "ours, CPU-s", "theirs, CPU-s", "theirs / ours (geometric mean)"],
            [
                _ratio(method, ours["cpu_seconds"], by[method]["cpu_seconds"])
                for method in (METHOD, DEFAULT)
                if method in by
            ],
        ),
    ]


def _cells(table: pd.DataFrame) -> list[tuple[str, ...]]:
    return [
        (
            str(row["method"]),
            str(row["patient"]),
            *("" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in KINDS),
            "" if pd.isna(row["cpu_seconds"]) else f"{row['cpu_seconds']:.2f}",
        )
        for _, row in table.iterrows()
    ]


def _difference(name: str, gain: pd.Series) -> tuple[str, ...]:
    paired = gain.dropna()
    interval = bootstrap_interval(
        paired.to_numpy(), lambda values: float(values.mean()), groups=list(paired.index), seed=0
    )
    ends = "" if interval is None else f"{interval[0]:+.3f} to {interval[1]:+.3f}"
    return name, str(len(paired)), f"{paired.mean():+.3f}", ends


def _ratio(method: str, ours: pd.Series, theirs: pd.Series) -> tuple[str, ...]:
    ratios = (theirs / ours).dropna()
    mean = float(np.exp(np.log(ratios.astype(float)).mean())) if len(ratios) else float("nan")
    return method, f"{ours.median():.2f}", f"{theirs.median():.2f}", f"{mean:.1f}"
