"""Optional packages: what needs one is skipped, and says so, where it is not installed.

`pytest --without pywt,torch` runs the tests as if these were not.
"""

from __future__ import annotations

import importlib

import pytest

# By method; tests/baselines/test_classical.py holds the methods to it.
NEEDED = {"cvt": "curvelets", "dtcwt": "pywt", "dwt": "pywt"}
# By format; HEIF and RAW have files of tests of their own.
OF_FORMATS = {"ome_zarr": "zarr"}


def is_installed(package: str) -> bool:
    """Whether it can be imported here."""
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def cases(choices):
    """Methods or formats as cases of a test, those that need what is absent to be skipped."""
    return [pytest.param(choice, marks=needs(choice), id=choice) for choice in choices]


def needs(choice: str):
    """The mark of a case that takes this method or format."""
    package = (NEEDED | OF_FORMATS).get(choice.partition(":")[0])
    if package is None or is_installed(package):
        return ()
    return pytest.mark.skip(reason=f"{choice} needs {package}, which is not installed")
