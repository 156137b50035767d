"""Transfer syntaxes (PS3.5, section 10) that are read here."""

from oncotrace.io.dicom_header import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from oncotrace.io.pixel_decoder_process import DECODERS

NATIVE = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG)
"""Uncompressed pixels, the most widely supported first."""

READABLE = (*NATIVE, *DECODERS)
"""Everything whose pixels can be read."""
