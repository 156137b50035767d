"""De-identification beside dicom-anonymizer: what it changes and ours keeps, with the reason.

    python benchmarks/deidentify_oracle.py --oracle PYTHON FILE.dcm [FILE.dcm ...]

PYTHON is the interpreter of an environment of its own with dicom-anonymizer in it:

    python -m venv oracle && oracle/bin/pip install dicom-anonymizer

Into every FILE an identifier is planted for each attribute of PS3.15 table E.1-1 that pydicom knows
(with newer ones dicom-anonymizer stops), at the top and in a sequence, and private elements with
them. Both programs de-identify the file by the basic profile. Prints, for each, how many planted
identifiers are left in its bytes, and in a table every attribute of the top level that one of them
removed or replaced and the other kept.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataset import Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.unit.curate.deid_planting import (
    left_behind,
    plant_all,
    plants,
    processed,
    written,
)

from oncotrace.curate.deid_table import attribute
from oncotrace.io.dicom_header import quiet_pydicom

ORACLE = """
import sys
from dicomanonymizer.simpledicomanonymizer import anonymize_dicom_file, initialize_actions
anonymize_dicom_file(
    sys.argv[1], sys.argv[2], base_rules_gen=lambda: initialize_actions("dicomfields_2026c")
)
"""


def main() -> None:
    """Compare the two on every file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--oracle", required=True, help="python with dicom-anonymizer")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    differing: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in options.files:
        before, ours, theirs = de_identified(path, options.oracle)
        kind = str(before.get("Modality", ""))
        for tag, who in differences(before, ours, theirs):
            differing[f"{tag:08X}", who].add(kind)
    print("| tag | attribute | kept by | table E.1-1 | in |")
    print("| --- | --- | --- | --- | --- |")
    for (tag, who), kinds in sorted(differing.items()):
        row = attribute(int(tag, 16))
        basic = "not listed" if row is None else row.basic
        name = keyword_for_tag(int(tag, 16)) or "private or unknown"
        print(f"| {tag} | {name} | {who} | {basic} | {', '.join(sorted(kinds))} |")


def de_identified(path: Path, oracle: str) -> tuple[Dataset, Dataset, Dataset]:
    """Plant into a file and de-identify it with both; prints what is left in the bytes."""
    with quiet_pydicom():
        dataset = dcmread(path)
        own = {int(tag) for tag in dataset.keys() if tag.group == 0x3006}  # noqa: SIM118
        plant_all(dataset, [p for p in plants() if p.tag not in own and dictionary_has_tag(p.tag)])
        content = written(dataset)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.dcm", Path(folder) / "out.dcm"
        source.write_bytes(content)
        subprocess.run([oracle, "-c", ORACLE, str(source), str(target)], check=True)
        theirs = target.read_bytes()
    ours = processed(content).content or b""
    for name, out in (("ours", ours), ("dicom-anonymizer", theirs)):
        left = left_behind(out)
        print(f"{dataset.Modality}, {name}: {len(left)} traces left {left[:8]}")
    with quiet_pydicom():
        return dataset, *(_parsed(out) for out in (ours, theirs))


def _parsed(content: bytes) -> Dataset:
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        file.write(content)
        file.flush()
        dataset = dcmread(file.name)
        dataset.decode()
    return dataset


def differences(before: Dataset, ours: Dataset, theirs: Dataset) -> list[tuple[int, str]]:
    """Attributes of the top level that one of the two changed and the other kept."""
    found = []
    for key in before.keys():  # noqa: SIM118
        tag = int(key)
        value = str(before[tag].value)
        kept = [name for name, out in (("ours", ours), ("oracle", theirs)) if _is(out, tag, value)]
        if len(kept) == 1:
            found.append((tag, kept[0]))
    return found


def _is(dataset: Dataset, tag: int, value: str) -> bool:
    return tag in dataset and str(dataset[tag].value) == value


if __name__ == "__main__":
    main()
