"""Logs in folders that are named after techniques (`T1098-...`), and which findings agree with these names."""

import pathlib
import re
import typing

ACCOUNTS = ("T1098", "T1136", "T1110", "T1078")
GRAVE = ("medium", "high", "critical")

# ATT&CK v19 split and numbered anew what the folders call T1562 and T1070; most rules have the new numbers by now. The longest name counts.
RENUMBERED = {"T1685": "T1562", "T1686": "T1562", "T1689": "T1562", "T1690": "T1562", "T1685.005": "T1070", "T1685.006": "T1070"}


class Finding(typing.NamedTuple):
    """One alert: the files that its records are in, with or without their folders, its level, and its tags in any notation."""

    files: tuple
    level: str
    tags: str


def technique(path):
    """Of the innermost folder that is named after one."""
    for part in reversed(pathlib.Path(path).parts[:-1]):
        if match := re.match(r"(T\d{4}(?:\.\d{3})?)", part):
            return match.group(1)
    return None


def parents(tags):
    """The techniques in a text of tags, without their parts and under the older number."""
    found = re.findall(r"\bt\d{4}(?:\.\d{3})?", tags.lower())
    return {parent(name.upper()) for name in found}


def parent(name):
    whole, short = name, name.split(".")[0]
    return RENUMBERED.get(whole, RENUMBERED.get(short, short))


def judge(folder, findings):
    """Files with a finding of at least medium, and with the technique that their folder names; the same for account abuse.

    Some tools name a log without its folder, so the names of files must differ.
    """
    tags_of = {}
    for finding in findings:
        if finding.level in GRAVE:
            for name in finding.files:
                tags_of.setdefault(pathlib.Path(name).name, set()).update(parents(finding.tags))
    files = {path.name: technique(path) for path in folder.rglob("*.evtx")}
    wanted = {name: parent(label) for name, label in files.items() if label}
    hit = {name for name in wanted if name in tags_of}
    accounts = {name for name, label in wanted.items() if label in ACCOUNTS}
    return {
        "files": len(wanted),
        "hit": len(hit),
        "right": sum(wanted[name] in tags_of[name] for name in hit),
        "accounts": len(accounts),
        "accounts_hit": len(accounts & hit),
        "alerts": len(findings),
        "alerts_grave": sum(finding.level in GRAVE for finding in findings),
    }
