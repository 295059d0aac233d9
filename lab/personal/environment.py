"""Runs the calling program again inside a virtual environment with the pinned packages, made on first use."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "target" / "lab-personal-venv"


def enter():
    """Does nothing inside the environment."""
    if pathlib.Path(sys.prefix) == FOLDER:
        return
    wanted = (HERE / "requirements.txt").read_text()
    stamp = FOLDER / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making {FOLDER}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = [str(FOLDER / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
        stamp.write_text(wanted)
    # Python finds its environment by the name it is called by.
    python = str(FOLDER / "bin" / "python")
    os.execv(python, [python, *sys.argv])
