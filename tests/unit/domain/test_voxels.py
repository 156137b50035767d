"""Scans, masks and probabilities fit their grid and cannot be changed."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import MODALITIES, Scan, modality_named
from oncotrace.domain.segmentation import Segmentation
from oncotrace.errors import EmptyMaskError, GeometryMismatchError, SettingsError

GRID = Geometry((4, 3, 2))


def test_array_of_another_shape_is_refused() -> None:
    with pytest.raises(GeometryMismatchError, match=r"image array has shape \(4, 3, 2\)"):
        Scan(np.zeros((4, 3, 2), np.float32), GRID)
    with pytest.raises(GeometryMismatchError, match="mask array has shape"):
        Mask(np.zeros((4, 3, 2), bool), GRID)
    mask = Mask(np.zeros((2, 3, 4), bool), GRID)
    with pytest.raises(GeometryMismatchError, match="probability array has shape"):
        Segmentation(mask, "test", probability=np.zeros((4, 3, 2), np.float32))


def test_voxels_cannot_be_changed_through_a_scan_or_mask() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Scan(np.zeros((2, 3, 4), np.float32), GRID).voxels[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        Mask(np.zeros((2, 3, 4), bool), GRID).voxels[0, 0, 0] = True


def test_box_of_a_mask_is_the_smallest_that_holds_it() -> None:
    voxels = np.zeros((2, 3, 4), bool)
    voxels[1, 0, 1] = voxels[1, 2, 2] = True
    box = Mask(voxels, GRID).box_zyx()
    assert box == (slice(1, 2), slice(0, 3), slice(1, 3))


def test_empty_mask_has_no_box() -> None:
    empty = Mask(np.zeros((2, 3, 4), bool), GRID)
    assert empty.is_empty
    with pytest.raises(EmptyMaskError, match=r"the mask is empty.*intended mask or label"):
        empty.box_zyx()


def test_modalities_are_found_by_their_exact_name() -> None:
    assert [modality_named(name) for name in MODALITIES] == list(MODALITIES)
    with pytest.raises(SettingsError, match=r"no modality 'MR-T1'\. Known modalities: ct, pet"):
        modality_named("MR-T1")
