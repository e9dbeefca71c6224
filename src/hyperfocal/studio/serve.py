"""Starting the studio: a port on loopback, a folder for what it keeps, the address to open."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

from hyperfocal import MissingExtra, OptionError, StackError
from hyperfocal.studio import vendor
from hyperfocal.studio.roots import Roots

PORT = 8642
_TRIED = 20  # ports after the usual one, where others are taken
STATE = ".hyperfocal-studio"


def run(
    folders: list[Path],
    *,
    port: int | None = None,
    opens_browser: bool = True,
    takes_drops: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until the process is asked to end."""
    vendor.require_viewer()
    try:
        import uvicorn

        from hyperfocal.studio.app import Settings, Studio
        from hyperfocal.studio.gate import Gate
    except ImportError as error:
        raise MissingExtra(
            f"the studio needs {error.name}; install it with: pip install 'hyperfocal[studio]'"
        ) from error
    roots = Roots(folders)
    state = state_folder(roots.first)
    sockets = bound(port)
    number = sockets[0].getsockname()[1]
    studio = Studio(Settings(roots, state, takes_drops))
    gate = Gate(studio.app(), port=number)
    config = uvicorn.Config(
        gate,
        log_level="error",
        access_log=False,
        server_header=False,
        # Without it, pages that are open would keep it from ending.
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        ws_max_size=1 << 16,
        h11_max_incomplete_event_size=1 << 16,
    )
    server = uvicorn.Server(config)
    say(f"hyperfocal studio: {roots.first}")
    say(f"  {gate.address()}")
    say("  Ctrl-C ends it; from another machine: ssh -L "
        f"{number}:127.0.0.1:{number} THIS_MACHINE, then open the address")  # fmt: skip
    if opens_browser and not _opened(gate.address()):
        say("  no browser was found here; open the address by hand")
    server.run(sockets=sockets)


def bound(port: int | None) -> list[socket.socket]:
    """Sockets of one port on IPv4's loopback and, where there is one, on IPv6's."""
    wanted = [port] if port is not None else [*range(PORT, PORT + _TRIED), 0]
    for number in wanted:
        try:
            first = _listening(socket.AF_INET, "127.0.0.1", number)
        except (OSError, OverflowError):
            continue
        found = [first]
        # There may be no IPv6, or another program may have its port.
        with contextlib.suppress(OSError):
            found.append(_listening(socket.AF_INET6, "::1", first.getsockname()[1]))
        return found
    raise OptionError(f"port {port} is taken or not allowed; choose another --port, or none")


def _listening(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # A port that was just let go of can be had again.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(256)
    except OSError:
        made.close()
        raise
    return made


def state_folder(root: Path) -> Path:
    """Where the studio keeps results and decisions: in the folder, or else at the user's place."""
    place = root / STATE
    try:
        place.mkdir(exist_ok=True)
        if os.access(place, os.W_OK | os.X_OK):
            return place
    except OSError:
        pass
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    place = base / "hyperfocal" / f"{root.name}-{name}"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"neither {root} nor {base} can be written to ({error.strerror}); the studio needs a "
            "folder for its results"
        ) from error
    return place


def _opened(address: str) -> bool:
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
