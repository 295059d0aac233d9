"""Blocks that are written as they were: by care of a disk, and by an attack that would hide behind it."""

from attacks import campaign, overwrite, random_bytes
from attacks_device import MIB, rewrite_in_order
from case import case


@case("disk-refreshed", "ordinary", on_device=True)
def refresh(raw, rng, deadline):
    """Every block is read and written back, against fading cells, or by a mirror that is made whole again."""
    rewrite_in_order(raw, deadline, MIB, 0, output=bytes)


@case("in-place-after-refresh", "attack")
def encrypt_refreshed(scratch, rng, deadline):
    """Every file is written as it was first: what is encrypted then was written a moment ago, as a program's own files are."""

    def attack(name, size):
        for output in (bytes, random_bytes):
            overwrite(scratch, name, [(0, size)], output, fsync=True)

    return campaign(scratch, rng, deadline, attack)
