import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.imaging.test_geodesic import shortest_paths

from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.imaging.crop import box_around, crop_scan
from oncotrace.imaging.geodesic import geodesic_distance, geodesic_guidance
from oncotrace.imaging.intensity import clipped, standardised
from oncotrace.io.volume_file import read_mask, read_scan

Case = tuple[NDArray[np.float32], NDArray[np.int64], tuple[float, float, float]]


@pytest.fixture(
    params=[(p, s) for p in ("STS_002", "STS_012", "STS_025") for s in ("mr_t1", "ct")],
    ids=lambda param: "-".join(param),
)
def tumour(request: pytest.FixtureRequest, shared_data: Path) -> Case:
    """Normalised volume of interest, clicks as voxels in it, and its spacing."""
    patient, sequence = request.param
    folder = shared_data / "sts" / patient
    scan = read_scan(folder / f"{sequence}.nii.gz")
    mask = read_mask(folder / f"{sequence}_mask.nii.gz")
    clicks = exact_clicks(mask, rng=np.random.default_rng(1))
    index = scan.geometry.to_index(clicks.points_mm)
    voi = crop_scan(scan, box_around(index, np.array([8.0, 8.0, 3.0]), scan.geometry))
    seeds = np.rint(voi.geometry.to_index(clicks.points_mm))[:, ::-1].astype(np.int64)
    image = standardised(clipped(voi.voxels, "ct" if sequence == "ct" else None))
    return image, seeds, voi.geometry.spacing_zyx_mm


def test_settled_distance_in_a_tumour_is_the_shortest_path(tumour: Case) -> None:
    image, seeds, spacing = tumour
    exact = shortest_paths(image, seeds, spacing)
    settled = geodesic_distance(image, seeds, spacing, sweeps=None)
    np.testing.assert_allclose(settled, exact, rtol=1e-4, atol=1e-6)


def test_four_sweeps_reach_every_voxel_of_a_tumour_and_fall_short_of_the_shortest_path(
    tumour: Case,
) -> None:
    image, seeds, spacing = tumour
    four = geodesic_guidance(image, seeds, spacing)
    settled = geodesic_guidance(image, seeds, spacing, sweeps=None)
    assert (four <= settled).all()
    assert (four > 0).all()
    assert (settled - four).max() > 0.01


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_does_not_stop_the_distance(tmp_path: Path) -> None:
    script = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"  # a full disk, for this process
        "import numpy as np\n"
        "from oncotrace.imaging.geodesic import geodesic_distance\n"
        "image, seed = np.zeros((2, 3, 4), dtype=np.float32), np.zeros((1, 3), dtype=int)\n"
        "for sweeps in (4, None):\n"
        "    geodesic_distance(image, seed, (1.0, 1.0, 1.0), sweeps=sweeps)\n"
        "print('done')\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-B", "-W", "error", "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr
    assert not any(path.stat().st_size for path in tmp_path.rglob("*.nb?"))
