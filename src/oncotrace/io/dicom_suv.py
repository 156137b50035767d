"""PET from DICOM as standardised uptake values by body weight (SUV, g/ml).

References
----------
QIBA, "SUV vendor-neutral pseudo-code", for Units BQML, CNTS (Philips) and GML; DICOM PS3.3 C.8.9.1
for DecayCorrection. ADMIN and NONE, which that code leaves out, follow the standard's definitions.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.scan import Scan
from oncotrace.errors import DicomError
from oncotrace.io.dicom_frames import Frame
from oncotrace.io.dicom_series import DicomSeries, read_series, stacked_series
from oncotrace.io.pet_header import (
    OTHER_WAYS,
    PetHeader,
    missing_for_suv,
    named,
    read_pet_header,
)
from oncotrace.io.pet_times import (
    Moment,
    decay_seconds,
    half_life_s,
    injection,
    mean_of_frame,
    named_source,
    start_of_scan,
)

SuvRule = Literal[
    "already SUV",
    "decay to scan start",
    "decay corrected to injection",
    "decay of every frame",
    "Philips SUV factor",
]

_GRAMS = 1000.0
_LARGEST_SUV = 1e5


@dataclass(frozen=True)
class SuvRecord:
    """How stored values became SUV, without dates.

    Parameters
    ----------
    rule
        How decay was treated; a series in Philips' counts with an activity factor has the rule of
        its DecayCorrection.
    units
        What the stored values were, by DICOM's term.
    factors
        Smallest and largest of the slices' factors from stored (rescaled) values to SUV.
    decay_s
        Seconds from injection to the moment that the values refer to, smallest and largest.
    scan_time_from, injection_time_from, half_life_from
        Elements that these were read from, with their tags.
    """

    rule: SuvRule
    units: str
    factors: tuple[float, float]
    weight_kg: float | None = None
    injected_activity_bq: float | None = None
    half_life_s: float | None = None
    decay_s: tuple[float, float] | None = None
    scan_time_from: str | None = None
    injection_time_from: str | None = None
    half_life_from: str | None = None


@dataclass(frozen=True, eq=False)
class SuvSeries:
    """A PET series in SUV, and how it became so."""

    series: DicomSeries
    record: SuvRecord


@dataclass(frozen=True, eq=False)
class _Factors:
    """Factors to SUV along the z axis of the grid, their record and notes."""

    by_slice: NDArray[np.float64]
    record: SuvRecord
    notes: tuple[str, ...] = ()


def read_suv_series(source: Path, *, series_uid: str | None = None) -> SuvSeries:
    """Read a PET series as SUV by body weight.

    Raises
    ------
    DicomError
        It is no PET series, or an element that SUV needs is missing, absurd or contradicts
        another; the message names it by keyword and tag.
    InputError, MissingDependencyError
        See `oncotrace.io.dicom_series.read_series`.
    """
    return in_suv(read_series(source, series_uid=series_uid, modality="pet"), source)


def in_suv(series: DicomSeries, source: Path) -> SuvSeries:
    """Turn the stored values of a PET series that was read from ``source`` into SUV.

    Raises
    ------
    DicomError
        An element that SUV needs is missing, absurd or contradicts another.
    """
    with stacked_series(source, series.series_uid) as stacked:
        factors = _factors(_headers(stacked.frames))
    voxels = series.scan.voxels * factors.by_slice[:, None, None]
    _require_possible(float(voxels.max()))
    scan = Scan(voxels.astype(np.float32), series.scan.geometry, "pet")
    kept = tuple(note for note in series.notes if not note.startswith("PET values are as stored"))
    notes = (*kept, f"PET values are SUV by body weight ({factors.record.rule}).", *factors.notes)
    return SuvSeries(replace(series, scan=scan, notes=notes), factors.record)


def _headers(frames: list[Frame]) -> list[PetHeader]:
    """PET elements of every frame along z; the frames of one file share them."""
    by_file = {id(frame.header): frame.header for frame in frames}
    read = {key: read_pet_header(header) for key, header in by_file.items()}
    return [read[id(frame.header)] for frame in frames]


def _factors(headers: list[PetHeader]) -> _Factors:
    units = _same(headers, "Units")
    if units == "GML":
        return _already_suv(headers, units)
    if units == "BQML":
        return _by_decay(headers, units, np.ones(len(headers)))
    if units == "CNTS":
        return _from_counts(headers, units)
    if not units:
        raise missing_for_suv(headers[0].label, "Units")
    raise DicomError(
        f"{headers[0].label}: {named('Units')} is {units[:16]!r}; BQML, CNTS with Philips' factors "
        "and GML can become SUV by body weight.",
        hint=OTHER_WAYS,
        code="suv-units",
    )


def _already_suv(headers: list[PetHeader], units: str) -> _Factors:
    kind = _same(headers, "SUVType")
    if kind not in ("", "BW"):
        raise DicomError(
            f"{headers[0].label}: {named('SUVType')} is {kind[:16]!r}: the values are SUV, but not "
            "by body weight.",
            hint=OTHER_WAYS,
            code="suv-units",
        )
    return _Factors(np.ones(len(headers)), SuvRecord("already SUV", units, (1.0, 1.0)))


def _from_counts(headers: list[PetHeader], units: str) -> _Factors:
    """Take Philips' counts to SUV by its SUV factor, or through its factor to Bq/ml."""
    to_suv = [header.philips_suv_factor for header in headers]
    if all(to_suv):
        factors = np.array(to_suv, dtype=np.float64)
        return _Factors(factors, SuvRecord("Philips SUV factor", units, _ends(factors)))
    to_activity = [header.philips_activity_factor for header in headers]
    if not all(to_activity):
        raise DicomError(
            f"{headers[0].label}: {named('Units')} is CNTS, and neither Philips' SUV factor "
            "(7053,1000) nor its activity factor (7053,1009) is there in every slice.",
            hint=f"Private elements may have been removed: export it anew. {OTHER_WAYS}",
            code="suv-missing-tag",
        )
    return _by_decay(headers, units, np.array(to_activity, dtype=np.float64))


