"""Headers of many DICOM files, read by our own walk and remembered in an index."""
