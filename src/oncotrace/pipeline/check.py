"""The checking journey: an inventory in, what is wrong with its series out.

Headers tell most; with the images at hand their voxels and masks are looked at, too.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.cohort_checks import checked_cohort, identical_pixels
from oncotrace.curate.flag import Flag
from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.series import Series
from oncotrace.curate.series_checks import checked_series
from oncotrace.curate.voxel_checks import flip_flag, image_flags, mask_flags
from oncotrace.domain.scan import MODALITIES, Modality
from oncotrace.errors import OncotraceError
from oncotrace.io.cohort_table import write_table
from oncotrace.io.table_rows import read_named_rows
from oncotrace.pipeline.inputs import LoadedScan, load_mask, load_scan
from oncotrace.pipeline.new_files import require_absent

COLUMNS = ("patient_id", "study_uid", "series_uid", "check", "passed", "value", "rule")
WORDS = {True: "yes", False: "no", None: "unknown"}

Flags = dict[str, list[Flag]]
"""Flags by series UID."""


@dataclass(frozen=True)
class LookedAt:
    """One series of images whose voxels were looked at; ``done`` of ``total`` so far."""

    done: int
    total: int


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
        Folder or archive that the inventory was made of. Without it no voxel is looked at.

    Raises
    ------
    TableError
        The inventory cannot be read.
    OutputError
        ``out`` exists, or cannot be written.
    """
    require_absent([out])
    series = read_inventory(table)
    flags = header_flags(series, rules)
    if images is not None:
        yield from _look_at_voxels(series, images, rules, flags)
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
        for flag in flags[one.series_uid]
    ]
    write_table(rows, out, columns=COLUMNS)
    yield summarised(flags, len(series))


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


def _look_at_voxels(
    series: Sequence[Series], images: Path, rules: CheckRules, flags: Flags
) -> Iterator[LookedAt]:
    """Read every volume once; the first of a frame of reference tells left from right."""
    volumes = [one for one in series if one.holds_pixels and one.modality in ("CT", "MR", "PT")]
    outlines = {one.series_uid: one for one in series if one.modality in ("RTSTRUCT", "SEG")}
    first: dict[str, LoadedScan] = {}
    digests: dict[str, str] = {}
    for done, one in enumerate(volumes, start=1):
        loaded = _read(one, images, flags[one.series_uid])
        if loaded is not None:
            digests[one.series_uid] = hashlib.sha256(loaded.scan.voxels.tobytes()).hexdigest()
            made = list(image_flags(loaded.scan, rules.limits))
            other = first.setdefault(one.frame_of_reference_uid or one.series_uid, loaded)
            if other is not loaded and (flip := flip_flag(loaded.scan, other.scan, rules.limits)):
                made.append(flip)
            flags[one.series_uid] += [flag for flag in made if flag.check not in rules.skip]
            for uid in one.referred_by:
                if uid in outlines:
                    flags[uid] += _outline_flags(outlines[uid], loaded, images, rules)
        yield LookedAt(done, len(volumes))
    for uid, flag in identical_pixels(digests).items():
        if flag.check not in rules.skip:
            flags[uid].append(flag)


def _read(series: Series, images: Path, flags: list[Flag]) -> LoadedScan | None:
    """Read a volume; that this cannot be done is a flag of its own."""
    known: dict[str, Modality] = {name: name for name in MODALITIES}
    rule = "its images make one volume"
    try:
        loaded = load_scan(
            images / series.folder, known.get(series.modality_name), series.series_uid
        )
    except OncotraceError as error:
        flags.append(Flag("readable", False, f"{error.code}: {error.message}", rule))
        return None
    flags.append(Flag("readable", True, loaded.scan.geometry.describe(), rule))
    return loaded


def _outline_flags(
    outlines: Series, image: LoadedScan, images: Path, rules: CheckRules
) -> Iterator[Flag]:
    """Yield the flags of every structure of a structure set or segmentation."""
    folder = images / outlines.folder
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    if len(files) != 1:
        value = f"{len(files)} files in its folder"
        yield Flag("readable", None, value, "one file in a folder of its own")
        return
    for name in outlines.structures:
        try:
            mask = load_mask(files[0], image=image, region=name).mask
        except OncotraceError as error:
            said = f"{name}: {error.code}: {error.message}"
            yield Flag("readable", False, said, "its outlines make a mask of the image")
            continue
        for flag in mask_flags(mask, image.scan, rules.limits):
            if flag.check not in rules.skip:
                yield Flag(flag.check, flag.passed, f"{name}: {flag.value}", flag.rule)
