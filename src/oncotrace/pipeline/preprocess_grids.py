"""Grids of other images that a pre-processing resamples to: sequences of the case, or files."""

from collections.abc import Mapping
from pathlib import Path

from oncotrace.curate.preprocess_settings import Preprocessing
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import MODALITIES, Modality
from oncotrace.errors import InputError
from oncotrace.pipeline.inputs import load_scan


def grid_files(preprocessing: Preprocessing, images: Mapping[Modality, Path]) -> dict[str, Path]:
    """Files of the grids, by what the steps call them.

    Parameters
    ----------
    images
        Of the case by sequence; none where one image is pre-processed by itself. Its grids are then
        files; that another sequence is not there is said when the first step begins.

    Raises
    ------
    InputError
        The case does not have the sequence.
    """
    files = {}
    by_name = {str(name): path for name, path in images.items()}
    for name in preprocessing.grids:
        if name not in MODALITIES:
            files[name] = Path(name)
        elif name in by_name:
            files[name] = by_name[name]
        elif images:
            raise InputError(
                f"the case has no image_{name}, to whose grid its images are resampled.",
                hint="Leave the case out, or choose another grid.",
                code="missing-file",
            )
    return files


def read_grids(files: Mapping[str, Path]) -> dict[str, Geometry]:
    """Return the grids of files.

    Raises
    ------
    InputError
        One cannot be read.
    """
    return {name: load_scan(file, pet_units="stored").scan.geometry for name, file in files.items()}


def grid_roles(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files by their role among the inputs of a case."""
    return {f"grid_{number}": file for number, file in enumerate(files.values(), start=1)}
