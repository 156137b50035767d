from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.report.bland_altman import bland_altman_picture, volume_scatter_picture
from oncotrace.report.chart import printable, signed
from oncotrace.report.dice_strip import dice_strip_picture
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.evaluation_agreement import reliability, volume_agreement
from oncotrace.report.reliability import reliability_picture


def cases(count: int = 20, **extra: object) -> list[EvaluatedCase]:
    """Cases whose volumes and Dice are spread; the first has an empty mask."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        dice = float(rng.uniform(0.6, 0.95)) if number else 0.0
        predicted = min(1.0, dice + float(rng.normal(0, 0.05)))
        volume_ml = float(np.exp(rng.normal(4, 1)))
        result: dict[str, object] = {
            "dice": dice,
            "volume_ml": volume_ml * float(rng.uniform(0.8, 1.2)) if number else 0.0,
            "reference_volume_ml": volume_ml,
            "predicted_dice": predicted,
            "predicted_dice_interval": [predicted - 0.05, predicted + 0.05],
        }
        made.append(EvaluatedCase(f"case-{number:02d}", str(number), result | extra))
    return made


def bland_altman_png() -> bytes:
    agreement = volume_agreement(cases())
    assert agreement is not None
    return bland_altman_picture(agreement, title="Agreement").rendered()


def scatter_png() -> bytes:
    agreement = volume_agreement(cases())
    assert agreement is not None
    return volume_scatter_picture(agreement, title="Volumes").rendered()


def strip_png() -> bytes:
    rows = [(case.case_id, case.value("dice")) for case in cases()]
    return dice_strip_picture([("all", rows), ("few", rows[:2])], title="Dice").rendered()


def reliability_png() -> bytes:
    rated = reliability(cases())
    assert rated is not None
    return reliability_picture(rated, title="Predicted").rendered()


PICTURES = [bland_altman_png, scatter_png, strip_png, reliability_png]


def pixels(png: bytes) -> NDArray[np.float32]:
    from matplotlib.image import imread

    return np.asarray(imread(BytesIO(png), format="png"), dtype=np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("picture", PICTURES)
def test_the_same_cases_give_the_same_bytes(picture: Callable[[], bytes]) -> None:
    assert picture() == picture()


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_has_something_on_white_ground(picture: Callable[[], bytes]) -> None:
    image = pixels(picture())
    assert image.shape[0] > 400
    assert image.shape[1] > 800
    is_white = (image[..., :3] > 0.99).all(axis=-1)
    assert 0.5 < is_white.mean() < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("picture", PICTURES)
def test_settings_of_the_user_do_not_change_a_picture(picture: Callable[[], bytes]) -> None:
    import matplotlib as mpl

    usual = picture()
    with mpl.rc_context({"font.size": 20.0, "text.color": "red", "axes.linewidth": 5.0}):
        assert picture() == usual


def test_predictions_without_intervals_can_be_drawn() -> None:
    rated = reliability(cases(predicted_dice_interval=None))
    assert rated is not None
    assert rated.intervals is None
    assert pixels(reliability_picture(rated, title="Predicted").rendered()).size > 0


def test_names_that_the_font_lacks_or_that_look_like_formulas_do_no_harm() -> None:
    rows = [("$a_1$", 0.5), ("b", 0.9)]
    assert dice_strip_picture([("日本 $x$", rows)], title="Dice").rendered()
    assert printable("日本 $x$\n2") == "?? $x$ 2"
    assert len(printable("long " * 30)) == 32


@pytest.mark.parametrize(
    ("value", "text"), [(1.26, "+1.3"), (-1.26, "\N{MINUS SIGN}1.3"), (-0.01, "0.0"), (0.0, "0.0")]
)
def test_numbers_carry_their_sign(value: float, text: str) -> None:
    assert signed(value) == text


def test_volumes_of_three_cases_and_of_constant_size_can_be_drawn() -> None:
    same = {"volume_ml": 10.0, "reference_volume_ml": 10.0, "dice": 1.0}
    agreement = volume_agreement([EvaluatedCase(name, name, same) for name in "abc"])
    assert agreement is not None
    assert agreement.correlation.r is None
    assert pixels(volume_scatter_picture(agreement, title="Volumes").rendered()).size > 0
    assert pixels(bland_altman_picture(agreement, title="Agreement").rendered()).size > 0
