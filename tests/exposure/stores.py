"""What is loaded survives a disk that fills up and a merge that is killed, and a server merges by itself. Run by `run`."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time

from harness.runner import Skip
from monitor import Monitor, json_of, text_of, write

MIB, PAGE = 1 << 20, 4096
# The server merges what it finds within ten seconds, and then has to notice it.
# A server merges at the lowest priority: beside other tests it gets hardly any of the processors.
MERGED_SECONDS_MAX = 400
EXIT_NO_SPACE = 6


def digest(number):
    return hashlib.sha1(b"%d" % number).hexdigest().upper()


def hashes(case, name, numbers, seen=1):
    """A file of made-up hashes."""
    return write(case.folder, name, "".join(f"{digest(number)}:{seen}\n" for number in numbers))


def small_disk(case, size):
    """A file system of so many bytes, gone again after what the test starts later."""
    if os.geteuid() != 0:
        raise Skip("mounting a small file system needs root")
    folder = case.folder / "disk"
    folder.mkdir()
    case.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder)
    case.cleanup.callback(case.run, "umount", folder)
    return folder


def leave_room(folder, room):
    """Fills a file system until there is room for so many bytes."""
    ballast = folder / "ballast"
    ballast.unlink(missing_ok=True)
    state = os.statvfs(folder)
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for _ in range((state.f_bavail * state.f_frsize - room) // PAGE):
            file.write(b"x" * PAGE)


def refused_for_room(done, folder):
    """Whether a command ended because the disk is full; then it says what happened, what it means and what is to be done."""
    if done.returncode == 0:
        return False
    assert done.returncode == EXIT_NO_SPACE, (done.returncode, done.stdout, done.stderr)
    for words in ("disk is full", "what was loaded before is as it was", f"make room in `{folder}", "give the same command again"):
        assert words in done.stderr, done.stderr
    return True


def passwords_are_imported_onto_a_full_disk_once_there_is_room(case):
    disk = small_disk(case, 48 * MIB)
    watched = Monitor(case)
    watched.data = disk / "data"
    watched.holdfast("import", "passwords", hashes(case, "base.txt", range(20_000), seen=3))
    more = hashes(case, "more.txt", range(19_000, 250_000))
    watched.serve()

    def counts(number):
        return int(text_of(watched.ask(f"/check/sha1/{digest(number)}")))

    refused = 0
    for room in (0, 256 << 10, MIB, 3 * MIB, 5 * MIB, 8 * MIB, 12 * MIB, 16 * MIB, 40 * MIB):
        leave_room(disk, room)
        done = watched.holdfast("import", "passwords", more, "--source", "more", check=False)
        if not refused_for_room(done, disk):
            break
        refused += 1
        assert (counts(0), counts(19_500), counts(200_000)) == (3, 3, -1), "what was there before is lost"
        listed = json.loads(watched.holdfast("stats", "--json").stdout)["passwords"]
        assert [(corpus["source"], corpus["hashes"]) for corpus in listed] == [("pwned-passwords", 20_000)], listed
    assert refused >= 4, f"refused {refused} times only"
    # It was read before it was refused for the last time: that isn't done again.
    assert "went on where an import was interrupted" in done.stdout, done.stdout
    watched.until(lambda: counts(200_000) == 1)
    assert (counts(0), counts(19_500), counts(249_999), counts(250_000)) == (3, 4, 1, -1)
    watched.stop()


def a_breach_is_imported_onto_a_full_disk_once_there_is_room(case):
    disk = small_disk(case, 64 * MIB)
    watched = Monitor(case)
    watched.data = disk / "data"
    people = "".join(f"p{number}@corp.example:word{number}\n" for number in range(60_000))
    late = write(case.folder, "late.txt", people)
    about = write(case.folder, "late.toml", 'name = "Late"\ntop_level_domains = ["example"]\n')
    first = write(case.folder, "first.txt", "p7@corp.example:first\n")
    first_about = write(case.folder, "first.toml", 'name = "First"\ntop_level_domains = ["example"]\n')
    watched.holdfast("import", "breach", first, "--about", first_about)
    key = watched.key("desk")
    watched.serve()
    refused = 0
    for room in (0, 64 << 10, 512 << 10, MIB, 2 * MIB, 4 * MIB, 6 * MIB, 9 * MIB, 13 * MIB, 60 * MIB):
        leave_room(disk, room)
        done = watched.holdfast("import", "breach", late, "--about", about, check=False)
        if not refused_for_room(done, disk):
            break
        refused += 1
        found = json_of(watched.v3("/breachedaccount/p7@corp.example", key))
        assert found == [{"Name": "First"}], found
        assert text_of(watched.ask(f"/check/sha1/{hashlib.sha1(b'first').hexdigest()}")) == "1\n"
        assert [breach["Name"] for breach in json_of(watched.v3("/breaches"))] == ["First"]
        partial = disk / "data" / "exposure" / "accounts" / "partial"
        assert not partial.exists(), "addresses are left on the disk"
    assert refused >= 4, f"refused {refused} times only"
    watched.until(lambda: len(json_of(watched.v3("/breachedaccount/p7@corp.example", key))) == 2)
    assert json_of(watched.v3("/breachedaccount/p59999@corp.example", key)) == [{"Name": "Late"}]
    assert text_of(watched.ask(f"/check/sha1/{hashlib.sha1(b'word59999').hexdigest()}")) == "1\n"
    watched.stop()


def several_imports(case, watched):
    """Three sources, one of them added to, and as many breaches. Returns what to ask for, and the answers."""
    watched.holdfast("import", "passwords", hashes(case, "base.txt", range(30_000)))
    watched.holdfast("import", "passwords", hashes(case, "police.txt", range(25_000, 27_000)), "--source", "police")
    added = hashes(case, "more.txt", range(26_000, 40_000), seen=5)
    watched.holdfast("import", "passwords", added, "--source", "police", "--add")
    for number, name in enumerate(("One", "Two", "Three")):
        people = "".join(f"p{person}@corp.example:w{person % 10}-{name}\n" for person in range(number * 1000, number * 1000 + 3000))
        listing = write(case.folder, f"{name}.txt", people)
        about = write(case.folder, f"{name}.toml", f'name = "{name}"\ntop_level_domains = ["example"]\n')
        watched.holdfast("import", "breach", listing, "--about", about)
    counts = {0: 1, 24_999: 1, 25_500: 2, 26_500: 7, 28_000: 6, 39_999: 5, 40_000: -1}
    names = {0: ["One"], 1500: ["One", "Two"], 2500: ["One", "Three", "Two"], 4999: ["Three"]}
    return counts, names


def check_answers(watched, key, counts, names):
    for number, expected in counts.items():
        whole = digest(number)
        assert text_of(watched.ask(f"/check/sha1/{whole}")) == f"{expected}\n", number
        rows = watched.ask(f"/range/{whole[:5]}").body.decode().split("\r\n")
        assert (f"{whole[5:]}:{expected}" in rows) == (expected > 0), number
    for person, expected in names.items():
        found = json_of(watched.v3(f"/breachedaccount/p{person}@corp.example", key))
        assert [breach["Name"] for breach in found] == expected, person


def reads(watched):
    """Indexes, loose parts and tables: the most of a kind of each."""
    stats = json.loads(watched.holdfast("stats", "--json").stdout)
    return max(kind["indexes"] for kind in stats["reads"]), max(kind["loose_parts"] for kind in stats["reads"]), stats["tables"]


def a_server_merges_in_the_background_while_it_answers(case):
    watched = Monitor(case)
    counts, names = several_imports(case, watched)
    key = watched.key("desk", rpm=100_000)
    assert reads(watched) == (6, 0, 3), reads(watched)
    assert "a running server merges them" in watched.holdfast("stats").stdout
    watched.serve()
    end = time.monotonic() + MERGED_SECONDS_MAX
    while reads(watched) != (1, 0, 1):
        check_answers(watched, key, counts, names)
        assert time.monotonic() < end, (reads(watched), watched.log())
    watched.until(lambda: "a lookup reads one page" in watched.log())
    check_answers(watched, key, counts, names)
    # One that comes later counts at once.
    watched.holdfast("import", "passwords", hashes(case, "late.txt", range(40_000, 40_010)), "--source", "late")
    watched.until(lambda: text_of(watched.ask(f"/check/sha1/{digest(40_000)}")) == "1\n")
    assert watched.stop() == 0
    assert not (watched.data / "exposure" / "passwords" / "merge").exists()


def a_merge_that_is_killed_loses_nothing_and_the_next_one_ends_it(case):
    watched = Monitor(case)
    counts, names = several_imports(case, watched)
    key = watched.key("desk", rpm=100_000)
    killed = 0
    for pause_ms in (*range(0, 200, 10), *range(200, 1500, 130)):
        process = subprocess.Popen(watched.command_on("merge"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(pause_ms / 1000)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if pause_ms % 50 == 0:
            watched.serve()
            check_answers(watched, key, counts, names)
            watched.stop()
    assert killed > 5, f"killed {killed} times only"
    watched.holdfast("merge")
    assert reads(watched) == (1, 0, 1), reads(watched)
    assert "everything is merged already" in watched.holdfast("merge").stdout
    watched.serve()
    check_answers(watched, key, counts, names)
    # What replaces a part leaves the rest of the index to be asked in the ranges, until the next merge.
    watched.holdfast("import", "passwords", "--remove", "police")
    assert reads(watched)[1] > 0
    gone = {26_500: 1, 28_000: 1, 39_999: -1}
    watched.until(lambda: text_of(watched.ask(f"/check/sha1/{digest(39_999)}")) == "-1\n")
    check_answers(watched, key, {**counts, 25_500: 1, **gone}, names)


TESTS = [
    passwords_are_imported_onto_a_full_disk_once_there_is_room,
    a_breach_is_imported_onto_a_full_disk_once_there_is_room,
    a_server_merges_in_the_background_while_it_answers,
    a_merge_that_is_killed_loses_nothing_and_the_next_one_ends_it,
]
