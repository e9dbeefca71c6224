"""The version of the package, for its own results; pyproject.toml has the same."""

VERSION = "0.1.0.dev0"
