"""Lines of Linux, ESXi, vCenter, Veeam and FortiGate, as they come by syslog or lie in files."""

import datetime

from day.company import SHORT
from day.windows import moment

DATACENTER = "Leeds"


def linux(time, machine, program, text, priority=38, process=None):
    """rsyslog's lines with whole times."""
    tag = program if process is None else f"{program}[{process}]"
    return f"<{priority}>{moment(time)} {machine.fqdn if machine.kind != 'vcenter' else machine.name} {tag}: {text}"


def ssh(time, machine, user, address, how="publickey", process=4711):
    end = " ssh2: ED25519 SHA256:Vb0qz1c0LZ9x3l2a7yT3nN1mJkqz8cC9xKpQe5dR4uA" if how == "publickey" else " ssh2"
    return linux(time, machine, "sshd", f"Accepted {how} for {user} from {address} port {40000 + int(time) % 20000}{end}", process=process)


def auditd(time, machine, number, command, account, terminal="pts0"):
    """What a command leaves in audit.log: three records of one event."""
    head = f"msg=audit({time:.3f}:{number}):"
    words = command.split()
    node = f"node={machine.fqdn} "
    arguments = " ".join(f'a{place}="{word}"' for place, word in enumerate(words))
    program = words[0] if words[0].startswith("/") else f"/usr/bin/{words[0]}"
    called = f'{node}type=SYSCALL {head} arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55d1 a2=55d2 a3=0 items=2 ppid=2201 pid={3000 + number % 9000} '
    called += f'auid={account} uid={account} gid={account} euid={account} suid={account} fsuid={account} egid={account} sgid={account} fsgid={account} '
    called += f'tty={terminal} ses=3 comm="{program.rpartition("/")[2]}" exe="{program}" subj=unconfined key="exec"'
    return [called, f"{node}type=EXECVE {head} argc={len(words)} {arguments}", f'{node}type=CWD {head} cwd="/home"']


def esxi(time, host, program, text, priority=14):
    return f"<{priority}>{moment(time)} {host.fqdn} {program} {text}"


def hostd(time, host, text):
    return esxi(time, host, "Hostd:", f"info hostd[2099811] [Originator@6876 sub=Vimsvc.ha-eventmgr opID=esxui-{int(time) % 65536:04x}-9b39] Event {int(time) % 100000} : {text}", 166)


def vobd(time, host, name, text):
    return esxi(time, host, "vobd[2097645]:", f"[UserLevelCorrelator] {int(time * 1e6) % 10**12}us: [{name}] {text}")


def shell(time, host, command):
    return esxi(time, host, "shell[2100111]:", f"[root]: {command}")


def vcenter(time, center, kind, user, entity, text):
    """An event of vCenter's stream."""
    number = 500_000 + int(time) % 400_000
    head = f"<14>1 {moment(time, 6)[:-1]}+00:00 {center.name} vpxd 58650 - -  Event [{number}] [1-1] [{moment(time, 6)}] "
    return f"{head}[{kind}] [info] [{user}] [{entity}] [{number}] [{text}]"


def vcenter_user(sam):
    return f"{SHORT}\\{sam}"


def veeam(time, server, number, user, text):
    return f'<14>1 {moment(time, 6)} {server.name} Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId={number} UserName="{user}" Version="1" Description="{text}"]'


def fortigate(time, **fields):
    """A line of a FortiGate that writes whole times."""
    when = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
    head = f'date={when:%Y-%m-%d} time={when:%H:%M:%S} devname="FGT-LDS-01" devid="FG200FT921900001" eventtime={int(time * 1e9)} tz="+0000" '
    return head + " ".join(f"{name}={value}" if isinstance(value, int) or name.endswith("ip") else f'{name}="{value}"' for name, value in fields.items())


def tunnel(time, action, user, address, **more):
    words = {"tunnel-up": ("0101039424", "SSL VPN tunnel up", "login successfully"), "tunnel-down": ("0101039425", "SSL VPN tunnel down", "N/A")}
    words |= {"ssl-login-fail": ("0101039426", "SSL VPN login fail", "sslvpn_login_permission_denied")}
    number, said, reason = words[action]
    level = "alert" if action == "ssl-login-fail" else "information"
    return fortigate(time, logid=number, type="event", subtype="vpn", level=level, vd="root", logdesc=said, action=action, tunneltype="ssl-web", tunnelid=int(time) % 10**9,
                     remip=address, user=user, group="staff-vpn", reason=reason, msg=said, **more)


def traffic(time, address, to, service, port, sent, received):
    return fortigate(time, logid="0000000013", type="traffic", subtype="forward", level="notice", vd="root", srcip=address, srcport=49152 + int(time * 10) % 16000,
                     srcintf="lan", dstip=to, dstport=port, dstintf="wan1", policyid=12, sessionid=int(time * 1000) % 10**9, proto=6, action="close",
                     service=service, duration=30, sentbyte=sent, rcvdbyte=received)
