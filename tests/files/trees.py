"""Trees of files with everything that a copy has to keep, and what is known of a tree."""

import hashlib
import os
import stat

MIB = 1 << 20
SPARSE_BYTES = 64 * MIB
# What file systems make themselves.
OWN_NAMES = {"/lost+found", "/System Volume Information"}
HAS_UNIX = ("ext4", "xfs")
LETTER = "Dear Anna,\n\nsee you on Friday.\n\nYours\n"


def plant(folder, kind):
    """Makes the first state of a tree."""
    docs = folder / "docs"
    (docs / "deep/er/still").mkdir(parents=True)
    (docs / "letter.txt").write_text(LETTER)
    (docs / "large.bin").write_bytes(os.urandom(2 * MIB))
    (docs / "deep/er/still/file.bin").write_bytes(os.urandom(70_000))
    (docs / "empty").touch()
    (docs / "to be removed.txt").write_text("soon")
    (docs / "to be renamed.txt").write_text("other name")
    (docs / "folder to be renamed").mkdir()
    (docs / "folder to be renamed/inside").write_text("moved along")
    (docs / "same size.txt").write_text("aaaa")
    (docs / "\u00fcml\u00e4ut \u65e5\u672c.txt").write_text("name")
    many = folder / "many"
    many.mkdir()
    for number in range(700):
        (many / f"file number {number:05}.txt").write_text(str(number) * 20)
    if kind in HAS_UNIX:
        plant_unix(folder, docs)


def plant_unix(folder, docs):
    os.link(docs / "letter.txt", docs / "second name of the letter")
    os.symlink("../../outside", docs / "link")
    os.symlink("x" * 200, docs / "long link")
    os.chmod(docs / "empty", 0o640)
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"not \xff utf-8")).write_text("bytes")
    (docs / ("n" * 250)).write_text("long name")
    with open(docs / "sparse", "wb") as file:
        file.truncate(SPARSE_BYTES)
        file.seek(20 * MIB)
        file.write(b"in the middle")
    os.setxattr(docs / "letter.txt", "user.note", b"kept")
    if os.geteuid() == 0:
        os.chown(docs / "empty", 1234, 5678)
        os.chown(docs / "link", 1234, 5678, follow_symlinks=False)
    os.utime(docs / "empty", ns=(1_000_000_000_123_456_789, 1_100_000_000_987_654_321))
    os.utime(docs / "deep", ns=(1_000_000_000_123_456_789, 1_200_000_000_987_654_321))


def change(folder, kind):
    """Makes the second state of a tree of the first."""
    docs = folder / "docs"
    (docs / "letter.txt").write_text(LETTER.replace("Anna", "Berta"))
    (docs / "to be removed.txt").unlink()
    (docs / "to be renamed.txt").rename(docs / "renamed.txt")
    (docs / "folder to be renamed").rename(docs / "renamed folder")
    (docs / "new.txt").write_text("new")
    times = os.stat(docs / "same size.txt")
    with open(docs / "same size.txt", "r+") as file:
        file.write("bbbb")
    os.utime(docs / "same size.txt", ns=(times.st_atime_ns, times.st_mtime_ns))
    if kind in HAS_UNIX:
        os.chmod(docs / "empty", 0o600)


def differences(kind):
    """What `diff` has to tell of the change."""
    told = {
        ("changed", "/docs/letter.txt"),
        ("removed", "/docs/to be removed.txt"),
        ("renamed", "/docs/renamed.txt"),
        ("renamed", "/docs/renamed folder"),
        ("added", "/docs/new.txt"),
        ("changed", "/docs/same size.txt"),
    }
    if kind in HAS_UNIX:
        told |= {("changed", "/docs/empty"), ("changed", "/docs/second name of the letter")}
    return told


def binaries(folder):
    return ["/" + str(path.relative_to(folder)) for path in folder.rglob("*.bin")]


def kind_of(mode):
    for test, name in ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "symlink"), (stat.S_ISFIFO, "fifo")):
        if test(mode):
            return name
    return "other"


def manifest(folder, kind):
    """Everything that is known of every file below a folder, by its path. What Windows file systems don't have is left out."""
    known = {}
    for top, folders, names in os.walk(os.fsencode(folder)):
        for name in folders + names:
            path = os.path.join(top, name)
            shown = "/" + os.path.relpath(path, os.fsencode(folder)).decode(errors="replace")
            if shown not in OWN_NAMES:
                known[shown] = describe(path, kind)
    return known


def describe(path, kind):
    status = os.lstat(path)
    file = {"kind": kind_of(status.st_mode)}
    if file["kind"] == "file":
        with open(path, "rb") as content:
            file["digest"] = hashlib.file_digest(content, "sha256").hexdigest()
        file["size_bytes"] = status.st_size
        file["modified"] = status.st_mtime_ns
    if file["kind"] == "symlink":
        file["target"] = os.readlink(path).decode()
    if kind in HAS_UNIX:
        file["mode"] = f"{stat.S_IMODE(status.st_mode):04o}"
        file["modified"] = status.st_mtime_ns
        file["attributes"] = attributes(path)
        if file["kind"] != "folder":
            file["links"] = status.st_nlink
        if os.geteuid() == 0:
            file["owner"], file["group"] = status.st_uid, status.st_gid
    return file


def attributes(path):
    names = os.listxattr(path, follow_symlinks=False)
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names if name.startswith("user.")}


def listed(entry, kind):
    """What `ls --json` tells of a file, as a manifest has it."""
    file = {"kind": entry["kind"]}
    if entry["kind"] == "file":
        file["size_bytes"] = entry["size_bytes"]
        file["modified"] = nanoseconds(entry["modified"])
    if entry["kind"] == "symlink":
        file["target"] = entry["target"]
    if kind in HAS_UNIX:
        file["mode"] = entry["mode"]
        file["modified"] = nanoseconds(entry["modified"])
        if entry["kind"] != "folder":
            file["links"] = entry["links"]
        if os.geteuid() == 0:
            file["owner"], file["group"] = entry["owner"], entry["group"]
    return file


def nanoseconds(text):
    """From RFC 3339 in UTC, whose fraction is as long as it needs to be."""
    import calendar
    import time

    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)


def compare(expected, found):
    missing, more = set(expected) - set(found), set(found) - set(expected)
    assert not missing and not more, f"missing {sorted(missing)}, too many {sorted(more)}"
    for path, file in expected.items():
        assert found[path] == file, f"{path}: {found[path]} instead of {file}"


def image_of(case, tree, name="tree.img", mib=64, options=()):
    """An ext4 image with the files of a tree, made without mounting."""
    image = case.folder / name
    with open(image, "wb") as file:
        file.truncate(mib * MIB)
    case.run("mke2fs", "-q", "-t", "ext4", *options, "-d", tree, image)
    return image
