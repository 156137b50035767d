"""What a training cohort, or one reference image, teaches the steps that need it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from oncotrace.curate import preprocess_settings as settings
from oncotrace.curate.prepared_image import PreparedImage, region_of
from oncotrace.curate.preprocess_settings import Preprocessing, Step
from oncotrace.errors import SettingsError
from oncotrace.imaging.frequency import band_energies, mean_energies
from oncotrace.imaging.histogram_match import mean_quantiles, quantiles
from oncotrace.imaging.nyul import StandardScale, landmarks, standard_scale
from oncotrace.imaging.percentile_scale import mean_range, percentile_range
from oncotrace.imaging.z_score import Moments, moments, pooled_moments


@dataclass(frozen=True)
class ReferenceValues:
    """Numbers of a reference: two ends of a range, quantiles, or energies of bands."""

    values: tuple[float, ...]


Parameters = Moments | StandardScale | ReferenceValues
FittedSteps = Mapping[int, Parameters]
"""Parameters by the number of the step, from 0."""


@dataclass(frozen=True)
class Summary:
    """What one image contributes to a step's parameters."""

    numbers: tuple[float, ...]


def summary_of(step: Step, image: PreparedImage) -> Summary:
    """Return what an image, as it comes to a fitted step, contributes to its parameters.

    Raises
    ------
    InputError
        The image is blank.
    """
    match step:
        case settings.ZScore():
            own = moments(image.scan, region_of(image, step.within))
            return Summary((own.count, own.mean, own.variance))
        case settings.Nyul():
            return Summary(landmarks(image.scan, region_of(image, step.within), step.percentiles))
        case settings.ReferenceRange():
            return Summary(
                percentile_range(image.scan, region_of(image, step.within), step.percentiles)
            )
        case settings.Match():
            return Summary(quantiles(image.scan, region_of(image, step.within), step.quantiles))
        case settings.Frequency():
            return Summary(band_energies(image.scan, region_of(image, step.within), step.scales_mm))
        case _:
            raise _not_fitted(step)


def parameters_of(step: Step, cohort: Sequence[Summary]) -> Parameters:
    """Parameters of a fitted step from the summaries of its training images."""
    rows = [summary.numbers for summary in cohort]
    match step:
        case settings.ZScore():
            return pooled_moments([Moments(int(n), mean, var) for n, mean, var in rows])
        case settings.Nyul():
            return standard_scale(rows, step.percentiles, step.scale)
        case settings.ReferenceRange():
            return ReferenceValues(mean_range([(low, high) for low, high in rows]))
        case settings.Match():
            return ReferenceValues(mean_quantiles(rows))
        case settings.Frequency():
            return ReferenceValues(mean_energies(rows))
        case _:
            raise _not_fitted(step)


def fitted_json(fitted: FittedSteps) -> dict[str, object]:
    """Parameters as plain JSON values, by the number of the step."""
    return {str(number): asdict(parameters) for number, parameters in fitted.items()}


def fitted_from_json(preprocessing: Preprocessing, value: object) -> dict[int, Parameters]:
    """Parameters of every fitted step of ``preprocessing``.

    Raises
    ------
    SettingsError
        One is missing or malformed.
    """
    by_number = value if isinstance(value, dict) else {}
    fitted: dict[int, Parameters] = {}
    for number in preprocessing.fitted:
        kind = _KINDS[preprocessing.steps[number].step]
        try:
            fitted[number] = kind(by_number[str(number)])
        except (KeyError, TypeError, ValueError):
            raise SettingsError(
                f"the parameters lack step {number + 1} ({preprocessing.steps[number].step}) or "
                "hold something else for it.",
                hint="Fit them anew with --fit.",
                code="damaged-parameters",
            ) from None
    return fitted


def _moments_from(value: Mapping[str, object]) -> Moments:
    mean, variance = _numbers([value["mean"], value["variance"]])
    if variance <= 0:
        raise ValueError
    return Moments(int(_numbers([value["count"]])[0]), mean, variance)


def _scale_from(value: Mapping[str, object]) -> StandardScale:
    percentiles, places = _numbers(value["percentiles"]), _numbers(value["values"])
    if len(percentiles) != len(places):
        raise ValueError
    return StandardScale(percentiles, places)


def _values_from(value: Mapping[str, object]) -> ReferenceValues:
    return ReferenceValues(_numbers(value["values"]))


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or not values:
        raise TypeError
    if not all(isinstance(value, int | float) for value in values):
        raise TypeError
    return tuple(float(value) for value in values)


_KINDS: dict[str, Callable[[Mapping[str, object]], Parameters]] = {
    "z-score": _moments_from,
    "nyul": _scale_from,
    "reference-range": _values_from,
    "match": _values_from,
    "frequency": _values_from,
}


def _not_fitted(step: Step) -> SettingsError:
    return SettingsError(f"the step {step.step} has no parameters to be fitted.")
