"""Mutated DICOM files are read right or reported: no crash, no hang, no flood of memory."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openjpeg.utils import decode
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from tests.integration.dicom_mutations import MUTATIONS
from tests.unit.io.dicom_factory import GRID, enhanced, series, values, write, write_series
from tests.unit.io.rtstruct_factory import RegionSpec, contours_from_indices, write_rtstruct

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_seg import TumourSegment, write_segmentation
from oncotrace.io.dicom_source import read_source

WORKERS = 2
SECONDS = 5.0
START_SECONDS = 120.0
PEAK_MB = 1024
LARGER = Geometry((40, 36, 3), (0.7, 0.9, 2.5))  # JPEG 2000 needs a few pixels
SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg-ls": JPEGLSLossless,
    "jpeg-2000": JPEG2000Lossless,
}


@dataclass(frozen=True)
class Original:
    """A source that can be read, and the file of it that is mutated."""

    kind: str
    source: Path
    file: Path
    voxels: np.ndarray | None = None


class Reader:
    """A process that reads; killed and started again when it takes longer than it may."""

    def __init__(self) -> None:
        self._start()

    def ask(self, kind: str, source: Path) -> dict[str, Any]:
        """What became of a source; a hang or the end of the process is an outcome, too."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([kind, str(source)]) + "\n")
        self._process.stdin.flush()
        try:
            line = self._answers.get(timeout=SECONDS)
        except queue.Empty:
            line = None
        if line:
            return json.loads(line)
        died = self._process.poll() is not None or line == ""
        self.stop()
        self._start()
        return {"crash": "the process died" if died else f"no answer in {SECONDS} s"}

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("mutant_reader.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        answers = self._answers
        assert process.stdout
        for line in process.stdout:
            answers.put(line)
        answers.put("")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Original]:
    """Series of every encoding, a multi-frame object, outlines and a segmentation."""
    root = tmp_path_factory.mktemp("originals")
    found = {}
    for name, syntax in SYNTAXES.items():
        grid = LARGER if name == "jpeg-2000" else GRID
        folder = write_series(root / name, series(values(grid), grid), syntax)
        found[name] = Original("image", folder, folder / "0002.dcm", values(grid))
    multi = write(enhanced(values()), root / "multi.dcm")
    found["multi-frame"] = Original("image", multi, multi, values())
    square = np.array([(0.5, 0.5), (4.5, 0.5), (4.5, 3.5), (0.5, 3.5)])
    contours = contours_from_indices(GRID, [(1, square), (2, square)])
    outlines = write_rtstruct(root / "outlines.dcm", [RegionSpec("GTV", contours)])
    found["outlines"] = Original("outlines", outlines, outlines)
    mask = Mask(values() % 3 == 0, GRID)
    tumour = TumourSegment("SEMIAUTOMATIC", "six-clicks", "lesion 1", "2.25.301")
    write_segmentation(mask, root / "seg.dcm", read_source(root / "explicit"), segment=tumour)
    found["segmentation"] = Original("segments", root / "seg.dcm", root / "seg.dcm")
    return found


@pytest.fixture(scope="module")
def readers() -> Iterator[list[Reader]]:
    """Persistent workers."""
    started = [Reader() for _ in range(WORKERS)]
    yield started
    for reader in started:
        reader.stop()


def test_mutated_files_are_read_right_or_reported(
    originals: dict[str, Original], readers: list[Reader], tmp_path: Path
) -> None:
    check_all(originals, readers, tmp_path, range(200))


@pytest.mark.slow
def test_two_thousand_mutated_files_are_read_right_or_reported(
    originals: dict[str, Original], readers: list[Reader], tmp_path: Path
) -> None:
    check_all(originals, readers, tmp_path, range(1000, 3000))


