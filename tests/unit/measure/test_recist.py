import math

import numpy as np
import pytest
from tests.unit.measure.lesions import course, lesion

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.lesion import LesionReading
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.measure.equivalent_sphere import (
    equivalent_sphere_diameter,
    sphere_diameter_mm,
    sphere_volume_ml,
)
from oncotrace.measure.recist import (
    burden,
    is_measurable,
    least_measurable_mm,
    recist_diameter,
    recist_size,
)
from oncotrace.measure.recist_baseline import departures, with_chosen_targets
from oncotrace.measure.who import who_product


def block(nz: int, ny: int, nx: int, spacing_mm: tuple[float, float, float] = (1, 1, 1)) -> Mask:
    voxels = np.zeros((nz + 2, ny + 2, nx + 2), dtype=bool)
    voxels[1:-1, 1:-1, 1:-1] = True
    return Mask(voxels, Geometry((nx + 2, ny + 2, nz + 2), spacing_mm, (5.0, -3.0, 8.0)))


def test_node_is_measured_by_its_short_axis() -> None:
    row = block(1, 1, 12, (0.5, 0.8, 3.0))
    assert recist_diameter(row, is_node=False).length_mm == pytest.approx(6.0)
    assert recist_diameter(row, is_node=True).length_mm == pytest.approx(0.8)


def test_who_product_is_that_of_both_lines() -> None:
    product = who_product(block(1, 1, 12, (0.5, 0.8, 3.0)))
    assert product.product_mm2 == pytest.approx(6.0 * 0.8)
    assert product.longest.length_mm == pytest.approx(6.0)
    assert product.perpendicular.length_mm == pytest.approx(0.8)


def test_sphere_has_its_own_diameter() -> None:
    assert sphere_diameter_mm(4 / 3 * math.pi * 1.5**3) == pytest.approx(30.0)  # of 15 mm radius
    assert sphere_diameter_mm(0.0) == 0.0
    assert sphere_diameter_mm(sphere_volume_ml(17.3)) == pytest.approx(17.3)


def test_equivalent_sphere_is_drawn_through_the_centre_of_mass() -> None:
    mask = block(4, 6, 8, (1.0, 2.0, 3.0))
    line = equivalent_sphere_diameter(mask)
    assert line.length_mm == pytest.approx(sphere_diameter_mm(4 * 6 * 8 * 6 / 1000))
    assert math.dist(line.start_mm, line.end_mm) == pytest.approx(line.length_mm)
    middle = (np.asarray(line.start_mm) + line.end_mm) / 2
    np.testing.assert_allclose(mask.geometry.to_index(middle), (4.5, 3.5, 2.5), atol=1e-9)


def test_empty_mask_has_no_sphere_and_no_product() -> None:
    empty = Mask(np.zeros((2, 2, 2), dtype=bool), Geometry((2, 2, 2)))
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        equivalent_sphere_diameter(empty)
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        who_product(empty)


@pytest.mark.parametrize(
    ("is_node", "slice_mm", "least_mm"),
    [
        (False, None, 10),
        (False, 5.0, 10),
        (False, 6.0, 12),
        (False, 8.0, 16),
        (True, None, 15),
        (True, 5.0, 15),
        (True, 6.0, 15),
        (True, 8.0, 16),
    ],
)
def test_thick_slices_raise_what_is_measurable(
    is_node: bool, slice_mm: float | None, least_mm: float
) -> None:
    assert least_measurable_mm(is_node=is_node, slice_thickness_mm=slice_mm) == least_mm


@pytest.mark.parametrize(
    ("size_mm", "is_node", "slice_mm", "measurable"),
    [
        (10.0, False, None, True),
        (9.9, False, None, False),
        (11.9, False, 6.0, False),
        (12.0, False, 6.0, True),
        (15.0, True, None, True),
        (14.9, True, None, False),
    ],
)
def test_least_size_is_measurable(
    size_mm: float, is_node: bool, slice_mm: float | None, measurable: bool
) -> None:
    one = lesion("L1", size_mm, is_node=is_node, slice_thickness_mm=slice_mm)
    assert is_measurable(one, one.readings[0]) is measurable


def test_largest_measurable_lesions_become_targets_five_in_all_and_two_of_an_organ() -> None:
    chosen = with_chosen_targets(
        course(
            lesion("A", 50.0, kind=None, organ="liver"),
            lesion("B", 40.0, kind=None, organ="Liver"),
            lesion("C", 39.0, kind=None, organ="liver"),
            lesion("D", 20.0, kind=None, organ="lung"),
            lesion("E", 19.0, kind=None, organ="spleen"),
            lesion("F", 18.0, kind=None, organ="bone"),
            lesion("G", 17.0, kind=None, organ="skin"),
            lesion("H", 9.0, kind=None, organ="brain"),
        )
    )
    assert [one.name for one in chosen.of_kind("target")] == ["A", "B", "D", "E", "F"]
    assert [one.name for one in chosen.of_kind("non-target")] == ["C", "G", "H"]
    assert departures(chosen) == ()


