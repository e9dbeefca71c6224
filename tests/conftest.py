"""For all tests."""

import signal
import sys
from importlib.machinery import PathFinder

# Some tests send Ctrl-C to a program. Where the tests themselves run in the background of a shell,
# they and all they start are told to ignore it; this undoes that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    told = "as if these packages were not installed: --without torch,zarr"
    parser.addoption("--without", default="", help=told)


def pytest_configure(config):
    absent = set(filter(None, config.getoption("--without").split(",")))
    find = PathFinder.find_spec
    PathFinder.find_spec = classmethod(
        lambda cls, name, *where: None if name.partition(".")[0] in absent else find(name, *where)
    )
    for name in [name for name in sys.modules if name.partition(".")[0] in absent]:
        del sys.modules[name]
