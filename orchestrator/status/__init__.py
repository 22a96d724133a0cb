"""The state of a study, read from its results: once, or live."""
