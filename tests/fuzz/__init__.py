"""Damaged and hostile files: small sound ones of every format, changed at random and fused."""
