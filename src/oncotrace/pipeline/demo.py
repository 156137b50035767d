"""The demonstration: a real patient, from DICOM and six clicks to a measured tumour."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from oncotrace.imaging.overlap import dice
from oncotrace.imaging.surface_distance import surface_distances
from oncotrace.io.clicks_file import read_clicks
from oncotrace.io.dicom_source import read_source
from oncotrace.io.volume_file import read_mask
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.export import write_formats
from oncotrace.pipeline.export_formats import DICOM_FORMATS
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.pipeline.segment import segment_case
from oncotrace.pipeline.segmented_case import MASK_FILE

MODEL = "six-click"

FOLD = 2
"""Its network is the only one of `MODEL` that was trained without the bundled patient.

The patient stands in this fold in ``benchmarks/folds.csv``, by which the model was trained.
"""

_IMAGE = "STS_003_mr_t1.zip"
_OUTLINE = "STS_003_mr_t1_rtstruct.dcm"
_CLICKS = "clicks.json"


@dataclass(frozen=True)
class DemoAgreement:
    """The demonstration's mask against the outline that was published with the patient."""

    dice: float
    hausdorff95_mm: float
    published_volume_ml: float


def run_demo(out: Path) -> tuple[dict[str, object], DemoAgreement]:
    """Segment the bundled patient into ``out`` and compare with the published outline.

    The result is written as DICOM too.

    Only the network that never saw the patient is used, so that the comparison is a fair one.

    Raises
    ------
    ModelError
        The model that comes with oncotrace is damaged.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    with _bundled_case() as case:
        result = segment_case(
            case / _IMAGE,
            read_clicks(case / _CLICKS),
            out,
            modality="mr-t1",
            model=MODEL,
            seed=0,
            fold=FOLD,
            case_id="STS_003",
        )
        published = load_mask(case / _OUTLINE, image=load_scan(case / _IMAGE, "mr-t1")).mask
        mask = read_mask(out / MASK_FILE)
        write_formats(mask, result, read_source(case / _IMAGE), out, DICOM_FORMATS)
    agreement = DemoAgreement(
        dice=dice(mask, published),
        hausdorff95_mm=surface_distances(mask, published).hausdorff_mm(95),
        published_volume_ml=volume_ml(published),
    )
    return result, agreement


@contextmanager
def _bundled_case() -> Iterator[Path]:
    with as_file(files("oncotrace") / "demo_case") as folder:
        yield folder
