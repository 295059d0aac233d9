"""Plays lines at a multiple of their speed into a site, and has its disks attacked when their time has come."""

import time

from day.attack import ENCRYPTION_AFTER

# A machine that was switched off writes nothing any more for so long, in seconds of this machine, before it is encrypted: a guard's restore
# point lies a few seconds before what it found.
STILL = 9.0
# Documents younger than this are work in progress for a guard, in seconds.
OLD_ENOUGH = 65.0
TICK = 0.02


class Player:
    """Lines in the order of time, and what happens besides."""

    def __init__(self, site, disks, speed):
        self.site, self.disks, self.speed = site, disks, speed
        self.began = self.first = self.begun_at = None
        self.switched_off = self.encrypted = self.encrypted_at = None
        self.outcome = {}
        self.behind = 0.0

    def play(self, lines, off=None):
        """`off` is when the machines are switched off, if they are."""
        marks = [] if off is None else [(off, self.power_off), (off + ENCRYPTION_AFTER, self.encrypt)]
        self.encrypted_at = marks[1][0] if marks else None
        self.began, self.begun_at, self.first = time.monotonic(), time.time(), lines[0][0]
        last = max([lines[-1][0], *(moment + 1 for moment, _ in marks)])
        place, now = 0, self.first
        while now < last:
            now = self.first + (time.monotonic() - self.began) * self.speed
            batch = {}
            while place < len(lines) and lines[place][0] <= now:
                batch.setdefault(lines[place][1], []).append(lines[place][2])
                place += 1
            for stream, texts in batch.items():
                self.site.write(stream, texts)
            while marks and marks[0][0] <= now:
                marks.pop(0)[1]()
            after = self.first + (time.monotonic() - self.began) * self.speed
            self.behind = max(self.behind, (after - now) / self.speed)
            time.sleep(TICK)

    def written(self, moment):
        """When a line of this time was written, by this machine's clock; as long as playing wasn't held."""
        return self.begun_at + (moment - self.first) / self.speed

    def power_off(self):
        self.switched_off = time.monotonic()
        if self.disks:
            self.disks.power_off()

    def encrypt(self):
        since = time.monotonic()
        held = max(self.switched_off + STILL, self.disks.filled + OLD_ENOUGH) - since if self.disks else 0
        if held > 0:
            time.sleep(held)
            self.began += held
        self.encrypted = time.time()
        if self.disks:
            self.outcome = self.disks.attack()
