"""Lungs, lung field and spine on real chests; what has no lungs; the couch of real CTs.

    python benchmarks/lungs.py [--data DIR]

Lungs: Dice of the undilated lungs with the reference lungs, and with the reference lungs and tumour
together, over all slices and without those in which the reference leaves a lung out although it is
outlined above and below; beside it what the reference lungs themselves would score with lungs and
tumour. Field: tumour voxels outside the mirrored and dilated field. Spine: distance of the axis
from the middle of the outlined cord, slice by slice. CPU seconds on two threads, scan in memory.

Whole body: the same chest embedded in a simulated body (``whole_body.py``); Dice with the lungs of
the chest alone, and millilitres found outside the chest. No lungs: all CTs of the sarcoma patients,
cropped around limbs, trunk wall and pelvis. Couch: the two CTs with couch against the body in the
same patient's T1, which shows no couch, in the smaller field of that T1.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.axial_slices import mask_on
from oncotrace.imaging.body import ct_objects
from oncotrace.imaging.morphology import filled_slices
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.segment.lung_field import LungField, lung_field
from oncotrace.segment.lungs import Lungs, find_lungs
from reference_data import add_data_option
from whole_body import whole_body

CHESTS = ("LUNG1-001", "LUNG1-002")
WITH_COUCH = ("STS_003", "STS_025")
LEFT, RIGHT, CORD = 1, 2, 3
_SIGNAL = 0.1  # of the brightest percentile of a T1: body, not air


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    data = parser.parse_args().data
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
    for name in CHESTS:
        show_chest(name, data / "lung")
    show_limbs(data / "sts")
    for patient in WITH_COUCH:
        show_couch(patient, data)


def show_chest(name: str, folder: Path) -> None:
    """Print what one chest shows."""
    ct = read_scan(folder / f"{name}_ct.nii.gz", "ct")
    organs = read_scan(folder / f"{name}_organs.nii.gz").voxels
    tumour = read_mask(folder / f"{name}_gtv.nii.gz").voxels
    find_lungs(ct)  # the first call loads libraries
    start, wall = time.process_time(), time.perf_counter()
    lungs = find_lungs(ct)
    seconds, wall = time.process_time() - start, time.perf_counter() - wall
    start = time.process_time()
    field = lung_field(ct, lungs.mask)
    field_seconds = time.process_time() - start
    print(f"\n{name}: {ct.geometry.describe()}")
    print(f"left {lungs.left_ml:.0f} ml, right {lungs.right_ml:.0f} ml")
    print(f"{seconds:.1f} CPU s ({wall:.1f} s) for the lungs, {field_seconds:.1f} CPU s the field")
    show_overlap(lungs, organs, tumour)
    lost = tumour & ~field.on_source(field.field).voxels
    print(f"tumour voxels outside the field: {lost.sum()} of {tumour.sum()}")
    off_mm = axis_errors_mm(field, Mask(organs == CORD, ct.geometry))
    print(f"spine axis from the cord: mean {off_mm.mean():.1f}, worst {off_mm.max():.1f} mm")
    show_whole_body(ct, lungs)


def show_overlap(lungs: Lungs, organs: NDArray[np.float32], tumour: NDArray[np.bool_]) -> None:
    """Print Dice with the reference, as it is and without its faulty slices."""
    reference = np.isin(organs, (LEFT, RIGHT))
    whole = ~slices_without_a_lung(organs)
    found = lungs.labels != 0
    for title, slices in (("all slices", slice(None)), ("whole slices", whole)):
        print(
            f"{title} ({np.count_nonzero(np.ones(len(whole))[slices])}): "
            f"lungs {dice(found[slices], reference[slices]):.4f}, "
            f"left {dice(lungs.labels[slices] == LEFT, organs[slices] == LEFT):.4f}, "
            f"right {dice(lungs.labels[slices] == RIGHT, organs[slices] == RIGHT):.4f}, "
            f"lungs + tumour {dice(found[slices], (reference | tumour)[slices]):.4f} "
            f"(reference lungs {dice(reference[slices], (reference | tumour)[slices]):.4f})"
        )


def slices_without_a_lung(organs: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Slices in which a lung is not outlined, although it is above and below."""
    faulty = np.zeros(len(organs), dtype=bool)
    for side in (LEFT, RIGHT):
        outlined = (organs == side).any(axis=(1, 2))
        first, *_, last = np.flatnonzero(outlined)
        faulty[first:last] |= ~outlined[first:last]
    return faulty


