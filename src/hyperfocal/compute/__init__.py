"""Computing with arrays: side by side, in tiles, with buffers; no files, no frames."""
