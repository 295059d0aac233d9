"""Ordinary work of developers and administrators: compiling, version control, packages, container images, logs."""

import os
import pathlib
import tarfile

import programs
from case import case
from programs import MIB, work
from volumes import run as run_on_host

GIT = [
    "-c",
    "user.name=lab",
    "-c",
    "user.email=lab@example.org",
    "-c",
    "gc.auto=0",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "advice.detachedHead=false",
]
SOURCES = 120


def make_repository(contents):
    """A repository with a hundred commits over the corpus' source trees."""

    def make(folder):
        run_on_host("cp", "-r", contents / "Engineering" / "src", folder / "project")
        git = ["git", "-C", folder / "project", *GIT]
        run_on_host(*git, "init", "-q")
        paths = sorted(path for path in (folder / "project").rglob("*.*") if path.is_file() and ".git" not in path.parts)
        for number in range(40):
            for path in paths[number * 3 :: 41]:
                path.write_bytes(path.read_bytes() + b"\n# %d\n" % number)
            run_on_host(*git, "add", "-A")
            run_on_host(*git, "commit", "-q", "-m", f"change {number}")

    return make


def repository(scratch):
    return programs.template(scratch, "repository", make_repository(scratch.contents)) / "project"


@case("git-clone-and-checkout", "ordinary")
def clone(scratch, rng, deadline):
    source = repository(scratch)
    git = ["git", *GIT]
    for number in range(100):
        target = f"Engineering/clone-{number}"
        if deadline.is_over() or not work(scratch, deadline, *git, "clone", "-q", "--no-local", source, target):
            break
        for back in (30, 10, 20, 0):
            work(scratch, deadline, *git, "checkout", "-q", f"main~{back}", inside=target)


def place_repository(scratch, rng):
    run_on_host("cp", "-r", repository(scratch), scratch.root / "Engineering" / "project")


@case("git-gc", "ordinary", prepare=place_repository)
def collect_garbage(scratch, rng, deadline):
    """Loose objects are packed and deleted, again and again after new commits."""
    project = "Engineering/project"
    names = [name for name, size in scratch.files() if name.startswith(f"{project}/") and "/.git/" not in name and size < 100_000]
    for number in range(100):
        if deadline.is_over() or not work(
            scratch, deadline, "git", *GIT, "gc", "-q", "--prune=now", "--aggressive", inside=project
        ):
            break
        for name in rng.sample(names, min(20, len(names))):
            with open(scratch.root / name, "a") as file:
                file.write(f"# {number}\n")
        work(scratch, deadline, "git", *GIT, "commit", "-q", "-a", "-m", f"work {number}", inside=project)


C_SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
static double table_{number}[256];
double step_{number}(double x) {{
    for (int i = 0; i < 256; i++) table_{number}[i] = sin(x * i) + {number};
    return table_{number}[(int)x & 255];
}}
"""


def place_program(scratch, rng):
    """A C program of many small files, with a makefile."""
    folder = scratch.root / "Engineering" / "program"
    folder.mkdir(parents=True)
    for number in range(SOURCES):
        (folder / f"part{number}.c").write_text(C_SOURCE.format(number=number) + f"/* {rng.random()} */\n" * rng.randint(10, 400))
    calls = "".join(f"double step_{number}(double);\n" for number in range(SOURCES))
    (folder / "main.c").write_text(calls + "int main(void) { return (int)step_0(1.0); }\n")
    objects = " ".join(f"part{number}.o" for number in range(SOURCES))
    (folder / "Makefile").write_text(
        f"program: main.o {objects}\n\tcc -g -o $@ $^ -lm\nclean:\n\trm -f *.o program\n%.o: %.c\n\tcc -g -O1 -c -o $@ $<\n"
    )


@case("compile", "ordinary", prepare=place_program, is_load=True)
def compile_program(scratch, rng, deadline):
    while not deadline.is_over():
        if not work(scratch, deadline, "make", "-s", "-j2", "-k", inside="Engineering/program"):
            break
        if not work(scratch, deadline, "make", "-s", "clean", inside="Engineering/program"):
            break


def make_packages(contents):
    """Debian packages of this machine's own files, built by dpkg-deb."""

    def make(folder):
        for number, (name, source) in enumerate(
            [
                ("manual", "/usr/share/doc"),
                ("headers", "/usr/include"),
                ("library", "/usr/lib/python3.11"),
                ("modules", "/usr/share/perl"),
            ]
        ):
            tree = folder / name
            target = tree / source.lstrip("/")
            (tree / "DEBIAN").mkdir(parents=True)
            paths = [path for path in sorted(pathlib.Path(source).rglob("*")) if path.is_file() and not path.is_symlink()][
                : 900 + 100 * number
            ]
            for path in paths:
                copy = target / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
            control = (
                f"Package: lab-{name}\nVersion: 1.0\nArchitecture: all\nMaintainer: lab <lab@example.org>\nDescription: {name}\n"
            )
            (tree / "DEBIAN" / "control").write_text(control)
            run_on_host("dpkg-deb", "-Zgzip", "-z1", "--build", tree, folder / f"{name}.deb")

    return make


