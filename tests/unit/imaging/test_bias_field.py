"""N4 takes a planted bias field out, and gives the same bits on any number of threads."""

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from tests.unit.imaging.limb_phantom import GRID, body, limb, tissues

from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.bias_field import without_bias_field


def planted_field() -> NDArray[np.float64]:
    """Return a shading from 0.6 to 1.6 over the grid, in all three directions."""
    z, y, x = (np.linspace(-1, 1, n) for n in GRID.shape_zyx)
    exponent = 0.35 * x[None, None, :] - 0.2 * y[None, :, None] ** 2 + 0.1 * z[:, None, None]
    return np.exp(exponent)


def shaded() -> Scan:
    return Scan((limb(noise=10).voxels * planted_field()).astype(np.float32), GRID, "mr-t1")


def corrected(scan: Scan) -> Scan:
    return without_bias_field(
        scan, body(), working_mm=4.0, iterations=(30, 30, 30), convergence=1e-3
    )


def unevenness(scan: Scan) -> float:
    """Coefficient of variation of what should be one tissue: muscle."""
    muscle = scan.voxels[tissues() == 300.0]
    return float(muscle.std() / muscle.mean())


def test_a_planted_bias_field_is_removed() -> None:
    before, after = shaded(), corrected(shaded())
    assert unevenness(before) > 0.12
    assert unevenness(after) < 0.5 * unevenness(before)
    assert after.geometry == GRID
    assert after.modality == "mr-t1"


def test_the_level_of_the_tissue_stays() -> None:
    ratio = np.log(corrected(shaded()).voxels[body().voxels] / shaded().voxels[body().voxels])
    assert abs(float(ratio.mean())) < 0.01


def test_the_number_of_threads_and_a_repeat_change_no_bit() -> None:
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    results = []
    try:
        for threads in (1, 2, 5):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            results.append(corrected(shaded()).voxels.tobytes())
            assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == threads
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert results[0] == results[1] == results[2]


def test_an_image_without_positive_voxels_is_refused() -> None:
    with pytest.raises(InputError, match="no voxel above 0") as refused:
        corrected(Scan(limb().voxels - 10_000, GRID))
    assert refused.value.code == "no-signal"


def test_a_blank_image_is_refused() -> None:
    with pytest.raises(InputError, match="bias field correction is not possible on a blank"):
        corrected(Scan(np.full(GRID.shape_zyx, 3, np.float32), GRID))
