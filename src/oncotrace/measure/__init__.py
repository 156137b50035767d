"""Stage: from a mask to volume and diameters."""
