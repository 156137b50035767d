"""Slices are packed without loss, and every one is learnt from."""

from dataclasses import dataclass

import numpy as np
from tests.unit.learning.builders import tiny_plan

from oncotrace.pipeline.lung_cases import PackedSlices, lung_data, slices_of

AIR = 55


@dataclass(frozen=True)
class PreparedCase:
    case_id: str
    slices: PackedSlices


def prepared(case_id: str, seed: int, *, with_tumour: bool = True) -> PreparedCase:
    greys = np.full((4, 32, 32), AIR, dtype=np.uint8)
    greys[:, 5:20, 8:30] = np.random.default_rng(seed).integers(0, 255, (4, 15, 22))
    outlines = np.zeros(greys.shape, dtype=bool)
    outlines[2, 7:10, 9:12] = with_tumour
    return PreparedCase(case_id, PackedSlices.of(greys, outlines))


def plan(share: float):
    return tiny_plan(
        name="lung",
        preparation="lung",
        empty_targets=True,
        channels={"images": ("ct",)},
        grid={"size_xyz": (32, 32, 1), "share_on_target": share},
        network={"kind": "unet-2d", "first_channels": 1, "levels": 3, "deep_supervision": False},
    )


def test_packed_slices_come_out_as_they_went_in() -> None:
    greys = np.full((3, 16, 16), AIR, dtype=np.uint8)
    greys[:, 3:9, 4:15] = np.random.default_rng(0).integers(0, 255, (3, 6, 11))
    outlines = greys > 200
    packed = PackedSlices.of(greys, outlines)
    for index in range(3):
        grey, outline = packed.slice(index)
        np.testing.assert_array_equal(grey, greys[index])
        np.testing.assert_array_equal(outline, outlines[index])
    assert packed.greys.size < greys.size


def test_every_slice_of_every_case_is_a_sample_with_tumour_or_without() -> None:
    cases = [prepared("a", 0), prepared("b", 1, with_tumour=False)]
    data = lung_data(cases, plan(0.0))
    assert len(slices_of(cases)) == len(data.case_ids) == 8
    assert data.case_ids[:5] == ("a/0", "a/1", "a/2", "a/3", "b/0")
    samples = [data.sample(index, np.random.default_rng(0)) for index in range(8)]
    assert [bool(sample.target.any()) for sample in samples] == [False, False, True] + [False] * 5
    assert samples[0].channels.shape == (1, 1, 32, 32)
    assert 0 <= samples[0].channels.min() <= samples[0].channels.max() <= 1


def test_on_request_slices_with_tumour_come_in_the_place_of_others() -> None:
    cases = [prepared("a", 0), prepared("b", 1, with_tumour=False)]
    data = lung_data(cases, plan(1.0))
    shown = [data.sample(i, np.random.default_rng(i)).target.any() for i in range(8)]
    assert shown == [True] * 4 + [False] * 4
