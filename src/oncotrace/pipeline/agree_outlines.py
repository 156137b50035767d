"""One case that several readers have outlined: read, compared in pairs, and brought together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, InputError, OncotraceError, SettingsError
from oncotrace.imaging.consensus import AGREEMENT_SHARES, Staple, agreement_mask, majority, staple
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.reader_pairs import ReaderPair, reader_pairs
from oncotrace.io.volume_file import is_volume_file, read_labels
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.inputs import LoadedScan, load_mask, load_scan
from oncotrace.report.reader_outlines import CaseOutlines, Unusable

Labels = frozenset[int] | None
"""Which values of a file with several are the structure; none for files that hold one."""

EVERY_LABEL: frozenset[int] = frozenset(range(1, 256))

_Reading = tuple[str, str]  # reader, repeat


@dataclass(frozen=True)
class OutlineFiles:
    """Files of one case: a mask by reader and repeat, and the image if one is named."""

    case: str
    masks: Mapping[_Reading, Path]
    image: Path | None = None


@dataclass(frozen=True, eq=False)
class Consensus:
    """What readers' first outlines of a case make together, on their grid."""

    staple: Staple
    majority: Mask
    contours: Mapping[float, Mask]

    def masks(self) -> dict[str, Mask]:
        """Every mask by the name of its file."""
        contours = {f"agreement_{100 * share:.0f}": mask for share, mask in self.contours.items()}
        return {"staple": self.staple.mask, "majority": self.majority, **contours}


@dataclass(frozen=True, eq=False)
class OutlinedCase:
    """A case with the outlines that could be read.

    Parameters
    ----------
    first
        Each reader's first outline.
    volumes_ml
        By reader and repeat.
    kept
        What is needed of it once the masks are forgotten.
    consensus
        Nothing if fewer than two readers, or none of them, outlined anything.
    unusable
        Outlines left out.
    """

    case: str
    first: Mapping[str, Mask]
    volumes_ml: Mapping[_Reading, float]
    kept: CaseOutlines
    consensus: Consensus | None
    scan: Scan | None
    unusable: tuple[Unusable, ...]


def outlined_case(files: OutlineFiles, repeats: Sequence[str], labels: Labels) -> OutlinedCase:
    """Read the outlines of a case and compare them.

    An outline that cannot be read, or lies on another grid than the first one, is left out and
    named; the others are compared.

    Parameters
    ----------
    repeats
        Names of all repeats, the first one first.

    Raises
    ------
    InputError
        The image cannot be read.
    """
    image = load_scan(files.image, pet_units="stored") if files.image is not None else None
    masks, unusable = _read_all(files, labels, image)
    first = {reader: mask for (reader, repeat), mask in masks.items() if repeat == repeats[0]}
    consensus = _consensus(list(first.values()))
    volumes_ml = {key: volume_ml(mask) for key, mask in masks.items()}
    kept = CaseOutlines(
        case=files.case,
        pairs=reader_pairs(first),
        repeats=_repeat_pairs(masks),
        readers={
            reader: {"volume_ml": volumes_ml[reader, repeats[0]], **figures}
            for reader, figures in _against_staple(first, consensus).items()
        },
        consensus={
            f"{name}_ml": volume_ml(mask)
            for name, mask in (consensus.masks() if consensus else {}).items()
        },
        empty=tuple(reader for reader, mask in first.items() if mask.is_empty),
    )
    return OutlinedCase(
        case=files.case,
        first=first,
        volumes_ml=volumes_ml,
        kept=kept,
        consensus=consensus,
        scan=None if image is None else image.scan,
        unusable=tuple(unusable),
    )


def labels_named(text: str | None) -> Labels:
    """Return the labels that ``all`` or ``1,4`` mean.

    Raises
    ------
    SettingsError
        It is neither.
    """
    if text is None:
        return None
    if text == "all":
        return EVERY_LABEL
    numbers = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) < 256 for part in numbers):
        raise SettingsError(
            f"--label is all, or whole numbers from 1 to 255 with commas, not {text!r}.",
            code="unknown-label",
        )
    return frozenset(map(int, numbers))


def read_outline(path: Path, labels: Labels, image: LoadedScan | None = None) -> Mask:
    """Mask in a file, or of these labels of a file with several.

    Raises
    ------
    InputError
        The file cannot be read, is not on the image's grid, or holds several structures and none
        is named.
    """
    if labels is None:
        return load_mask(path, image=image).mask
    if not path.exists():
        raise InputError(f"there is no file {path.name}.", code="missing-file")
    if not is_volume_file(path):
        raise SettingsError(
            f"--label is for volume files, {path.name} is none.", code="unknown-label"
        )
    values, grid = read_labels(path)
    mask = Mask(np.isin(values, list(labels)), grid)
    if image is not None:
        mask.geometry.require_match(image.scan.geometry, this="mask", that="image")
    return mask


def _read_all(
    files: OutlineFiles, labels: Labels, image: LoadedScan | None
) -> tuple[dict[_Reading, Mask], list[Unusable]]:
    """Every outline that can be read and lies on the first one's grid, and the others."""
    masks: dict[_Reading, Mask] = {}
    unusable = []
    for (reader, repeat), path in files.masks.items():
        try:
            mask = read_outline(path, labels, image)
            for known in list(masks.values())[:1]:
                mask.geometry.require_match(known.geometry, this="mask", that="first mask")
        except OncotraceError as error:
            named = f"{reader}, {repeat}" if repeat else reader
            unusable.append(Unusable(files.case, named, error.code, error.message))
        else:
            masks[reader, repeat] = mask
    return masks, unusable


def _consensus(masks: Sequence[Mask]) -> Consensus | None:
    if len(masks) < 2:
        return None
    try:
        estimate = staple(masks)
    except EmptyMaskError:
        return None
    contours = {share: agreement_mask(masks, share) for share in AGREEMENT_SHARES}
    return Consensus(estimate, majority(masks), contours)


def _against_staple(
    first: Mapping[str, Mask], consensus: Consensus | None
) -> dict[str, dict[str, float]]:
    """Sensitivity, specificity and Dice of each reader; without consensus nothing of each."""
    if consensus is None:
        return {reader: {} for reader in first}
    found = consensus.staple
    return {
        reader: {
            "sensitivity": found.sensitivities[place],
            "specificity": found.specificities[place],
            "dice_with_staple": dice(mask, found.mask),
        }
        for place, (reader, mask) in enumerate(first.items())
    }


def _repeat_pairs(masks: Mapping[_Reading, Mask]) -> dict[str, list[ReaderPair]]:
    """Outlines of one reader, every unordered pair once."""
    of_reader: dict[str, dict[str, Mask]] = {}
    for (reader, repeat), mask in masks.items():
        of_reader.setdefault(reader, {})[repeat] = mask
    return {reader: reader_pairs(some) for reader, some in of_reader.items() if len(some) > 1}
