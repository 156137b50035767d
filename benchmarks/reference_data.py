"""Where the benchmarks find the real patients."""

import argparse
import os
from pathlib import Path

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``: the folder that holds ``sts`` and ``sts_raw``."""
    default = Path(os.environ.get("ONCOTRACE_TEST_DATA", _BESIDE_THE_REPOSITORY))
    parser.add_argument("--data", type=Path, default=default, help="folder of reference data")
