"""Readers of the datasets' original files: from what was published to frames in one layout.

Each module reads one format and names the file, the rule, the value and the remedy when a file
breaks it (`jaxdepth.errors.DataError`). Nothing is written beside the source.
"""
