"""What an ordinary day leaves in the logs: machines and those who look after them.

Administrators, software deployment, patch night, backups, virtual machines that move, scanners, monitoring, service accounts, clouds.
"""

from day import cloud, hosts
from day.company import OFFICE, SHORT

HOUR = 3600.0
SYSTEM = "NT AUTHORITY\\SYSTEM"
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
SERVICES = "C:\\Windows\\System32\\services.exe"
PROGRAMS = [
    ("C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", '"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe" --type=renderer', "C:\\Windows\\explorer.exe"),
    ("C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE", '"C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE"', "C:\\Windows\\explorer.exe"),
    ("C:\\Windows\\System32\\mmc.exe", '"C:\\Windows\\system32\\mmc.exe" "C:\\Windows\\system32\\dsa.msc"', "C:\\Windows\\explorer.exe"),
    ("C:\\Windows\\System32\\mstsc.exe", '"C:\\Windows\\system32\\mstsc.exe"', "C:\\Windows\\explorer.exe"),
    ("C:\\Windows\\System32\\cmd.exe", '"C:\\Windows\\system32\\cmd.exe"', "C:\\Windows\\explorer.exe"),
    ("C:\\Windows\\System32\\ipconfig.exe", "ipconfig /all", "C:\\Windows\\System32\\cmd.exe"),
    ("C:\\Windows\\System32\\PING.EXE", "ping app03", "C:\\Windows\\System32\\cmd.exe"),
    ("C:\\Windows\\System32\\gpupdate.exe", "gpupdate /force", "C:\\Windows\\System32\\cmd.exe"),
    ("C:\\Windows\\System32\\net.exe", "net user {other} /domain", "C:\\Windows\\System32\\cmd.exe"),
    ("C:\\Windows\\System32\\quser.exe", "quser /server:{server}", "C:\\Windows\\System32\\cmd.exe"),
    ("C:\\Windows\\System32\\Robocopy.exe", "robocopy \\\\fs01\\install \\\\{server}\\c$\\install /E", "C:\\Windows\\System32\\cmd.exe"),
    (POWERSHELL, "powershell.exe -NoProfile -File C:\\Scripts\\check-replication.ps1", "C:\\Windows\\System32\\svchost.exe"),
    (POWERSHELL, '"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"', "C:\\Windows\\explorer.exe"),
    ("C:\\Program Files\\TeamViewer\\TeamViewer.exe", '"C:\\Program Files\\TeamViewer\\TeamViewer.exe"', "C:\\Windows\\explorer.exe"),
    ("C:\\Program Files\\PuTTY\\putty.exe", '"C:\\Program Files\\PuTTY\\putty.exe" -ssh lnx03', "C:\\Windows\\explorer.exe"),
]
BACKGROUND = [
    ("C:\\Windows\\System32\\svchost.exe", "C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s Schedule", SERVICES),
    ("C:\\Windows\\System32\\taskhostw.exe", "taskhostw.exe", "C:\\Windows\\System32\\svchost.exe"),
    ("C:\\Program Files\\Windows Defender\\MpCmdRun.exe", '"C:\\Program Files\\Windows Defender\\MpCmdRun.exe" SignatureUpdate -ScheduleJob', "C:\\Windows\\System32\\svchost.exe"),
    ("C:\\Windows\\System32\\conhost.exe", "\\??\\C:\\Windows\\system32\\conhost.exe 0xffffffff -ForceV1", "C:\\Windows\\System32\\cmd.exe"),
    ("C:\\Windows\\System32\\wbem\\WmiPrvSE.exe", "C:\\Windows\\system32\\wbem\\wmiprvse.exe -Embedding", "C:\\Windows\\System32\\svchost.exe"),
    ("C:\\Windows\\System32\\backgroundTaskHost.exe", "backgroundTaskHost.exe -ServerName:CortanaUI", "C:\\Windows\\System32\\svchost.exe"),
]
SCRIPTS = [
    "Get-ADUser -Filter {Enabled -eq $true} -Properties LastLogonDate | Export-Csv C:\\Reports\\users.csv",
    "Get-Service -ComputerName app01,app02 | Where-Object Status -ne 'Running'",
    "Invoke-Command -ComputerName fs02 -ScriptBlock { Get-Volume }",
    "Get-EventLog -LogName System -Newest 50 -EntryType Error",
    "Import-Module ActiveDirectory; Get-ADGroupMember 'GG-Finance' | Select-Object name",
    "Restart-Service -Name Spooler",
]
NAMES = ["outlook.office365.com", "login.microsoftonline.com", "teams.microsoft.com", "kestrel-retail.okta.com", "www.bbc.co.uk", "wetransfer.com", "dl.google.com", "ctldl.windowsupdate.com"]
COMMANDS = ["systemctl restart nginx", "tail -n 200 /var/log/syslog", "apt-get update", "journalctl -u app -n 100", "systemctl status app", "vi /etc/nginx/conf.d/site.conf", "df -h"]


