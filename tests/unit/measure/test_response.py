from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.measure.lesions import course, lesion

from oncotrace.domain.lesion import Lesion, LesionReading
from oncotrace.measure.equivalent_sphere import sphere_volume_ml
from oncotrace.measure.response import (
    RECIST,
    VOLUME,
    VOLUMETRIC_RECIST,
    new_lesions,
    time_point_responses,
)

sizes_mm = st.floats(10, 200)
sums_mm = st.lists(st.floats(0.5, 200), min_size=2, max_size=5)


def volumes(name: str, *volumes_ml: float) -> Lesion:
    readings = tuple(LesionReading("present", volume_ml=value) for value in volumes_ml)
    return replace(lesion(name, 10.0), readings=readings)


def overall(*lesions: Lesion) -> list[str]:
    return [one.overall for one in time_point_responses(course(*lesions))]


@given(sums_mm)
def test_response_is_that_of_the_guidelines_two_sentences(sums: list[float]) -> None:
    found = time_point_responses(course(lesion("L1", *sums)))
    for at, one in enumerate(found, start=1):
        nadir = min(sums[:at])
        grown = sums[at] >= 1.2 * nadir and sums[at] >= nadir + 5
        shrunk = sums[at] <= 0.7 * sums[0]
        if any(abs(sums[at] - edge) < 1e-6 for edge in (1.2 * nadir, nadir + 5, 0.7 * sums[0])):
            continue
        assert one.target == ("PD" if grown else "PR" if shrunk else "SD")
        assert one.nadir == nadir


@given(st.lists(sizes_mm, min_size=2, max_size=4), st.floats(1, 10))
def test_spheres_respond_alike_by_diameter_of_their_volume_and_by_recist(
    sizes: list[float], ratio: float
) -> None:
    by_diameter = course(lesion("L1", *(ratio * size for size in sizes)))
    by_volume = course(volumes("L1", *(sphere_volume_ml(ratio * size) for size in sizes)))
    for one, other in zip(
        time_point_responses(by_diameter, RECIST),
        time_point_responses(by_volume, VOLUMETRIC_RECIST),
        strict=True,
    ):
        assert one.burden.measured == pytest.approx(other.burden.measured)
        assert one.change_from_nadir_percent == pytest.approx(
            other.change_from_nadir_percent, abs=1e-6
        )


def test_volume_responds_at_the_cubes_of_recists_thresholds() -> None:
    found = time_point_responses(course(volumes("L1", 100.0, 34.3, 34.4, 59.2)), VOLUME)
    assert [one.overall for one in found] == ["PR", "SD", "SD"]
    grown = time_point_responses(course(volumes("L1", 100.0, 172.7, 172.8)), VOLUME)
    assert [one.overall for one in grown] == ["SD", "PD"]


def test_smallest_sum_that_is_complete_is_the_nadir() -> None:
    found = time_point_responses(
        course(lesion("A", 30.0, 20.0, 10.0, 25.0), lesion("B", 30.0, 20.0, "not-evaluable", 21.0))
    )
    assert [one.nadir for one in found] == [60, 40, 40]
    assert [one.overall for one in found] == ["PR", "NE", "SD"]


def test_progression_is_told_from_what_was_measured() -> None:
    assert overall(lesion("A", 20.0, 60.0), lesion("B", 20.0, "not-evaluable")) == ["PD"]
    assert overall(lesion("A", 20.0, 20.0), lesion("B", 20.0, "not-evaluable")) == ["NE"]


def test_target_without_baseline_size_leaves_the_response_open_until_it_grows() -> None:
    found = overall(lesion("A", "not-evaluable", 20.0, 19.0, 30.0))
    assert found == ["NE", "NE", "PD"]


def test_new_lesion_outweighs_every_other() -> None:
    assert overall(lesion("A", 50.0, "absent"), lesion("N", "absent", "present", kind="new")) == [
        "PD"
    ]


def test_suspicion_that_is_never_confirmed_is_no_new_lesion() -> None:
    suspect = lesion("N", "absent", "equivocal", "absent", kind="new")
    assert new_lesions((suspect,), 2) == ()
    confirmed = lesion("N", "absent", "equivocal", "present", kind="new")
    assert new_lesions((confirmed,), 0) == ()
    assert new_lesions((confirmed,), 1) == ("N",)


def test_non_target_lesion_that_returns_after_complete_response_is_progression() -> None:
    found = time_point_responses(
        course(
            lesion("A", 20.0, "absent", "absent"),
            lesion("B", "present", "absent", "present", kind="non-target"),
        )
    )
    assert [one.overall for one in found] == ["CR", "PD"]
    assert found[1].returned == ("B",)


def test_non_target_node_that_returns_needs_unequivocal_progression() -> None:
    nodes = lesion("B", 12.0, 8.0, 11.0, kind="non-target", is_node=True)
    assert overall(lesion("A", 20.0, "absent", "absent"), nodes) == ["CR", "PR"]


def test_patient_without_any_lesion_can_only_progress() -> None:
    found = overall(lesion("N", "absent", "absent", "present", kind="new"))
    assert found == ["NE", "PD"]


@given(st.lists(sizes_mm, min_size=3, max_size=5))
def test_order_of_the_lesions_does_not_matter(sizes: list[float]) -> None:
    lesions = [lesion(f"L{i}", size, size * 0.8, size * 1.1) for i, size in enumerate(sizes)]
    shuffled = lesions[::-1]
    one, other = time_point_responses(course(*lesions)), time_point_responses(course(*shuffled))
    assert [r.overall for r in one] == [r.overall for r in other]
