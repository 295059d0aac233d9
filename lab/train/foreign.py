"""Block traces that others recorded, turned into lines of `micros,R|W,byte offset,bytes[,entropy]` for `lab external`.

Every reader yields tuples (micros, "R" or "W", offset, bytes, entropy or None), in any order. Nothing here is used for training.
"""

import bz2
import csv
import gzip
import io
import pathlib
import subprocess

SECTOR = 512


def opened(path):
    """Lines of a file, whatever it is compressed with."""
    path = pathlib.Path(path)
    if path.suffix == ".zst":
        data = subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True).stdout
        return io.StringIO(data.decode())
    if path.suffix == ".gz":
        return gzip.open(path, "rt")
    if path.suffix == ".bz2":
        return bz2.open(path, "rt")
    return open(path)


def ransap(folder):
    """A run of RanSAP: `ata_read.csv` and `ata_write.csv`. The entropy is Shannon's of the 4 KiB written, divided by 8."""
    for name, operation in (("ata_read.csv", "R"), ("ata_write.csv", "W")):
        for row in csv.reader(opened(pathlib.Path(folder) / name)):
            micros = int(row[0]) * 1_000_000 + int(row[1]) // 1000
            yield micros, operation, int(row[2]) * SECTOR, int(row[3]), row[4] if operation == "W" else None


def clear(path):
    """A recording of Samsung's CLEAR: Parquet, no content."""
    from pyarrow import parquet

    table = parquet.read_table(path, columns=["Timestamp", "OpCode", "Offset", "Size"])
    for time, code, offset, size in zip(*(column.to_pylist() for column in table.columns)):
        if code in (1, 2):
            yield int(time * 1e6), "W" if code == 1 else "R", int(offset), int(size), None


def msr(path):
    """MSR Cambridge: FILETIME in 100 ns, host, disk, type, offset, bytes."""
    for row in csv.reader(opened(path)):
        yield int(row[0]) // 10, row[3][0], int(row[4]), int(row[5]), None


def cloudphysics(path):
    """CloudPhysics in PyMimircache's form: time in us, SCSI operation, bytes, sector."""
    for row in csv.reader(opened(path)):
        if row[2] in ("28", "2a", "88", "8a"):
            yield int(row[1]), "R" if row[2] in ("28", "88") else "W", int(row[4]) * SECTOR, int(row[3]), None


def mqsim(path):
    """MQSim: ns, device, sector, sectors, 0 for a write. Devices are laid behind one another."""
    for line in opened(path):
        nanos, device, sector, sectors, kind = line.split()
        yield int(nanos) // 1000, "W" if kind == "0" else "R", (int(device) << 40) + int(sector) * SECTOR, int(sectors) * SECTOR, None


def systor(path):
    """SYSTOR '17: seconds, response, R or W, LUN, offset, bytes."""
    for row in csv.DictReader(opened(path)):
        if row["IOType"] in ("R", "W"):
            seconds = float(row["Timestamp"])
            yield int(seconds * 1e6), row["IOType"], (int(row["LUN"]) << 42) + int(row["Offset"]), int(row["Size"]), None


def blktrace(path):
    """Western Digital's blktrace: requests as they are queued (Q)."""
    for line in opened(path):
        fields = line.split()
        if len(fields) > 9 and fields[5] == "Q" and fields[6][0] in "RW" and fields[8] == "+":
            yield int(float(fields[3]) * 1e6), fields[6][0], int(fields[7]) * SECTOR, int(fields[9]) * SECTOR, None


def convert(requests, path):
    """Writes requests in the order of their times. Tells how many there are."""
    requests = sorted(requests, key=lambda request: request[0])
    with open(path, "w") as out:
        for micros, operation, offset, size, entropy in requests:
            out.write(f"{micros},{operation},{offset},{size}" + (f",{entropy}\n" if entropy is not None else "\n"))
    return len(requests)
