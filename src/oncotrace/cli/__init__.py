"""The command line: parse, call one pipeline, print."""
