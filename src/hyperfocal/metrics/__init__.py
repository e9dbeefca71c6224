"""Metrics of fused pictures, one function a file."""
