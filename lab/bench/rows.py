"""What is measured: one fio job per row. The order matters: the last rows read what the random writes before them have scattered."""

import dataclasses
import json
import subprocess

import machine


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    rw: str
    block_bytes: int
    depth: int
    writes_per_flush: int = 0
    unit: str = "IOPS"
    # The system's cache is emptied first: everything comes from the device.
    is_cold: bool = False
    # Servers that tidy up in the background do so first, as they would in a quiet night.
    is_rested: bool = False


ROWS = [
    Row("64k seq read QD8", "read", 65536, 8, unit="MB/s"),
    Row("4k rand read QD32", "randread", 4096, 32),
    Row("64k seq write QD8", "write", 65536, 8, unit="MB/s"),
    Row("64k seq write QD8, flush every 256", "write", 65536, 8, writes_per_flush=256, unit="MB/s"),
    Row("4k rand write QD1", "randwrite", 4096, 1),
    Row("4k rand write QD32", "randwrite", 4096, 32),
    Row("4k rand write QD1, flush each", "randwrite", 4096, 1, writes_per_flush=1),
    Row("4k rand write QD32, flush every 32", "randwrite", 4096, 32, writes_per_flush=32),
    Row("64k seq read QD8 after random writes", "read", 65536, 8, unit="MB/s"),
    Row("64k seq read QD8 after them, cold", "read", 65536, 8, unit="MB/s", is_cold=True),
    Row("64k seq read QD8 after a rest", "read", 65536, 8, unit="MB/s", is_rested=True),
    Row("64k seq read QD8 after a rest, cold", "read", 65536, 8, unit="MB/s", is_cold=True),
]


def fio(uri, size_bytes, folder, words):
    command = [
        "fio", "--name=row", "--ioengine=nbd", f"--uri={uri}", f"--size={size_bytes}", "--output-format=json",
        "--randrepeat=0", "--norandommap", "--buffer_compress_percentage=50", *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` exited {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    # fio prints warnings before the document.
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]


def fill(uri, size_bytes, folder):
    """Writes the whole disk once, in order, so that no server allocates during a row."""
    fio(uri, size_bytes, folder, ["--rw=write", "--bs=1m", "--iodepth=8", "--refill_buffers", "--end_fsync=1"])


def run(row, uri, size_bytes, folder, seconds):
    """Runs one row. Returns requests by kind, bytes written and the time they took."""
    if row.is_cold:
        machine.empty_cache()
    words = [f"--rw={row.rw}", f"--bs={row.block_bytes}", f"--iodepth={row.depth}", "--time_based", f"--runtime={seconds}"]
    if row.writes_per_flush:
        words.append(f"--fsync={row.writes_per_flush}")
    job = fio(uri, size_bytes, folder, words)
    read, write = job["read"], job["write"]
    return {
        "iops": read["iops"] + write["iops"],
        "megabytes_per_second": (read["bw_bytes"] + write["bw_bytes"]) / 1e6,
        "requests": read["total_ios"] + write["total_ios"],
        "flushes": job.get("sync", {}).get("total_ios", 0),
        "bytes_written": write["io_bytes"],
        "latency_us_p50": percentile(read, write, "50.000000"),
        "latency_us_p99": percentile(read, write, "99.000000"),
    }


def percentile(read, write, key):
    side = write if write["total_ios"] else read
    return side["clat_ns"].get("percentile", {}).get(key, 0) / 1000
