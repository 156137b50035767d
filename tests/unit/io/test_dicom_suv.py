"""SUV by body weight, by closed form, for every way in which vendors state activity and decay."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import PLANTED_NAME, series, write_series

from oncotrace.errors import DicomError
from oncotrace.io.dicom_suv import SuvSeries, read_suv_series
from oncotrace.io.pet_times import mean_count_s

HALF_LIFE_S, DOSE_BQ, WEIGHT_KG = 6588.0, 3.7e8, 70.0
UNDECAYED = WEIGHT_KG * 1000 / DOSE_BQ

Change = Callable[[int, Dataset], None]


def pet(
    tmp_path: Path, change: Change | None = None, *, reader: Path | None = None, **elements: object
) -> SuvSeries:
    """Read a made PET series: injected at 10:00, scanned at 11:00, in Bq/ml."""

    def fill(z: int, dataset: Dataset) -> None:
        code = Dataset()
        code.CodeValue = "C-111A1"
        tracer = Dataset()
        tracer.RadiopharmaceuticalStartTime = "100000.00"
        tracer.RadionuclideTotalDose = str(DOSE_BQ)
        tracer.RadionuclideHalfLife = str(HALF_LIFE_S)
        tracer.RadionuclideCodeSequence = [code]
        dataset.RadiopharmaceuticalInformationSequence = [tracer]
        dataset.Units, dataset.DecayCorrection = "BQML", "START"
        dataset.CorrectedImage = ["DECY", "ATTN", "SCAT"]
        dataset.PatientWeight = str(WEIGHT_KG)
        dataset.SeriesDate = dataset.AcquisitionDate = "20200302"
        dataset.SeriesTime = dataset.AcquisitionTime = "110000"
        dataset.ActualFrameDuration = "180000"
        dataset.RescaleSlope, dataset.RescaleIntercept = "10", "0"
        for name, value in elements.items():
            owner = tracer if name.startswith("Radio") and name in tracer_names else dataset
            if value is None:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
        if change is not None:
            change(z, dataset)

    tracer_names = {
        "RadiopharmaceuticalStartTime",
        "RadiopharmaceuticalStartDateTime",
        "RadionuclideTotalDose",
        "RadionuclideHalfLife",
        "RadionuclideCodeSequence",
    }
    write_series(tmp_path / "pet", series(modality="PT", change=fill))
    return read_suv_series(reader or tmp_path / "pet")


def factor(made: SuvSeries) -> float:
    low, high = made.record.factors
    assert low == high
    return low


def left(seconds: float) -> float:
    """Share of the activity that is left."""
    return 2.0 ** (-seconds / HALF_LIFE_S)


def test_start_decays_from_injection_to_the_series_time(tmp_path: Path) -> None:
    made = pet(tmp_path)
    assert factor(made) == pytest.approx(UNDECAYED / left(3600), rel=1e-12)
    assert made.record.decay_s == (3600, 3600)
    assert made.record.scan_time_from == "SeriesTime (0008,0031)"
    assert made.record.injection_time_from == "RadiopharmaceuticalStartTime (0018,1072)"
    assert made.series.scan.modality == "pet"
    stored = made.series.scan.voxels / np.float32(factor(made))
    np.testing.assert_allclose(stored / 10, np.round(stored / 10), atol=1e-3)
    assert PLANTED_NAME not in repr(made.record)


def test_a_region_of_known_activity_has_its_known_suv(tmp_path: Path) -> None:
    """All the activity spread evenly over the patient is SUV 1 everywhere."""
    even_bq_ml = DOSE_BQ * left(3600) / (WEIGHT_KG * 1000)

    def level(_: int, dataset: Dataset) -> None:
        dataset.PixelData = np.full((dataset.Rows, dataset.Columns), 100, "<u2").tobytes()
        dataset.RescaleSlope = f"{even_bq_ml / 100:.10g}"

    made = pet(tmp_path, level)
    np.testing.assert_allclose(made.series.scan.voxels, 1, rtol=1e-6)


def test_a_derived_series_uses_the_first_acquisition(tmp_path: Path) -> None:
    def later(z: int, dataset: Dataset) -> None:
        dataset.SeriesTime = "150000"
        dataset.AcquisitionTime = f"11{z:02d}00"

    made = pet(tmp_path, later)
    assert factor(made) == pytest.approx(UNDECAYED / left(3600))
    assert made.record.scan_time_from == "AcquisitionTime (0008,0032)"


def test_a_derived_series_of_ge_uses_its_own_scan_time(tmp_path: Path) -> None:
    def later(_: int, dataset: Dataset) -> None:
        dataset.SeriesTime = "150000"
        dataset.AcquisitionTime = "112000"
        block = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
        block.add_new(0x0D, "DT", "20200302110500.00")

    made = pet(tmp_path, later)
    assert factor(made) == pytest.approx(UNDECAYED / left(3900))


def test_a_derived_series_of_siemens_is_counted_back(tmp_path: Path) -> None:
    def later(_: int, dataset: Dataset) -> None:
        dataset.SeriesTime = "150000"
        dataset.AcquisitionTime = "112000"
        dataset.FrameReferenceTime = "1290000"

    made = pet(tmp_path, later)
    seconds = 4800 - 1290 + mean_count_s(180, HALF_LIFE_S)
    assert factor(made) == pytest.approx(UNDECAYED / left(seconds))


def test_admin_is_corrected_to_the_injection_already(tmp_path: Path) -> None:
    made = pet(tmp_path, DecayCorrection="ADMIN", RadiopharmaceuticalStartTime=None)
    assert factor(made) == pytest.approx(UNDECAYED)
    assert made.record.decay_s is None


def test_none_decays_every_frame_to_its_own_time(tmp_path: Path) -> None:
    def beds(z: int, dataset: Dataset) -> None:
        dataset.DecayCorrection = "NONE"
        dataset.CorrectedImage = ["ATTN"]
        dataset.AcquisitionTime = f"11{10 * z:02d}00"

    made = pet(tmp_path, beds)
    mean_s = mean_count_s(180, HALF_LIFE_S)
    assert made.record.factors == pytest.approx(
        (UNDECAYED / left(3600 + mean_s), UNDECAYED / left(3600 + 1800 + mean_s))
    )


def test_mean_count_lies_just_before_the_middle_of_a_frame() -> None:
    assert mean_count_s(180, HALF_LIFE_S) == pytest.approx(89.858, abs=0.01)
    decay = math.log(2) / 60
    mean = (1 - math.exp(-decay * 120)) / (decay * 120)
    assert math.exp(-decay * mean_count_s(120, 60)) == pytest.approx(mean)


@pytest.mark.parametrize(("start", "scan"), [("235900.00", "000100"), ("233000", "003000")])
def test_injection_before_midnight_is_the_day_before(tmp_path: Path, start: str, scan: str) -> None:
    made = pet(tmp_path, RadiopharmaceuticalStartTime=start, SeriesTime=scan, AcquisitionTime=scan)
    seconds = 120 if scan == "000100" else 3600
    assert made.record.decay_s == (seconds, seconds)
    assert any("the day before" in note for note in made.series.notes)


def test_the_date_and_time_of_the_injection_is_preferred(tmp_path: Path) -> None:
    made = pet(tmp_path, RadiopharmaceuticalStartDateTime="20200302093000.00+0100")
    assert made.record.decay_s == (5400, 5400)
    other_zone = pet(
        tmp_path / "zone",
        RadiopharmaceuticalStartDateTime="20200302093000.00+0000",
        TimezoneOffsetFromUTC="+0100",
    )
    assert other_zone.record.decay_s == (1800, 1800)


def test_removed_dates_leave_the_times_of_day(tmp_path: Path) -> None:
    made = pet(
        tmp_path,
        SeriesDate=None,
        AcquisitionDate=None,
        RadiopharmaceuticalStartDateTime="19990101103000",
    )
    assert made.record.decay_s == (1800, 1800)


def test_the_nuclides_code_stands_in_for_a_missing_half_life(tmp_path: Path) -> None:
    made = pet(tmp_path, RadionuclideHalfLife=None)
    assert made.record.half_life_s == 6586.2
    assert made.record.half_life_from == "RadionuclideCodeSequence (0054,0300)"
    assert any("half-life" in note for note in made.series.notes)


def philips(dataset: Dataset, **factors: str) -> None:
    dataset.Units = "CNTS"
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    for element, value in factors.items():
        block.add_new(int(element[1:], 16), "DS", value)


def test_philips_suv_factor_is_taken_as_it_is(tmp_path: Path) -> None:
    made = pet(tmp_path, lambda _, d: philips(d, x00="0.000551", x09="1.5"))
    assert factor(made) == pytest.approx(0.000551)
    assert made.record.rule == "Philips SUV factor"


def test_philips_activity_factor_leads_through_bq_per_ml(tmp_path: Path) -> None:
    made = pet(tmp_path, lambda _, d: philips(d, x00="0", x09="1.5"))
    assert factor(made) == pytest.approx(1.5 * UNDECAYED / left(3600))


def test_grams_per_millilitre_are_suv_already(tmp_path: Path) -> None:
    made = pet(tmp_path, Units="GML", PatientWeight=None, DecayCorrection=None)
    assert factor(made) == 1
    assert made.record.rule == "already SUV"


REFUSED: dict[str, tuple[dict[str, object], str, str]] = {
    "no units": ({"Units": None}, "suv-missing-tag", r"Units \(0054,1001\)"),
    "other units": ({"Units": "PROPCPS"}, "suv-units", r"Units \(0054,1001\) is 'PROPCPS'"),
    "lean mass": ({"Units": "GML", "SUVType": "LBM"}, "suv-units", r"SUVType \(0054,1006\)"),
    "counts": ({"Units": "CNTS"}, "suv-missing-tag", r"\(7053,1000\)"),
    "no weight": ({"PatientWeight": None}, "suv-missing-tag", r"PatientWeight \(0010,1030\)"),
    "weight 0": ({"PatientWeight": "0"}, "suv-absurd-value", r"PatientWeight \(0010,1030\) is 0"),
    "weight in g": ({"PatientWeight": "70000"}, "suv-absurd-value", r"\(0010,1030\) is 70000 kg"),
    "no dose": ({"RadionuclideTotalDose": None}, "suv-missing-tag", r"\(0018,1074\)"),
    "dose in MBq": ({"RadionuclideTotalDose": "370"}, "suv-absurd-value", r"370 Bq"),
    "no half-life": (
        {"RadionuclideHalfLife": None, "RadionuclideCodeSequence": None},
        "suv-missing-tag",
        r"RadionuclideHalfLife \(0018,1075\) and no RadionuclideCodeSequence",
    ),
    "no injection": (
        {"RadiopharmaceuticalStartTime": None},
        "suv-missing-tag",
        r"RadiopharmaceuticalStartDateTime \(0018,1078\) and no",
    ),
    "no series": ({"AcquisitionTime": None}, "suv-missing-tag", r"AcquisitionTime \(0008,0032\)"),
    "no tracer": (
        {"RadiopharmaceuticalInformationSequence": None},
        "suv-missing-tag",
        r"RadiopharmaceuticalInformationSequence \(0054,0016\)",
    ),
    "two tracers": (
        {"RadiopharmaceuticalInformationSequence": [Dataset(), Dataset()]},
        "suv-several-injections",
        "lists 2 injections",
    ),
    "no correction": ({"DecayCorrection": None}, "suv-missing-tag", r"\(0054,1102\)"),
    "odd correction": ({"DecayCorrection": "MAYBE"}, "suv-decay-correction", "MAYBE"),
    "contradiction": ({"CorrectedImage": ["ATTN"]}, "suv-decay-correction", "does not list DECY"),
    "attenuation": ({"CorrectedImage": ["DECY"]}, "suv-not-corrected", r"\(0028,0051\)"),
    "injected later": (
        {"RadiopharmaceuticalStartDateTime": "20200303100000"},
        "suv-times",
        r"StartDateTime \(0018,1078\) the tracer was injected after",
    ),
    "injected last year": (
        {"RadiopharmaceuticalStartDateTime": "20190302100000"},
        "suv-times",
        "half-lives before",
    ),
    "malformed time": (
        {"RadiopharmaceuticalStartDateTime": "2020"},
        "malformed-tag",
        "RadiopharmaceuticalStartDateTime",
    ),
    "too bright": ({"RescaleSlope": "1e9"}, "suv-absurd-value", "largest SUV"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_missing_or_absurd_is_named_by_its_tag(name: str, tmp_path: Path) -> None:
    elements, code, words = REFUSED[name]
    with pytest.raises(DicomError, match=words) as refused:
        pet(tmp_path, **elements)
    assert refused.value.code == code
    assert "2020" not in str(refused.value)
    assert PLANTED_NAME not in str(refused.value)


def test_slices_that_disagree_are_refused(tmp_path: Path) -> None:
    def mixed(z: int, dataset: Dataset) -> None:
        dataset.Units = "GML" if z else "BQML"

    with pytest.raises(DicomError, match="disagree about Units") as refused:
        pet(tmp_path, mixed)
    assert refused.value.code == "suv-mixed-series"


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"]
)
def test_every_encoding_of_the_header_gives_the_same_suv(tmp_path: Path, syntax: str) -> None:
    plain = pet(tmp_path)
    from pydicom import dcmread

    again = [dcmread(path) for path in sorted((tmp_path / "pet").iterdir())]
    other = tmp_path / "other"
    write_series(other, [_copied(dataset) for dataset in again], syntax)
    np.testing.assert_array_equal(
        read_suv_series(other).series.scan.voxels, plain.series.scan.voxels
    )


def _copied(dataset: Dataset) -> Dataset:
    copy = Dataset()
    for element in dataset:
        copy.add(element)
    return copy


def test_real_pet_becomes_the_suv_that_others_have_prepared(
    shared_data: Path, raw_series: Callable[[str], Path]
) -> None:
    from oncotrace.imaging.resample import resample_array
    from oncotrace.io.volume_file import read_scan

    made = read_suv_series(raw_series("FDG_PET") / "image")
    prepared = read_scan(shared_data / "sts" / "STS_001" / "pet.nii.gz", "pet")
    scan = made.series.scan
    ours = resample_array(
        scan.voxels, scan.geometry, prepared.geometry, interpolation="linear", outside=-1
    )
    # The prepared values are rounded to 0.001 and their slices were set evenly.
    assert float(np.abs(ours - prepared.voxels).max()) < 0.002
    assert made.record.decay_s == (2711, 2711)
