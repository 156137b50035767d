"""The page of a prepared cohort: it says all and only what it is given, and asks nobody."""

import re
from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.report.html_reading import Page

from oncotrace.report.cohort_content import (
    CheckOutcome,
    CohortContent,
    ExclusionStep,
    FailedCase,
    PreparedCase,
    PreparedImage,
    Structure,
)
from oncotrace.report.cohort_page import cohort_page

JPEG = b"\xff\xd8\xff\xe0 a small picture"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "' onmouseover='alert(1)",
    "--></style></title><iframe src=http://example.org>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.eman\u2066",
    "two\nlines\r\nand\ttabs",
    "nul\0 and \x1b[31m and \ud800",
    "مستشفى חולים 病院 🏥",
]


def passed(check: str = "slice-count") -> CheckOutcome:
    return CheckOutcome(check, passed=True, value="60 slices", rule=">= 3 slices")


def image(sequence: str = "mr-t1", **changes: object) -> PreparedImage:
    usual = PreparedImage(
        sequence,
        mask=Structure("GTV_Mass", 123.45),
        parameters={"manufacturer": "Maker", "model": "One", "slice_thickness_mm": 3.0},
        checks=(passed(),),
        picture=JPEG,
    )
    return replace(usual, **changes)


def case(name: str, centre: str = "A", *images: PreparedImage, **changes: object) -> PreparedCase:
    usual = PreparedCase(name, patient_id=f"patient of {name}", centre=centre, images=images)
    return replace(usual, **changes)


def cohort(**changes: object) -> CohortContent:
    """Two cases of two centres, one that failed, five considered."""
    usual = CohortContent(
        cases=(
            case("P1", "A", image(), image("ct", mask=None)),
            case("P2", "B", image(others=(Structure("GTV_Edema", 300.0),))),
        ),
        failures=(FailedCase("P3", "convert", "truncated", "the file ends too early."),),
        flow=(
            ExclusionStep("considered", 5),
            ExclusionStep("no mr-t1", -2),
            ExclusionStep("selected", 3),
        ),
        version="9.8.7",
        date="2026-11-20",
    )
    return replace(usual, **changes)


def page(content: CohortContent) -> Page:
    return Page(cohort_page(content))


def totals(read: Page) -> dict[str, int]:
    """Numbers of the summary by what they count."""
    summary = read.text.partition("Exclusions")[0]
    words = "patients|cases|images|masks|further structures|centres|failures"
    return {what: int(n) for n, what in re.findall(rf"(\d+) ({words})\b", summary)}


def test_the_summary_counts_what_is_there():
    read = page(cohort())
    assert totals(read) == {
        "patients": 2, "cases": 2, "images": 3, "masks": 2,
        "further structures": 1, "centres": 2, "failures": 1,
    }  # fmt: skip
    assert "CT 1, MR T1 2" in read.text
    for said in ("9.8.7", "2026-11-20", "Research use only"):
        assert said in read.text


def test_two_time_points_of_a_patient_are_one_patient():
    twice = (case("P1-1", patient_id="P1"), case("P1-2", patient_id="P1"))
    assert totals(page(cohort(cases=twice)))["patients"] == 1


def test_every_case_is_named_with_its_volumes():
    rows = page(cohort()).table("Every case").rows
    assert rows[0][-2:] == ["MR T1 (ml)", "Further structures (ml)"]
    assert rows[1] == ["P1", "patient of P1", "", "A", "MR T1, CT", "123.5 GTV_Mass", ""]
    assert rows[2][-2:] == ["123.5 GTV_Mass", "GTV_Edema 300.0 (MR T1)"]


def test_an_image_without_a_measured_mask_has_no_number():
    unknown = cohort(cases=(case("P1", "A", image(mask=Structure("GTV", None))),))
    assert page(unknown).table("Every case").rows[1][-1] == "not measured GTV"


