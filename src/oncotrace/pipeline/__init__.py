"""Journeys: each joins reading, a stage and writing, for the command line and the workbench."""
