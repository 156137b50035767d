"""The journey to nnU-Net: a cohort becomes a dataset of its raw format, with our folds.

The layout is that of nnU-Net v2 (``documentation/reference/dataset-format.md`` of its repository)::

    OUT/cases.csv                                         whose case is called what over there
    OUT/nnUNet_raw/DatasetNNN_Name/dataset.json
    OUT/nnUNet_raw/DatasetNNN_Name/imagesTr/ID_0000.nii.gz, ID_0001.nii.gz, ...
    OUT/nnUNet_raw/DatasetNNN_Name/labelsTr/ID.nii.gz
    OUT/nnUNet_raw/DatasetNNN_Name/imagesTs/              cases without an outline, if there are any
    OUT/nnUNet_preprocessed/DatasetNNN_Name/splits_final.json
    OUT/nnUNet_results/

References
----------
Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image
segmentation, Nat Methods 2021;18:203-211, doi:10.1038/s41592-020-01008-z.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import oncotrace
from oncotrace.atomic import refused_writes, write_text
from oncotrace.domain.case import Case
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import InputError, OncotraceError, SettingsError, TableError
from oncotrace.io.cohort_table import read_cohort, write_table
from oncotrace.io.folds_table import read_folds
from oncotrace.io.nnunet_cases import NAMES_FILE, nnunet_ids
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_scan, require_allowed_grids
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.pipeline.run.folder import require_new, whole_folder

RAW, PREPROCESSED, RESULTS = "nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"
"""Folders of the export, called as the environment variables in which nnU-Net looks for them."""

LABELS = {"background": 0, "tumour": 1}

_ENDING = ".nii.gz"
_DATASET = re.compile(r"Dataset\d{3}_[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


@dataclass(frozen=True)
class NnunetExport:
    """An export under way: each case's id as it is written; the folder appears after the last."""

    case_ids: Iterator[str]
    cases: int
    without_outline: int
    renamed: int


@dataclass(frozen=True)
class _Source:
    """A case of the dataset, under nnU-Net's name for it."""

    case: Case
    nnunet_id: str
    outlined: Modality | None
    """First sequence with an outline; none for a case that is only to be segmented."""


