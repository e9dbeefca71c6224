"""For all tests."""

import signal

# Some tests send Ctrl-C to a program. Where the tests themselves run in the background of a shell,
# they and all they start are told to ignore it; this undoes that.
signal.signal(signal.SIGINT, signal.default_int_handler)
