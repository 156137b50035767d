"""How responses look in the charts: each has a colour, a hatch, a marker and its letters."""

from dataclasses import dataclass

from oncotrace.report.chart import INK, QUIET


@dataclass(frozen=True)
class ResponseMark:
    """Colour (told apart in grey too), hatch of its bars and marker of its points."""

    colour: str
    hatch: str
    marker: str


# After Okabe and Ito 2008.
RESPONSE_MARKS = {
    "CR": ResponseMark("#009e73", "", "*"),
    "PR": ResponseMark("#56b4e9", "//", "v"),
    "SD": ResponseMark("#e5e7eb", "..", "o"),
    "non-CR/non-PD": ResponseMark("#f0e442", "--", "D"),
    "PD": ResponseMark("#d55e00", "xx", "^"),
    "NE": ResponseMark("#ffffff", "", "X"),
}
"""By response, from the best to that which cannot be told."""

EDGE = INK
UNKNOWN = ResponseMark(QUIET, "", "o")


def mark_of(response: str) -> ResponseMark:
    """Return the mark of a response; grey for a word that is none."""
    return RESPONSE_MARKS.get(response, UNKNOWN)