def test_the_page_asks_nothing_of_another_host_and_runs_nothing():
    text = cohort_page(cohort())
    read = Page(text)
    places = read.attributes("src", "href", "action", "data", "poster", "srcset", "xlink:href")
    assert places
    assert all(place.startswith(("#", "data:image/")) for place in places)
    assert "http" not in text.replace("http-equiv", "")
    assert "@import" not in text
    assert [url for url in re.findall(r"url\(([^)]*)", text) if not url.startswith("#")] == []
    names = {tag for tag, _ in read.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base"}
    assert not any(name.startswith("on") for _, found in read.elements for name in found)
    (policy,) = [found for _, found in read.elements if "http-equiv" in found]
    assert "default-src 'none'" in policy["content"]


def test_every_link_leads_somewhere_on_the_page():
    read = page(cohort())
    links = [place for place in read.attributes("href") if place.startswith("#")]
    assert links
    assert {link[1:] for link in links} <= read.ids()
    assert len(read.attributes("id")) == len(read.ids())


def test_tables_say_what_they_are_and_headers_what_they_head():
    read = page(cohort())
    assert len(read.tables) == 6
    assert all(table.caption for table in read.tables)
    scopes = {found.get("scope") for tag, found in read.elements if tag == "th"}
    assert scopes == {"col", "row"}
    assert all(found.get("alt") for tag, found in read.elements if tag == "img")


def test_pictures_are_in_the_page_byte_by_byte():
    read = page(cohort())
    pictures = [found for tag, found in read.elements if tag == "img"]
    assert [b64decode(one["src"].partition("base64,")[2]) for one in pictures] == [JPEG] * 3
    assert pictures[0]["alt"] == "P1, MR T1, outline of GTV_Mass"
    assert pictures[1]["alt"] == "P1, CT"


def test_images_without_picture_are_counted():
    read = page(cohort(cases=(case("P1", "A", image(), image("ct", picture=None)),)))
    assert "1 picture, with the outline" in read.text
    assert "1 image has none" in read.text


def test_checks_are_counted_by_outcome_and_every_failure_is_named():
    failed = CheckOutcome("missing-slices", passed=False, value="8 mm", rule="gaps <= 4.4 mm")
    unknown = replace(failed, passed=None)
    cases = (
        case("P1", "A", image(checks=(passed(), failed)), image("ct", checks=(unknown,))),
        case("P2", "A", image(checks=(passed(), replace(failed, passed=True)))),
    )
    read = page(cohort(cases=cases))
    assert read.table("Images by check").rows[1:] == [
        ["missing-slices", "1", "✗ 1", "1", "3"],
        ["slice-count", "2", "0", "0", "2"],
    ]
    assert read.table("Every check that failed").rows[1:] == [
        ["P1", "MR T1", "missing-slices", "8 mm", "gaps <= 4.4 mm"]
    ]


def test_warnings_and_failures_stand_with_their_case():
    warned = replace(cohort().cases[0], warnings=("first", "second"))
    read = page(cohort(cases=(warned, cohort().cases[1])))
    assert read.table("Cases with warnings").rows[1:] == [["P1", "firstsecond"]]
    assert read.table("Cases that are not").rows[1:] == [
        ["P3", "convert", "truncated", "the file ends too early."]
    ]


def test_the_flow_goes_on_to_what_became_of_the_selected():
    read = page(cohort())
    chart = read.text.partition("From cases considered")[2].partition("Cases by step")[0]
    assert re.findall(r"n = (\d+)", chart) == ["5", "3", "2", "2", "1"]  # main boxes, then beside
    assert "1  convert: truncated" in chart
    assert read.table("Cases by step").rows[1:] == [
        ["considered", "5"], ["no mr-t1", "\N{MINUS SIGN}2"], ["selected", "3"],
    ]  # fmt: skip


def test_cases_that_are_not_all_accounted_for_end_the_chart_at_the_selected():
    read = page(cohort(failures=()))
    assert "In the cohort" not in read.text


@pytest.mark.parametrize("counts", [(5, -2, 4), (5, 2, 7), (1, -2, -1)])
def test_a_flow_that_does_not_add_up_is_not_drawn(counts):
    steps = zip(("considered", "no mr-t1", "selected"), counts, strict=True)
    read = page(cohort(flow=tuple(ExclusionStep(*step) for step in steps)))
    assert "do not add up" in read.text
    assert not any(found.get("class") == "flow-chart" for _, found in read.elements)
    assert read.table("Cases by step").rows[2][0] == "no mr-t1"


def test_a_cohort_without_anything_has_a_page():
    read = page(CohortContent(()))
    assert totals(read)["cases"] == 0
    assert read.tables == []
    for said in ("No image was prepared", "No case is finished", "No case failed"):
        assert said in read.text


def test_what_could_not_be_read_is_said_at_the_top():
    read = page(cohort(notes=("flow.csv has no column 'step'.",)))
    assert "Not shown: flow.csv has no column" in read.text.partition("Exclusions")[0]


def test_the_same_cohort_gives_the_same_page():
    assert cohort_page(cohort()) == cohort_page(cohort())


def filled_with(text: str) -> CohortContent:
    """Put the text wherever the data may hold one."""
    one = PreparedImage(
        text,
        mask=Structure(text, 1.0),
        others=(Structure(text, 2.0),),
        parameters={"manufacturer": text, "kernel": text, "slice_thickness_mm": 1.0},
        checks=(CheckOutcome(text, passed=False, value=text, rule=text),),
        picture=JPEG,
    )
    another = replace(one, parameters={"slice_thickness_mm": 2.0})
    cases = tuple(
        PreparedCase(name, text, text, text, (shown,), (text,))
        for name, shown in (("P1", one), ("P2", another))
    )
    flow = (ExclusionStep(text, 4), ExclusionStep(text, -1), ExclusionStep(text, 3))
    failures = (FailedCase(text, text, text, text),)
    return CohortContent(cases, failures, flow, text, text, (text,))


def shape(content: CohortContent) -> list[tuple[str, tuple[str, ...]]]:
    """Elements of the page and the names of their attributes."""
    return [(tag, tuple(found)) for tag, found in page(content).elements]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_shown_and_change_nothing(text):
    made = cohort_page(filled_with(text))
    assert shape(filled_with(text)) == shape(filled_with("harmless"))
    made.encode("utf-8")
    assert not re.search("[\0\x1b\u202a-\u202e\u2066-\u2069]", made)
    visible = re.sub("[\0\x1b\ud800\u202e\u2066]", "\ufffd", text)
    assert visible in Page(made).text


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(), min_size=1).filter(str.strip))
def test_no_text_changes_the_shape_of_the_page(text):
    assert shape(filled_with(text)) == shape(filled_with("harmless"))
    cohort_page(filled_with(text)).encode("utf-8")
