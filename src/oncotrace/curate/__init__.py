"""A pile of DICOM becomes a cohort one can trust: inventory, checks, selection."""
