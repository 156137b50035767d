"""Asking, fetching from and sending to a PACS, by DICOMweb and by DIMSE."""
