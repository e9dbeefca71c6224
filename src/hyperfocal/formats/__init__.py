"""File formats, one a file: `SUFFIXES`, `open`, `save`."""