def _by_decay(headers: list[PetHeader], units: str, to_bq_ml: NDArray[np.float64]) -> _Factors:
    """Activity concentration over what of the injected activity is left, per gram of patient."""
    first = headers[0]
    corrected = _same(headers, "DecayCorrection")
    _require_corrections(first, corrected)
    weight_kg = first.required_number("PatientWeight")
    injected_bq = first.required_number("RadionuclideTotalDose", within=first.tracer)
    record = SuvRecord("decay corrected to injection", units, (1.0, 1.0), weight_kg, injected_bq)
    seconds: NDArray[np.float64] = np.zeros(len(headers))
    notes: tuple[str, ...] = ()
    if corrected != "ADMIN":
        seconds, record, notes = _decay(headers, corrected, record)
    left = np.exp2(-seconds / record.half_life_s) if record.half_life_s else 1.0
    factors = to_bq_ml * weight_kg * _GRAMS / (injected_bq * left)
    return _Factors(factors, replace(record, factors=_ends(factors)), notes)


def _decay(
    headers: list[PetHeader], corrected: str, record: SuvRecord
) -> tuple[NDArray[np.float64], SuvRecord, tuple[str, ...]]:
    """Seconds of decay by slice, the record with what they come from, and notes."""
    half_life, half_life_from = half_life_s(headers[0])
    scans = _moments(headers, corrected, half_life)
    start, notes = injection(headers[0], min(scans, key=lambda scan: scan.at))
    seconds = np.array([decay_seconds(start, scan, half_life, headers[0].label) for scan in scans])
    if half_life_from != "RadionuclideHalfLife":
        notes = (*notes, "The half-life is that of the nuclide's code; the file states none.")
    told = replace(
        record,
        rule="decay to scan start" if corrected == "START" else "decay of every frame",
        half_life_s=half_life,
        decay_s=_ends(seconds),
        scan_time_from=named_source(scans[0].source),
        injection_time_from=named_source(start.source),
        half_life_from=named_source(half_life_from),
    )
    return seconds, told, notes


def _moments(headers: list[PetHeader], corrected: str, half_life: float) -> list[Moment]:
    """Moments that the values refer to, by slice."""
    if corrected == "NONE":
        return [mean_of_frame(header, half_life) for header in headers]
    return [start_of_scan(headers, half_life)] * len(headers)


def _require_corrections(header: PetHeader, corrected: str) -> None:
    """Refuse what is not quantitative, or says two things about its decay correction."""
    if corrected not in ("START", "ADMIN", "NONE"):
        if not corrected:
            raise missing_for_suv(header.label, "DecayCorrection")
        raise DicomError(
            f"{header.label}: {named('DecayCorrection')} is {corrected[:16]!r}; START, ADMIN and "
            "NONE are known.",
            hint=OTHER_WAYS,
            code="suv-decay-correction",
        )
    done = header.words("CorrectedImage")
    if done and "ATTN" not in done:
        raise DicomError(
            f"{header.label}: {named('CorrectedImage')} does not list ATTN: without attenuation "
            "correction there is no SUV.",
            hint="Give the attenuation-corrected series of the same scan.",
            code="suv-not-corrected",
        )
    if done and ("DECY" in done) != (corrected != "NONE"):
        listed = "lists" if "DECY" in done else "does not list"
        raise DicomError(
            f"{header.label}: {named('DecayCorrection')} is {corrected}, while "
            f"{named('CorrectedImage')} {listed} DECY.",
            hint="Find out which is right and correct the header.",
            code="suv-decay-correction",
        )


def _same(headers: list[PetHeader], keyword: str) -> str:
    """Value of an element that all slices must share."""
    found = {header.text(keyword) for header in headers}
    if len(found) > 1:
        raise DicomError(
            f"the slices of the series disagree about {named(keyword)}.",
            hint="The folder mixes series: choose one, or fetch it again.",
            code="suv-mixed-series",
        )
    return found.pop()


def _require_possible(largest: float) -> None:
    if not 0 < largest < _LARGEST_SUV:
        raise DicomError(
            f"the largest SUV would be {largest:g}, which cannot be: the scale of the image, "
            f"{named('RadionuclideTotalDose')} or {named('PatientWeight')} is wrong.",
            hint=f"Correct the header. {OTHER_WAYS}",
            code="suv-absurd-value",
        )


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.min()), float(values.max())
