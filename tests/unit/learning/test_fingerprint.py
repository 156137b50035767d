"""What cases have in common is gathered one case at a time."""

import numpy as np
import pytest

from oncotrace.errors import EmptyMaskError, InputError
from oncotrace.learning.fingerprint import VALUES_PER_CASE, CaseSummary, fingerprint


def case(spacing_mm=(1.0, 1.0, 1.0), size_xyz=(10, 20, 30), values=(1.0, 2.0, 3.0), case_id="a"):
    return CaseSummary(case_id, spacing_mm, size_xyz, np.array(values, dtype=np.float32))


def test_spacing_and_extent_are_medians():
    spacings = [(1.0, 1.0, 2.0), (0.8, 0.8, 1.0), (0.6, 1.5, 4.0)]
    found = fingerprint(case(spacing) for spacing in spacings)
    assert found.cases == 3
    assert found.target_spacing_mm == (0.8, 1.0, 2.0)
    assert found.median_extent_mm == (8.0, 20.0, 60.0)


def test_the_coarse_axis_takes_its_tenth_percentile_where_half_are_anisotropic():
    spacings = [(1.0, 1.0, z) for z in (2.0, 3.0, 5.0, 6.0)]
    assert fingerprint(map(case, spacings)).target_spacing_mm == pytest.approx((1.0, 1.0, 2.3))


def test_a_minority_of_anisotropic_cases_changes_nothing():
    spacings = [(1.0, 1.0, z) for z in (2.0, 2.0, 6.0)]
    assert fingerprint(map(case, spacings)).target_spacing_mm == (1.0, 1.0, 2.0)


def test_lesion_values_are_pooled():
    found = fingerprint([case(values=[0.0] * 199), case(values=[1000.0])])
    assert found.lesion_mean == pytest.approx(5.0)
    assert found.lesion_sd == pytest.approx(1000 * np.sqrt(0.005 * 0.995))
    assert found.lesion_percentile_0_5 == 0.0


def test_a_large_lesion_counts_for_no_more_than_its_share():
    large = case(values=np.linspace(0, 1, 7 * VALUES_PER_CASE))
    found = fingerprint([large, case(values=[9.0] * VALUES_PER_CASE)])
    assert found.lesion_mean == pytest.approx((0.5 + 9.0) / 2, abs=1e-3)


def test_the_order_of_voxels_does_not_matter():
    values = np.random.default_rng(1).normal(size=50_000)
    assert fingerprint([case(values=values)]) == fingerprint([case(values=values[::-1])])


def test_an_empty_training_mask_names_its_case():
    with pytest.raises(EmptyMaskError, match="case b: the training mask is empty") as caught:
        fingerprint([case(), case(values=[], case_id="b")])
    assert caught.value.code == "empty-mask"


def test_values_that_are_not_numbers_name_their_case():
    with pytest.raises(InputError, match=r"case b: .* not numbers"):
        fingerprint([case(), case(values=[1.0, np.nan], case_id="b")])


def test_no_case_is_refused():
    with pytest.raises(InputError, match="no case to train on") as caught:
        fingerprint([])
    assert caught.value.code == "no-training-cases"
