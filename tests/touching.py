"""Runs of the program whose every touch is noted: what they opened, wrote, started, contacted.

`audited` notes what Python does, on every system; `traced` what the process asks of the kernel,
libraries too, where there is strace. Both keep to folders of their own: `home`, `tmp` and `place`.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hyperfocal import registry
from hyperfocal.options import infos
from tests.batch.shoots import write_stack

# Its defaults would take minutes.
SMALL = {"sr": "sr:step=4,tolerance=40"}
_HOOK = """
import json, os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def shown(value, folder=None):
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if isinstance(folder, int) and folder >= 0 and isinstance(value, str):
        value = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), value)
    return value if isinstance(value, (str, int, type(None))) else str(value)
FOLDERS = {"os.remove": (1,), "os.rmdir": (1,), "os.mkdir": (2,), "os.rename": (2, 3)}
FOLDERS["os.link"] = FOLDERS["os.rename"]
KINDS = ("open", "os.", "socket.", "urllib.", "http.", "ssl.", "subprocess.", "shutil.", "pty.")
def seen(event, given):
    if event.startswith((*KINDS, "webbrowser.", "sqlite3.")):
        at = FOLDERS.get(event, ())
        told = [shown(each, given[at[n]] if n < len(at) else None) for n, each in enumerate(given)]
        os.write(log, (json.dumps([event, *told]) + "\\n").encode())
sys.addaudithook(seen)
"""
FUSING = """
import json, sys
from hyperfocal.cli.main import main
for number, arguments in enumerate(json.loads(sys.argv[2])):
    main(arguments)
