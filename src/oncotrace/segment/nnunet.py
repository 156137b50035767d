"""A model that nnU-Net v2 has trained as one more segmenter, without clicks.

It is asked for as ``nnunet:FOLDER``. The mask and the probability are nnU-Net's own, on the grid of
the request's first image; other channels are resampled onto it.
"""

import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import InputError
from oncotrace.imaging.resample import resample_scan
from oncotrace.learning.nnunet_folder import NnunetFolder, nnunet_digest, read_nnunet_folder
from oncotrace.learning.nnunet_predict import NnunetPredictor, load_nnunet, tumour_probability

PREFIX = "nnunet:"
"""How the names of these segmenters begin; the folder follows."""

_AIR_HU = -1024.0
_KEPT_OPEN = 2


class NnunetSegmenter:
    """Segments with all folds of a trained model of nnU-Net, averaged."""

    def __init__(self, folder: NnunetFolder, predictor: NnunetPredictor) -> None:
        self._folder = folder
        self._predictor = predictor

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour on the grid of the request's first channel; clicks are ignored.

        Raises
        ------
        InputError
            The request lacks a channel of the model.
        """
        start = time.perf_counter()
        channels, grid = self._channels(request)
        inside, probability = tumour_probability(
            self._predictor, channels, grid.geometry.spacing_zyx_mm
        )
        folds = ", ".join(self._folder.checkpoints)
        return Segmentation(
            Mask(inside, grid.geometry),
            maker=f"nnU-Net {self._folder.name}",
            probability=probability,
            history=(f"nnU-Net, folds {folds}, without mirroring",),
            seconds={"predict": time.perf_counter() - start},
        )

    def _channels(self, request: SegmentationRequest) -> tuple[NDArray[np.float32], Scan]:
        """Images [c, z, y, x] in the model's order, and the one whose grid they lie on."""
        if not request.channels:
            raise InputError("there is no image to segment.", code="no-image")
        first = next(iter(request.channels.values()))
        names: tuple[Modality, ...] = self._folder.sequences
        if len(self._folder.channels) == 1 and not names:
            return first.voxels[np.newaxis], first  # its channel is called by a name of its own
        missing = [name for name in names if name not in request.channels]
        if missing or len(names) != len(self._folder.channels):
            raise InputError(
                f"the model of nnU-Net looks at {', '.join(self._folder.channels)}; "
                f"there is {', '.join(request.channels)}.",
                hint="Give every channel; call them as oncotrace does in the model's dataset.json.",
                code="missing-sequence",
            )
        return np.stack([_on(request.channels[name], first).voxels for name in names]), first


def is_nnunet(name: str) -> bool:
    """Whether a segmenter's name asks for a model of nnU-Net."""
    return name.startswith(PREFIX)


def nnunet_settings(name: str) -> dict[str, object]:
    """Return what a run records of the model: its complete path, and the digest of its files.

    Raises
    ------
    ModelError
        The folder is no trained model of nnU-Net.
    """
    folder = _folder_of(name).resolve()
    return {"model": f"{PREFIX}{folder}", "model_digest": nnunet_digest(folder)}


def nnunet_segmenter(name: str) -> NnunetSegmenter:
    """Segmenter of a folder; a process opens it once.

    Raises
    ------
    MissingDependencyError
        nnU-Net is not installed.
    ModelError
        The folder is no trained model of nnU-Net, or cannot be used safely.
    """
    folder = _folder_of(name).absolute()
    return _opened(folder, nnunet_digest(folder))


def nnunet_sequences(name: str) -> tuple[Modality, ...]:
    """Sequences that the model looks at; none where its channels are called otherwise.

    Raises
    ------
    ModelError
        The folder is no trained model of nnU-Net.
    """
    return read_nnunet_folder(_folder_of(name)).sequences


def _folder_of(name: str) -> Path:
    return Path(name.removeprefix(PREFIX))


@lru_cache(maxsize=_KEPT_OPEN)
def _opened(folder: Path, digest: str) -> NnunetSegmenter:  # noqa: ARG001  # opened anew if changed
    known = read_nnunet_folder(folder)
    return NnunetSegmenter(known, load_nnunet(known))


def _on(scan: Scan, first: Scan) -> Scan:
    if scan.geometry.matches(first.geometry):
        return scan
    outside = _AIR_HU if scan.modality == "ct" else 0.0
    return resample_scan(scan, first.geometry, interpolation="linear", outside=outside)
