"""What a case is, and the registry of all cases.

A case is a workload on a lab volume with a name. Its function gets a `volumes.Scratch` (or, for cases on the disk below the file
system, a `volumes.RawScratch`), a random number generator and the moment at which it has to end; it returns when it is done or the time
is over.
"""

import dataclasses
import errno
import threading
import time
import typing

ALL = ("ext4", "xfs", "ntfs")
# What a full, fenced or detached disk answers: the workload ends, as a program would that gives up.
ENDING_ERRORS = {errno.ENOSPC, errno.EIO, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.ENOTCONN}


@dataclasses.dataclass(frozen=True)
class Case:
    """`prepare` brings the volume into the state that the case needs, before the recording begins."""

    name: str
    kind: str
    run: typing.Callable
    prepare: typing.Callable | None = None
    on_device: bool = False
    file_systems: tuple = ALL
    seconds: float = 6
    discard: bool | None = None
    announced: bool = False
    is_load: bool = False
    needs: tuple = ()


    def work(self, target, rng, deadline):
        """Runs the case. A full or fenced disk ends it, as it would end a program."""
        try:
            return self.run(target, rng, deadline)
        except OSError as error:
            if error.errno not in ENDING_ERRORS:
                raise
            return None


CASES = {}


def case(name, kind, **options):
    """Registers the decorated function as a case."""

    def register(function):
        if name in CASES:
            raise ValueError(f"two cases are called `{name}`")
        CASES[name] = Case(name, kind, function, **options)
        return function

    return register


class Deadline:
    """The moment at which a workload ends."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds
        self.ended_early = False

    def end(self):
        """Ends the workload now."""
        self.ended_early = True

    def is_over(self):
        return self.ended_early or time.monotonic() >= self.at

    def left(self):
        return 0.0 if self.ended_early else max(0.0, self.at - time.monotonic())

    def rest(self, seconds):
        """Sleeps, but never beyond the end."""
        until = time.monotonic() + min(seconds, self.left())
        while time.monotonic() < until and not self.ended_early:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))


def in_parallel(workers, items, work, deadline):
    """Calls `work(item)` for each item from `workers` threads. Returns how many were done; the first unexpected error is raised."""
    queue, lock, failures, done = iter(items), threading.Lock(), [], [0]

    def serve():
        while not deadline.is_over() and not failures:
            with lock:
                item = next(queue, None)
            if item is None:
                return
            try:
                work(item)
                done[0] += 1
            except FileNotFoundError:
                # Work beside this one may have taken the file away.
                continue
            except OSError as error:
                if error.errno in ENDING_ERRORS:
                    return
                failures.append(error)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=serve) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return done[0]
