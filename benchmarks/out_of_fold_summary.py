"""The tables of ``out_of_fold.py`` in Markdown."""

from collections.abc import Iterator

import pandas as pd

from markdown_table import markdown
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.evaluation_agreement import volume_agreement
from oncotrace.stats.agreement import pearson
from oncotrace.stats.compare import holm, signed_rank
from oncotrace.stats.summary import summarise

OURS = "six-click"
METHODS = ("ellipsoid", "six-click-graphcut", "mideepseg", "interactivenet", OURS)
UNSEEN = "six-click-unseen-histology"
POOR = (0.6, 0.7)
_GROUP = ["modality", "clicks", "method"]
_HEAD = ("image", "clicks", "method")
_SIZES = ("volume_ml", "longest_axial_diameter_mm")


def summary(table: pd.DataFrame) -> str:
    """All tables, from one row per mask."""
    patients = by_patient(table)
    everyone = patients[patients["method"] != UNSEEN]
    parts = [
        ["# Six clicks, out of fold", "", *_introduction(table)],
        ["## Overlap and surfaces", "", *_overlap(everyone)],
        ["## Sizes and time", "", *_sizes(everyone, table)],
        ["## By histology", "", "Dice, mean ± SD (n).", "", *_by_histology(everyone)],
        [f"## Dice of {OURS} against the others", "", *_comparison(everyone)],
        ["## Person-like instead of exact clicks", "", *_kinds(everyone)],
        ["## A histology that was never seen", "", *_unseen(patients)],
        ["## Agreement of volumes", "", *_agreement(everyone)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part[2:]) + "\n"


def by_patient(table: pd.DataFrame) -> pd.DataFrame:
    """One row per patient: means over the seeds; infinite where one seed's figure is."""
    keys = [*_GROUP, "patient", "histology"]
    return table.drop(columns="seed").groupby(keys, sort=False).mean().reset_index()


def cases_of(patients: pd.DataFrame) -> list[EvaluatedCase]:
    """Patients as the pictures and the agreement of volumes take them."""
    rows = [{str(name): value for name, value in row.items()} for _, row in patients.iterrows()]
    return [EvaluatedCase(row["patient"], row["patient"], row, row["histology"]) for row in rows]


def groups(patients: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Patients of each image, kind of clicks and method; ours last."""
    for modality in ("mr-t1", "ct"):
        for clicks in ("exact", "person-like"):
            for method in METHODS:
                same = (patients[_GROUP] == (modality, clicks, method)).all(axis=1)
                if same.any():
                    yield (modality, clicks, method), patients[same]


def _introduction(table: pd.DataFrame) -> list[str]:
    seeds = table.groupby("clicks")["seed"].nunique()
    draws = ", ".join(f"{count} draws of {kind} clicks" for kind, count in seeds.items())
    lines = [
        f"{table['patient'].nunique()} patients; a patient's figure is the mean over {draws}; "
        "mean, SD, median, least and tests are over patients. Every mask was made by weights that "
        "did not see its patient. Figures that are infinite, because a mask is empty, are left out "
        "and counted as (+ n).",
        "",
        "Chosen by looking at these patients, and therefore not out of fold: the constants that "
        "`fit_cue_weights.py` lists, which the graph cut and our network's cues share, and the "
        "settings of our recipe, which were compared on the folds 0 and 1.",
    ]
    there = set(table["method"])
    if "interactivenet" in there:
        chosen = "The post-processing of interactivenet was chosen on the training patients."
        lines += ["", chosen]
    absent = [method for method in METHODS if method not in there]
    if absent:
        lines += ["", f"**Not trained yet: {', '.join(absent)}.**"]
    counts = table.groupby(["method", "modality", "clicks"])["patient"].nunique()
    short = counts[[name != UNSEEN for name, *_ in counts.index]]
    missing = short[short < table["patient"].nunique()]
    lines += [f"\n**Incomplete: {', '.join(key)} has {n}.**" for key, n in missing.items()]
    return lines


def _overlap(patients: pd.DataFrame) -> list[str]:
    names = [*_HEAD, "n", "Dice", "median", "least"]
    names += [f"under {limit:.2f}" for limit in POOR]
    names += ["sensitivity", "IoU", "HD95 (mm)", "surface Dice, 2 mm"]
    rows = []
    for key, of in groups(patients):
        worst = of.loc[of["dice"].idxmin()]
        rows.append(
            (
                *key,
                len(of),
                _spread(of["dice"], 3),
                f"{of['dice'].median():.3f}",
                f"{worst['dice']:.3f} ({worst['patient']})",
                *(int((of["dice"] < limit).sum()) for limit in POOR),
                _spread(of["sensitivity"], 3),
                _spread(of["jaccard"], 3),
                _spread(of["hausdorff95_mm"], 1),
                _spread(of["surface_dice"], 3),
            )
        )
    return markdown(names, rows)


def _sizes(patients: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    names = [
        "image",
        "clicks",
        "method",
        "volume error (%)",
        "r",
        "longest axial diameter error (mm)",
    ]
    names += ["r", "click to mask, median (s)", "worst (s)"]
    rows = []
    for key, of in groups(patients):
        seconds = table.loc[(table[_GROUP] == key).all(axis=1), "seconds"]
        volume, diameter = (_correlation(of, name) for name in _SIZES)
        rows.append(
            (
                *key,
                _spread(of["volume_error_percent"], 1),
                volume,
                _spread(of["longest_axial_diameter_error_mm"], 1),
                diameter,
                f"{seconds.median():.2f}",
                f"{seconds.max():.2f}",
            )
        )
    return markdown(names, rows)


def _by_histology(patients: pd.DataFrame) -> list[str]:
    counts = patients.groupby("histology")["patient"].nunique()
    strata = list(counts.sort_values(ascending=False, kind="stable").index)
    rows = [
        [*key, *(_spread_and_n(of.loc[of["histology"] == name, "dice"]) for name in strata)]
        for key, of in groups(patients)
    ]
    return markdown([*_HEAD, *strata], rows)


def _comparison(patients: pd.DataFrame) -> list[str]:
    """Paired differences; p of all rows adjusted together."""
    pairs = []
    for (modality, clicks, method), of in groups(patients):
        ours = patients[(patients[_GROUP] == (modality, clicks, OURS)).all(axis=1)]
        if method != OURS and len(ours):
            pairs.append(((modality, clicks, method), _paired(ours, of)))
    if not pairs:
        return []
    tests = [signed_rank(gain) for _, gain in pairs]
    adjusted = holm([test.p_value for test in tests])
    names = ["image", "clicks", "against", "n", "mean difference", "Hodges-Lehmann", "better in"]
    rows = [
        (
            *key,
            test.n,
            f"{gain.mean():+.3f}",
            f"{test.shift:+.3f}",
            int((gain > 0).sum()),
            f"{test.p_value:.2g}",
            f"{p:.2g}",
        )
        for (key, gain), test, p in zip(pairs, tests, adjusted, strict=True)
    ]
    return markdown([*names, "p (Wilcoxon, two-sided)", "p (Holm)"], rows)


def _kinds(patients: pd.DataFrame) -> list[str]:
    """Rows of what clicks that miss the extremes cost each method."""
    found = dict(groups(patients))
    rows = []
    for (modality, clicks, method), of in found.items():
        exact = found.get((modality, "exact", method))
        if clicks == "person-like" and exact is not None:
            loss = _paired(of, exact)
            rows.append([modality, method, len(loss), f"{loss.mean():+.3f}", f"{loss.min():+.3f}"])
    return markdown(["image", "method", "n", "mean difference in Dice", "worst patient"], rows)


def _unseen(patients: pd.DataFrame) -> list[str]:
    """Ours trained without the histology against ours of the five folds, on the same patients."""
    names = ["image", "clicks", "histology", "n", "never seen", "least", "five folds", "least"]
    rows = []
    never = patients[patients["method"] == UNSEEN]
    for (modality, clicks, histology), of in never.groupby([*_GROUP[:2], "histology"], sort=False):
        usual = patients[(patients[_GROUP] == (modality, clicks, OURS)).all(axis=1)]
        same = usual[usual["patient"].isin(of["patient"])]
        if len(same) == len(of):
            loss = _paired(of, same)
            rows.append(
                (
                    *(modality, clicks, histology, len(of)),
                    *_spread_and_least(of["dice"]),
                    *_spread_and_least(same["dice"]),
                    f"{loss.mean():+.3f}",
                    f"{signed_rank(loss).p_value:.2g}",
                )
            )
    return markdown([*names, "difference", "p (Wilcoxon)"], rows) if rows else []


def _agreement(patients: pd.DataFrame) -> list[str]:
    """Bland and Altman's bias and limits, in percent of the mean of both volumes."""
    names = [*_HEAD, "bias (%)", "lower limit", "upper limit"]
    rows = []
    for key, of in groups(patients):
        agreement = volume_agreement(cases_of(of))
        if agreement is not None:
            limits = agreement.limits
            cells = (limits.bias, limits.lower, limits.upper)
            rows.append([*key, *(f"{value:+.1f}" for value in cells)])
    return markdown(names, rows)


def _paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Dice of the first minus that of the second, over the patients of both."""
    indexed = [one.set_index("patient")["dice"] for one in (first, second)]
    return (indexed[0] - indexed[1]).dropna()


def _correlation(patients: pd.DataFrame, name: str) -> str:
    finite = patients[patients[name].notna()]
    r = pearson(finite[name], finite[f"reference_{name}"]).r if len(finite) > 2 else None
    return "" if r is None else f"{r:.3f}"


def _spread(values: pd.Series, digits: int) -> str:
    found = summarise(values)
    if found.mean is None:
        return f"(+ {found.not_finite})"
    sd = "" if found.sd is None else f" ± {found.sd:.{digits}f}"
    left_out = f" (+ {found.not_finite})" if found.not_finite else ""
    return f"{found.mean:.{digits}f}{sd}{left_out}"


def _spread_and_n(values: pd.Series) -> str:
    return f"{_spread(values, 3)} ({len(values)})"


def _spread_and_least(values: pd.Series) -> tuple[str, str]:
    return _spread(values, 3), f"{values.min():.3f}"
