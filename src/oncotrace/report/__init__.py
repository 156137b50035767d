"""Stage: figures and tables for people."""
