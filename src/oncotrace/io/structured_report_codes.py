"""The words of our structured reports: codes of the standard, and those that it lacks.

What DICOM (PS3.16) or a scheme that it names has a code for is said with that code. The rest, such
as a predicted Dice, is said in a private scheme, which every report describes in its Coding Scheme
Identification Sequence (PS3.3, C.12.1.1.4).
"""

from types import MappingProxyType

from pydicom.sr.coding import Code

SCHEME = "99ONCOTRACE"
SCHEME_NAME = "oncotrace"
SCHEME_VERSION = 1
"""Number of the format: what a report says and how; a reader refuses a higher one."""

MANUFACTURER = "oncotrace"
MODEL = "oncotrace"
DEVICE_UID = "2.25.228786992792255900286171769996736528295"
"""UID of the program as an observer: UUID 5 of its name in the namespace of object identifiers."""


def _own(value: str, meaning: str) -> Code:
    return Code(value, SCHEME, meaning)


# ---- templates and structure (PS3.16, TID 1500, 1411, 1501, 4019, 4108) -------------------------

TITLE = Code("126000", "DCM", "Imaging Measurement Report")
IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
MEASUREMENT_GROUP = Code("125007", "DCM", "Measurement Group")
DEVICE = Code("121007", "DCM", "Device")
IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
REFERENCED_SEGMENT = Code("121191", "DCM", "Referenced Segment")
SOURCE_SERIES = Code("121232", "DCM", "Source series for segmentation")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
NEOPLASM = Code("108369006", "SCT", "Neoplasm")

# ---- sizes and their units ----------------------------------------------------------------------

VOLUME = Code("YEKZ", "IBSI", "Volume from Voxel Summation")
LONG_AXIS = Code("103339001", "SCT", "Long Axis")
SHORT_AXIS = Code("103340004", "SCT", "Short Axis")
LONGEST_3D = Code("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")

SUM_OF_VOXELS = Code("126030", "DCM", "Sum of segmented voxel method for volume")
VOXEL_EDGES = _own("voxel-edges", "Between outer edges of voxels, in one slice of the grid")

MILLILITRE = Code("ml", "UCUM", "milliliter")
MILLIMETRE = Code("mm", "UCUM", "millimeter")
DEGREE = Code("deg", "UCUM", "degree")
NO_UNIT = Code("1", "UCUM", "no units")

AXIAL_SLICE = _own("axial-slice", "Slice of the axial diameters, counted from 0")
AXIAL_TILT = _own("axial-tilt", "Angle between that slice and the patient's axial plane")
AXIAL_AXIS = _own("axial-axis", "Axis of the grid along which that slice is counted")
GRID_AXES = (
    _own("grid-x", "Columns of the grid (x)"),
    _own("grid-y", "Rows of the grid (y)"),
    _own("grid-z", "Slices of the grid (z)"),
)

# ---- quality ------------------------------------------------------------------------------------

PREDICTED_DICE = _own("predicted-dice", "Predicted Dice coefficient with a reader's mask")
PREDICTED_DICE_LOWER = _own("predicted-lower", "Predicted Dice, lower end of the 80 % interval")
PREDICTED_DICE_UPPER = _own("predicted-upper", "Predicted Dice, upper end of the 80 % interval")
SLICE_TO_CHECK = _own("slice-to-check", "Slice to be checked, counted from 0")
END_TO_CHECK = _own("end-to-check", "End of the tumour to be checked")
ENDS = MappingProxyType(
    {
        end: _own(end, f"{end.capitalize()} end")
        for end in ("superior", "inferior", "left", "right", "anterior", "posterior")
    }
)

# ---- who made it, how good it is, what it is for ------------------------------------------------

MAKER = _own("maker", "Segmented by")
REVIEW_GRADE = _own("review-grade", "Grade that the segmentation got in review")
GRADES = MappingProxyType(
    {
        grade: _own(grade.lower(), grade)
        for grade in ("Excellent", "Sufficient", "Insufficient", "Incorrect")
    }
)
INTENDED_USE = _own("intended-use", "Intended use")
RESEARCH_ONLY = _own("research-only", "Research use only")
