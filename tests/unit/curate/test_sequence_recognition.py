"""Sequences recognised by rules: what hospitals write, and what contradicts itself."""

import pytest

from oncotrace.curate.sequence_recognition import recognised
from oncotrace.curate.sequence_rules import built_in_rules, plain_words


def named(description: str, **facts: str | float) -> str:
    return recognised({"modality": "MR", **facts}, description).sequence


@pytest.mark.parametrize(
    ("description", "sequence"),
    [
        ("AXIAL SE T1 - RESEARCH", "mr-t1"),
        ("AXIAL SE T2 FAT SAT - RESEARCH", "mr-t2fs"),
        ("t1_tse_tra", "mr-t1"),
        ("T1 TSE FS COR +C", "mr-t1fsgd"),
        ("t1_vibe_fs_tra_KM", "mr-t1fsgd"),
        ("SAG T1 SE après gado", "mr-t1gd"),
        ("AX T1 post contrast", "mr-t1gd"),
        ("T1c", "mr-t1gd"),
        ("T1_SE_nativ", "mr-t1"),
        ("Ax T1 FS pre", "mr-t1fs"),
        ("T1 W TSE fettgesättigt", "mr-t1fs"),
        ("STIR SAG", "mr-t2fs"),
        ("tirm cor", "mr-t2fs"),
        ("t2_tse_dixon_cor_W", "mr-t2fs"),
        ("t2_tse_dixon_cor_F", "mr-t2"),
        ("Sag T2 FRFSE", "mr-t2"),
        ("posterior thigh T2", "mr-t2"),
        ("PD TSE SPAIR", "mr-pdfs"),
        ("DP FS TRA", "mr-pdfs"),
        ("T2* GRE", "mr-t2star"),
        ("FLAIR", "mr-flair"),
        ("ep2d_diff_b50_800_TRACEW", "mr-dwi"),
        ("ep2d_diff_b50_800_ADC", "mr-adc"),
        ("dyn t1 vibe", "mr-dce"),
        ("T1 map MOLLI", "mr-map"),
        ("3-plane localizer", "mr-localiser"),
        ("t1_fs_sub", "derived"),
        ("SPACE", "mr-unknown"),
    ],
)
def test_usual_descriptions_are_understood(description, sequence) -> None:
    assert named(description) == sequence


@pytest.mark.parametrize(
    ("facts", "sequence"),
    [
        ({"scanning_sequence": "SE", "repetition_time_ms": 550, "echo_time_ms": 11}, "mr-t1"),
        ({"scanning_sequence": "SE", "repetition_time_ms": 4200, "echo_time_ms": 90}, "mr-t2"),
        ({"scanning_sequence": "SE", "repetition_time_ms": 2800, "echo_time_ms": 25}, "mr-pd"),
        (
            {
                "scanning_sequence": "SE\\IR",
                "repetition_time_ms": 4000,
                "echo_time_ms": 60,
                "inversion_time_ms": 150,
            },
            "mr-t2fs",
        ),
        (
            {
                "scanning_sequence": "GR",
                "repetition_time_ms": 5,
                "echo_time_ms": 2,
                "flip_angle_deg": 10,
            },
            "mr-t1",
        ),
        ({"largest_b_value_s_per_mm2": 800}, "mr-dwi"),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "mr-localiser"),
        ({"acquisition_contrast": "PROTON_DENSITY"}, "mr-pd"),
    ],
)
def test_times_and_codes_speak_where_there_is_no_description(facts, sequence) -> None:
    found = recognised({"modality": "MR", **facts})
    assert found.sequence == sequence
    assert found.confidence is not None
    assert found.rules


def test_agreement_of_name_and_times_is_surer_than_either() -> None:
    times = {"scanning_sequence": "SE", "repetition_time_ms": 550.0, "echo_time_ms": 11.0}
    alone = recognised({"modality": "MR", **times}).confidence
    both = recognised({"modality": "MR", **times}, "t1 tse").confidence
    assert alone == pytest.approx(0.75)
    assert both == pytest.approx(1 - 0.25 * 0.1)


def test_a_name_that_contradicts_the_times_is_not_trusted() -> None:
    times = {"scanning_sequence": "SE", "repetition_time_ms": 4200.0, "echo_time_ms": 90.0}
    found = recognised({"modality": "MR", **times}, "t1 tse")
    assert found.confidence == pytest.approx(0.9 * (1 - 0.8))


@pytest.mark.parametrize(
    ("modality", "image_type", "sequence"),
    [
        ("CT", "ORIGINAL\\PRIMARY\\AXIAL", "ct"),
        ("CT", "ORIGINAL\\PRIMARY\\LOCALIZER", "ct-scout"),
        ("PT", "ORIGINAL\\PRIMARY", "pet"),
        ("PT", "DERIVED\\SECONDARY", "pet"),
        ("CT", "DERIVED\\SECONDARY\\MIP", "derived"),
        ("NM", "ORIGINAL\\PRIMARY\\WHOLE BODY", "nm"),
        ("RTSTRUCT", "", "rtstruct"),
    ],
)
def test_other_modalities_are_told_apart(modality, image_type, sequence) -> None:
    assert recognised({"modality": modality, "image_type": image_type}).sequence == sequence


def test_screenshots_are_no_images_of_their_modality() -> None:
    facts = {"modality": "CT", "sop_class": "1.2.840.10008.5.1.4.1.1.7"}
    assert recognised(facts, "Thorax").sequence == "secondary-capture"


def test_fat_suppressed_t1_with_agent_is_a_t1_with_agent_to_us() -> None:
    assert recognised({"modality": "MR"}, "T1 FS +C").modality_name == "mr-t1gd"
    assert recognised({"modality": "MR"}, "PD FS").modality_name is None


def test_rules_have_names_of_their_own() -> None:
    rules = built_in_rules()
    names = [rule.name for group in (rules.any, rules.mr, rules.ct, rules.pet) for rule in group]
    assert len(names) == len(set(names))


def test_words_are_plain() -> None:
    assert plain_words("T1_TSE (Übersicht)", "^KM+") == "t1 tse ubersicht km+"
