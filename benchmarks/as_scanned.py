"""Six clicks on images as they come from the scanner, beside the same patients' prepared copies.

    python benchmarks/as_scanned.py [MODEL] [--data DIR] [--out FILE]

Raw are the T1 of STS_001 (512 x 512, 0.39 mm, neither cropped nor corrected for the coil's bias
field nor scaled) and the CTs of STS_003 and STS_025 as DICOM, with couch and air. Each patient is
segmented by the network of their fold, which never saw them, from five person-like draws of clicks,
each drawn in the outline of the image itself. Without MODEL the one that comes with oncotrace is
used.

Prints mean Dice and range over the draws, and by how much raw and prepared differ; writes all.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import SegmentationRequest, Segmenter
from oncotrace.imaging.click_simulation import person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.segment.trained import packaged_models, trained_segmenter
from raw_scan import is_rtstruct, series_folder
from reference_data import add_data_option, unpack
from six_clicks import fold_of, load_case

SEEDS = range(5)
RESULT = Path(__file__).parent / "results" / "as_scanned.csv"
IMAGES: tuple[tuple[str, Modality, str], ...] = (
    ("STS_001", "mr-t1", "GTV_Mass"),
    ("STS_003", "ct", "GTV_Mass_CT"),
    ("STS_025", "ct", "GTV_Mass_CT"),
)
"""Patient, image and the name of the outline in its RTSTRUCT."""


def main() -> None:
    """Measure, write every draw, print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("model", type=Path, nargs="?", default=packaged_models().get("six-click"))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    rows = []
    for patient, modality, region in IMAGES:
        segmenter = trained_segmenter(options.model, fold=fold_of(patient))
        with raw_folder(options.data, patient) as folder:
            for kind, (scan, outline) in {
                "raw": raw_case(folder, modality, region),
                "prepared": load_case(options.data / "sts" / patient, modality),
            }.items():
                grid = scan.geometry.describe()
                for seed in SEEDS:
                    score = scored(segmenter, scan, outline, seed)
                    rows.append(
                        {"patient": patient, "image": modality, "kind": kind, "grid": grid}
                        | {"seed": seed, "dice": score}
                    )
    table = pd.DataFrame(rows)
    table.round(4).to_csv(options.out, index=False, lineterminator="\n")
    dices = table.groupby(["patient", "image", "kind"], sort=False)["dice"]
    print(dices.agg(["mean", "min", "max"]).round(3).to_string())
    means = dices.mean().unstack("kind")
    print((means["raw"] - means["prepared"]).round(3).rename("raw - prepared").to_string())


def scored(segmenter: Segmenter, scan: Scan, outline: Mask, seed: int) -> float:
    """Dice with person-like clicks of a seed."""
    clicks = person_like_clicks(outline, rng=np.random.default_rng(seed))
    request = SegmentationRequest({scan.modality or "ct": scan}, clicks, seed=0)
    return dice(segmenter.segment(request).mask, outline)


@contextmanager
def raw_folder(data: Path, patient: str) -> Iterator[Path]:
    """Folder of a patient's DICOM files: CT as it is, T1 unpacked for as long as it is needed."""
    folder = data / "sts_dicom" / patient / "CT"
    if folder.is_dir():
        yield folder
        return
    with tempfile.TemporaryDirectory() as unpacked:
        unpack(data / "sts_raw" / f"{patient}_MR_T1_dicom.tar.xz", Path(unpacked))
        yield Path(unpacked)


def raw_case(folder: Path, modality: Modality, region: str) -> tuple[Scan, Mask]:
    """Image and outline of a folder of DICOM files."""
    outlines = [path for path in folder.rglob("*.dcm") if is_rtstruct(path)]
    loaded = load_scan(series_folder(folder, outlines), modality)
    return loaded.scan, load_mask(outlines[0], image=loaded, region=region).mask


if __name__ == "__main__":
    main()
