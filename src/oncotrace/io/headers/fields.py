"""Which elements of a DICOM header an inventory wants, where they stand, and their names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One wanted element.

    Parameters
    ----------
    name
        Under which its value is found again; with its unit.
    vr
        Value representation that the standard's dictionary gives it (PS3.6).
    count
        How many numbers one value has.
    per_file
        Whether the value is usually another one in every image of a series.
    is_listed
        Whether every value is kept, where several frames or items have one.
    """

    name: str
    vr: bytes
    count: int = 1
    per_file: bool = False
    is_listed: bool = False


class Tree(dict[int, "Field | Tree"]):
    """Wanted elements of a dataset by tag; a tree stands for the items of a sequence."""


def _f(
    name: str,
    vr: bytes,
    *,
    count: int = 1,
    per_file: bool = False,
    listed: bool = False,
) -> Field:
    return Field(name, vr, count, per_file, listed)


_SERIES_REFERENCE = Tree(
    {
        0x0020000E: _f("refers_to_series", b"UI", listed=True),
        0x0008114A: Tree({0x00081155: _f("refers_to_image", b"UI", listed=True)}),
        0x00081199: Tree({0x00081155: _f("refers_to_image", b"UI", listed=True)}),
    }
)
_CODE_MEANING = 0x00080104

# Functional groups of enhanced objects (PS3.3, C.7.6.16, C.8.13, C.8.15), shared and per frame.
_FUNCTIONAL_GROUPS = Tree(
    {
        0x00209113: Tree(
            {0x00200032: _f("position_mm", b"DS", count=3, per_file=True, listed=True)}
        ),
        0x00209116: Tree({0x00200037: _f("orientation", b"DS", count=6)}),
        0x00289110: Tree(
            {
                0x00180050: _f("slice_thickness_mm", b"DS"),
                0x00180088: _f("spacing_between_slices_mm", b"DS"),
                0x00280030: _f("pixel_spacing_mm", b"DS", count=2),
            }
        ),
        0x00289145: Tree(
            {
                0x00281052: _f("rescale_intercept", b"DS", per_file=True),
                0x00281053: _f("rescale_slope", b"DS", per_file=True),
                0x00281054: _f("rescale_type", b"LO"),
            }
        ),
        0x00209111: Tree({0x00209128: _f("temporal_position", b"UL", per_file=True)}),
        0x00189112: Tree(
            {
                0x00180080: _f("repetition_time_ms", b"DS"),
                0x00181314: _f("flip_angle_deg", b"DS"),
                0x00189240: _f("echo_train_length", b"US"),
            }
        ),
        0x00189114: Tree({0x00189082: _f("echo_time_ms", b"FD")}),
        0x00189115: Tree(
            {
                0x00189079: _f("inversion_time_ms", b"FD"),
                0x00189025: _f("fat_suppression_code", b"CS"),
            }
        ),
        0x00189117: Tree({0x00189087: _f("b_value_s_per_mm2", b"FD")}),
        0x00189226: Tree({0x00089007: _f("frame_type", b"CS")}),
        0x00189325: Tree({0x00180060: _f("tube_voltage_kv", b"DS")}),
        0x00189321: Tree(
            {
                0x00189330: _f("tube_current_ma", b"FD", per_file=True),
                0x00189332: _f("exposure_mas", b"FD", per_file=True),
            }
        ),
        0x00189314: Tree({0x00181210: _f("kernel", b"SH")}),
        0x00189329: Tree({0x00089007: _f("frame_type", b"CS")}),
    }
)

