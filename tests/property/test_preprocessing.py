"""What holds of pre-processing for every image."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tests.property.strategies import directions

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.clahe import clahe
from oncotrace.imaging.histogram_equalise import equalised
from oncotrace.imaging.histogram_match import matched, quantiles
from oncotrace.imaging.z_score import moments, z_score


@st.composite
def pictures(draw: st.DrawFn) -> Scan:
    """Scans of whole grey levels, at least two of them, on grids of any pose."""
    size = draw(st.tuples(*[st.integers(2, 6)] * 3))
    geometry = Geometry(size, (1.0, 2.0, 3.0), (5.0, -6.0, 7.0), draw(directions()))
    levels = npst.arrays(np.int16, geometry.shape_zyx, elements=st.integers(-500, 500))
    voxels = draw(levels).astype(np.float32)
    voxels.flat[0], voxels.flat[-1] = -501, 501
    return Scan(voxels, geometry)


@given(pictures())
def test_z_score_has_mean_0_and_sd_1(scan: Scan) -> None:
    result = z_score(scan, moments(scan)).voxels.astype(float)
    np.testing.assert_allclose([result.mean(), result.std()], [0, 1], atol=1e-4)


@given(pictures())
def test_equalising_keeps_order_and_ties_and_has_mean_one_half(scan: Scan) -> None:
    result = equalised(scan)
    assert result.geometry == scan.geometry
    _, before = np.unique(scan.voxels, return_inverse=True)
    _, after = np.unique(result.voxels, return_inverse=True)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(result.voxels.astype(float).mean(), 0.5, atol=1e-5)


@given(pictures(), pictures())
def test_matching_stays_within_the_references_range_and_keeps_order(
    scan: Scan, reference: Scan
) -> None:
    wanted = quantiles(reference, None, 17)
    result = matched(scan, None, wanted).voxels.ravel()
    assert result.min() >= wanted[0] - 1e-3
    assert result.max() <= wanted[-1] + 1e-3
    assert (np.diff(result[np.argsort(scan.voxels, axis=None, kind="stable")]) >= -1e-3).all()


@given(pictures(), st.tuples(*[st.integers(1, 4)] * 3), st.floats(1, 10))
def test_clahe_stays_between_0_and_1(scan: Scan, tiles: tuple[int, int, int], limit: float) -> None:
    result = clahe(scan, tiles_xyz=tiles, clip_limit=limit, bins=16).voxels
    assert result.min() >= 0
    assert result.max() <= 1 + 1e-6
