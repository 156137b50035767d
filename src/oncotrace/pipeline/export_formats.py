"""Formats that a case can be exported to, and what their files are called."""

FILE_OF_FORMAT = {
    "seg": "segmentation.dcm",
    "rtstruct": "rtstruct.dcm",
    "sr": "report.dcm",
    "stl": "surface.stl",
    "slicer": "segmentation.seg.nrrd",
    "nifti": "mask.nii.gz",
    "nrrd": "mask.nrrd",
    "markups": "markups.mrk.json",
}

DICOM_FORMATS = ("seg", "rtstruct", "sr")
"""Formats that refer to the images, whose series must be given."""
