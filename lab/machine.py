"""The machine that measures: what it is, and how to bring its memory into the state of a host that has been up for a while."""

import contextlib
import mmap
import os
import pathlib
import platform
import subprocess

CACHES = pathlib.Path("/proc/sys/vm/drop_caches")
# Where a virtual machine's kernel gives free memory back to its hypervisor: blocks of 2^order pages and more.
REPORTING = pathlib.Path("/sys/module/page_reporting/parameters/page_reporting_order")
# More than any block has: nothing is given back.
REPORT_NOTHING = "11"


def version_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout or done.stderr).splitlines()[0].strip()
    except (OSError, IndexError):
        return "not found"


def meminfo(name):
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{len(os.sched_getaffinity(0))} x {name}"


def describe(folder, is_steady):
    return {
        "processor": processor(),
        "memory_mib": meminfo("MemTotal") >> 20,
        "kernel": platform.release(),
        "file_system": version_of("findmnt", "-n", "-o", "FSTYPE,SOURCE,OPTIONS", "-T", str(folder)),
        "load_before": os.getloadavg()[0],
        "gives_free_memory_back": REPORTING.exists() and not is_steady,
    }


def can_empty_cache():
    return os.access(CACHES, os.W_OK)


def empty_cache():
    subprocess.run(["sync"], check=True)
    CACHES.write_text("3")


@contextlib.contextmanager
def steady_memory():
    """Keeps the kernel from giving free memory back to a hypervisor, and touches what is free once. For the time of the measurement.

    Where memory is given back, each page used anew costs ten microseconds in the hypervisor. A server that overwrites one
    file in the page cache never pays that, one that appends always does: it would be a measurement of the hypervisor.
    """
    before = REPORTING.read_text().strip() if REPORTING.exists() else None
    if before is not None:
        REPORTING.write_text(REPORT_NOTHING)
    try:
        touch(meminfo("MemAvailable") * 3 // 4)
        yield
    finally:
        if before is not None:
            REPORTING.write_text(before)


def touch(size_bytes):
    with mmap.mmap(-1, size_bytes) as memory:
        for position in range(0, size_bytes, mmap.PAGESIZE):
            memory[position] = 1