"""
_NETWORK = ("socket.", "urllib.", "http.", "ssl.", "webbrowser.")
_STARTS = ("subprocess.", "os.fork", "os.exec", "os.spawn", "os.posix_spawn", "os.system", "pty.")
_CHANGES = (
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "shutil.", "sqlite3.",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Touched:
    """What a run did: places it wrote to, files it read, programs, network."""

    written: set[str]
    read: set[str]
    started: list[str]
    contacted: list[str]

    def strange(self, *own):
        """Places written to outside these folders; a terminal and nothing are no places."""
        roots = tuple(f"{os.path.realpath(each)}/" for each in own)
        real = {
            os.path.join(os.path.realpath(os.path.dirname(each)), os.path.basename(each))
            for each in self.written
        }
        return {each for each in real if not each.startswith(roots)} - {"/dev/null", "/dev/tty"}


def methods_of(engine):
    """The methods that run in an engine; for None those that need none."""
    found = {}
    for name in registry.names("methods"):
        options = {info.name for info in infos(registry.choice("methods", name))}
        if engine is None and "engine" not in options:
            found[name] = SMALL.get(name, name)
        elif engine is not None and "engine" in options:
            found[name] = f"{name}:engine={engine}"
    return found


def commands(root, methods):
    """A run of each method with all the outputs that it makes, and its folders, made new."""
    for name in ("home", "tmp", "place"):
        (root / name).mkdir(exist_ok=True)
    write_stack(root / "in", 3, height=64, width=96)
    listed = []
    for name, method in methods.items():
        out = ["-o", f"place/{name}.tif", "--transforms", f"place/{name}.json"]
        listed.append(["fuse", "in", *out, "--method", method])
        if hasattr(registry.make("methods", method), "measure"):
            listed[-1] += ["--maps", f"place/{name}", "--depth", f"place/{name}-depth.png"]
    return listed


def _environment(root):
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    roots = os.pathsep.join([str(Path(registry.__file__).parents[1]), kept.get("PYTHONPATH", "")])
    return kept | {
        "PYTHONPATH": roots,
        "HOME": str(root / "home"),
        "TMPDIR": str(root / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",  # what Python keeps beside modules is not ours
    }


def audited(root, runs, program=FUSING):
    """What Python saw of these runs, all in one process."""
    log = root / "audit.log"
    command = [sys.executable, "-c", _HOOK + program, str(log), json.dumps(runs)]
    subprocess.run(command, check=True, env=_environment(root), cwd=root)
    written, read, started, contacted = set(), set(), [], []
    for line in log.read_text("utf-8").splitlines():
        event, *given = json.loads(line)
        if event.startswith(_NETWORK):
            contacted.append(line)
        elif event.startswith(_STARTS):
            started.append(line)
        elif event.startswith(_CHANGES):
            written |= {each for each in given[:2] if isinstance(each, str)}
        elif event == "open" and isinstance(given[0], str):
            mode, flags = given[1] or "", given[2] or 0
            is_writing = bool(set(mode) & set("wax+")) or bool(flags & _WRITING)
            (written if is_writing else read).add(given[0])
    return Touched({os.path.join(root, each) for each in written}, read, started, contacted)


_CALLS = (
    "%network,execve,open,openat,openat2,creat,truncate,mkdir,mkdirat,rename,renameat,renameat2,"
    "unlink,unlinkat,link,linkat,symlink,symlinkat"
)
_CHANGING = ("creat", "truncate", "mkdir", "rename", "unlink", "link", "symlink")
_CALL = re.compile(r"^\d+ +(\w+)\((.*)$")
_PLACE = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')


def traced(root, runs, program=FUSING):
    """What the kernel saw of these runs; None where nothing can be traced here."""
    log = root / "trace.log"
    watch = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "4096", "-o", str(log), "-e", _CALLS]
    command = [sys.executable, "-c", program, "", json.dumps(runs)]
    try:
        done = subprocess.run([*watch, *command], env=_environment(root), cwd=root)
    except FileNotFoundError:
        return None
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    if done.returncode and "execve(" not in text:
        return None
    assert done.returncode == 0
    written, read, started, contacted = set(), set(), [], []
    for line in text.splitlines():
        match = _CALL.match(line)
        # What was not there was not touched.
        if match is None or "= -1 " in line:
            continue
        call, given = match.groups()
        places = [os.path.join(root, folder, name) for folder, name in _PLACE.findall(given)]
        if call == "execve":
            started.append(given)
        elif call in ("open", "openat", "openat2"):
            is_writing = re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", given)
            (written if is_writing else read).update(places)
        elif call.startswith(_CHANGING):
            written.update(places)
        else:
            contacted.append(line)
    # The first is Python itself.
    return Touched(written, read, started[1:], contacted)


def told(touched, root):
    """The list of docs/reliability.md: what a run touches, alike places as one."""
    package = str(Path(registry.__file__).parent)
    source, tmp = re.escape(package), re.escape(str(root / "tmp"))
    kinds = [
        (r".*/site-packages/.*\.dist-info(/.*)?", "what packages are installed, and what they add"),
        (r".*/site-packages/[^/]*\.pth", "what packages are installed, and what they add"),
        (r".*/site-packages/([^/]+)(/.*)?", r"the package \1"),
        (r".*/(lib(64)?|share)/python[\d.]+(/.*)?|.*/pyvenv\.cfg", "Python itself"),
        (source + r"/.*/weights/([^/]*)", r"the weights \1"),
        (source + "(/.*)?", "hyperfocal itself"),
        (r"/(usr/)?lib.*\.so.*|/etc/ld\.so.*|.*/lib/lib[^/]*\.so.*", "system libraries"),
        (r"/(sys|proc)/.*", "what machine this is (/proc, /sys)"),
        (r"/(usr|etc)/.*", "languages, time zone, settings of libraries (/usr, /etc)"),
        (tmp + "/", "TMPDIR/"),
        (re.escape(str(root)) + "/", ""),
        ("hyperfocal-[a-z0-9_]{8}", "hyperfocal-…"),
        (r"/\d+\.(part|raw)", r"/N.\1"),
    ]

    def alike(places):
        found = set()
        for place in places:
            for pattern, text in kinds:
                place = re.sub(pattern, text, place, count=1)
            found.add(place)
        return sorted(found)

    yield f"contacted: {', '.join(touched.contacted) or 'nothing'}"
    yield f"started: {', '.join(touched.started) or 'nothing'}"
    yield "written or removed:"
    yield from (f"  {each}" for each in alike(touched.written))
    yield "read:"
    yield from (f"  {each}" for each in alike(touched.read))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        commands(root, {})
        print("\n".join(told(traced(root, [["fuse", "in", "-o", "place/fused.tif"]]), root)))
