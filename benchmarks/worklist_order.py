"""Which sign of a bad automatic mask brings the bad ones to the front of the worklist.

    python benchmarks/worklist_order.py [--masks DIR] [--out DIR]

The worklist of the product begins with the masks of the lowest predicted Dice. Beside it stand
orders by how well the mask agrees (Dice) with a second mask of the same patient on T1, made by
other networks that did not see the patient either: the one of several sequences given T1 alone,
two stages, six clicks drawn from the mask; their mean; and predicted Dice and agreement added, each
in its own SDs. A failure is a mask that is not Sufficient (Dice below .80).

Needs the masks of ``train_automatic.py`` and ``train_coarse_to_fine.py``. ``order.csv`` has every
patient, ``order.md`` how many failures the first half of each order holds.
"""

import argparse
from pathlib import Path

import pandas as pd

from automatic_files import MASKS, MOVED, MULTI, RESULTS, Cell, made_mask
from markdown_table import markdown
from oncotrace.domain.mask import Mask
from oncotrace.imaging.overlap import dice

METHOD = "automatic-mr-t1"
OTHERS = (MULTI, "coarse-to-fine", "automatic-six-click")
SUFFICIENT = 0.80
OUT = Path(__file__).parent / "results" / "workflow"


def main() -> None:
    """Measure every sign and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", type=Path, default=MASKS)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    table = with_sums(signs(pd.read_csv(RESULTS / "per_case.csv"), options.masks))
    table.round(4).to_csv(options.out / "order.csv", index=False, lineterminator="\n")
    text = "\n".join(summary(table)) + "\n"
    (options.out / "order.md").write_text(text, encoding="utf-8", newline="\n")
    print(text)


def signs(scores: pd.DataFrame, masks: Path) -> pd.DataFrame:
    """Dice, predicted Dice and agreement with every other mask, a row a patient and draw."""
    on_t1 = scores[(scores.sequences == "mr-t1") & scores.ends.isin(MOVED)]
    kinds = on_t1.set_index(["method", "ends", "patient"]).post_processing

    def mask_of(method: str, ends: str, patient: str) -> Mask:
        file = Cell(method, ("mr-t1",), ends, patient).file(masks, ".nii.gz")
        return made_mask(file, kinds[method, ends, patient])

    return pd.DataFrame(
        {
            "ends": row.ends,
            "patient": row.patient,
            "dice": row.dice,
            "predicted Dice": row.predicted_dice,
            **{
                other: dice(
                    mask_of(other, row.ends, row.patient), mask_of(METHOD, row.ends, row.patient)
                )
                for other in OTHERS
            },
        }
        for row in on_t1[on_t1.method == METHOD].itertuples()
    )


def with_sums(table: pd.DataFrame) -> pd.DataFrame:
    """Add the mean agreement, and predicted Dice with agreement."""
    mean = table[list(OTHERS)].mean(axis=1)
    predicted = in_sds(table["predicted Dice"])
    return table.assign(
        **{
            "mean of the three": mean,
            f"predicted Dice + {MULTI}": predicted + in_sds(table[MULTI]),
            "predicted Dice + mean of the three": predicted + in_sds(mean),
        }
    )


def in_sds(values: pd.Series) -> pd.Series:
    """Distance from the mean in standard deviations."""
    return (values - values.mean()) / values.std()


def summary(table: pd.DataFrame) -> list[str]:
    """Failures in the first half of each order, and its rank correlation with Dice, by draw."""
    columns = [name for name in table.columns if name not in ("ends", "patient", "dice")]
    head = ["order by", *(f"{ends}: {what}" for ends in MOVED for what in ("failures", "Spearman"))]
    rows = []
    for name in columns:
        cells = [name]
        for ends in MOVED:
            drawn = table[table.ends == ends]
            failed = drawn.dice < SUFFICIENT
            first = drawn[name].nsmallest(len(drawn) // 2).index
            rank = drawn[name].corr(drawn.dice, method="spearman")
            cells += [f"{failed[first].sum()} of {failed.sum()}", f"{rank:.2f}"]
        rows.append(tuple(cells))
    return ["Failures in the first half of the list, of all failures.", "", *markdown(head, rows)]


if __name__ == "__main__":
    main()