def axis_errors_mm(field: LungField, cord: Mask) -> NDArray[np.float64]:
    """Distance along x between the axis and the middle of the cord in every lung slice."""
    on_slices = mask_on(cord, field.slices.geometry).voxels
    first = field.axis.first_slice
    return np.array(
        [
            abs(np.nonzero(on_slices[z])[1].mean() - float(field.axis.column_in(z)))
            for z in range(first, first + len(field.axis.columns))
            if on_slices[z].any()
        ]
    )


def show_whole_body(ct: Scan, lungs: Lungs) -> None:
    """Print how the lungs change when the chest is part of a body."""
    body, place = whole_body(ct)
    start = time.process_time()
    found = find_lungs(body)
    seconds = time.process_time() - start
    inside = found.labels[place] != 0
    outside = np.count_nonzero(found.labels) - np.count_nonzero(inside)
    outside_ml = outside * ct.geometry.voxel_volume_mm3 / 1000
    print(
        f"in a whole body ({found.geometry.describe()}): Dice with the chest's own lungs "
        f"{dice(inside, lungs.labels != 0):.4f}, {outside_ml:.1f}"
        f" ml outside the chest, {seconds:.1f} CPU s"
    )


def show_limbs(folder: Path) -> None:
    """Print in which of the sarcoma CTs lungs are found."""
    patients = sorted(folder.iterdir())
    found = {p.name: find_lungs(read_scan(p / "ct.nii.gz", "ct")) for p in patients}
    with_lungs = [name for name, lungs in found.items() if lungs.found]
    print(f"\nsarcoma CTs: lungs in {len(with_lungs)} of {len(patients)} {with_lungs or ''}")


def show_couch(patient: str, data: Path) -> None:
    """Print what is recognised on a CT with couch, and how the body agrees with the T1's."""
    folder = data / "sts_dicom" / patient / "CT"
    loaded = load_scan(folder / "image")
    ct = loaded.scan
    objects = ct_objects(ct)
    tumour = load_mask(next((folder / "mask").glob("*")), image=loaded).mask.voxels
    body = objects.body.voxels
    dense = ct.voxels > -300
    print(f"\n{patient}: {ct.geometry.describe()}; lungs found: {find_lungs(ct).found}")
    for title, mask in (
        ("body", objects.body),
        ("couch", objects.couch),
        ("other", objects.others),
    ):
        volume = np.count_nonzero(mask.voxels) * ct.geometry.voxel_volume_mm3 / 1000
        print(f"{title} {volume:.0f} ml", end=", ")
    print(f"tumour voxels outside the body: {np.count_nonzero(tumour & ~body)}")
    t1 = read_scan(data / "sts" / patient / "mr_t1.nii.gz")
    seen = mask_on(Mask(np.ones(t1.voxels.shape, dtype=bool), t1.geometry), ct.geometry).voxels
    reference = mask_on(t1_body(t1), ct.geometry).voxels
    everything = filled_slices(dense)
    print(
        f"where T1 was taken, Dice with its body: ours {dice(body & seen, reference):.4f}, "
        f"everything above -300 HU {dice(everything & seen, reference):.4f}"
    )


def t1_body(t1: Scan) -> Mask:
    """Body in a T1 by its signal, holes filled."""
    bright = t1.voxels > _SIGNAL * np.percentile(t1.voxels, 99)
    return Mask(filled_slices(bright), t1.geometry)


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap of two masks."""
    return 2 * float(np.count_nonzero(one & other)) / float(one.sum() + other.sum())


if __name__ == "__main__":
    main()
