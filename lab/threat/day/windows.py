"""Lines of Windows' logs: half of the machines ship with Winlogbeat, half with NXLog."""

import datetime
import json

from day.company import DOMAIN, SHORT

SECURITY = ("Security", "Microsoft-Windows-Security-Auditing")
SYSMON = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon")
SYSTEM = ("System", "Service Control Manager")
POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell")
DEFENDER = ("Microsoft-Windows-Windows Defender/Operational", "Microsoft-Windows-Windows Defender")
FAILURES = (4625, 4771)


def moment(time, digits=3):
    """A time as RFC 3339 has it."""
    text = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text[: 20 + digits].rstrip(".") + "Z"


class Windows:
    """Makes lines. Each machine numbers its records."""

    def __init__(self):
        self.numbers = {}

    def line(self, time, machine, log, number, data):
        channel, provider = log
        record = self.numbers[machine.name, channel] = self.numbers.get((machine.name, channel), 410_000) + 1
        if sum(machine.name.encode()) % 2:
            return self.nxlog(time, machine, channel, provider, number, record, data)
        return self.winlogbeat(time, machine, channel, provider, number, record, data)

    def winlogbeat(self, time, machine, channel, provider, number, record, data):
        keyword = "Audit Failure" if number in FAILURES else "Audit Success"
        return json.dumps({
            "@timestamp": moment(time),
            "event": {"code": str(number), "kind": "event", "provider": provider},
            "host": {"name": machine.fqdn},
            "agent": {"type": "winlogbeat", "version": "8.17.0", "name": machine.name},
            "log": {"level": "information"},
            "winlog": {
                "channel": channel,
                "provider_name": provider,
                "event_id": str(number),
                "record_id": record,
                "computer_name": machine.fqdn,
                "keywords": [keyword] if channel == "Security" else [],
                "event_data": {name: str(value) for name, value in data.items()},
                "api": "wineventlog",
            },
        })

    def nxlog(self, time, machine, channel, provider, number, record, data):
        text = moment(time)
        head = {
            "EventTime": text[:-1] + "+00:00",
            "Hostname": machine.fqdn,
            "Keywords": "0x8010000000000000" if number in FAILURES else "0x8020000000000000",
            "EventType": "AUDIT_FAILURE" if number in FAILURES else "AUDIT_SUCCESS" if channel == "Security" else "INFO",
            "SeverityValue": 2,
            "Severity": "INFO",
            "EventID": number,
            "SourceName": provider,
            "Channel": channel,
            "RecordNumber": record,
            "EventReceivedTime": text[:-1] + "+00:00",
            "SourceModuleName": "in",
            "SourceModuleType": "im_msvistalog",
        }
        return json.dumps(head | data)

    def sign_in(self, time, machine, account, kind, address, workstation="-", package="Kerberos"):
        name, sid = account
        return self.line(time, machine, SECURITY, 4624, {
            "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "SubjectLogonId": "0x0",
            "TargetUserSid": sid, "TargetUserName": name, "TargetDomainName": SHORT, "TargetLogonId": hex(int(time * 1000) & 0xFFFFFFF),
            "LogonType": kind, "LogonProcessName": "User32 " if kind == 10 else package, "AuthenticationPackageName": "Negotiate" if kind == 10 else package,
            "WorkstationName": workstation, "LogonGuid": "{00000000-0000-0000-0000-000000000000}", "ProcessId": "0x0", "ProcessName": "-",
            "IpAddress": address, "IpPort": 49152 + int(time) % 15000, "ElevatedToken": "%%1843",
        })

    def refused(self, time, machine, name, address, status="0xC000006A", kind=3):
        return self.line(time, machine, SECURITY, 4625, {
            "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "TargetUserSid": "S-1-0-0", "TargetUserName": name,
            "TargetDomainName": SHORT, "Status": "0xC000006D", "FailureReason": "%%2313", "SubStatus": status, "LogonType": kind,
            "LogonProcessName": "NtLmSsp ", "AuthenticationPackageName": "NTLM", "WorkstationName": "-", "IpAddress": address, "IpPort": 50000,
            "ProcessName": "-",
        })

    def ticket(self, time, machine, account, address, service=None):
        """A ticket for a person, or for a service by that person."""
        name, sid = account
        common = {"TicketOptions": "0x40810010", "Status": "0x0", "TicketEncryptionType": "0x12", "IpAddress": f"::ffff:{address}", "IpPort": 49700}
        if service is None:
            data = {"TargetUserName": name, "TargetDomainName": SHORT, "TargetSid": sid, "ServiceName": "krbtgt", "PreAuthType": "15"}
            return self.line(time, machine, SECURITY, 4768, data | common)
        data = {"TargetUserName": f"{name}@{DOMAIN.upper()}", "TargetDomainName": DOMAIN.upper(), "ServiceName": service}
        return self.line(time, machine, SECURITY, 4769, data | common)

    def no_ticket(self, time, machine, account, address):
        name, sid = account
        data = {"TargetUserName": name, "TargetSid": sid, "ServiceName": f"krbtgt/{SHORT}", "TicketOptions": "0x40810010", "Status": "0x18"}
        return self.line(time, machine, SECURITY, 4771, data | {"PreAuthType": "2", "IpAddress": f"::ffff:{address}", "IpPort": 49701})

    def account(self, time, machine, number, actor, target, **more):
        """Something done to an account or group by another: 4720, 4724, 4725, 4728, 4738, 4740 ..."""
        (name, sid), (by, by_sid) = target, actor
        data = {"TargetUserName": name, "TargetDomainName": SHORT, "TargetSid": sid}
        data |= {"SubjectUserSid": by_sid, "SubjectUserName": by, "SubjectDomainName": SHORT, "SubjectLogonId": "0x3e7"}
        return self.line(time, machine, SECURITY, number, data | more)

    def process(self, time, machine, user, image, command, parent, parent_command=None, **more):
        """A program that started: Sysmon's event 1."""
        data = {
            "RuleName": "-", "UtcTime": moment(time)[:-1].replace("T", " "), "ProcessGuid": "{5b3a2c91-0000-0000-0000-000000000000}",
            "ProcessId": 1000 + int(time * 7) % 30000, "Image": image, "FileVersion": "-", "Description": "-", "Product": "-", "Company": "-",
            "OriginalFileName": image.rpartition("\\")[2], "CommandLine": command, "CurrentDirectory": "C:\\Windows\\system32\\", "User": user,
            "IntegrityLevel": "High", "Hashes": "SHA256=" + format(hash_of(image), "064X"), "ParentProcessId": 900 + int(time) % 900,
            "ParentImage": parent, "ParentCommandLine": parent_command or parent, "ParentUser": user,
        }
        return self.line(time, machine, SYSMON, 1, data | more)

    def connection(self, time, machine, user, image, to, port, name="-"):
        data = {"RuleName": "-", "UtcTime": moment(time)[:-1].replace("T", " "), "ProcessId": 1204, "Image": image, "User": user, "Protocol": "tcp"}
        data |= {"Initiated": "true", "SourceIp": machine.address, "SourcePort": 50123, "DestinationIp": to, "DestinationPort": port, "DestinationHostname": name}
        return self.line(time, machine, SYSMON, 3, data)

    def looked_up(self, time, machine, user, image, name, answer):
        data = {"RuleName": "-", "UtcTime": moment(time)[:-1].replace("T", " "), "ProcessId": 1204, "QueryName": name, "QueryStatus": "0"}
        return self.line(time, machine, SYSMON, 22, data | {"QueryResults": f"::ffff:{answer};", "Image": image, "User": user})

    def driver(self, time, machine, path, signature, digest):
        data = {"RuleName": "-", "UtcTime": moment(time)[:-1].replace("T", " "), "ImageLoaded": path, "Hashes": f"SHA256={digest}"}
        return self.line(time, machine, SYSMON, 6, data | {"Signed": "true", "Signature": signature, "SignatureStatus": "Valid"})

    def service(self, time, machine, name, path, account="LocalSystem"):
        data = {"ServiceName": name, "ImagePath": path, "ServiceType": "user mode service", "StartType": "auto start", "AccountName": account}
        return self.line(time, machine, SYSTEM, 7045, data)

    def state(self, time, machine, name, state):
        return self.line(time, machine, SYSTEM, 7036, {"param1": name, "param2": state})

    def script(self, time, machine, text):
        data = {"MessageNumber": 1, "MessageTotal": 1, "ScriptBlockText": text, "ScriptBlockId": "6a1c2f6e-3a0e-4c58-9d0b-5a0d8a3e7c11", "Path": ""}
        return self.line(time, machine, POWERSHELL, 4104, data)


def hash_of(text):
    """The same number for the same text in every run."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value