class Machines:
    """Adds to a day what machines write."""

    def __init__(self, day):
        self.day, self.chance, self.company, self.windows = day, day.chance, day.company, day.windows
        self.put, self.at, self.some = day.put, day.at, day.some
        self.center = self.company.of_kind("vcenter")[0]
        self.virtual = [machine for machine in self.company.machines if machine.kind not in ("esxi", "desk")]
        self.servers = [machine for machine in self.company.machines if machine.is_windows and machine.kind != "desk"]

    def make(self):
        self.desks()
        self.background()
        self.monitoring()
        self.linux()
        self.hypervisors()
        self.backups()
        self.scanner()
        self.amazon()
        if not self.day.is_weekend:
            self.administrators()
            self.deployment()
            self.virtual_machines()
        if self.day.number % 7 == 2:
            self.patch_night()

    def event(self, kind, time, user, entity, text):
        self.put(time, "network", hosts.vcenter(time, self.center, kind, user, entity, text))

    def desks(self):
        """Sysmon on the machines of IT, in working hours."""
        owners = self.company.people[:18]
        for machine, who in zip(self.company.of_kind("desk"), owners):
            user = f"{SHORT}\\{who.sam}"
            for _ in range(0 if self.day.is_weekend else self.some(260)):
                time = self.at(self.chance.triangular(8, 18, 11))
                image, command, parent = self.chance.choice(PROGRAMS)
                command = command.format(other=self.chance.choice(self.company.people).sam, server=self.chance.choice(self.servers).name.lower())
                self.put(time, "windows", self.windows.process(time, machine, user, image, command, parent))
                if self.chance.random() < 0.7:
                    name = self.chance.choice(NAMES)
                    line = self.windows.looked_up(time + 1, machine, user, PROGRAMS[0][0], name, f"52.97.{len(name)}.{self.chance.randrange(250)}")
                    self.put(time + 1, "windows", line)

    def background(self):
        """What Windows does by itself."""
        for machine in [machine for machine in self.company.machines if machine.is_windows]:
            for _ in range(self.some(420)):
                time = self.at(self.chance.uniform(0, 24))
                self.put(time, "windows", self.windows.process(time, machine, SYSTEM, *self.chance.choice(BACKGROUND)))
            for _ in range(self.some(60)):
                time = self.at(self.chance.uniform(0, 24))
                self.put(time, "windows", self.windows.sign_in(time, machine, ("SYSTEM", "S-1-5-18"), 5, "-"))
            for _ in range(self.some(12)):
                time = self.at(self.chance.uniform(0, 24))
                name = self.chance.choice(["Windows Update", "WinHTTP Web Proxy Auto-Discovery Service", "Software Protection", "Windows Modules Installer"])
                self.put(time, "windows", self.windows.state(time, machine, name, self.chance.choice(["running", "stopped"])))

    def monitoring(self):
        """An account that asks every server every quarter of an hour, and services that run as accounts."""
        account = ("svc-monitor", self.company.service_sid("svc-monitor"))
        every = 0.25 if self.day.share > 0.5 else 1.0
        for number in range(int(24 / every)):
            for machine in self.servers:
                time = self.at(number * every) + self.chance.uniform(0, 120)
                self.put(time, "windows", self.windows.sign_in(time, machine, account, 3, "10.20.20.60"))
            for machine in self.company.of_kind("linux", "web"):
                time = self.at(number * every) + self.chance.uniform(0, 120)
                self.put(time, "linux", hosts.ssh(time, machine, "monitor", "10.20.20.60", process=4000 + number))
        for machine in self.company.of_kind("sql"):
            time = self.at(self.chance.uniform(0, 24))
            self.put(time, "windows", self.windows.sign_in(time, machine, ("svc-sql", self.company.service_sid("svc-sql")), 5, "-"))

    def administrators(self):
        """Remote desktop, shells, consoles, groups, a setting here and there."""
        for who in self.company.of_role("admin"):
            user, account, address = f"{SHORT}\\{who.sam}", (who.sam, who.sid), self.company.of_kind("desk")[who.number].address
            for _ in range(self.some(7)):
                time, machine = self.at(self.chance.triangular(8.3, 18.5, 10.5)), self.chance.choice(self.servers)
                self.put(time, "windows", self.windows.sign_in(time, machine, account, 10, address, machine.name))
                for number in range(self.chance.randrange(1, 6)):
                    image, command, parent = self.chance.choice(PROGRAMS[2:13])
                    moment = time + 30 + number * self.chance.uniform(5, 200)
                    command = command.format(other=self.chance.choice(self.company.people).sam, server=machine.name.lower())
                    self.put(moment, "windows", self.windows.process(moment, machine, user, image, command, parent))
            for _ in range(self.some(4)):
                time, machine = self.at(self.chance.uniform(8.5, 18)), self.company.of_kind("desk")[who.number]
                self.put(time, "windows", self.windows.script(time, machine, self.chance.choice(SCRIPTS)))
            for _ in range(self.some(3)):
                time, machine = self.at(self.chance.uniform(8.5, 18)), self.chance.choice(self.company.of_kind("linux", "web"))
                self.put(time, "linux", hosts.ssh(time, machine, who.sam, address, process=9000 + who.number))
                for number, command in enumerate(self.chance.sample(COMMANDS, 3)):
                    moment = time + 20 + number * 40
                    text = f"{who.sam} : TTY=pts/0 ; PWD=/home/{who.sam} ; USER=root ; COMMAND=/usr/bin/{command}"
                    self.put(moment, "linux", hosts.linux(moment, machine, "sudo", text, 86))
                    for line in hosts.auditd(moment + 0.1, machine, int(moment) % 90000, command, 1000 + who.number):
                        self.put(moment + 0.1, "audit", line)
        who, time = self.company.people[self.chance.randrange(8)], self.at(self.chance.uniform(9, 17))
        target = cloud.okta_thing("PolicyRule", "Contractors, office hours")
        self.put(time, "okta", cloud.okta(time, "application.user_membership.add", who, OFFICE, OFFICE[4].format(12), target=[cloud.okta_user(self.chance.choice(self.company.people)), target]))
        self.put(time + 500, "entra", cloud.entra_audit(time + 500, "Update user", who, OFFICE[4].format(12), self.chance.choice(self.company.people)))

    def deployment(self):
        """A new version goes out at noon, as a service that a deployment tool installs and removes."""
        runner = "C:\\Windows\\AdminArsenal\\PDQDeployRunner\\service-1\\PDQDeployRunner-1.exe"
        for number, machine in enumerate(self.chance.sample(self.company.of_kind("desk") + self.company.of_kind("app"), 24)):
            time = self.at(12.25) + number * 11
            account = ("svc-deploy", self.company.service_sid("svc-deploy"))
            self.put(time, "windows", self.windows.sign_in(time, machine, account, 3, "10.20.20.61"))
            self.put(time + 1, "windows", self.windows.service(time + 1, machine, "PDQDeployRunner-1", runner, f"{SHORT}\\svc-deploy"))
            command = 'msiexec.exe /i "C:\\Windows\\AdminArsenal\\PDQDeployRunner\\service-1\\exec\\7z2501-x64.msi" ALLUSERS=1 /qn /norestart'
            self.put(time + 3, "windows", self.windows.process(time + 3, machine, f"{SHORT}\\svc-deploy", "C:\\Windows\\System32\\msiexec.exe", command, runner))

    def linux(self):
        for machine in self.company.of_kind("linux", "web"):
            for number in range(288 if self.day.share > 0.5 else 48):
                time = self.at(number * (24 / 288 if self.day.share > 0.5 else 0.5)) + 1
                self.put(time, "linux", hosts.linux(time, machine, "CRON", "(root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)", 78, 12000 + number))
                if number % 6 == 0:
                    self.put(time + 2, "linux", hosts.linux(time + 2, machine, "systemd", "Started Session %d of User monitor." % (number + 40), 30, 1))
            for number in range(self.some(30)):
                time = self.at(self.chance.uniform(0, 24))
                for line in hosts.auditd(time, machine, int(time) % 90000, "/usr/bin/logrotate /etc/logrotate.conf", 4294967295, "(none)"):
                    self.put(time, "audit", line)
        for _ in range(self.some(120)):
            time, machine = self.at(self.chance.uniform(0, 24)), self.company.of_kind("web")[0]
            name = self.chance.choice(["admin", "test", "oracle", "ubuntu", "git"])
            address = f"45.{self.chance.randrange(250)}.{self.chance.randrange(250)}.{self.chance.randrange(250)}"
            self.put(time, "linux", hosts.linux(time, machine, "sshd", f"Failed password for invalid user {name} from {address} port 41822 ssh2", process=4100))

    def hypervisors(self):
        for host in self.company.of_kind("esxi"):
            for number in range(self.some(2500)):
                time = self.at(self.chance.uniform(0, 24))
                texts = ["User vpxuser@10.20.30.64 logged in as VMware-client/6.5.0", "User vpxuser@10.20.30.64 logged out (login time: now, number of API invocations: 12, user agent: VMware-client/6.5.0)"]
                self.put(time, "network", hosts.hostd(time, host, texts[number % 2]))
            for _ in range(self.some(6)):
                time = self.at(self.chance.uniform(0, 24))
                self.put(time, "network", hosts.vobd(time, host, "esx.problem.scsi.device.io.latency.high", "Device naa.6000c29 performance has deteriorated. I/O latency increased."))
        for _ in range(self.some(200)):
            time = self.at(self.chance.uniform(0, 24))
            user = hosts.vcenter_user("svc-monitor")
            self.event("vim.event.UserLoginSessionEvent", time, user, "Datacenters", f"User {user}@10.20.20.60 logged in as JAX-WS RI 2.2.9")

    def virtual_machines(self):
        """Machines move by themselves; administrators look, restart one, try one out."""
        for _ in range(self.some(45)):
            time, machine = self.at(self.chance.uniform(0, 24)), self.chance.choice(self.virtual)
            here, there = self.chance.sample(self.company.of_kind("esxi"), 2)
            self.event("vim.event.DrsVmMigratedEvent", time, "", hosts.DATACENTER, f"DRS migrated {machine.name} from {here.fqdn} to {there.fqdn} in cluster Main in {hosts.DATACENTER}")
        for _ in range(self.some(6)):
            who, time = self.company.people[self.chance.randrange(5)], self.at(self.chance.uniform(8.5, 18))
            user = hosts.vcenter_user(who.sam)
            self.event("vim.event.UserLoginSessionEvent", time, user, "Datacenters", f"User {user}@{self.company.of_kind('desk')[who.number].address} logged in as Mozilla/5.0 (Windows NT 10.0; Win64; x64)")
            machine = self.chance.choice(self.company.of_kind("app", "linux"))
            if self.chance.random() < 0.6:
                self.event("vim.event.VmGuestRebootEvent", time + 90, user, hosts.DATACENTER, f"Guest OS reboot for {machine.name} on esx01 in {hosts.DATACENTER}")
            else:
                self.event("vim.event.VmPoweredOffEvent", time + 90, user, hosts.DATACENTER, f"test-{int(time) % 90} on esx02.{hosts.DATACENTER.lower()} in {hosts.DATACENTER} is powered off")

    def backups(self):
        """Every night each machine gets a snapshot that goes away again, two at a time; its guest is asked for quiet."""
        user, server = hosts.vcenter_user("svc-backup"), self.company.of_kind("backup")[0]
        account = ("svc-backup", self.company.service_sid("svc-backup"))
        for number, machine in enumerate(self.virtual):
            time = self.at(20.5) + number // 2 * 420 + self.chance.uniform(0, 60)
            self.event("vim.event.TaskEvent", time, user, machine.name, "Task: Create virtual machine snapshot")
            self.event("vim.event.TaskEvent", time + self.chance.uniform(150, 380), user, machine.name, "Task: Remove snapshot")
            self.put(time + 400, "network", hosts.veeam(time + 400, server, 10010, user, f"Restore point for VM '{machine.name}' has been created."))
            if machine.is_windows:
                self.put(time - 20, "windows", self.windows.sign_in(time - 20, machine, account, 3, server.address))
                self.put(time - 18, "windows", self.windows.service(time - 18, machine, "VeeamVssSupport", "C:\\Windows\\VeeamVssSupport\\VeeamGuestHelper.exe"))
        for number in range(3):
            time = self.at(21.5) + number * 1500
            self.put(time, "network", hosts.veeam(time, server, 190, user, f"Backup job 'Servers {number + 1}' finished with Success."))
            self.put(time + 9, "network", hosts.veeam(time + 9, server, 10050, user, f"Restore point for VM 'app0{number + 1}' has been removed according to the retention policy."))

    def scanner(self):
        """Twice a week a scanner of weaknesses signs in everywhere, and knocks where it has no account."""
        if self.day.number % 3:
            return
        account = ("svc-scan", self.company.service_sid("svc-scan"))
        for number, machine in enumerate(self.company.machines):
            time = self.at(19.2) + number * 23
            if machine.is_windows:
                self.put(time, "windows", self.windows.sign_in(time, machine, account, 3, "10.20.20.62", package="NTLM"))
            elif machine.kind in ("linux", "web"):
                self.put(time, "linux", hosts.linux(time, machine, "sshd", "Failed password for root from 10.20.20.62 port 50100 ssh2", process=4200))
                self.put(time + 2, "linux", hosts.ssh(time + 2, machine, "scan", "10.20.20.62"))

    def amazon(self):
        calls = [("DescribeInstances", "ec2"), ("GetBucketLocation", "s3"), ("ListBuckets", "s3"), ("DescribeAlarms", "monitoring"), ("GetCallerIdentity", "sts"), ("AssumeRole", "sts")]
        for _ in range(self.some(1200)):
            time, (name, source) = self.at(self.chance.uniform(0, 24)), self.chance.choice(calls)
            principal = self.chance.choice(["terraform", "online-shop", "monitoring"])
            self.put(time, "amazon", cloud.amazon(time, name, source, principal, "18.130.20.11"))
        for number in range(4):
            time = self.at(3) + number * 30
            self.put(time, "amazon", cloud.amazon(time, "CreateSnapshot", "ec2", "lifecycle", "dlm.amazonaws.com", {"volumeId": f"vol-0a{number}"}))
            self.put(time + 300, "amazon", cloud.amazon(time + 300, "DeleteSnapshot", "ec2", "lifecycle", "dlm.amazonaws.com", {"snapshotId": f"snap-0a{number}"}))

    def patch_night(self):
        """An administrator takes snapshots of a dozen machines, they are patched and restarted, the snapshots go."""
        who = self.company.people[3]
        user = hosts.vcenter_user(who.sam)
        for number, machine in enumerate(self.company.of_kind("app")):
            time = self.at(18.6) + number * 20
            self.event("vim.event.TaskEvent", time, user, machine.name, "Task: Create virtual machine snapshot")
            command = "C:\\Windows\\servicing\\TrustedInstaller.exe"
            self.put(time + 1200, "windows", self.windows.process(time + 1200, machine, SYSTEM, command, command, SERVICES))
            self.put(time + 2400, "windows", self.windows.state(time + 2400, machine, "Windows Modules Installer", "stopped"))
            self.event("vim.event.VmGuestRebootEvent", time + 2500, user, hosts.DATACENTER, f"Guest OS reboot for {machine.name} on esx02 in {hosts.DATACENTER}")
            removed = self.at(20.1) + number * 75
            self.event("vim.event.TaskEvent", removed, user, machine.name, "Task: Remove snapshot")
        for number, machine in enumerate(self.company.of_kind("linux")):
            time = self.at(18.8) + number * 240
            self.put(time, "linux", hosts.ssh(time, machine, who.sam, self.company.of_kind("desk")[3].address))
            text = f"{who.sam} : TTY=pts/0 ; PWD=/home/{who.sam} ; USER=root ; COMMAND=/usr/bin/apt-get -y dist-upgrade"
            self.put(time + 20, "linux", hosts.linux(time + 20, machine, "sudo", text, 86))
            self.put(time + 200, "linux", hosts.linux(time + 200, machine, "systemd", "Reloading.", 30, 1))
