"""A disk made to break out of the folder that it is copied to."""

import os

import trees

# Names that are put in place of others of the same length: no file system lets anybody make them.
TWIN = b"twin-folder"
LINK = b"link-folder"
REPLACED = {
    b"slash-name-00000": b"../../outside/in",
    b"absolute-name-000000000": b"/tmp/holdfast-escape-00",
    b"dd": b"..",
}


def make(case, outside):
    """An image with a link and a folder of one name, names that are paths, and names that drive a terminal."""
    tree = case.folder / "tree"
    tree.mkdir()
    # The link is found first, the folder of the same name later: whoever opens it by name writes through the link.
    os.symlink(outside, tree / LINK.decode())
    (tree / TWIN.decode()).mkdir()
    (tree / TWIN.decode() / "through-the-link").write_text("outside")
    (tree / "absolute").symlink_to(outside / "made")
    (tree / "loop").symlink_to("loop")
    for number, name in enumerate(REPLACED):
        # A folder each: what comes behind a name that can't be isn't read.
        (tree / f"names-{number}").mkdir()
        (tree / f"names-{number}" / name.decode()).write_text("named like a path")
    (tree / "\x1b[2J\x1b]0;owned\x07").write_text("clears the screen")
    (tree / "new\nline").write_text("two lines")
    setuid = tree / "setuid"
    setuid.write_text("#!/bin/sh\n")
    os.chmod(setuid, 0o6755)
    # Without checksums and hashes names can be exchanged byte by byte.
    image = trees.image_of(case, tree, "hostile.img", 16, ["-O", "^metadata_csum,^dir_index,^has_journal"])
    content = bytearray(image.read_bytes())
    for name, other in [*REPLACED.items(), (TWIN, LINK)]:
        exchange(content, name, other)
    image.write_bytes(content)
    return image


def exchange(content, name, other):
    """Exchanges a name in its folder: behind its length and its type."""
    assert len(name) == len(other)
    places = 0
    for kind in (1, 2):
        entry = bytes([len(name), kind]) + name
        at = content.find(entry)
        while at >= 0:
            content[at + 2 : at + 2 + len(name)] = other
            places += 1
            at = content.find(entry, at + 1)
    assert places == 1, f"{name} is in {places} places"
