"""One series of an index as a row of the inventory."""

from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from oncotrace.curate.sequence_recognition import recognised
from oncotrace.curate.series import Series
from oncotrace.curate.series_geometry import (
    normal_of,
    plane_of,
    same_direction,
    slice_geometry,
)
from oncotrace.io.headers.index import HeaderIndex
from oncotrace.io.headers.series import SeriesHeaders, VariantCount, positions_mm

Values = Mapping[str, object]

_AS_THEY_ARE = (
    "frame_of_reference_uid", "study_date", "study_time", "series_date", "series_time",
    "acquisition_date", "modality", "body_part", "laterality", "study_description",
    "series_description", "protocol", "image_type", "sop_class", "institution", "station",
    "manufacturer", "model", "software", "patient_position", "transfer_syntax", "photometric",
    "lossy_compression", "units", "rescale_type", "burned_in_annotation",
    "patient_identity_removed", "kernel", "scanning_sequence", "sequence_variant",
    "scan_options", "mr_acquisition_type", "tracer", "radionuclide", "decay_correction",
    "attenuation_correction", "corrected_image", "reconstruction", "pet_series_type",
)  # fmt: skip
_NUMBERS = (
    "slice_thickness_mm", "spacing_between_slices_mm", "gantry_tilt_deg", "tube_voltage_kv",
    "field_strength_t", "repetition_time_ms", "echo_time_ms", "inversion_time_ms",
    "flip_angle_deg", "echo_train_length", "injected_dose_bq", "half_life_s", "patient_weight_kg",
)  # fmt: skip
_COUNTS = ("series_number", "columns", "rows", "samples_per_pixel", "bits_stored")
_RANGES = ("exposure_mas", "tube_current_ma", "rescale_slope", "rescale_intercept")

# What may differ within a series without a note: it is stated elsewhere, or says nothing of it.
_MAY_DIFFER = frozenset(
    {
        "image_type", "refers_to_image", "refers_to_series", "refers_to_frame", "structures",
        "b_value_s_per_mm2", "orientation", "character_set", "frames", "acquisition_date",
    }
)  # fmt: skip
_NO_AGENT = {"NO", "NONE", "N", "NIL", "OHNE", "0", "-", "NO CONTRAST", "WITHOUT", "SANS", "FALSE"}
_LARGEST_COUNT = 2**53  # what is larger is no count, and fits no column


def inventory_row(index: HeaderIndex, headers: SeriesHeaders) -> Series:
    """Sum up one series; what refers to it is not known yet."""
    variants, localisers = _without_localisers(headers.variants)
    shared = variants[0].values
    images = _images(variants) if "rows" in shared else 0
    notes = list(_notes(headers, variants, localisers))
    kinds: dict[str, object] = {
        **{name: _text(shared, name) for name in _AS_THEY_ARE},
        **{name: _number(shared, name) for name in _NUMBERS},
        **{name: _count(shared, name) for name in _COUNTS},
        **_spacing(shared),
        **_ranges(headers),
        **_magnetic(variants, shared),
        "contrast_agent": _agent(shared),
        "tracer": _text(shared, "tracer") or _text(shared, "tracer_code"),
        "injection_time": _text(shared, "injection_datetime") or _text(shared, "injection_time"),
        "structures": _listed(variants, "structures"),
        "refers_to_series": _listed(variants, "refers_to_series"),
        # Contours lie in the frame that they name, whatever their file says of itself.
        "frame_of_reference_uid": next(iter(_listed(variants, "refers_to_frame")), "")
        or _text(shared, "frame_of_reference_uid"),
    }
    geometry = _geometry(index, variants)
    found = _recognise(kinds, geometry, headers, shared, images)
    return Series(
        patient_id=headers.patient_id,
        study_uid=headers.study_uid,
        series_uid=headers.series_uid,
        folder=headers.folder,
        folders=headers.folders,
        files=headers.files,
        copies=headers.files - max(headers.instances, 1),
        images=images,
        localisers=localisers,
        acquisition_time=headers.first_acquisition_time,
        acquisitions=headers.acquisitions,
        temporal_positions=headers.temporal_positions,
        notes=tuple(notes),
        **{**kinds, **geometry, **found},  # type: ignore[arg-type]
    )


def _without_localisers(
    variants: tuple[VariantCount, ...],
) -> tuple[tuple[VariantCount, ...], int]:
    """Leave out images marked as localisers where they lie in other planes than the others.

    As `oncotrace.io.dicom_series` does when it reads a series.
    """
    marked = [v for v in variants if "LOCALIZER" in _text(v.values, "image_type")]
    if not marked:
        return variants, 0
    others = tuple(v for v in variants if v not in marked)
    normals = [n for v in others[:1] if (n := _normal(v.values)) is not None]
    if not others or not normals:
        return variants, 0
    elsewhere = [
        v for v in marked if (n := _normal(v.values)) is None or not same_direction(n, normals[0])
    ]
    return tuple(v for v in variants if v not in elsewhere), _images(elsewhere)


def _images(variants: Iterable[VariantCount]) -> int:
    """Count the images, each frame of a file with several."""
    return sum(v.images * max(1, _count(v.values, "frames") or 1) for v in variants)


