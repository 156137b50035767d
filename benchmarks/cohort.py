"""The 40 sarcoma patients as a cohort table, T1 and CT, for ``oncotrace train`` and ``evaluate``.

    python benchmarks/cohort.py OUT.csv [--data DIR]

``clinical_histology`` is the stratum in ``folds.csv``. Paths are absolute: the table stays where it
was made.
"""

import argparse
import csv
from pathlib import Path

from oncotrace.io.cohort_table import write_table
from reference_data import add_data_option
from six_clicks import FILES, FOLDS_TABLE, patients_in


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    write_cohort(options.out, options.data)


def write_cohort(path: Path, data: Path) -> None:
    """Write the cohort table of the patients below ``data``; an older one is replaced."""
    folder = data.resolve() / "sts"
    histology = histology_by_patient()
    rows = [
        {"case_id": patient, "clinical_histology": histology[patient]}
        | {f"image_{m}": str(folder / patient / f"{name}.nii.gz") for m, name in FILES.items()}
        | {f"mask_{m}": str(folder / patient / f"{name}_mask.nii.gz") for m, name in FILES.items()}
        for patient in patients_in(folder)
    ]
    write_table(rows, path, replace=True)


def histology_by_patient() -> dict[str, str]:
    """Return the stratum of every patient of the folds table."""
    with FOLDS_TABLE.open(encoding="utf-8") as stream:
        return {row["patient_id"]: row["stratum"] for row in csv.DictReader(stream)}


if __name__ == "__main__":
    main()
