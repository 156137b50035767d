"""What a model's card says of masks by the networks that never saw their patients."""

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan

from oncotrace.pipeline.model_card import model_card
from oncotrace.pipeline.out_of_fold import RULES, SEEDS, OutOfFoldMask, quality_table
from oncotrace.segment.quality_features import FEATURES


def masks_of(patients: int, *, empty: tuple[str, ...] = ()) -> list[OutOfFoldMask]:
    """One image a patient; the Dice follows the first feature, and falls by 0.1 if person-like."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(patients):
        for rule in RULES:
            for seed in SEEDS:
                values = rng.normal(size=len(FEATURES))
                score = 0.8 + 0.05 * np.tanh(values[0]) - 0.1 * (rule == "person-like")
                patient = f"p{number}"
                features = None if patient in empty else dict(zip(FEATURES, values, strict=True))
                found.append(
                    OutOfFoldMask(
                        f"{patient}/ct",
                        patient,
                        "ct",
                        number % 2,
                        rule,
                        seed,
                        0.0 if patient in empty else float(score),
                        features,
                    )
                )
    return found


def folds(patients: int) -> dict[str, int]:
    return {f"p{number}": number % 2 for number in range(patients)}


def test_the_card_has_the_mean_over_draws_of_every_case_and_over_cases():
    masks = masks_of(6)
    card = model_card(tiny_plan(), masks, folds(6), "Phantoms.")
    exact = {
        patient: np.mean([m.dice for m in masks if m.patient_id == patient and m.clicks == "exact"])
        for patient in folds(6)
    }
    for patient, fold in folds(6).items():
        assert f"| {patient}/ct | {fold} | {exact[patient]:.3f} |" in card
    mean, sd = np.mean(list(exact.values())), np.std(list(exact.values()), ddof=1)
    assert f"| ct | exact | 6 | {mean:.3f} ± {sd:.3f} |" in card
    assert "Phantoms." in card


def test_the_card_says_how_well_the_quality_is_predicted_for_patients_left_out():
    card = model_card(tiny_plan(), masks_of(24), folds(24), "")
    assert "Fitted on 144 masks of 24 patients" in card
    rank = float(card.partition("predicted and real Dice ")[2].split(",")[0])
    assert rank > 0.3


@pytest.mark.parametrize(("patients", "empty"), [(9, ()), (10, ("p0",))])
def test_too_few_patients_with_a_mask_give_no_predicted_quality(patients, empty):
    masks = masks_of(patients, empty=empty)
    assert quality_table(masks) is None
    assert "None: too few patients" in model_card(tiny_plan(), masks, folds(patients), "")


def test_empty_masks_count_in_the_card_but_not_in_the_quality():
    masks = masks_of(12, empty=("p0",))
    assert "too few to try it" in model_card(tiny_plan(), masks, folds(12), "")
    table = quality_table(masks)
    assert table is not None
    assert set(table.patients) == {f"p{n}" for n in range(1, 12)}
    assert "| p0/ct | 0 | 0.000 | 0.000 |" in model_card(tiny_plan(), masks, folds(12), "")
