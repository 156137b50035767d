"""Stage: from clicks or nothing to a mask."""
