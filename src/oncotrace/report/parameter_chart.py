"""Distributions of a parameter by centre, to be drawn as SVG: a line of circles for each centre."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from oncotrace.report.cohort_flow import shortened
from oncotrace.report.parameter_tables import COLUMNS, Parameters, short_number

WIDTH = 400
_PLOT_LEFT, _PLOT_RIGHT = 160, WIDTH - 12
_ROW, _TOP, _AXIS = 21, 4, 22
_STEP = 3.0  # values nearer to each other than this lie in one circle
_SMALLEST_RADIUS, _LARGEST_RADIUS = 2.8, 8.5
_MOST_CENTRES = 10
_LONGEST_NAME = 22
_MOST_TICKS = 5


@dataclass(frozen=True)
class Circle:
    """Images of one centre whose values are practically the same."""

    x: float
    radius: float


@dataclass(frozen=True)
class ChartRow:
    """Values of one centre at a height, and where their median lies."""

    centre: str
    y: float
    median_x: float | None
    circles: tuple[Circle, ...]


@dataclass(frozen=True)
class Tick:
    """A number of the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class ParameterChart:
    """Chart of one parameter, in pixels from its upper left corner."""

    label: str
    rows: tuple[ChartRow, ...]
    ticks: tuple[Tick, ...]

    @property
    def axis_y(self) -> float:
        """Where the axis is."""
        return _TOP + _ROW * len(self.rows)

    @property
    def height(self) -> float:
        """Height of the whole chart."""
        return self.axis_y + _AXIS


def parameter_charts(by_centre: Mapping[str, Sequence[Parameters]]) -> list[ParameterChart]:
    """Return a chart for each number that is not the same in all images.

    Ten centres at most stand apart, those with most images; the others share a line.
    """
    groups = _groups(by_centre)
    charts = []
    for name, label in COLUMNS.items():
        values = {centre: _numbers(images, name) for centre, images in groups.items()}
        every = [value for some in values.values() for value in some]
        if every and _differ(min(every), max(every)):
            charts.append(_chart(label, values, min(every), max(every)))
    return charts


def round_steps(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from ``low`` to ``high``, at most five."""
    least = (high - low) / (_MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1, 2, 5, 10, 20) if m * power >= least)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def _differ(low: float, high: float) -> bool:
    """Whether the numbers differ as they are written, by what can be drawn."""
    return short_number(low) != short_number(high) and 1e-9 < high - low < 1e12


def _groups(by_centre: Mapping[str, Sequence[Parameters]]) -> dict[str, Sequence[Parameters]]:
    if len(by_centre) <= _MOST_CENTRES:
        return dict(by_centre)
    ordered = sorted(by_centre, key=lambda centre: -len(by_centre[centre]))
    groups = {name: by_centre[name] for name in by_centre if name in ordered[: _MOST_CENTRES - 1]}
    rest = ordered[_MOST_CENTRES - 1 :]
    groups[f"{len(rest)} other centres"] = [one for name in rest for one in by_centre[name]]
    return groups


def _numbers(images: Sequence[Parameters], name: str) -> list[float]:
    return [v for image in images if not isinstance(v := image.get(name, ""), str)]


def _chart(
    label: str, values: Mapping[str, Sequence[float]], low: float, high: float
) -> ParameterChart:
    def x_of(value: float) -> float:
        return _PLOT_LEFT + (value - low) / (high - low) * (_PLOT_RIGHT - _PLOT_LEFT)

    places = {centre: Counter(_binned(x_of(v)) for v in some) for centre, some in values.items()}
    most = max(max(counts.values(), default=1) for counts in places.values())
    rows = tuple(
        ChartRow(
            shortened(centre, _LONGEST_NAME),
            _TOP + _ROW * (line + 0.5),
            x_of(median(values[centre])) if values[centre] else None,
            tuple(Circle(x, _radius(count, most)) for x, count in sorted(counts.items())),
        )
        for line, (centre, counts) in enumerate(places.items())
    )
    ticks = tuple(Tick(x_of(value), short_number(value)) for value in round_steps(low, high))
    return ParameterChart(label, rows, ticks)


def _binned(x: float) -> float:
    return round(x / _STEP) * _STEP


def _radius(count: int, most: int) -> float:
    """Radius whose circle has an area in proportion to the count, unless that is too small."""
    largest = min(_LARGEST_RADIUS, _SMALLEST_RADIUS * math.sqrt(most))
    return max(_SMALLEST_RADIUS, largest * math.sqrt(count / most))
