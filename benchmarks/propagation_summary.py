"""The tables of ``propagation.py`` in Markdown."""

import numpy as np
import pandas as pd

from markdown_table import markdown
from oncotrace.stats.bootstrap import bootstrap_interval
from oncotrace.stats.compare import signed_rank

OURS, PLAIN = "shape and image", "shape"


def summary(table: pd.DataFrame) -> str:
    """All tables, from one row per image, schedule and way to fill."""
    parts = [
        [
            "# From some outlined slices to the rest",
            "",
            "Dice on the slices that were not outlined; see `benchmarks/propagation.py` for what "
            "was compared. Mean ± SD over patients.",
        ]
    ]
    for modality, of in table.groupby("modality", sort=False):
        parts.append([f"## {modality}: Dice", "", *_figures(of, "dice", 3)])
        parts.append(
            [f"## {modality}: volume error (%)", "", *_figures(of, "volume_error_percent", 1)]
        )
    parts.append(
        [
            "## What the image adds",
            "",
            "Dice with the image minus Dice of the shape alone: mean, 95 % bootstrap interval "
            "(BCa, 2000 draws), patients who gain, least, p of Wilcoxon's signed-rank test, not "
            "adjusted for the number of rows.",
            "",
            *_added(table),
        ]
    )
    parts.append(["## Time", "", *_time(table)])
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _figures(table: pd.DataFrame, name: str, digits: int) -> list[str]:
    methods = list(dict.fromkeys(table["method"]))
    rows = []
    for schedule, of in table.groupby("schedule", sort=False):
        by_method = {method: values[name] for method, values in of.groupby("method")}
        outlined = of["outlined"] / (of["outlined"] + of["filled"])
        rows.append(
            [
                schedule,
                of["patient"].nunique(),
                f"{100 * outlined.mean():.0f} %",
                *(
                    f"{by_method[m].mean():.{digits}f} ± {by_method[m].std():.{digits}f}"
                    for m in methods
                ),
            ]
        )
    return markdown(["slices kept", "n", "share kept", *methods], rows)


def _added(table: pd.DataFrame) -> list[str]:
    rows = []
    for (modality, schedule), of in table.groupby(["modality", "schedule"], sort=False):
        wide = of.pivot_table(index=["patient", "chosen_on"], columns="method", values="dice")
        difference = (wide[OURS] - wide[PLAIN]).reset_index("chosen_on")
        halves = [difference[0][difference["chosen_on"] == chosen] for chosen in (True, False)]
        rows.append([modality, schedule, *map(_difference, halves)])
    names = ["image", "slices kept", "patients it was chosen on", "the other patients"]
    return markdown(names, rows)


def _difference(values: pd.Series) -> str:
    low, high = bootstrap_interval(
        values.to_numpy(), lambda rows: float(np.mean(rows)), groups=list(values.index), seed=0
    )
    p_value = signed_rank(values).p_value
    return (
        f"{values.mean():+.4f} ({low:+.4f} to {high:+.4f}), {int((values > 0).sum())} of "
        f"{len(values)}, {values.min():+.3f}, p {p_value:.2g}"
    )


def _time(table: pd.DataFrame) -> list[str]:
    every = table.groupby("method", sort=False)["cpu_s"]
    rows = [[m, f"{v.median():.3f}", f"{v.quantile(0.95):.3f}"] for m, v in every]
    return markdown(["method", "CPU seconds a mask, median", "95th percentile"], rows)
