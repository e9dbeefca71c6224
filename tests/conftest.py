"""For all tests."""

import signal
import sys

# Some tests send Ctrl-C to a program. Where the tests themselves run in the background of a shell,
# they and all they start are told to ignore it; this undoes that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    told = "as if these packages were not installed: --without torch,zarr"
    parser.addoption("--without", default="", help=told)


def pytest_configure(config):
    for name in filter(None, config.getoption("--without").split(",")):
        sys.modules[name] = None
