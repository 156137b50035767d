"""One series of an inventory: what it is, where it lies, how it was made, what refers to it."""

from dataclasses import dataclass, fields

Value = str | int | float | tuple[str, ...] | tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class Series:
    """One row of an inventory. Numbers that are not known are none, text is then empty.

    Parameters
    ----------
    study_date, study_time, series_date, series_time, acquisition_date, acquisition_time
        As in DICOM: YYYYMMDD and HHMMSS.FFFFFF; of several acquisition times the first.
    folder, folders
        Where its files lie, from the root of the inventory, and in how many folders.
    files, copies, images
        Files; those of them that repeat an image; images (frames, where a file has several).
    sequence
        What the series shows, see `oncotrace.curate.sequence_rules`.
    sequence_confidence, sequence_rules
        How sure that is, 0 to 1, and the rules that said so.
    modality_name
        What oncotrace calls an image of that sequence (``mr-t1gd`` for a T1 with contrast agent,
        with or without fat suppression); empty where it has no name.
    localisers
        Images marked as localisers in other planes; they are left out of what follows.
    plane, plane_angle_deg
        ``axial``, ``coronal``, ``sagittal``, or ``oblique`` where the slices are tilted from all
        three by more than 30 degrees; and the tilt from the nearest.
    orientations
        How many different ones the images have; geometry is that of the commonest.
    slices
        Different positions along the normal; ``images_at_a_position`` is the most at one.
    slice_distance_mm, smallest_gap_mm, largest_gap_mm
        Median, smallest and largest distance of neighbouring slices, measured on their positions;
        what the header calls spacing between slices is ``spacing_between_slices_mm``.
    refers_to_series
        Series that a segmentation, structure set or report says or seems to be made on.
    link
        How that was found: ``series`` (named by its UID), ``frame-of-reference``, ``study``.
    referred_by
        Structure sets, segmentations and reports that refer to this series.
    structures
        Names of the regions or segments.
    notes
        What the reader should know.
    """

    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    study_date: str = ""
    study_time: str = ""
    series_date: str = ""
    series_time: str = ""
    acquisition_date: str = ""
    acquisition_time: str = ""
    series_number: int | None = None
    folder: str = ""
    folders: int = 0
    files: int = 0
    copies: int = 0

    modality: str = ""
    sequence: str = ""
    sequence_confidence: float | None = None
    sequence_rules: tuple[str, ...] = ()
    modality_name: str = ""
    body_part: str = ""
    laterality: str = ""
    study_description: str = ""
    series_description: str = ""
    protocol: str = ""
    image_type: str = ""
    sop_class: str = ""

    institution: str = ""
    station: str = ""
    manufacturer: str = ""
    model: str = ""
    software: str = ""

    images: int = 0
    localisers: int = 0
    columns: int | None = None
    rows: int | None = None
    spacing_x_mm: float | None = None
    spacing_y_mm: float | None = None
    slice_thickness_mm: float | None = None
    spacing_between_slices_mm: float | None = None
    plane: str = ""
    plane_angle_deg: float | None = None
    orientations: int = 0
    slices: int = 0
    images_at_a_position: int = 0
    slice_distance_mm: float | None = None
    smallest_gap_mm: float | None = None
    largest_gap_mm: float | None = None
    extent_mm: float | None = None
    gantry_tilt_deg: float | None = None
    patient_position: str = ""

    transfer_syntax: str = ""
    photometric: str = ""
    samples_per_pixel: int | None = None
    bits_stored: int | None = None
    lossy_compression: str = ""
    units: str = ""
    rescale_type: str = ""
    smallest_rescale_slope: float | None = None
    largest_rescale_slope: float | None = None
    smallest_rescale_intercept: float | None = None
    largest_rescale_intercept: float | None = None
    burned_in_annotation: str = ""
    patient_identity_removed: str = ""

    contrast_agent: str = ""

    kernel: str = ""
    tube_voltage_kv: float | None = None
    smallest_exposure_mas: float | None = None
    largest_exposure_mas: float | None = None
    smallest_tube_current_ma: float | None = None
    largest_tube_current_ma: float | None = None

    field_strength_t: float | None = None
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    echo_train_length: float | None = None
    scanning_sequence: str = ""
    sequence_variant: str = ""
    scan_options: str = ""
    sequence_name: str = ""
    mr_acquisition_type: str = ""
    fat_suppression: str = ""
    b_values_s_per_mm2: tuple[float, ...] = ()
    temporal_positions: int = 0
    acquisitions: int = 0

    tracer: str = ""
    radionuclide: str = ""
    injected_dose_bq: float | None = None
    half_life_s: float | None = None
    injection_time: str = ""
    decay_correction: str = ""
    attenuation_correction: str = ""
    corrected_image: str = ""
    reconstruction: str = ""
    pet_series_type: str = ""
    patient_weight_kg: float | None = None

    refers_to_series: tuple[str, ...] = ()
    link: str = ""
    referred_by: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def values(self) -> dict[str, Value]:
        """Return all values by their column."""
        return {name: getattr(self, name) for name in COLUMNS}

    @property
    def holds_pixels(self) -> bool:
        """Whether it is a series of images, rather than of contours or reports."""
        return self.rows is not None and self.modality != "SEG"


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Series))
TYPES: dict[str, str] = {  # such as "str", "float | None", "tuple[str, ...]"
    field.name: field.type.__name__ if isinstance(field.type, type) else str(field.type)
    for field in fields(Series)
}
