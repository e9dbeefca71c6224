"""Mutants: small slips put into the sources one by one, to see whether a test notices."""
