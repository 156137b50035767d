"""The checking journey: an inventory in, what is wrong with its series out.

Headers tell most; with the images at hand their voxels and masks are looked at, too.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.curate.check_names import require_known
from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.cohort_checks import checked_cohort
from oncotrace.curate.flag import Flag
from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.series import Series
from oncotrace.curate.series_checks import checked_series
from oncotrace.io.cohort_table import write_table
from oncotrace.io.table_rows import read_named_rows
from oncotrace.pipeline.check_voxels import LookedAt, SeriesFiles, VoxelChecks
from oncotrace.pipeline.inventory import index_of
from oncotrace.pipeline.new_files import require_absent

COLUMNS = ("patient_id", "study_uid", "series_uid", "check", "passed", "value", "rule")
WORDS = {True: "yes", False: "no", None: "unknown"}

Flags = dict[str, list[Flag]]
"""Flags by series UID."""


@dataclass(frozen=True)
class CheckSummary:
    """How many series were checked, and the outcomes of each check: yes, no, unknown."""

    series: int
    failed_series: int
    outcomes: Mapping[str, Mapping[str, int]]


def check_inventory(
    table: Path, out: Path, *, rules: CheckRules, images: Path | None = None
) -> Iterator[LookedAt | CheckSummary]:
    """Check every series of an inventory and write a line per check; the summary comes last.

    Parameters
    ----------
    images
        Folder or archive that the inventory was made of. Without it no voxel is looked at. The
        index beside ``table`` says where the files of a series lie.

    Raises
    ------
    SettingsError
        What the rules skip is no check.
    TableError
        The inventory cannot be read.
    OutputError
        ``out`` exists, or cannot be written.
    """
    require_known(rules)
    require_absent([out])
    series = read_inventory(table)
    flags = header_flags(series, rules)
    if images is not None:
        index = index_of(table)
        files = SeriesFiles(images, index if index.is_file() else None)
        for found in VoxelChecks(files, rules.limits).look_at(series):
            if isinstance(found, LookedAt):
                yield found
            elif found[1].check not in rules.skip:
                flags[found[0]].append(found[1])
    write_flags(series, flags, out)
    yield summarised(flags, len(series))


def write_flags(series: Sequence[Series], flags: Flags, out: Path) -> None:
    """Write a line per series and check.

    Raises
    ------
    OutputError
        ``out`` exists, or cannot be written.
    """
    rows = [
        {
            "patient_id": one.patient_id,
            "study_uid": one.study_uid,
            "series_uid": one.series_uid,
            "check": flag.check,
            "passed": WORDS[flag.passed],
            "value": flag.value,
            "rule": flag.rule,
        }
        for one in series
        for flag in flags.get(one.series_uid, ())
    ]
    write_table(rows, out, columns=COLUMNS)


def header_flags(series: Sequence[Series], rules: CheckRules) -> Flags:
    """Return the flags of all series by what their headers say."""
    flags: Flags = defaultdict(list)
    for one in series:
        flags[one.series_uid] += checked_series(one, rules)
    for uid, more in checked_cohort(series, rules.skip).items():
        flags[uid] += more
    return flags


def read_flags(path: Path) -> Flags:
    """Return the flags in a table that `check_inventory` has written.

    Raises
    ------
    TableError
        It is missing or something else.
    """
    passed = {word: value for value, word in WORDS.items()}
    flags: Flags = defaultdict(list)
    for row in read_named_rows(path, required=COLUMNS):
        flag = Flag(row["check"], passed.get(row["passed"]), row["value"], row["rule"])
        flags[row["series_uid"]].append(flag)
    return flags


def summarised(flags: Flags, series: int) -> CheckSummary:
    """Count the outcomes of every check."""
    outcomes: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(WORDS.values(), 0))
    for flag in (flag for of_series in flags.values() for flag in of_series):
        outcomes[flag.check][WORDS[flag.passed]] += 1
    failed = sum(any(flag.passed is False for flag in some) for some in flags.values())
    return CheckSummary(series, failed, outcomes)
