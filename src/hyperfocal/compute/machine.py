"""How much memory and how many processors this process may use, whoever it is that limits it.

A machine has so much; a container (cgroup), the shell (`ulimit -v`) or a scheduler (affinity) may
grant less. What cannot be asked on a system is taken as no limit.
"""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
_SOMEWHERE = 4 << 30  # bytes, where a system tells nothing
_NO_MEMORY = re.compile(
    r"bad.?alloc|insufficient memory|out of memory|not enough (?:memory|space)|enomem|"
    r"(?:cannot|can't|could not|couldn't|failed to|unable to) (?:allocate|map)|"
    r"allocation failed|failed to allocate|can't start new thread|failed to map segment",
    re.IGNORECASE,
)
_NO_LIMIT = 1 << 60  # what cgroup v1 writes is a page below 2^63


def processor_count(root: Path = ROOT) -> int:
    """Processors that this process may use at a time, at least 1."""
    has_affinity = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    for folder in _groups(root, "cpu"):
        quota = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(quota) == 2 and quota[0].isdecimal() and int(quota[1]):
            count = min(count, max(1, math.ceil(int(quota[0]) / int(quota[1]))))
    return count


def memory_limit(root: Path = ROOT) -> int:
    """Bytes that this process could come to hold if it were alone."""
    limits = [limit for limit, _ in _group_memory(root)] + [limit for limit, _ in _shell_memory()]
    # All of it, not what is free now: free memory leaves out what caches would give back.
    return min([_meminfo(root, "MemTotal") or _physical() or _NO_LIMIT, *limits])


def free_memory(root: Path = ROOT) -> int:
    """Bytes that this process can still take."""
    spans = [limit - used for limit, used in (*_group_memory(root), *_shell_memory())]
    free = _meminfo(root, "MemAvailable") or _physical() // 2 or _SOMEWHERE
    return max(0, min([free, *spans]))


def shell_limit() -> int | None:
    """Bytes of address space that `ulimit -v` or a scheduler allows; None for any number."""
    return min((limit for limit, _ in _shell_memory()), default=None)


def lacks_memory(error: BaseException | None) -> bool:
    """Whether it was a refusal of memory that led to an error, in whatever words of a library."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        # Threads need memory too; a system error carries no number where a library tells it.
        is_told = isinstance(error, RuntimeError | ImportError | OSError | ValueError | SystemError)
        is_foreign = type(error).__module__.split(".")[0] not in ("builtins", "hyperfocal")
        if (is_told or is_foreign) and _NO_MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _shell_memory() -> list[tuple[int, int]]:
    """Limits of address space and of data, each with what is taken of it."""
    try:
        import resource
    except ImportError:  # Windows
        return []
    found = []
    for name, kind in (("VmSize", resource.RLIMIT_AS), ("VmData", resource.RLIMIT_DATA)):
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY and limit < _NO_LIMIT:
            found.append((limit, _status(name)))
    return found


def _status(name: str) -> int:
    return _kilobytes(ROOT / "proc/self/status", name)


def _meminfo(root: Path, name: str) -> int:
    return _kilobytes(root / "proc/meminfo", name)


def _kilobytes(path: Path, name: str) -> int:
    """The bytes in a line `name:  123 kB`; 0 where there is none."""
    match = re.search(rf"^{name}:\s+(\d+) kB", _text(path), re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def _physical() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0


def _group_memory(root: Path) -> list[tuple[int, int]]:
    """Limits of the containers around this process, each with what is taken of it."""
    found = []
    for folder in _groups(root, "memory"):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        used = _words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes")
        if limit and limit[0].isdecimal() and int(limit[0]) < _NO_LIMIT:
            # Files in the cache count as used, and are given back when memory is needed.
            cached = re.search(
                r"^(?:total_)?inactive_file (\d+)", _text(folder / "memory.stat"), re.M
            )
            taken = int(used[0]) if used else 0
            found.append((int(limit[0]), max(0, taken - (int(cached[1]) if cached else 0))))
    return found


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of those around it, of either version."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, place = rest.partition(":")
        if number == "0" and not controllers:
            mount = top
        elif controller in controllers.split(","):
            mount = top / controllers if (top / controllers).is_dir() else top / controller
        else:
            continue
        # In a container the place may be the host's, of which only the mount is seen.
        parts = Path(place.lstrip("/")).parts
        for count in range(len(parts), -1, -1):
            folder = mount.joinpath(*parts[:count])
            if ".." not in parts and folder.is_dir():
                yield folder


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
