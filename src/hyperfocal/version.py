"""The version of the package, for its own results and for pyproject.toml, which reads it here."""

VERSION = "0.1.0.dev0"
