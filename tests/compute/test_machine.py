"""Limits of memory and processors, from trees of files as Linux shows them."""

import os
import subprocess
import sys

import pytest

from hyperfocal.compute import machine

GB = 1 << 30


@pytest.fixture
def root(tmp_path):
    """A machine of 16 GB, 8 of them free, whose files are those given."""

    def make(**files):
        files = {
            "proc/meminfo": f"MemTotal: {16 << 20} kB\nMemAvailable:  {8 << 20} kB\n",
            **{name.replace("__", "/").replace("_DOT_", "."): text for name, text in files.items()},
        }
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def test_a_machine_without_limits(root):
    assert machine.free_memory(root()) == 8 * GB
    assert machine.memory_limit(root()) == 16 * GB


def test_a_container_of_version_2(root):
    group = "sys__fs__cgroup__jobs__"
    made = root(
        proc__self__cgroup="0::/jobs/one\n",
        **{group + "memory_DOT_max": str(2 * GB), group + "memory_DOT_current": str(GB)},
        **{group + "one__memory_DOT_max": "max", group + "cpu_DOT_max": "150000 100000"},
        **{group + "memory_DOT_stat": f"anon 5\ninactive_file {GB // 2}\n"},
    )
    assert machine.memory_limit(made) == 2 * GB
    assert machine.free_memory(made) == 2 * GB - GB // 2  # the cache is given back
    assert machine.processor_count(made) == min(2, len(os.sched_getaffinity(0)))


def test_a_container_of_version_1_that_is_seen_from_inside(root):
    group = "sys__fs__cgroup__memory__"
    made = root(
        proc__self__cgroup="4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n",
        **{group + "memory_DOT_limit_in_bytes": str(GB)},
        **{group + "memory_DOT_usage_in_bytes": str(GB // 4)},
        **{"sys__fs__cgroup__cpu,cpuacct__cpu_DOT_cfs_quota_us": "50000"},
        **{"sys__fs__cgroup__cpu,cpuacct__cpu_DOT_cfs_period_us": "100000"},
    )
    assert (machine.memory_limit(made), machine.free_memory(made)) == (GB, GB - GB // 4)
    assert machine.processor_count(made) == 1


def test_a_group_that_has_no_limit(root):
    group = "sys__fs__cgroup__memory__"
    made = root(
        proc__self__cgroup="4:memory:/\n",
        **{group + "memory_DOT_limit_in_bytes": "9223372036854771712"},
        **{"sys__fs__cgroup__cpu__cpu_DOT_cfs_quota_us": "-1"},
    )
    assert machine.memory_limit(made) == 16 * GB


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_limits_of_the_shell_and_of_affinity_are_seen():
    program = (
        "import os, resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from hyperfocal.compute import machine\n"
        "from hyperfocal.fusion.recipe import Recipe\n"
        "print(machine.processor_count(), machine.shell_limit(), Recipe().memory_bytes)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    count, limit, budget = map(int, run.stdout.split())
    assert (count, limit) == (1, 2 * GB)
    assert budget < GB


@pytest.mark.parametrize(
    ("error", "lacks"),
    [(MemoryError(), True), (OSError(12, "Cannot allocate memory"), True),
     (RuntimeError("Exception from src/x.cpp: std::bad_alloc"), True),
     (ImportError("x.so: failed to map segment from shared object"), True),
     (RuntimeError("can't start new thread"), True), (OSError(28, "No space left"), False),
     (ValueError("no decoder reads it"), False), (KeyError("bad_alloc"), False)],
)  # fmt: skip
def test_refusals_of_memory_are_known_in_the_words_of_libraries(error, lacks):
    assert machine.lacks_memory(error) is lacks
    wrapped = ValueError("cannot be opened")
    wrapped.__cause__ = error
    assert machine.lacks_memory(wrapped) is lacks


def test_opencv_says_that_memory_is_lacking_with_an_error_of_its_own():
    program = (
        "import resource, cv2, numpy as np; from hyperfocal.compute import machine\n"
        "a = np.zeros((20000, 10000), np.uint8)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "try: cv2.resize(a, (100000, 20000))\n"
        "except Exception as error: print(machine.lacks_memory(error))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "True\n", run.stderr[-300:]
