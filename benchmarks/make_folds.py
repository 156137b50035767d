"""Deal the 40 sarcoma patients into five folds, once: ``folds.csv`` is committed and used by all.

    python benchmarks/make_folds.py [--data DIR]

Stratified by histology (``mskcc_type``; types with fewer than eight patients are one stratum):
within each stratum the patients are shuffled with a fixed seed, and all are dealt in turn.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from reference_data import add_data_option

FOLDS = 5
SEED = 2026
RARE = 8
TABLE = Path(__file__).parent / "folds.csv"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    folder = parser.parse_args().data
    clinical = pd.read_csv(folder / "tables" / "sts" / "sts_clinical.csv").sort_values("patient_id")
    counts = clinical["mskcc_type"].map(clinical["mskcc_type"].value_counts())
    clinical["stratum"] = clinical["mskcc_type"].where(counts >= RARE, "other")
    rng = np.random.default_rng(SEED)
    order = [
        patient
        for _, stratum in clinical.groupby("stratum")
        for patient in rng.permutation(stratum["patient_id"].to_numpy())
    ]
    fold = {patient: place % FOLDS for place, patient in enumerate(order)}
    clinical["fold"] = clinical["patient_id"].map(fold)
    table = clinical[["patient_id", "stratum", "fold"]]
    table.to_csv(TABLE, index=False, lineterminator="\n")
    print(table.groupby(["stratum", "fold"]).size().unstack())


if __name__ == "__main__":
    main()
