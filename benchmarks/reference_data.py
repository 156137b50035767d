"""Where the benchmarks find the real patients."""

import argparse
import os
import tarfile
from pathlib import Path

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``: the folder that holds ``sts`` and ``sts_raw``."""
    default = Path(os.environ.get("ONCOTRACE_TEST_DATA", _BESIDE_THE_REPOSITORY))
    parser.add_argument("--data", type=Path, default=default, help="folder of reference data")


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of a tar archive below ``folder``.

    Debian's Python 3.11 has no ``tarfile`` filters, later ones warn when there is none.
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            if (stream := tar.extractfile(member)) is not None:
                path = folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(stream.read())
