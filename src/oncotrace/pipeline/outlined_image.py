"""An image of a cohort with everything that is outlined on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.case import Case
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.pipeline.listed_structures import listed_structures


@dataclass(frozen=True, eq=False)
class OutlinedImage:
    """An image, its mask if it has one, and further structures, all on one grid.

    Parameters
    ----------
    structure
        Name of what the mask outlines.
    others
        Further structures by name.
    notes
        What the readers noted.
    """

    scan: Scan
    mask: Mask | None
    structure: str
    others: Mapping[str, Mask]
    notes: tuple[str, ...] = ()

    def volumes_ml(self) -> dict[str, float]:
        """Volume of every structure by name, the mask's first."""
        masks = {} if self.mask is None else {self.structure: self.mask}
        return {name: volume_ml(mask) for name, mask in {**masks, **self.others}.items()}


def image_files(case: Case, sequence: Modality, cohort_folder: Path) -> dict[str, Path]:
    """Files that `load_outlined` reads, by role.

    Raises
    ------
    InputError
        See `oncotrace.pipeline.listed_structures.listed_structures`.
    """
    files = {f"image_{sequence}": case.images[sequence]}
    if sequence in case.masks:
        files[f"mask_{sequence}"] = case.masks[sequence]
    others = listed_structures(case, sequence, cohort_folder).others
    return files | {f"mask_{sequence} {name}": file for name, file in others.items()}


def load_outlined(case: Case, sequence: Modality, cohort_folder: Path) -> OutlinedImage:
    """Read an image of a case, its mask, and the structures that a prepared cohort lists.

    Parameters
    ----------
    cohort_folder
        Folder of the cohort's table, whose ``cases`` may list further structures.

    Raises
    ------
    InputError
        A file is missing or cannot be read.
    GeometryMismatchError
        A mask is not on the image's grid.
    """
    listed = listed_structures(case, sequence, cohort_folder)
    image = load_scan(case.images[sequence], sequence)
    others = {name: load_mask(file, image=image).mask for name, file in listed.others.items()}
    if sequence not in case.masks:
        return OutlinedImage(image.scan, None, listed.name, others, image.notes)
    found = load_mask(case.masks[sequence], image=image)
    notes = (*image.notes, *found.notes)
    return OutlinedImage(image.scan, found.mask, found.name or listed.name, others, notes)
