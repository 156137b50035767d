"""The tables of ``automatic_tables.py`` in Markdown."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from automatic_files import JOINED, MOVED, MULTI, TWO_STAGES
from markdown_table import markdown
from oncotrace.stats.compare import holm, signed_rank
from oncotrace.stats.summary import summarise

SIX_CLICKS = Path(__file__).parent / "results" / "out_of_fold" / "per_case.csv"
AIMS = {("automatic-mr-t1", "mr-t1"): 0.80, (MULTI, "mr-t1+pet"): 0.84}
COST_AIM = 0.03
_KEY = ["method", "sequences"]


def summary(table: pd.DataFrame, calibration: pd.DataFrame) -> str:
    """All tables, from one row per mask."""
    masks = table[table["ends"].isin(MOVED)]
    moved = by_patient(masks)
    parts = [
        ["# Without clicks, out of fold", "", *_introduction(table)],
        ["## Overlap, surfaces, failures", "", *_overlap(moved)],
        ["## How well the Dice is predicted", "", *_predicted(masks)],
        ["## Six clicks beside them", "", *_six_clicks(moved)],
        ["## Aims", "", *_aims(moved)],
        ["## Several sequences or stages against one", "", *_compared(moved)],
        ["## Without failures", "", *_overlap(_found(moved))],
        ["## By site", "", "Dice, mean ± SD (n).", "", *_by(moved, "site")],
        ["## By histology", "", "Dice, mean ± SD (n).", "", *_by(moved, "histology")],
        ["## By grade", "", "Dice, mean ± SD (n).", "", *_by(moved, "grade")],
        ["## What the ends of the images tell", "", *_ends(table)],
        ["## Calibration", "", *_calibration(calibration)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def by_patient(masks: pd.DataFrame) -> pd.DataFrame:
    """One row per method, sequences and patient: means over its masks; failures are counted."""
    figures = {
        **dict.fromkeys(("dice", "f2", "assd_mm", "hausdorff95_mm", "seconds"), "mean"),
        **dict.fromkeys(("is_nothing", "is_another"), "sum"),
        **dict.fromkeys(("site", "histology", "grade"), "first"),
    }
    grouped = masks.groupby([*_KEY, "patient"], sort=False)
    return grouped.agg(figures).reset_index()


def _introduction(table: pd.DataFrame) -> list[str]:
    patients = table["patient"].nunique()
    return [
        f"{patients} patients; every mask was made by a network that did not see its patient, with "
        "the post-processing that was best in the other folds.",
        "",
        "**The images are cropped around the tumour.** They end 5 cm from it; here every side was "
        "cropped or continued by up to 40 mm at random, twice, and still the tumour is near the "
        "middle. The figures must not be set beside those that others report for whole images. The "
        "ellipsoids look at no voxel of the image: `crop minus 5 cm` takes the image as if it had "
        "been cropped 5 cm from the tumour, `true crop` is that of the images before their sides "
        "were moved, which no method here has seen.",
        "",
        "The figures of a patient are means over the two; failures are counted in masks, two of "
        "each patient. The settings of the recipes were compared on folds 0 and 1. Figures that "
        "are infinite, because a mask is empty, are left out and counted as (+ n).",
    ]


def _groups(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    for key, of in table.groupby(_KEY, sort=False):
        yield (str(key[0]), str(key[1])), of


def _overlap(table: pd.DataFrame) -> list[str]:
    names = ["method", "sequences", "n", "Dice", "median", "least", "F2", "ASSD (mm)", "HD95 (mm)"]
    names += ["nothing found", "another object", "seconds"]
    rows = []
    for key, of in _groups(table):
        worst = of.loc[of["dice"].idxmin()]
        rows.append(
            (
                *key,
                len(of),
                _spread(of["dice"], 3),
                f"{of['dice'].median():.3f}",
                f"{worst['dice']:.3f} ({worst['patient']})",
                _spread(of["f2"], 3),
                _spread(of["assd_mm"], 1),
                _spread(of["hausdorff95_mm"], 1),
                int(of["is_nothing"].sum()),
                int(of["is_another"].sum()),
                "" if of["seconds"].isna().all() else f"{of['seconds'].median():.2f}",
            )
        )
    return markdown(names, rows)


def _found(table: pd.DataFrame) -> pd.DataFrame:
    """Patients of whom no mask is empty or of another object."""
    return table[(table["is_nothing"] == 0) & (table["is_another"] == 0)]


def _predicted(masks: pd.DataFrame) -> list[str]:
    """Predicted against real Dice, by constants fitted on the other folds."""
    rows = []
    for key, of in _groups(masks.dropna(subset="predicted_dice")):
        real, predicted = of["dice"], of["predicted_dice"]
        rows.append(
            (
                *key,
                len(of),
                f"{real.corr(predicted, method='spearman'):.2f}",
                f"{(predicted - real).abs().mean():.3f}",
                f"{(predicted - real).mean():+.3f}",
            )
        )
    names = ["method", "sequences", "masks", "Spearman", "mean absolute error", "mean error"]
    return markdown(names, rows)


def _six_clicks(table: pd.DataFrame) -> list[str]:
    """Dice from six clicks on the images as the collection has them, means over the draws."""
    clicked = pd.read_csv(SIX_CLICKS)
    clicked = clicked[clicked["method"] == "six-click"]
    patients = clicked.groupby(["modality", "clicks", "patient"])["dice"].mean().reset_index()
    patients = patients[patients["patient"].isin(table["patient"])]
    rows = [
        (*key, len(of), _spread(of["dice"], 3), f"{of['dice'].median():.3f}")
        for key, of in patients.groupby(["modality", "clicks"])
    ]
    return markdown(["image", "clicks", "n", "Dice", "median"], rows)


def _aims(table: pd.DataFrame) -> list[str]:
    dices = {key: of["dice"].mean() for key, of in _groups(table)}
    rows = [
        (*key, f"{aim:.2f}", f"{dices[key]:.3f}", "reached" if dices[key] >= aim else "missed")
        for key, aim in AIMS.items()
        if key in dices
    ]
    return markdown(["method", "sequences", "aim", "mean Dice", ""], rows)


def _compared(moved: pd.DataFrame) -> list[str]:
    """Paired differences between methods; p adjusted together."""
    by_key = {key: of.set_index("patient")["dice"] for key, of in _groups(moved)}
    pairs = [
        (ours, theirs, (by_key[ours] - by_key[theirs]).dropna())
        for ours in by_key
        for theirs in by_key
        if _is_compared(ours, theirs)
    ]
    if not pairs:
        return []
    tests = [signed_rank(gain.to_numpy()) for *_, gain in pairs]
    adjusted = holm([test.p_value for test in tests])
    rows = [
        (
            " on ".join(ours),
            " on ".join(theirs),
            test.n,
            f"{gain.mean():+.3f}",
            f"{test.shift:+.3f}",
            int((gain > 0).sum()),
            f"{test.p_value:.2g}",
            f"{p:.2g}",
            _cost(ours, theirs, float(gain.mean())),
        )
        for (ours, theirs, gain), test, p in zip(pairs, tests, adjusted, strict=True)
    ]
    names = ["method", "against", "n", "mean difference", "Hodges-Lehmann", "better in"]
    return markdown([*names, "p (Wilcoxon, two-sided)", "p (Holm)", "aim"], rows)


def _is_compared(ours: tuple[str, str], theirs: tuple[str, str]) -> bool:
    """Several sequences, or stages, with one; networks joined with one network for all."""
    (method, sequences), (other, on) = ours, theirs
    if method == JOINED:
        return other == MULTI and on == sequences
    is_single = other == f"automatic-{on}"
    return is_single and on in sequences.split("+") and method in (MULTI, *TWO_STAGES)


def _cost(ours: tuple[str, str], theirs: tuple[str, str], gain: float) -> str:
    if ours[0] != MULTI or ours[1] != theirs[1]:
        return ""
    return f"costs at most {COST_AIM}: {'reached' if gain >= -COST_AIM else 'missed'}"


def _by(table: pd.DataFrame, column: str) -> list[str]:
    counts = table.groupby(column)["patient"].nunique()
    strata = list(counts.sort_values(ascending=False, kind="stable").index)
    rows = [
        [*key, *(_spread_and_n(of.loc[of[column] == name, "dice"]) for name in strata)]
        for key, of in _groups(table)
    ]
    return markdown(["method", "sequences", *strata], rows)


def _ends(table: pd.DataFrame) -> list[str]:
    """Dice where sides were cropped or continued, and where they were only cropped as much."""
    rows = []
    for key, of in _groups(table):
        sides = {ends: part.set_index("patient")["dice"] for ends, part in of.groupby("ends")}
        if "cropped" in sides:
            loss = (sides["cropped"] - sides["moved"]).dropna()
            means = (_spread(sides[ends], 3) for ends in ("moved", "cropped"))
            rows.append((*key, *means, f"{loss.mean():+.3f}"))
    return markdown(["method", "sequences", "moved", "only cropped", "difference"], rows)


def _calibration(table: pd.DataFrame) -> list[str]:
    names = ["method", "sequences", "calibration error", *_TENTHS]
    rows = []
    for key, of in _groups(table):
        counts = {n: of.sort_values("bin")[n].to_numpy() for n in ("voxels", "tumour")}
        predicted = of.sort_values("bin")["probability"].to_numpy()
        distance = np.abs(predicted - counts["tumour"])[1:].sum() / counts["voxels"][1:].sum()
        pairs = {n: values.reshape(10, -1).sum(axis=1) for n, values in counts.items()}
        shares = pairs["tumour"] / np.maximum(pairs["voxels"], 1)
        rows.append([*key, f"{distance:.3f}", *(f"{share:.2f}" for share in shares)])
    note = "Share of tumour among the voxels of each predicted probability."
    return [note, "", *markdown(names, rows)]


_TENTHS = [f"{low / 10:.1f}-{(low + 1) / 10:.1f}" for low in range(10)]


def _spread(values: pd.Series, digits: int) -> str:
    found = summarise(values)
    if found.mean is None:
        return f"(+ {found.not_finite})"
    sd = "" if found.sd is None else f" ± {found.sd:.{digits}f}"
    left_out = f" (+ {found.not_finite})" if found.not_finite else ""
    return f"{found.mean:.{digits}f}{sd}{left_out}"


def _spread_and_n(values: pd.Series) -> str:
    return f"{_spread(values, 3)} ({len(values)})"
