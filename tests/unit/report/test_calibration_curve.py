"""The picture of calibration."""

import numpy as np

from oncotrace.report.calibration_curve import calibration_picture

PNG = b"\x89PNG"


def counts(observed):
    voxels = np.array([1e6, 500.0, 400.0, 50.0])
    middle = np.array([0.1, 0.4, 0.6, 0.9])
    return {"voxels": voxels, "probability": voxels * middle, "tumour": voxels * observed}


def test_the_same_counts_give_the_same_picture_and_others_another():
    good = {"T1": counts(np.array([0.1, 0.4, 0.6, 0.9]))}
    picture = calibration_picture(good, title="calibration").rendered()
    assert picture.startswith(PNG)
    assert calibration_picture(good, title="calibration").rendered() == picture
    bad = {"T1": counts(np.array([0.1, 0.2, 0.3, 0.9]))}
    assert calibration_picture(bad, title="calibration").rendered() != picture


def test_a_bin_of_few_voxels_is_not_drawn():
    one, two = (np.array([0.1, 0.4, 0.6, last]) for last in (0.0, 1.0))
    pictures = [
        calibration_picture({"T1": counts(o)}, title="calibration").rendered() for o in (one, two)
    ]
    assert pictures[0] == pictures[1]
