"""Runs the calling program again inside a virtual environment with the pinned packages, made on first use."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def enter(folder):
    """Does nothing inside the environment, which has what the folder's `requirements.txt` asks for."""
    environment = ROOT / "target" / f"lab-{folder.name}-venv"
    if pathlib.Path(sys.prefix) == environment:
        return
    requirements = folder / "requirements.txt"
    wanted = requirements.read_text()
    stamp = environment / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making {environment}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        stamp.write_text(wanted)
    # Python finds its environment by the name it is called by.
    python = str(environment / "bin" / "python")
    os.execv(python, [python, *sys.argv])


def lab(is_optimised=True):
    """The lab's program, built."""
    build = ["cargo", "build", "--quiet", "-p", "lab"] + (["--release"] if is_optimised else [])
    subprocess.run(build, check=True, cwd=ROOT)
    return str(ROOT / "target" / ("release" if is_optimised else "debug") / "lab")