def _geometry(index: HeaderIndex, variants: tuple[VariantCount, ...]) -> dict[str, object]:
    """Plane and slices of the commonest orientation, and how many there are."""
    groups: list[tuple[NDArray[np.float64], list[VariantCount]]] = []
    for variant in variants:
        normal = _normal(variant.values)
        if normal is None:
            continue
        for known, members in groups:
            if same_direction(known, normal):
                members.append(variant)
                break
        else:
            groups.append((normal, [variant]))
    if not groups:
        return {}
    normal, members = max(groups, key=lambda group: _images(group[1]))
    plane, angle = plane_of(normal)
    several = max(_several(v.values, "orientation") for v in variants)
    positions = chain.from_iterable(positions_mm(index, v.number) for v in members)
    slices = slice_geometry(positions, normal)
    return {
        "plane": plane,
        "plane_angle_deg": round(angle, 2),
        "orientations": max(len(groups), several),
        **{name: _rounded(getattr(slices, name)) for name in slices.__dataclass_fields__},
    }


def _rounded(value: float | None) -> float | None:
    """Millimetres to a thousandth of a micrometre, so that sums of decimals look like them."""
    return round(value, 6) if isinstance(value, float) else value


def _normal(values: Values) -> NDArray[np.float64] | None:
    orientation = values.get("orientation")
    return normal_of(orientation) if isinstance(orientation, list) else None


def _recognise(
    kinds: Mapping[str, object],
    geometry: Mapping[str, object],
    headers: SeriesHeaders,
    shared: Values,
    images: int,
) -> dict[str, object]:
    b_values = kinds["b_values_s_per_mm2"]
    facts: dict[str, str | float | None] = {
        name: value for name, value in kinds.items() if isinstance(value, str | int | float)
    }
    facts["acquisition_contrast"] = _text(shared, "acquisition_contrast")
    facts["image_type"] = "\\".join(
        filter(None, (_text(shared, "image_type"), _text(shared, "frame_type")))
    )
    facts["temporal_positions"] = headers.temporal_positions
    facts["largest_b_value_s_per_mm2"] = (
        max(b_values) if isinstance(b_values, tuple) and b_values else None
    )
    orientations = geometry.get("orientations")
    facts["orientations"] = orientations if isinstance(orientations, int) else None
    facts["images"] = images
    texts = (_text(shared, name) for name in ("series_description", "protocol"))
    found = recognised(facts, *texts, str(kinds["sequence_name"]))
    return {
        "sequence": found.sequence,
        "sequence_confidence": found.confidence,
        "sequence_rules": found.rules,
        "modality_name": found.modality_name or "",
    }


def _magnetic(variants: tuple[VariantCount, ...], shared: Values) -> dict[str, object]:
    """Return what classic and enhanced MR objects say in different elements."""
    b_values = {
        float(b)
        for v in variants
        for b in (v.values.get("b_value_s_per_mm2"), *_all(v.values, "b_value_s_per_mm2"))
        if isinstance(b, int | float)
    }
    pulse = {"SPIN": "SE", "GRADIENT": "GR", "BOTH": "SE\\GR"}
    return {
        "scanning_sequence": _text(shared, "scanning_sequence")
        or pulse.get(_text(shared, "echo_pulse_sequence"), ""),
        "sequence_name": _text(shared, "sequence_name") or _text(shared, "pulse_sequence_name"),
        "fat_suppression": _text(shared, "fat_suppression_code"),
        "b_values_s_per_mm2": tuple(sorted(b_values)),
    }


def _spacing(shared: Values) -> dict[str, object]:
    spacing = shared.get("pixel_spacing_mm")
    if not isinstance(spacing, list) or len(spacing) != 2:
        return {}
    return {"spacing_y_mm": float(spacing[0]), "spacing_x_mm": float(spacing[1])}


def _ranges(headers: SeriesHeaders) -> dict[str, object]:
    ends: dict[str, object] = {}
    for name in _RANGES:
        if name in headers.ranges:
            ends[f"smallest_{name}"], ends[f"largest_{name}"] = headers.ranges[name]
    return ends


def _agent(shared: Values) -> str:
    agent = _text(shared, "contrast_agent") or _text(shared, "contrast_agent_code")
    return "" if agent.strip().upper() in _NO_AGENT else agent


def _notes(
    headers: SeriesHeaders, variants: tuple[VariantCount, ...], localisers: int
) -> Iterable[str]:
    """Say what the reader should know, without what a description holds."""
    if localisers:
        yield f"{localisers} localiser image(s) in other planes left out"
    for name in _differing(variants):
        yield f"{name} differs between images"
    for remark, files in sorted(headers.remarks.items()):
        yield f"{remark} in {files} file(s)"


def _differing(variants: tuple[VariantCount, ...]) -> list[str]:
    names = {name.removesuffix(".all") for v in variants for name in v.values} - _MAY_DIFFER
    first = variants[0].values
    return sorted(
        name
        for name in names
        if any(v.values.get(name) != first.get(name) or _all(v.values, name) for v in variants)
    )


def _all(values: Values, name: str) -> list[object]:
    several = values.get(f"{name}.all")
    return several if isinstance(several, list) else []


def _several(values: Values, name: str) -> int:
    return len(_all(values, name))


def _listed(variants: tuple[VariantCount, ...], name: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for variant in variants:
        listed = variant.values.get(name)
        found |= dict.fromkeys(map(str, listed)) if isinstance(listed, list) else {}
    return tuple(found)


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _number(values: Values, name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else None


def _count(values: Values, name: str) -> int | None:
    number = _number(values, name)
    return None if number is None or abs(number) > _LARGEST_COUNT else int(number)
