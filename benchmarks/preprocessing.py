"""Pre-processing and SUV on the sarcoma patients: figures that anyone can run again.

    python benchmarks/preprocessing.py [--data DIR]

Prints, for STS_001, how far SUV from its raw PET lies from the prepared one, and its uptake; for
the 40 prepared T1s where fat and muscle lie, and CPU seconds.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from oncotrace.errors import InputError
from oncotrace.imaging.foreground import foreground_of
from oncotrace.imaging.metabolic_volume import UPTAKE_RULES, metabolic_volume, uptake
from oncotrace.imaging.reference_tissue import tissue_intensity
from oncotrace.imaging.resample import resample_array
from oncotrace.io.dicom_suv import read_suv_series
from oncotrace.io.volume_file import read_mask, read_scan
from reference_data import add_data_option, unpack


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    data = parser.parse_args().data
    compare_suv(data)
    find_tissues(data)


def compare_suv(data: Path) -> None:
    """SUV from raw DICOM against the prepared PET, and the uptake of the tumour."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(data / "sts_raw" / "STS_001_FDG_PET_dicom.tar.xz", Path(folder))
        start = time.process_time()
        made = read_suv_series(Path(folder) / "FDG_PET" / "image")
        seconds = time.process_time() - start
    prepared = read_scan(data / "sts" / "STS_001" / "pet.nii.gz", "pet")
    mask = read_mask(data / "sts" / "STS_001" / "pet_mask.nii.gz")
    scan = made.series.scan
    ours = resample_array(
        scan.voxels, scan.geometry, prepared.geometry, interpolation="linear", outside=-1
    )
    ratio = float((ours * prepared.voxels).sum() / (prepared.voxels**2).sum())
    print(f"{made.record}\nreading: {seconds:.1f} CPU-s")
    print(f"slope {ratio:.6f}, largest difference {np.abs(ours - prepared.voxels).max():.4f} SUV")
    print(uptake(prepared, mask))
    for rule in UPTAKE_RULES:
        print(metabolic_volume(prepared, mask, rule))


def find_tissues(data: Path) -> None:
    """Fat and muscle peaks of every prepared T1, which its authors normalised to fat."""
    peaks, refused = [], []
    start = time.process_time()
    for path in sorted((data / "sts").glob("*/mr_t1.nii.gz")):
        scan = read_scan(path, "mr-t1")
        body = foreground_of(scan)
        try:
            peaks.append([tissue_intensity(scan, body, tissue) for tissue in ("fat", "muscle")])
        except InputError as error:
            refused.append(f"{path.parent.name} ({error.code})")
    fat, muscle = np.array(peaks).T
    seconds = time.process_time() - start
    print(f"{len(peaks)} of {len(peaks) + len(refused)} T1s, {seconds:.1f} CPU-s")
    print(f"fat {np.median(fat):.0f}, CV {fat.std() / fat.mean():.1%}")
    print(f"muscle over fat {np.median(muscle / fat):.2f}, {np.ptp(muscle / fat):.2f} wide")
    print(f"refused: {', '.join(refused) or 'none'}")


if __name__ == "__main__":
    main()
