"""Registration of STS_001: T2-FS to T1, copies moved by known transforms, and what must be refused.

    python benchmarks/registration.py [--data DIR]

Copies of the T2-FS are turned and shifted, registered back rigidly, and the error is measured at
points of the tumour's mask, in mm and in voxels of the image's axes. What shows something else
(noise, another part of the body) must be refused. Prints CPU seconds of the registration alone, on
one thread.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from oncotrace.domain.scan import Scan
from oncotrace.errors import OncotraceError
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.register import Registration, register
from oncotrace.imaging.register_apply import moved_mask
from oncotrace.imaging.register_settings import RegistrationSettings
from oncotrace.imaging.sitk import to_sitk
from oncotrace.io.volume_file import read_scan
from oncotrace.pipeline.inputs import load_mask, load_scan
from reference_data import add_data_option, unpack

MOVES = (  # degrees about x, y, z; mm along x, y, z
    ((0, 0, 5), (10, 5, 0)),
    ((5, -3, 8), (-8, 12, 10)),
    ((-6, 6, -10), (10, -10, 14)),
)
STRUCTURE = "GTV_Mass"


def main() -> None:
    """Run the benchmark and print its lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for series in ("MR_T1", "MR_T2"):
            unpack(data / "sts_raw" / f"STS_001_{series}_dicom.tar.xz", folder)
        compare(folder, data)


def compare(folder: Path, data: Path) -> None:
    """Register everything and print."""
    t1, t2 = (
        load_scan(folder / "MR_T1" / "image", "mr-t1"),
        load_scan(folder / "MR_T2" / "image", "mr-t2fs"),
    )
    masks = [
        load_mask(next((folder / series / "mask").iterdir()), image=image, region=STRUCTURE).mask
        for series, image in (("MR_T1", t1), ("MR_T2", t2))
    ]
    as_they_lie = RegistrationSettings(initial="none")
    points = masks[1].geometry.to_point_mm(np.argwhere(masks[1].voxels)[::50, ::-1])
    for turn_deg, shift_mm in MOVES:
        transform = known_transform(t2.scan, turn_deg, shift_mm)
        found, cpu_s = timed(moved_copy(t2.scan, transform), t2.scan, as_they_lie)
        moved = found.point_map.moved(points)
        error = np.array([transform.TransformPoint(point) for point in moved.tolist()]) - points
        voxels = np.abs(
            masks[1].geometry.to_index(points + error) - masks[1].geometry.to_index(points)
        )
        print(
            f"turned {turn_deg} degrees, shifted {shift_mm} mm: largest error "
            f"{np.linalg.norm(error, axis=1).max():.2f} mm, {voxels.max():.2f} voxels; "
            f"{verdict(found)}; {cpu_s:.1f} CPU s"
        )
    found, cpu_s = timed(t2.scan, t1.scan, as_they_lie)
    carried = moved_mask(masks[1], t1.scan.geometry, found.point_map, interpolation="linear")
    print(
        f"T2-FS to T1: Dice of {STRUCTURE} {dice(carried, masks[0]):.4f}; {verdict(found)}; "
        f"{cpu_s:.1f} CPU s"
    )
    noise = np.random.default_rng(0).normal(500, 100, t2.scan.voxels.shape).astype(np.float32)
    others = {
        "noise": Scan(noise, t2.scan.geometry, "mr-t2fs"),
        "a brain": read_scan(data / "brain" / "TCGA-DU-7294_t2.nii.gz", "mr-t2"),
        "a chest": read_scan(data / "lung" / "LUNG1-001_ct.nii.gz", "ct"),
    }
    for name, scan in others.items():
        try:
            found, cpu_s = timed(scan, t1.scan, RegistrationSettings())
        except OncotraceError as error:
            print(f"{name} to T1: refused ({error.code})")
        else:
            print(f"{name} to T1: {verdict(found)}; {cpu_s:.1f} CPU s")


def timed(moving: Scan, fixed: Scan, settings: RegistrationSettings) -> tuple[Registration, float]:
    """Register and return the result with its CPU seconds."""
    start = time.process_time()
    found = register(moving, fixed, settings=settings, seed=0)
    return found, time.process_time() - start


def verdict(found: Registration) -> str:
    """Say what became of a result."""
    if found.refused:
        return f"refused ({', '.join(refusal.code for refusal in found.refused)})"
    return "aligned already, the start is kept" if found.was_aligned else "used"


def known_transform(
    scan: Scan, turn_deg: tuple[int, int, int], shift_mm: tuple[int, int, int]
) -> sitk.Euler3DTransform:
    """Return a turn about the middle of an image, and a shift."""
    image = to_sitk(scan.voxels, scan.geometry)
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    transform = sitk.Euler3DTransform(middle)
    transform.SetRotation(*np.radians(turn_deg))
    transform.SetTranslation(shift_mm)
    return transform


def moved_copy(scan: Scan, transform: sitk.Transform) -> Scan:
    """Return the image as it would lie had the patient moved."""
    image = to_sitk(scan.voxels, scan.geometry)
    moved = sitk.Resample(image, image, transform, sitk.sitkLinear, 0.0)
    return Scan(sitk.GetArrayFromImage(moved), scan.geometry, scan.modality)


if __name__ == "__main__":
    main()
