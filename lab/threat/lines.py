"""Millions of log lines of an ordinary organisation in six notations, by a seed, with marks among them that each have to be found once.

500 people and 60 machines; one file for each notation. A mark is a command on a hypervisor that nobody else has, which a rule of
Holdfast's own finds: how many of them were told is how many lines were not lost.
"""

import json
import pathlib
import random
import time

PEOPLE, MACHINES = 500, 60
# Ready-made lines of each notation, of which times are filled in: what differs from line to line is who, where and what.
VARIANTS = 4096
MARK_EVERY = 50_000
PER_SECOND = 40
BEGIN = 1_764_000_000


def people(rng):
    return f"user{rng.randrange(PEOPLE):03}"


def machine(rng):
    return f"host{rng.randrange(MACHINES):02}"


def address(rng):
    return f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def sshd(rng):
    who, pid = people(rng), rng.randrange(1000, 32000)
    return f"<38>1 %(time)s {machine(rng)}.acme.example sshd {pid} - - Accepted publickey for {who} from {address(rng)} port {rng.randrange(2000, 65000)} ssh2"


def shell(rng):
    command = rng.choice(("esxcli network ip interface list", "esxcli storage core device list", "vim-cmd vmsvc/getallvms", "esxtop -b -n 1", "df -h"))
    return f"<14>%(time)s esx{rng.randrange(12):02}.acme.example shell[{rng.randrange(2_000_000, 2_200_000)}]: [root]: {command}"


def mark(number):
    return f"<14>%(time)s mark{number:05}.acme.example shell[2100111]: [root]: esxcfg-advcfg -s 0 /User/execInstalledOnly"


def okta(rng):
    who = people(rng)
    return document(
        {
            "eventType": "user.session.start",
            "published": "%(time)s",
            "uuid": str(rng.getrandbits(64)),
            "displayMessage": "User login to Okta",
            "severity": "INFO",
            "outcome": {"result": "SUCCESS"},
            "actor": {"id": f"00u{who}", "type": "User", "alternateId": f"{who}@acme.example", "displayName": who},
            "client": {"ipAddress": address(rng), "userAgent": {"rawUserAgent": "Mozilla/5.0", "os": "Windows 11", "browser": "CHROME"}},
        }
    )


def windows(rng):
    who, where = people(rng), machine(rng)
    return document(
        {
            "Event": {
                "System": {
                    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
                    "EventID": 4624,
                    "Channel": "Security",
                    "Computer": f"{where}.acme.example",
                    "EventRecordID": rng.getrandbits(40),
                    "TimeCreated": {"#attributes": {"SystemTime": "%(time)s"}},
                },
                "EventData": {
                    "SubjectUserSid": "S-1-5-18",
                    "TargetUserSid": f"S-1-5-21-1004336348-1177238915-682003330-{1100 + int(who[4:])}",
                    "TargetUserName": who,
                    "TargetDomainName": "ACME",
                    "LogonType": 3,
                    "AuthenticationPackageName": "Kerberos",
                    "WorkstationName": machine(rng),
                    "IpAddress": address(rng),
                },
            }
        }
    )


def cloudtrail(rng):
    who = people(rng)
    return document(
        {
            "eventVersion": "1.08",
            "eventTime": "%(time)s",
            "eventSource": "ec2.amazonaws.com",
            "eventName": rng.choice(("DescribeInstances", "DescribeVolumes", "DescribeImages")),
            "awsRegion": "eu-west-2",
            "sourceIPAddress": address(rng),
            "userAgent": "aws-cli/2.15",
            "userIdentity": {"type": "IAMUser", "userName": who, "arn": f"arn:aws:iam::123456789012:user/{who}", "accountId": "123456789012"},
            "requestParameters": {},
            "eventID": str(rng.getrandbits(64)),
        }
    )


def zeek(rng):
    return document(
        {
            "_path": "conn",
            "ts": "%(time)s",
            "uid": f"C{rng.getrandbits(60)}",
            "id.orig_h": address(rng),
            "id.orig_p": rng.randrange(2000, 65000),
            "id.resp_h": address(rng),
            "id.resp_p": rng.choice((443, 445, 53, 88, 389)),
            "proto": "tcp",
            "duration": round(rng.random(), 3),
            "orig_bytes": rng.randrange(4000),
            "resp_bytes": rng.randrange(40_000),
            "conn_state": "SF",
        }
    )


def document(value):
    return json.dumps(value, separators=(",", ":"))


KINDS = {"sshd.log": sshd, "esx.log": shell, "okta.json": okta, "windows.json": windows, "cloudtrail.json": cloudtrail, "zeek.json": zeek}


def write(folder, lines, seed):
    """Writes so many lines, equally many into each file. Returns how many bytes, and how many marks are among them."""
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    marks = 0
    for place, (name, kind) in enumerate(KINDS.items()):
        variants = [kind(rng) + "\n" for _ in range(VARIANTS)]
        count = lines // len(KINDS) + (place < lines % len(KINDS))
        per_second = PER_SECOND // len(KINDS)
        with open(pathlib.Path(folder, name), "w") as file:
            for first in range(0, count, per_second):
                when = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + first // per_second))}
                second = [rng.choice(variants) for _ in range(min(per_second, count - first))]
                # One of six lines is of this file, so that a mark comes once in as many lines of all.
                if kind is shell and first // (MARK_EVERY // len(KINDS)) >= marks:
                    second[0] = mark(marks) + "\n"
                    marks += 1
                file.write("".join(second) % when)
    return sum(path.stat().st_size for path in folder.iterdir()), marks