def export_nnunet(
    table: Path,
    out: Path,
    *,
    modalities: Sequence[Modality],
    folds: Path | None,
    dataset: str,
) -> NnunetExport:
    """Begin the dataset of a cohort; its cases are written as their ids are taken.

    Parameters
    ----------
    modalities
        Sequences, which become the channels in this order. Every case must have them all, on one
        grid; the outline is that of the first that has one.
    folds
        Table with the fold of every patient; none leaves the division to nnU-Net, which divides
        cases, not patients.
    dataset
        Name of the dataset: Dataset, three digits, an underscore and a name.

    Raises
    ------
    InputError
        A case lacks a sequence, its images or its outline lie on different grids, a file cannot be
        read, no case has an outline, or a patient has no fold.
    SettingsError
        The name is not one of nnU-Net's, or a fold has no case with an outline.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    require_new(out)
    if not _DATASET.fullmatch(dataset):
        raise SettingsError(
            f"{dataset!r} is no name of a dataset of nnU-Net.",
            hint="Write Dataset, three digits, an underscore and a name: Dataset501_Sarcoma.",
            code="dataset-name",
        )
    sources = _sources(table, modalities)
    fold_of = None if folds is None else read_folds(folds)
    splits = None if fold_of is None else _splits(sources, fold_of)
    return NnunetExport(
        _written(sources, out, tuple(modalities), dataset, fold_of, splits),
        len(sources),
        sum(source.outlined is None for source in sources),
        sum(source.nnunet_id != source.case.case_id for source in sources),
    )


def _sources(table: Path, modalities: Sequence[Modality]) -> list[_Source]:
    cases = read_cohort(table).cases
    for case in cases:
        for name in modalities:
            file_of(case, case.images, name, "image")
    ids = nnunet_ids([case.case_id for case in cases])
    sources = [
        _Source(
            case,
            ids[case.case_id],
            next((name for name in modalities if name in case.masks), None),
        )
        for case in cases
    ]
    if all(source.outlined is None for source in sources):
        raise InputError(
            "no case has an outline on one of the sequences.",
            hint="Fill the column mask_<sequence>.",
            code="no-training-cases",
        )
    return sources


def _splits(sources: Sequence[_Source], fold_of: Mapping[str, int]) -> list[dict[str, list[str]]]:
    """Content of ``splits_final.json``: for each fold, who is trained on and who is left out."""
    fold_by_id = {}
    for source in sources:
        if source.outlined is not None:
            if source.case.patient_id not in fold_of:
                raise TableError(
                    "the folds table has no fold for the patient of this case.",
                    hint="Add the patient, or leave the case out of the cohort.",
                    case_id=source.case.case_id,
                    code="patient-without-fold",
                )
            fold_by_id[source.nnunet_id] = fold_of[source.case.patient_id]
    splits = [
        {
            "train": [name for name, of in fold_by_id.items() if of != fold],
            "val": [name for name, of in fold_by_id.items() if of == fold],
        }
        for fold in range(max(fold_of.values()) + 1)
    ]
    for fold, split in enumerate(splits):
        if not split["val"] or not split["train"]:
            raise SettingsError(
                f"fold {fold} leaves {len(split['val'])} of the {len(fold_by_id)} cases with an "
                "outline out; nnU-Net counts its folds from 0 and can train none of them so.",
                hint="Number the folds from 0 without a gap and give each some patients.",
                code="empty-fold",
            )
    return splits


def _written(
    sources: Sequence[_Source],
    out: Path,
    modalities: tuple[Modality, ...],
    dataset: str,
    fold_of: Mapping[str, int] | None,
    splits: list[dict[str, list[str]]] | None,
) -> Iterator[str]:
    with whole_folder(out) as folder:
        raw = folder / RAW / dataset
        for source in sources:
            try:
                _write_case(source, raw, modalities)
            except OncotraceError as error:
                raise error.for_case(source.case.case_id) from error
            yield source.case.case_id
        _write_json(raw / "dataset.json", _description(sources, modalities, dataset))
        if splits is not None:
            _write_json(folder / PREPROCESSED / dataset / "splits_final.json", splits)
        write_table(_names(sources, fold_of), folder / NAMES_FILE)
        with refused_writes(out.name):
            for name in (PREPROCESSED, RESULTS):
                (folder / name).mkdir(exist_ok=True)


def _write_case(source: _Source, raw: Path, modalities: tuple[Modality, ...]) -> None:
    case, name = source.case, source.nnunet_id
    scans = {m: load_scan(file_of(case, case.images, m, "image"), m).scan for m in modalities}
    require_allowed_grids(scans, "refuse")
    grid = scans[modalities[0]].geometry
    images = "imagesTs"
    if source.outlined is not None:
        images = "imagesTr"
        mask = _outline(case, source.outlined, scans[modalities[0]])
        write_mask(mask, raw / "labelsTr" / f"{name}{_ENDING}")
    for channel, scan in enumerate(scans.values()):
        # On exactly one grid, since nnU-Net compares their headers.
        exact = Scan(scan.voxels, grid, scan.modality)
        write_scan(exact, raw / images / f"{name}_{channel:04d}{_ENDING}")


def _outline(case: Case, modality: Modality, scan: Scan) -> Mask:
    """Outline on exactly the image's grid, since nnU-Net compares their headers."""
    mask = load_case_mask(case, modality).mask
    mask.geometry.require_match(scan.geometry, this=f"{modality} mask", that="image")
    mask.require_not_empty()
    return Mask(mask.voxels, scan.geometry)


def _description(
    sources: Sequence[_Source], modalities: tuple[Modality, ...], dataset: str
) -> dict[str, object]:
    """Content of ``dataset.json``; nnU-Net knows ``ct`` by name and normalises it by HU."""
    return {
        "channel_names": {str(channel): name for channel, name in enumerate(modalities)},
        "labels": LABELS,
        "numTraining": sum(source.outlined is not None for source in sources),
        "file_ending": _ENDING,
        "overwrite_image_reader_writer": "SimpleITKIO",
        "name": dataset,
        "converted_by": f"oncotrace {oncotrace.__version__}",
    }


def _names(
    sources: Sequence[_Source], fold_of: Mapping[str, int] | None
) -> list[dict[str, object]]:
    return [
        {
            "nnunet_id": source.nnunet_id,
            "case_id": source.case.case_id,
            "patient_id": source.case.patient_id,
            "set": "test" if source.outlined is None else "training",
            "fold": None if fold_of is None else fold_of.get(source.case.patient_id),
        }
        for source in sources
    ]


def _write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