def test_nodes_are_targets_from_15_mm_non_target_from_10_and_normal_below() -> None:
    chosen = with_chosen_targets(
        course(
            lesion("A", 15.0, kind=None, is_node=True, organ="axilla"),
            lesion("B", 14.9, kind=None, is_node=True, organ="axilla"),
            lesion("C", 10.0, kind=None, is_node=True, organ="axilla"),
            lesion("D", 9.9, kind=None, is_node=True, organ="axilla"),
        )
    )
    assert [one.kind for one in chosen.lesions] == ["target", "non-target", "non-target", "normal"]


def test_nodes_of_all_places_are_one_organ() -> None:
    chosen = with_chosen_targets(
        course(
            *(
                lesion(place, size, kind=None, is_node=True, organ=place)
                for place, size in (("axilla", 30.0), ("groin", 25.0), ("neck", 20.0))
            )
        )
    )
    assert [one.kind for one in chosen.lesions] == ["target", "target", "non-target"]


def test_lesion_that_was_not_there_at_baseline_is_new() -> None:
    chosen = with_chosen_targets(
        course(
            lesion("A", 30.0, 30.0, kind=None),
            lesion("B", None, 12.0, kind=None),
            lesion("C", "absent", 12.0, kind=None),
        )
    )
    assert [one.kind for one in chosen.lesions] == ["target", "new", "new"]


def test_choice_of_the_reader_is_kept_and_fills_the_places() -> None:
    chosen = with_chosen_targets(
        course(
            lesion("A", 12.0, organ="liver"),
            lesion("B", 90.0, kind="non-target", organ="liver"),
            lesion("C", 50.0, kind=None, organ="liver"),
            lesion("D", 40.0, kind=None, organ="liver"),
        )
    )
    assert [one.kind for one in chosen.lesions] == ["target", "non-target", "target", "non-target"]


def test_too_many_targets_and_too_small_ones_are_told() -> None:
    said = departures(
        course(
            *(lesion(f"L{i}", 20.0, organ=f"organ {i}") for i in range(4)),
            *(lesion(f"M{i}", 20.0, organ="lung") for i in range(3)),
            lesion("S", 8.0, organ="skin"),
            lesion("N", 14.0, organ="neck", is_node=True),
            lesion("T", 11.0, organ="brain", slice_thickness_mm=6.0),
        )
    )
    assert [(one.lesion, one.section) for one in said] == [
        ("", "4.2"),
        ("", "4.2"),
        ("S", "3.1.1"),
        ("N", "3.1.1"),
        ("T", "3.1.1"),
    ]
    texts = [one.what for one in said]
    assert "10 targets" in texts[0]
    assert "3 targets in lung" in texts[1]
    assert "short axis of 14 mm, measurable from 15 mm" in texts[3]
    assert "measurable from 12 mm" in texts[4]


def test_target_without_a_size_at_baseline_is_told() -> None:
    (said,) = departures(course(lesion("L1", "not-evaluable", 20.0, organ="lung")))
    assert "without a size at baseline" in said.what


def test_normal_node_that_grows_is_left_to_the_reader() -> None:
    grown = with_chosen_targets(
        course(lesion("L1", 30.0, 30.0, kind=None), lesion("N", 9.0, 12.0, kind=None, is_node=True))
    )
    (said,) = departures(grown)
    assert "is it a new lesion?" in said.what


def test_sum_names_what_is_missing() -> None:
    targets = (
        lesion("A", 12.0),
        lesion("B", "not-evaluable"),
        lesion("C", None),
        lesion("D", "present"),
        lesion("N", 9.0, is_node=True),
        lesion("E", "too-small"),
        lesion("F", "absent"),
    )
    found = burden(targets, 0, "diameter")
    assert found.measured == pytest.approx(12 + 9 + 5)
    assert found.missing == ("B", "C", "D")


def test_volume_of_what_is_too_small_is_that_of_a_sphere_of_5_mm() -> None:
    one = lesion("L1", "too-small")
    assert recist_size(one, one.readings[0], "volume") == pytest.approx(math.pi * 125 / 6000)
    assert recist_size(one, one.readings[0], "sphere-diameter") == pytest.approx(5.0)
    measured = LesionReading("too-small", volume_ml=0.02)
    assert recist_size(one, measured, "volume") == 0.02
