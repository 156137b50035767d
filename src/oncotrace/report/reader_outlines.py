"""How several readers' outlines agree: tables, text and figures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from oncotrace.imaging.reader_pairs import ReaderPair
from oncotrace.report.chart import Drawing
from oncotrace.report.reader_agreement import MeasuredAgreement
from oncotrace.report.reader_intervals import NamedValue, intervals_drawing
from oncotrace.report.reader_tables import measured_result, measured_tables
from oncotrace.report.reader_text import counted, measured_text
from oncotrace.stats.usable import listed

Row = dict[str, object]
_PairOfCase = tuple[str, str, ReaderPair]  # case, reader whose repeats these are or nothing, pair


@dataclass(frozen=True)
class Unusable:
    """An outline, or with an empty reader a whole case, that could not be used, and why."""

    case: str
    reader: str
    code: str
    message: str


@dataclass(frozen=True, eq=False)
class CaseOutlines:
    """What is kept of a case: pairs of outlines, and how readers agree with their consensus.

    Parameters
    ----------
    pairs
        First outlines of two readers.
    repeats
        Outlines of one reader, in pairs, by reader; the names in them are those of the repeats.
    readers
        Figures of each reader: volume, and sensitivity, specificity and Dice against STAPLE.
    consensus
        Volumes of STAPLE, of the majority and within the contours, by name; empty without
        consensus.
    empty
        Readers who have outlined nothing.
    """

    case: str
    pairs: Sequence[ReaderPair]
    repeats: Mapping[str, Sequence[ReaderPair]]
    readers: Mapping[str, Mapping[str, float]]
    consensus: Mapping[str, float]
    empty: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class OutlineAgreement:
    """Agreement of readers over all cases.

    Parameters
    ----------
    reader_tolerance_mm
        Within which 95 % of the readers' surfaces lie; nothing without two outlines of one case.
    tolerance_mm
        Of the surface Dice: the one that was asked for, else the readers' own.
    volumes
        Agreement on the volume.
    """

    cases: tuple[CaseOutlines, ...]
    reader_tolerance_mm: float | None
    tolerance_mm: float | None
    volumes: MeasuredAgreement
    unusable: tuple[Unusable, ...]


def outline_tables(found: OutlineAgreement) -> dict[str, Sequence[Row]]:
    """Tables of agreement on outlines, by name."""
    volumes = measured_tables(found.volumes)
    tables: dict[str, Sequence[Row]] = {
        "pairs": [_pair_row(found, *one) for one in _all_pairs(found)],
        "readers": [
            {"case": case.case, "reader": name, **figures}
            for case in found.cases
            for name, figures in case.readers.items()
        ],
        "consensus": [{"case": case.case, **case.consensus} for case in found.cases],
        **{f"volume_{name}": rows for name, rows in volumes.items()},
    }
    if found.unusable:
        tables["failures"] = [asdict(one) for one in found.unusable]
    return {name: rows for name, rows in tables.items() if rows}


def outline_result(found: OutlineAgreement) -> Row:
    """Agreement on outlines as plain JSON values; what is not defined is null."""
    return {
        "n_cases": len(found.cases),
        "n_pairs": sum(len(case.pairs) for case in found.cases),
        "reader_tolerance_mm": found.reader_tolerance_mm,
        "tolerance_mm": found.tolerance_mm,
        "dice": _spread([pair.voxels.dice for case in found.cases for pair in case.pairs]),
        "dice_of_repeats": _spread(
            [
                pair.voxels.dice
                for case in found.cases
                for pairs in case.repeats.values()
                for pair in pairs
            ]
        ),
        "pairs": [_pair_row(found, *one) for one in _all_pairs(found)],
        "readers": _reader_means(found),
        "consensus": {case.case: dict(case.consensus) for case in found.cases},
        "empty": [f"case {case.case} by {name}" for case in found.cases for name in case.empty],
        "unusable": [asdict(one) for one in found.unusable],
        "volume": measured_result(found.volumes),
    }


def outline_text(found: OutlineAgreement) -> str:
    """Agreement on outlines in words."""
    scores = [pair.voxels.dice for case in found.cases for pair in case.pairs]
    lines = [
        f"Outlines of {counted(len(found.cases), 'case')}: {counted(len(scores), 'pair')} of "
        "readers."
    ]
    if found.unusable:
        named = [
            f"case {one.case}{f' by {one.reader}' if one.reader else ''}: {one.message}"
            for one in found.unusable
        ]
        lines.append(f"Left out: {len(named)}.")
        lines += [f"  {one}" for one in named]
    if empty := [f"case {case.case} by {name}" for case in found.cases for name in case.empty]:
        lines.append(
            f"Nothing outlined: {listed(empty)}. Dice with these is 0, and no distance exists."
        )
    lines += [f"Dice of two readers: {text}." for text in _spread_text(scores)]
    repeated = [p.voxels.dice for c in found.cases for pairs in c.repeats.values() for p in pairs]
    lines += [f"Dice of one reader's repeats: {text}." for text in _spread_text(repeated)]
    if found.reader_tolerance_mm is not None:
        lines.append(
            f"95 % of the readers' surfaces lie within {found.reader_tolerance_mm:.2f} mm of each "
            "other (tolerance for a surface Dice)."
        )
    for name, figures in _reader_means(found).items():
        lines.append(
            f"  {name}: sensitivity {figures['sensitivity']:.3f}, specificity "
            f"{figures['specificity']:.3f}, Dice {figures['dice_with_staple']:.3f} against STAPLE "
            f"(mean of {counted(int(figures['cases']), 'case')})."
        )
    return "\n".join([*lines, "", "Volumes in ml:", measured_text(found.volumes)])


def dice_drawing(found: OutlineAgreement) -> Drawing | None:
    """Median Dice of each pair of readers, and its range over the cases."""
    scores: dict[str, list[float]] = {}
    for case in found.cases:
        for pair in case.pairs:
            scores.setdefault(f"{pair.first} and {pair.second}", []).append(pair.voxels.dice)
    values = [
        NamedValue(name, float(np.median(some)), (min(some), max(some)) if len(some) > 1 else None)
        for name, some in scores.items()
    ]
    return intervals_drawing(values, quantity="Dice: median and range", title="Pairs of readers")


def _all_pairs(found: OutlineAgreement) -> Iterator[_PairOfCase]:
    for case in found.cases:
        yield from ((case.case, "", pair) for pair in case.pairs)
        for reader, pairs in case.repeats.items():
            yield from ((case.case, reader, pair) for pair in pairs)


def _pair_row(found: OutlineAgreement, case: str, reader: str, pair: ReaderPair) -> Row:
    voxels, surfaces = pair.voxels, pair.surfaces
    volumes_ml = [count * voxels.voxel_volume_mm3 / 1000 for count in (
        voxels.in_mask, voxels.in_reference)]  # fmt: skip
    tolerance_mm = found.tolerance_mm
    first, second = (f"{reader}, {name}" if reader else name for name in (pair.first, pair.second))
    row: Row = {
        "case": case,
        "kind": "intra" if reader else "inter",
        "first": first,
        "second": second,
        "dice": voxels.dice,
        "jaccard": voxels.jaccard,
        "hd95_mm": surfaces.hausdorff_mm(95),
        "assd_mm": surfaces.assd_mm(),
        "surface_dice": None if tolerance_mm is None else surfaces.surface_dice(tolerance_mm),
        "first_volume_ml": volumes_ml[0],
        "second_volume_ml": volumes_ml[1],
    }
    # Of an empty outline no distance exists: an empty cell here, and named in the text.
    return {
        name: None if isinstance(value, float) and math.isinf(value) else value
        for name, value in row.items()
    }


def _reader_means(found: OutlineAgreement) -> dict[str, dict[str, float]]:
    """Means over the cases of what each reader has against STAPLE, and of how many."""
    of_reader: dict[str, list[Mapping[str, float]]] = {}
    for case in found.cases:
        for name, figures in case.readers.items():
            if "sensitivity" in figures:
                of_reader.setdefault(name, []).append(figures)
    names = ("sensitivity", "specificity", "dice_with_staple")
    return {
        reader: {
            "cases": float(len(some)),
            **{name: float(np.mean([figures[name] for figures in some])) for name in names},
        }
        for reader, some in of_reader.items()
    }


def _spread(scores: Sequence[float]) -> Row | None:
    if not scores:
        return None
    low, q1, median, q3, high = np.percentile(scores, (0, 25, 50, 75, 100)).tolist()
    return {
        "n": len(scores),
        "mean": float(np.mean(scores)),
        "median": median,
        "q1": q1,
        "q3": q3,
        "least": low,
        "greatest": high,
    }


def _spread_text(scores: Sequence[float]) -> list[str]:
    """Median and range in words; nothing without scores."""
    if not scores:
        return []
    return [
        f"median {np.median(scores):.3f}, range {min(scores):.3f} to {max(scores):.3f} "
        f"({counted(len(scores), 'pair')})"
    ]
