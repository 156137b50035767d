"""The page of a prepared cohort: one HTML file that asks nothing of any other host.

Whatever comes from the data is untrusted: it is escaped, and control characters and those that turn
the direction of writing show as U+FFFD. The page's own policy forbids it to run or load anything.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

import oncotrace
from oncotrace.report.check_table import check_counts, failed_checks
from oncotrace.report.cohort_content import (
    CohortContent,
    PreparedCase,
    PreparedImage,
    sequence_name,
    sequences_of,
)
from oncotrace.report.cohort_flow import flow_chart
from oncotrace.report.parameter_chart import ParameterChart, parameter_charts
from oncotrace.report.parameter_tables import ParameterTable, parameter_table, parameters_by_centre
from oncotrace.report.volume_table import volume_table, volume_text

_TEMPLATE = "cohort_page.html"
# Control characters, halves of characters, overrides of the direction, and what is no character.
_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


@dataclass(frozen=True)
class Total:
    """A number of the summary, what it counts, and of what it is made up."""

    count: int
    what: str
    parts: str = ""


@dataclass(frozen=True, eq=False)
class ShownParameters:
    """Parameters of one sequence as a table and as charts."""

    table: ParameterTable
    charts: tuple[ParameterChart, ...]


@dataclass(frozen=True, eq=False)
class Pictured:
    """A picture and the image that it shows."""

    case: PreparedCase
    image: PreparedImage
    jpeg: bytes


def cohort_page(content: CohortContent) -> str:
    """Return the page; the same content gives the same text, always encodable as UTF-8."""
    cases = content.cases
    pictures = list(_pictures(cases))
    return (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            content=content,
            written_by=oncotrace.__version__,
            totals=list(_totals(content)),
            flow_chart=flow_chart(content),
            parameters=list(_parameters(cases)),
            checks=check_counts(cases),
            failed_checks=failed_checks(cases),
            warned=[case for case in cases if case.warnings],
            pictures=pictures,
            images_without_picture=sum(len(case.images) for case in cases) - len(pictures),
            volumes=volume_table(cases),
            case_ids={case.case_id for case in cases},
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("oncotrace.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = _base64
    environment.filters["sequence_name"] = sequence_name
    environment.filters["volume"] = volume_text
    return environment


def _shown(value: object) -> object:
    """Value with U+FFFD for what must not reach the page; its own text holds none of that."""
    return _NOT_SHOWN.sub("\ufffd", value) if type(value) is str else value


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _totals(content: CohortContent) -> Iterator[Total]:
    cases = content.cases
    images = Counter(image.sequence for case in cases for image in case.images)
    masks = Counter(image.sequence for case in cases for image in case.images if image.mask)
    others = sum(len(image.others) for case in cases for image in case.images)
    yield Total(len({case.patient_id for case in cases}), "patients")
    yield Total(len(cases), "cases")
    yield Total(images.total(), "images", _by_sequence(images, cases))
    yield Total(masks.total(), "masks", _by_sequence(masks, cases))
    if others:
        yield Total(others, "further structures")
    yield Total(len({case.centre for case in cases if case.centre}), "centres")
    yield Total(len(content.failures), "failures")


def _by_sequence(counts: Counter[str], cases: tuple[PreparedCase, ...]) -> str:
    return ", ".join(
        f"{sequence_name(name)} {counts[name]}" for name in sequences_of(cases) if counts[name]
    )


def _parameters(cases: tuple[PreparedCase, ...]) -> Iterator[ShownParameters]:
    for sequence, by_centre in parameters_by_centre(cases).items():
        charts = parameter_charts(by_centre)
        yield ShownParameters(parameter_table(sequence, by_centre), tuple(charts))


def _pictures(cases: tuple[PreparedCase, ...]) -> Iterator[Pictured]:
    for case in cases:
        for image in case.images:
            if image.picture is not None:
                yield Pictured(case, image, image.picture)
