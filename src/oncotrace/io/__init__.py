"""Files: DICOM, volumes, clicks and tables in and out."""
