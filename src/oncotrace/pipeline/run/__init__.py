"""Run folders: what was done to which case, with what, written so that it can be resumed."""
