"""The fit finds what is there, claims nothing from noise, and never peeks at a patient."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from oncotrace.errors import InputError
from oncotrace.segment.quality_fit import QualityTable, cross_fitted, fit_quality

NAMES = ("expected_dice", "sphericity", "is_ct")


def table(dice, features, patients):
    return QualityTable(NAMES, np.asarray(features), np.asarray(dice), tuple(patients))


def cohort(signal, patients=40, rows_each=10, seed=0):
    """Dice that depends on the first feature as much as ``signal`` says, else on chance."""
    rng = np.random.default_rng(seed)
    names = [f"P{n:02d}" for n in range(patients) for _ in range(rows_each)]
    of_patient = np.repeat(rng.normal(size=(patients, 3)), rows_each, axis=0)
    features = of_patient + 0.3 * rng.normal(size=of_patient.shape)
    features[:, 2] = 1.0
    chance = np.repeat(rng.normal(size=patients), rows_each)
    logit = 2 + signal * 0.5 * features[:, 0] + (1 - signal) * 0.5 * chance
    return table(1 / (1 + np.exp(-logit)), features, names)


def folds(of):
    return {patient: n % 5 for n, patient in enumerate(sorted(set(of.patients)))}


def test_a_planted_signal_is_found():
    rated = cohort(signal=0.8)
    predicted = cross_fitted(rated, folds(rated))
    assert spearmanr(predicted[:, 0], rated.dice).statistic > 0.9
    assert fit_quality(rated).features["expected_dice"].weight > 0


def test_nothing_is_predicted_from_noise():
    correlations = []
    for seed in range(8):
        rated = cohort(signal=0.0, seed=seed)
        predicted = cross_fitted(rated, folds(rated))[:, 0]
        correlations.append(spearmanr(predicted, rated.dice).statistic)
    # Rows of one patient resemble each other: were they on both sides, this would be far above 0.
    assert np.mean(correlations) < 0.15


def test_the_interval_holds_four_of_five_patients_that_were_not_seen():
    covered = []
    for seed in range(8):
        rated = cohort(signal=0.5, seed=seed)
        _, low, high = cross_fitted(rated, folds(rated)).T
        covered.append(np.mean((low <= rated.dice) & (rated.dice <= high)))
    assert np.mean(covered) == pytest.approx(0.8, abs=0.06)


def test_a_feature_that_never_varies_counts_nothing():
    weight = fit_quality(cohort(signal=0.5)).features["is_ct"]
    assert weight.weight == 0.0
    assert weight.standard_deviation == 1.0


def test_the_order_of_the_rows_does_not_matter():
    rated = cohort(signal=0.5)
    order = np.random.default_rng(1).permutation(len(rated.dice))
    shuffled = table(rated.dice[order], rated.features[order], np.array(rated.patients)[order])
    first, again = fit_quality(rated), fit_quality(shuffled)
    assert again.intercept == pytest.approx(first.intercept)
    assert again.residuals == pytest.approx(first.residuals)
    assert first.fitted_on == {"patients": 40, "segmentations": 400}


def test_a_mask_that_missed_altogether_does_not_outweigh_all_others():
    rated = cohort(signal=0.5)
    dice = rated.dice.copy()
    dice[0], dice[1] = 0.0, 1.0
    model = fit_quality(table(dice, rated.features, rated.patients))
    assert model.intercept == pytest.approx(fit_quality(rated).intercept, abs=0.05)


def test_each_fold_is_predicted_by_the_others_alone():
    rated = cohort(signal=0.5)
    dice = np.where([folds(rated)[p] == 2 for p in rated.patients], 0.3, rated.dice)
    other = table(dice, rated.features, rated.patients)
    first, again = cross_fitted(rated, folds(rated)), cross_fitted(other, folds(other))
    held_out = dice == 0.3
    np.testing.assert_array_equal(first[held_out], again[held_out])
    assert (first[~held_out] != again[~held_out]).all()


@pytest.mark.parametrize(
    ("dice", "features", "patients", "complaint"),
    [
        ([0.5] * 6, np.zeros((6, 2)), "abcdef", r"a Dice for each of 6 rows and 3 names"),
        ([0.5] * 5, np.zeros((6, 3)), "abcdef", r"found arrays of \(6, 3\) and \(5,\)"),
        ([np.nan] * 6, np.zeros((6, 3)), "abcdef", "finite features"),
        ([0.5] * 6, np.full((6, 3), np.inf), "abcdef", "finite features"),
        ([0.5] * 6, np.zeros((6, 3)), "aabbcc", "at least 5 patients, found 3"),
    ],
)
def test_a_table_that_cannot_be_fitted_is_refused(dice, features, patients, complaint):
    with pytest.raises(InputError, match=complaint):
        table(dice, features, patients)
