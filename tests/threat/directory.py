"""An OpenLDAP server of its own on this machine, with people as plain directories have them and others as Active Directory has them."""

import base64
import os
import pathlib
import shutil
import struct
import subprocess

from harness.attach import wait_until
from harness.certificates import Authority
from harness.server import free_tcp_port

BASE = "dc=acme,dc=example"
READER, PASSWORD = f"cn=reader,{BASE}", "correct horse"
SCHEMAS = pathlib.Path("/etc/ldap/schema")
# More than the server gives out at once.
PEOPLE = 1_200

CONFIG = """
{schemas}
objectclass ( 2.999.1 NAME 'numbered' SUP top AUXILIARY MAY ( objectSid $ sAMAccountName $ primaryGroupID $ department ) )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {tls}/ca-cert.pem
TLSCertificateFile {tls}/server-cert.pem
TLSCertificateKeyFile {tls}/server-key.pem
sizelimit size.soft=200 size.hard=200 size.prtotal=unlimited
database mdb
suffix "{base}"
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""


def find():
    """The server; none if it isn't installed."""
    return shutil.which("slapd", path=os.environ.get("PATH", "") + ":/usr/sbin")


def sid(number):
    """The bytes of an identifier as Active Directory has them."""
    parts = (21, 1004336348, 1177238915, 682003330, number)
    return b"\x01\x05\x00\x00\x00\x00\x00\x05" + struct.pack("<5I", *parts)


def entry(dn, classes, **attributes):
    lines = [f"dn: {dn}"] + [f"objectClass: {name}" for name in classes.split()]
    for name, values in attributes.items():
        for value in values if isinstance(values, list) else [values]:
            raw = value if isinstance(value, bytes) else str(value).encode()
            lines.append(f"{name}:: {base64.b64encode(raw).decode()}")
    return "\n".join(lines) + "\n\n"


def as_active_directory(dn, name, number, **attributes):
    """What each entry there must have, too."""
    must = {
        "instanceType": 4,
        "nTSecurityDescriptor": "x",
        "objectCategory": f"cn={name},{BASE}",
        "objectSid": sid(number),
    }
    return entry(dn, f"{name} numbered", **must, **attributes)


def entries():
    yield entry(BASE, "dcObject organization", o="Acme")
    yield entry(READER, "organizationalRole simpleSecurityObject", userPassword=PASSWORD)
    for folder in ("people", "windows"):
        yield entry(f"ou={folder},{BASE}", "organizationalUnit")
    for number in range(PEOPLE):
        uid = f"person{number}"
        yield entry(f"uid={uid},ou=people,{BASE}", "inetOrgPerson", cn=f"Person {number}", sn=number, mail=f"{uid}@acme.example")
    yield entry(f"cn=wheel,{BASE}", "posixGroup", gidNumber=10, memberUid="person7")
    windows = f"ou=windows,{BASE}"
    admins = f"cn=Dom\u00e4nen-Admins,{windows}"
    yield as_active_directory(admins, "group", 512, groupType=2, sAMAccountName="Dom\u00e4nen-Admins")
    people = {"cn": "Anna Meier", "sn": "Meier", "sAMAccountName": "anna", "userPrincipalName": "anna@acme.example"}
    more = {"mail": "anna.meier@acme.example", "department": "Finance", "memberOf": admins}
    yield as_active_directory(f"cn=Anna Meier,{windows}", "user", 1104, **people, **more)
    names = {"cn": "DC01", "sn": "DC01", "sAMAccountName": "DC01$", "dNSHostName": "dc01.acme.example"}
    yield as_active_directory(f"cn=DC01,{windows}", "computer", 1001, **names, userAccountControl=532480, operatingSystem="Windows Server 2022")


class Directory:
    """The server, running until the case ends."""

    def __init__(self, case):
        self.folder = case.folder / "directory"
        (self.folder / "db").mkdir(parents=True)
        self.authority = Authority(self.folder / "tls")
        schemas = "\n".join(f"include {SCHEMAS}/{name}.schema" for name in ("core", "cosine", "nis", "inetorgperson", "msuser"))
        text = CONFIG.format(schemas=schemas, folder=self.folder, tls=self.folder / "tls", base=BASE, reader=READER)
        config = self.folder / "slapd.conf"
        config.write_text(text)
        self.ports = {"ldap": free_tcp_port(), "ldaps": free_tcp_port()}
        ldif = self.folder / "entries.ldif"
        ldif.write_text("".join(entries()))
        # The same program adds entries while it doesn't serve, under another name.
        case.run(pathlib.Path(find()).with_name("slapadd"), "-q", "-f", config, "-l", ldif)
        self.password_file = self.folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        urls = " ".join(f"{scheme}://127.0.0.1:{port}/" for scheme, port in self.ports.items())
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([find(), "-d", "0", "-h", urls, "-f", config], stdout=log, stderr=log)
        case.cleanup.callback(self.stop)
        wait_until((self.folder / "slapd.pid").exists, "the directory to serve", 30)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def url(self, scheme):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"
