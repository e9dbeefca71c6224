"""Methods of the literature, one a file, to be compared with; choices of `--method` too."""
