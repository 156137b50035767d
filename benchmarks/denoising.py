"""De-noising of a real T1 with noise added: error, and CPU seconds, of every way that there is.

    python benchmarks/denoising.py [--data DIR] [--case STS_001] [--with-itk]

The noise has a standard deviation of 100 units: a tenth of the image's fat, thrice the scan's own.
The error is the root mean square against the image without it, within the body. ``--with-itk`` adds
ITK's patch-based filter on an eighth of the image (one iteration).
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from oncotrace.domain.scan import Scan
from oncotrace.imaging.denoise import curvature_flowed, median_filtered
from oncotrace.imaging.foreground import foreground_of
from oncotrace.imaging.non_local_means import noise_deviation, without_noise
from oncotrace.io.volume_file import read_scan
from reference_data import add_data_option

ADDED = 100.0
WAYS: dict[str, Callable[[Scan], Scan]] = {
    "nothing": lambda scan: scan,
    "median": lambda scan: median_filtered(scan, (1, 1, 1)),
    "curvature-flow": lambda scan: curvature_flowed(scan, iterations=5, time_step=0.0625),
    "non-local-means": lambda scan: without_noise(
        scan, patch_radius_xyz=(1, 1, 1), search_radius_xyz=(3, 3, 1), strength=1.0
    ),
}


def main() -> None:
    """Print a line per way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--case", default="STS_001")
    parser.add_argument("--with-itk", action="store_true")
    options = parser.parse_args()
    clean = read_scan(options.data / "sts" / options.case / "mr_t1.nii.gz", "mr-t1")
    body = foreground_of(clean).voxels
    noise = np.random.default_rng(0).normal(0, ADDED, clean.voxels.shape)
    noisy = Scan((clean.voxels + noise).astype(np.float32), clean.geometry, "mr-t1")
    print(
        f"{clean.geometry.describe()}; noise of {ADDED:g} is told as {noise_deviation(noisy):.1f}"
    )
    for name, way in WAYS.items():
        start = time.process_time()
        made = way(noisy).voxels
        seconds = time.process_time() - start
        error = float(np.sqrt(np.mean(np.square(made - clean.voxels)[body])))
        print(f"{name:16} error {error:5.1f}   {seconds:6.1f} CPU-s")
    if options.with_itk:
        _itk(noisy)


def _itk(noisy: Scan) -> None:
    """CPU seconds of one iteration on the middle of the image."""
    z, y, x = (slice(n // 4, n // 4 + n // 2) for n in noisy.voxels.shape)
    part = noisy.voxels[z, y, x].copy()
    itk = sitk.PatchBasedDenoisingImageFilter()
    itk.SetNumberOfIterations(1)
    itk.SetPatchRadius(1)
    start = time.process_time()
    itk.Execute(sitk.GetImageFromArray(part))
    seconds = time.process_time() - start
    print(f"ITK patch-based, one iteration, {part.size / 1e6:.2f} M voxels: {seconds:.0f} CPU-s")


if __name__ == "__main__":
    main()
