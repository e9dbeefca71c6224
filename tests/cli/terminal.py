"""The program in a terminal of its own, as people see it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(*arguments, columns=100, cwd=None, **variables):
    """Exit code and all that was shown, with the returns that draw a bar."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "hyperfocal", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", **variables}
    running = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environment
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells the end
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return running.wait(60), _COLOURS.sub("", shown.decode("utf-8", "replace"))


def lines(shown):
    """What is left on the screen: of each line what was drawn last."""
    drawn = [line.rstrip("\r").split("\r")[-1].rstrip() for line in shown.split("\n")]
    return [line for line in drawn if line]
