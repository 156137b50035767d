"""How a preparation ends: with the checks of all cases in one table, and with the report."""

from collections.abc import Iterator
from pathlib import Path

from oncotrace.curate.cohort_checks import identical_pixels
from oncotrace.domain.case import Case, Cohort
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.check import WORDS
from oncotrace.pipeline.cohort_report import CHECK_COLUMNS, CHECKS_FILE, write_cohort_report
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.folder import read_json


def conclude(out: Path, cohort: Cohort, skip: tuple[str, ...]) -> None:
    """Write the table of checks and the report anew, from what the folders of the cases hold.

    Parameters
    ----------
    skip
        Checks that are not made.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    rows: list[dict[str, object]] = []
    digests: dict[str, str] = {}
    images: dict[str, tuple[str, str]] = {}
    for case in cohort.cases:
        for name, image in _images_of(case, out):
            key = f"{case.case_id} {name}"
            images[key] = (case.case_id, name)
            digests[key] = str(image.get("voxels_sha256"))
            flags = image.get("flags")
            rows += [
                {"case_id": case.case_id, "image": name, **flag, "passed": WORDS[flag["passed"]]}
                for flag in (flags if isinstance(flags, list) else ())
            ]
    for key, flag in identical_pixels(digests).items():
        if flag.check not in skip:
            case_id, name = images[key]
            found = {"passed": WORDS[flag.passed], "value": flag.value, "rule": flag.rule}
            rows.append({"case_id": case_id, "image": name, "check": flag.check, **found})
    write_table(rows, out / CHECKS_FILE, columns=CHECK_COLUMNS, replace=True)
    write_cohort_report(out)


def _images_of(case: Case, out: Path) -> Iterator[tuple[str, dict[str, object]]]:
    folder = out / "cases" / case.case_id
    if not folder.is_dir():
        return
    images = read_json(folder / RESULT_FILE).get("images")
    yield from (images if isinstance(images, dict) else {}).items()