WANTED = Tree(
    {
        0x00080005: _f("character_set", b"CS"),
        0x00080008: _f("image_type", b"CS"),
        0x00080016: _f("sop_class", b"UI"),
        0x00080018: _f("sop_instance_uid", b"UI", per_file=True),
        0x00080020: _f("study_date", b"DA"),
        0x00080021: _f("series_date", b"DA"),
        0x00080022: _f("acquisition_date", b"DA"),
        0x0008002A: _f("acquisition_datetime", b"DT", per_file=True),
        0x00080030: _f("study_time", b"TM"),
        0x00080031: _f("series_time", b"TM"),
        0x00080032: _f("acquisition_time", b"TM", per_file=True),
        0x00080060: _f("modality", b"CS"),
        0x00080064: _f("conversion_type", b"CS"),
        0x00080070: _f("manufacturer", b"LO"),
        0x00080080: _f("institution", b"LO"),
        0x00081010: _f("station", b"SH"),
        0x00081030: _f("study_description", b"LO"),
        0x0008103E: _f("series_description", b"LO"),
        0x00081090: _f("model", b"LO"),
        0x00081115: _SERIES_REFERENCE,
        0x00089209: _f("acquisition_contrast", b"CS"),
        0x00100020: _f("patient_id", b"LO"),
        0x00101030: _f("patient_weight_kg", b"DS"),
        0x00120062: _f("patient_identity_removed", b"CS"),
        0x00180010: _f("contrast_agent", b"LO"),
        0x00180012: Tree({_CODE_MEANING: _f("contrast_agent_code", b"LO")}),
        0x00180015: _f("body_part", b"CS"),
        0x00180020: _f("scanning_sequence", b"CS"),
        0x00180021: _f("sequence_variant", b"CS"),
        0x00180022: _f("scan_options", b"CS"),
        0x00180023: _f("mr_acquisition_type", b"CS"),
        0x00180024: _f("sequence_name", b"SH"),
        0x00180050: _f("slice_thickness_mm", b"DS"),
        0x00180060: _f("tube_voltage_kv", b"DS"),
        0x00180080: _f("repetition_time_ms", b"DS"),
        0x00180081: _f("echo_time_ms", b"DS"),
        0x00180082: _f("inversion_time_ms", b"DS"),
        0x00180087: _f("field_strength_t", b"DS"),
        0x00180088: _f("spacing_between_slices_mm", b"DS"),
        0x00180091: _f("echo_train_length", b"IS"),
        0x00181020: _f("software", b"LO"),
        0x00181030: _f("protocol", b"LO"),
        0x00181120: _f("gantry_tilt_deg", b"DS"),
        0x00181151: _f("tube_current_ma", b"IS", per_file=True),
        0x00181152: _f("exposure_mas", b"IS", per_file=True),
        0x00181210: _f("kernel", b"SH"),
        0x00181314: _f("flip_angle_deg", b"DS"),
        0x00185100: _f("patient_position", b"CS"),
        0x00189005: _f("pulse_sequence_name", b"SH"),
        0x00189008: _f("echo_pulse_sequence", b"CS"),
        0x00189087: _f("b_value_s_per_mm2", b"FD"),
        0x0020000D: _f("study_uid", b"UI"),
        0x0020000E: _f("series_uid", b"UI"),
        0x00200011: _f("series_number", b"IS"),
        0x00200012: _f("acquisition_number", b"IS", per_file=True),
        0x00200013: _f("instance_number", b"IS", per_file=True),
        0x00200032: _f("position_mm", b"DS", count=3, per_file=True, listed=True),
        0x00200037: _f("orientation", b"DS", count=6),
        0x00200052: _f("frame_of_reference_uid", b"UI"),
        0x00200060: _f("laterality", b"CS"),
        0x00200100: _f("temporal_position", b"IS", per_file=True),
        0x00280002: _f("samples_per_pixel", b"US"),
        0x00280004: _f("photometric", b"CS"),
        0x00280008: _f("frames", b"IS"),
        0x00280010: _f("rows", b"US"),
        0x00280011: _f("columns", b"US"),
        0x00280030: _f("pixel_spacing_mm", b"DS", count=2),
        0x00280051: _f("corrected_image", b"CS"),
        0x00280100: _f("bits_allocated", b"US"),
        0x00280101: _f("bits_stored", b"US"),
        0x00280301: _f("burned_in_annotation", b"CS"),
        0x00281052: _f("rescale_intercept", b"DS", per_file=True),
        0x00281053: _f("rescale_slope", b"DS", per_file=True),
        0x00281054: _f("rescale_type", b"LO"),
        0x00282110: _f("lossy_compression", b"CS"),
        0x0040A375: Tree({0x00081115: _SERIES_REFERENCE}),  # evidence of a report
        0x00540016: Tree(
            {
                0x00180031: _f("tracer", b"LO"),
                0x00181072: _f("injection_time", b"TM"),
                0x00181074: _f("injected_dose_bq", b"DS"),
                0x00181075: _f("half_life_s", b"DS"),
                0x00181078: _f("injection_datetime", b"DT"),
                0x00540300: Tree({_CODE_MEANING: _f("radionuclide", b"LO")}),
                0x00540304: Tree({_CODE_MEANING: _f("tracer_code", b"LO")}),
            }
        ),
        0x00541000: _f("pet_series_type", b"CS"),
        0x00541001: _f("units", b"CS"),
        0x00541101: _f("attenuation_correction", b"LO"),
        0x00541102: _f("decay_correction", b"CS"),
        0x00541103: _f("reconstruction", b"LO"),
        0x00620002: Tree({0x00620005: _f("structures", b"LO", listed=True)}),  # segments
        0x30060010: Tree(  # the frame of reference of contours, and the images in it
            {
                0x00200052: _f("refers_to_frame", b"UI", listed=True),
                0x30060012: Tree(
                    {
                        0x30060014: Tree(
                            {
                                0x0020000E: _f("refers_to_series", b"UI", listed=True),
                                0x30060016: Tree(
                                    {0x00081155: _f("refers_to_image", b"UI", listed=True)}
                                ),
                            }
                        )
                    }
                ),
            }
        ),
        0x30060020: Tree({0x30060026: _f("structures", b"LO", listed=True)}),
        0x52009229: _FUNCTIONAL_GROUPS,
        0x52009230: _FUNCTIONAL_GROUPS,
    }
)


def _fields(tree: Tree) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for wanted in tree.values():
        found |= {wanted.name: wanted} if isinstance(wanted, Field) else _fields(wanted)
    return found


FIELDS = _fields(WANTED)  # by name; one that stands in several places is the same in all
