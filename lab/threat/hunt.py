"""Runs `holdfast threat scan`."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile


def scan(program, paths, *options):
    """The result, the processor's seconds and the peak of memory in bytes."""
    with tempfile.TemporaryDirectory(prefix="holdfast-lab-threat-") as folder:
        result = pathlib.Path(folder, "result.json")
        command = [program, "threat", "scan", *paths, "--format", "json", "--output", result, *options]
        child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        if os.waitstatus_to_exitcode(status) not in (0, 5):
            sys.exit(f"{command}: {said.decode(errors='replace')}")
        return json.loads(result.read_text()), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
