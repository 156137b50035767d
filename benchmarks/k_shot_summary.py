"""Tables of ``k_shot.py`` from its ``per_case.csv``: ``python benchmarks/k_shot_summary.py``."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from markdown_table import markdown

RESULTS = Path(__file__).parent / "results" / "k_shot"
OUT_OF_FOLD = Path(__file__).parent / "results" / "out_of_fold" / "per_case.csv"
COLUMNS = (
    "n",
    "Dice, mean ± SD",
    "same patients, k = 0",
    "difference, mean ± SD",
    "by draw",
    "worse",
)


def main() -> None:
    """Write the summary anew and print it."""
    write_summary(RESULTS)
    print((RESULTS / "summary.md").read_text(encoding="utf-8"))


def write_summary(folder: Path) -> None:
    """Write ``summary.md`` beside ``per_case.csv``."""
    table = pd.read_csv(folder / "per_case.csv")
    parts = ["# Liposarcoma, never seen, by the number of its cases that the network is adapted to"]
    parts.append(
        "n counts pairs of draw and patient tested; mean and SD are over these. `by draw` is the "
        "mean difference in each draw; `worse` counts pairs whose Dice fell. No test is made: "
        "draws share patients, so that pairs are not independent."
    )
    for recipe, rows in table.groupby("recipe", sort=False):
        parts += [f"## {recipe}, T1", *sections(str(recipe), rows)]
    (folder / "summary.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8", newline="\n")


def sections(recipe: str, rows: pd.DataFrame) -> Iterator[str]:
    """Tables of one recipe."""
    start = rows[rows["k"] == 0].set_index("patient")["dice"]
    yield f"Not adapted, all {len(start)} patients: {spread(start)}.{_seen(recipe, start)}"
    tuned = rows[rows["k"] > 0].assign(before=rows["patient"].map(start))
    if tuned.empty:
        return
    counts = tuned.groupby("layers")["k"].nunique()
    curve = tuned[tuned["layers"] == counts.idxmax()]
    yield f"By k, layers: {counts.idxmax()}\n\n" + _table(curve, "k")
    per_draw = curve.groupby(["draw", "patient"])["k"].transform("nunique")
    always = curve[per_draw == curve["k"].nunique()]
    yield "The same, of patients who are tested at every k of their draw\n\n" + _table(always, "k")
    compared = counts.index[counts > 0]
    at = tuned[(tuned["k"] == 3) & tuned["layers"].isin(compared)]
    if not at.empty:
        yield "By layers, at k = 3\n\n" + _table(at, "layers")
    yield "By patient (mean over draws)\n\n" + _by_patient(curve, start)


def _seen(recipe: str, start: pd.Series) -> str:
    """Return what networks reach that saw other liposarcomas, if it was measured."""
    if recipe != "six-click" or not OUT_OF_FOLD.exists():
        return ""
    known = pd.read_csv(OUT_OF_FOLD)
    ours = known[
        (known["method"] == "six-click")
        & (known["modality"] == "mr-t1")
        & (known["clicks"] == "person-like")
        & known["patient"].isin(start.index)
    ]
    reached = ours.groupby("patient")["dice"].mean()
    return (
        f" The shipped networks, which saw other liposarcomas, and CT too, out of fold on the same "
        f"{len(reached)} patients: {spread(reached)}."
    )


def _table(rows: pd.DataFrame, by: str) -> str:
    lines = []
    for name, of in rows.groupby(by, sort=by == "k"):
        change = of["dice"] - of["before"]
        by_draw = change.groupby(of["draw"]).mean()
        lines.append(
            [
                name,
                len(of),
                spread(of["dice"]),
                spread(of["before"]),
                f"{change.mean():+.3f} ± {change.std():.3f}",
                ", ".join(f"{value:+.3f}" for value in by_draw),
                int((change < 0).sum()),
            ]
        )
    return "\n".join(markdown([by, *COLUMNS], lines))


def _by_patient(curve: pd.DataFrame, start: pd.Series) -> str:
    """Dice of every patient, empty where the patient was never tested at that k."""
    means = curve.groupby(["patient", "k"])["dice"].mean()
    known = sorted(curve["k"].unique())
    rows = [
        [patient, f"{before:.3f}"]
        + [f"{means[patient, k]:.3f}" if (patient, k) in means.index else "" for k in known]
        for patient, before in start.items()
    ]
    return "\n".join(markdown(["patient", "k = 0", *(f"k = {k}" for k in known)], rows))


def spread(values: pd.Series) -> str:
    """Mean and SD."""
    return f"{values.mean():.3f} ± {values.std():.3f}"


if __name__ == "__main__":
    main()