@case("package-upgrade", "ordinary", needs=("dpkg",))
def upgrade_packages(scratch, rng, deadline):
    """dpkg installs packages into a root of its own, then again: each file is written under a new name, synced, renamed."""
    packages = programs.template(scratch, "packages", make_packages(scratch.contents))
    root = scratch.root / "srv" / "root"
    for folder in ("var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/dpkg/triggers"):
        (root / folder).mkdir(parents=True)
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()
    for package in [*sorted(packages.glob("*.deb"))] * 3:
        command = ["dpkg", f"--root={root}", "--log=/dev/null", "--force-depends", "--force-bad-path", "-i", package]
        if deadline.is_over() or not work(scratch, deadline, *command):
            break


@case("package-extraction", "ordinary")
def extract_packages(scratch, rng, deadline):
    packages = programs.template(scratch, "packages", make_packages(scratch.contents))
    (scratch.root / "srv" / "extracted").mkdir(parents=True)
    for package in [*sorted(packages.glob("*.deb"))] * 5:
        if deadline.is_over() or not work(scratch, deadline, "dpkg-deb", "-x", package, scratch.root / "srv" / "extracted"):
            break


def make_layers(contents):
    """Layers of a container image: compressed tar files, later ones with other versions and with whiteouts."""

    def make(folder):
        names = sorted(path for path in contents.rglob("*") if path.is_file() and path.stat().st_size < 2 * MIB)
        for number in range(6):
            with tarfile.open(folder / f"layer-{number}.tar.gz", "w:gz", compresslevel=1) as layer:
                for path in names[number * 40 : number * 40 + 160]:
                    layer.add(path, f"rootfs/{path.relative_to(contents)}")
                for path in names[number * 20 : number * 20 + 15] if number else []:
                    hidden = path.relative_to(contents)
                    layer.addfile(tarfile.TarInfo(f"rootfs/{hidden.parent}/.wh.{hidden.name}"))

    return make


@case("container-image-pull", "ordinary")
def pull_image(scratch, rng, deadline):
    """Layers are downloaded, checked, unpacked into folders of their own, whiteouts applied, the downloads deleted."""
    layers = sorted(programs.template(scratch, "layers", make_layers(scratch.contents)).iterdir())
    store = scratch.root / "srv" / "containers"
    for pull in range(100):
        for number, layer in enumerate(layers):
            target = store / f"{pull}-{number}"
            target.mkdir(parents=True)
            blob = store / f"blob-{pull}-{number}"
            if deadline.is_over():
                return
            blob.write_bytes(layer.read_bytes())
            work(scratch, deadline, "sha256sum", blob)
            if not work(scratch, deadline, "tar", "-C", target, "-xf", blob):
                return
            for whiteout in target.rglob(".wh.*"):
                whiteout.unlink()
            blob.unlink()


ROTATION = """
%s/*.log {
    su root root
    rotate 4
    compress
    missingok
    copytruncate
}
"""


@case("log-rotation", "ordinary", seconds=8, needs=("logrotate",))
def rotate_logs(scratch, rng, deadline):
    """Programs log; logrotate copies, truncates and compresses each night."""
    folder = scratch.root / "srv" / "log"
    folder.mkdir(parents=True, exist_ok=True)
    state, settings = programs.host_folder(scratch) / "logrotate.state", programs.host_folder(scratch) / "logrotate.conf"
    settings.write_text(ROTATION % folder)
    settings.chmod(0o644)
    source = max(scratch.contents.rglob("*.log"), key=lambda path: path.stat().st_size).read_bytes()
    state.unlink(missing_ok=True)
    while not deadline.is_over():
        for _ in range(6):
            for number in range(8):
                start = rng.randrange(max(1, len(source) - 200_000))
                with open(folder / f"service{number}.log", "ab") as log:
                    log.write(source[start : start + rng.randint(10_000, 200_000)])
            scratch.sync()
            scratch.skip(3600)
        work(scratch, deadline, "logrotate", "-f", "-s", state, settings, accept=(0, 1))


@case("file-sync-client", "ordinary", is_load=True)
def sync_client(scratch, rng, deadline):
    """Files of all kinds arrive under hidden names and are renamed over their former versions."""
    sources = [path for path in sorted(scratch.contents.rglob("*")) if path.is_file() and path.stat().st_size < 2 * MIB]
    while not deadline.is_over():
        source = rng.choice(sources)
        target = scratch.root / source.relative_to(scratch.contents)
        if not target.parent.exists():
            continue
        data = bytearray(source.read_bytes())
        if data:
            data[rng.randrange(len(data))] ^= 0xFF
        hidden = target.with_name(f".sync-{target.name}.part")
        with open(hidden, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        hidden.rename(target)
        deadline.rest(rng.uniform(0, 0.05))