def check_all(
    originals: dict[str, Original], readers: list[Reader], folder: Path, seeds: range
) -> None:
    """Mutate and read one file for each seed, shared out between the workers."""
    for original in originals.values():  # also waits until the workers have started
        for reader in readers:
            reader.ask(original.kind, original.source)
    wrong: list[str] = []
    outcomes: Counter[str] = Counter()

    def work(number: int) -> None:
        for seed in seeds[number :: len(readers)]:
            said, outcome = read_mutant(originals, readers[number], folder / str(seed), seed)
            outcomes[outcome] += 1
            if outcome == "wrong":
                wrong.append(said)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(readers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, "\n".join(wrong)
    assert outcomes["read"] > len(seeds) / 20
    assert outcomes["reported"] > len(seeds) / 5
    assert sum(outcomes.values()) == len(seeds)


def read_mutant(
    originals: dict[str, Original], reader: Reader, folder: Path, seed: int
) -> tuple[str, str]:
    """Mutate by the seed and read; what was wrong, and ``read``, ``reported`` or ``wrong``."""
    rng = np.random.default_rng(seed)
    name = sorted(originals)[int(rng.integers(len(originals)))]
    mutation = sorted(MUTATIONS)[int(rng.integers(len(MUTATIONS)))]
    original = originals[name]
    source = mutant(original, folder, mutation, rng)
    answer = reader.ask(original.kind, source)
    said = f"seed {seed}, {mutation} of {name}: {json.dumps(answer)[:300]}"
    if "crash" in answer or answer["peak_mb"] > PEAK_MB:
        return said, "wrong"
    if "reported" in answer:
        return said, "reported"
    if original.voxels is not None:
        return said, judged(answer["read"], source, original.voxels)
    return said, "read"


def mutant(original: Original, folder: Path, mutation: str, rng: np.random.Generator) -> Path:
    """Copy of the source in which one file is mutated."""
    files = [original.file] if original.source == original.file else original.source.iterdir()
    folder.mkdir()
    for file in files:
        content = file.read_bytes()
        if file == original.file:
            content = MUTATIONS[mutation](content, rng)
        (folder / file.name).write_bytes(content)
    return folder if original.source != original.file else folder / original.file.name


def judged(found: dict[str, Any], source: Path, original: np.ndarray) -> str:
    """Whether what was read is what another reader finds in those very files.

    Where that one gives up, it must be what the original held. A file that was left out is
    reported, if a note says so.
    """
    if any("ignored" in note for note in found["notes"]):
        return "reported"
    expected = truth(source)
    if expected is None:
        expected = original.ravel()
    voxels = np.array(found["voxels"])
    return "read" if voxels.shape == expected.shape and np.allclose(voxels, expected) else "wrong"


def truth(source: Path) -> np.ndarray | None:
    """Voxels by pydicom, slices in the order of their positions; none if it fails."""
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    slices: list[tuple[float, np.ndarray]] = []
    try:
        with quiet_pydicom():
            for file in files:
                dataset = dcmread(file)
                stored = stored_values(dataset)
                slope = float(dataset.get("RescaleSlope", 1))
                pixels = stored * slope + float(dataset.get("RescaleIntercept", 0))
                if "PerFrameFunctionalGroupsSequence" in dataset:
                    groups = dataset.PerFrameFunctionalGroupsSequence
                    heights = [float(g[0x00209113][0].ImagePositionPatient[2]) for g in groups]
                    slices += list(zip(heights, pixels, strict=True))
                else:
                    slices.append((float(dataset.ImagePositionPatient[2]), pixels))
    except Exception:
        return None
    slices.sort(key=lambda one: one[0])
    return np.concatenate([pixels.ravel() for _, pixels in slices])


def stored_values(dataset: Dataset) -> np.ndarray:
    """Pixels by pydicom; damaged JPEG 2000, which it may refuse, by the codec alone."""
    try:
        return dataset.pixel_array
    except Exception:
        if dataset.file_meta.TransferSyntaxUID != JPEG2000Lossless:
            raise
        return decode(next(generate_frames(dataset.PixelData, number_of_frames=1)))
