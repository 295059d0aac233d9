"""A company: five hundred people, sixty machines that log, and the names and addresses of both. All of it is made up from a seed."""

import dataclasses
import random

DOMAIN = "kestrel-retail.example"
SHORT = "KESTREL"
DOMAIN_SID = "S-1-5-21-3623811015-3361044348-30300820"
GIVEN = (
    "amelia oliver isla george ava noah ivy arthur freya leo lily oscar florence harry mia archie willow jack rosie henry sophia charlie isabella "
    "freddie grace theodore daisy alfie sienna theo poppy thomas elsie finley emily arlo ella tommy evelyn jacob phoebe lucas evie ethan charlotte "
    "james harper william matilda roman millie edward maisie hunter sofia isaac hallie hugo thea louie luna max priya mohammed aisha wei chen olu"
).split()
FAMILY = (
    "smith jones taylor brown williams wilson johnson davies patel robinson wright thompson evans walker white roberts green hall thomas clarke "
    "jackson wood harris edwards turner martin cooper hill ward hughes moore clark king harrison lewis baker lee allen morris khan scott watson "
    "davis parker james bennett young phillips richardson mitchell bailey carter cook singh shaw bell collins morgan kelly begum miller cox hussain "
    "marshall simpson price anderson adams wilkinson ahmed foster ellis murphy chapman mason gray richards webb rogers"
).split()
# Cities where people live: name, country, latitude, longitude, and networks with the numbers of their operators.
CITIES = [
    ("Leeds", "United Kingdom", 53.80, -1.55, "81.104.{}.{}", 5089, "virgin media"),
    ("York", "United Kingdom", 53.96, -1.08, "86.152.{}.{}", 2856, "british telecommunications plc"),
    ("Manchester", "United Kingdom", 53.48, -2.24, "90.255.{}.{}", 5607, "sky uk limited"),
    ("Sheffield", "United Kingdom", 53.38, -1.47, "92.40.{}.{}", 206067, "three uk"),
    ("London", "United Kingdom", 51.51, -0.13, "82.132.{}.{}", 35228, "telefonica uk limited"),
]
ABROAD = [
    ("Lisbon", "Portugal", 38.72, -9.14, "85.243.{}.{}", 3243, "meo - servicos de comunicacoes"),
    ("Milan", "Italy", 45.46, 9.19, "79.27.{}.{}", 3269, "telecom italia"),
    ("Chicago", "United States", 41.88, -87.63, "73.110.{}.{}", 7922, "comcast cable communications"),
    ("Berlin", "Germany", 52.52, 13.40, "84.137.{}.{}", 3320, "deutsche telekom ag"),
]
OFFICE = ("Leeds", "United Kingdom", 53.80, -1.55, "195.166.20.{}", 8426, "claranet ltd")
BROWSERS = [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Windows 10", "CHROME"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Windows 10", "EDGE"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15", "Mac OS X", "SAFARI"),
]
DEPARTMENTS = ["Stores", "Buying", "Logistics", "Finance", "Marketing", "Human Resources", "Online", "Property"]


@dataclasses.dataclass
class Person:
    """Somebody with an account; `role` is staff, help-desk, admin or vip."""

    number: int
    name: str
    sam: str
    role: str
    department: str
    place: tuple
    address: str
    office: str
    browser: tuple

    @property
    def upn(self):
        return f"{self.sam}@{DOMAIN}"

    @property
    def sid(self):
        return f"{DOMAIN_SID}-{1100 + self.number}"

    @property
    def okta(self):
        return f"00u{self.number:05d}kr7wQz1Vd697"

    @property
    def entra(self):
        return f"5d2c1f9e-7a41-4c0b-9b3e-{self.number:012d}"

    @property
    def workstation(self):
        return f"WS-{self.number:04d}"


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine that logs; `kind` is dc, file, sql, app, web, linux, backup, jump, desk, esxi or vcenter."""

    name: str
    kind: str
    address: str

    @property
    def fqdn(self):
        return f"{self.name.lower()}.{DOMAIN}"

    @property
    def is_windows(self):
        return self.kind in ("dc", "file", "sql", "app", "backup", "jump", "desk")


class Company:
    """Who works there and on what."""

    def __init__(self, seed):
        chance = random.Random(f"company {seed}")
        self.machines = machines()
        self.people = [person(number, chance) for number in range(500)]
        self.service_accounts = ["svc-backup", "svc-sql", "svc-deploy", "svc-scan", "svc-monitor", "svc-web"]

    def of_role(self, role):
        return [person for person in self.people if person.role == role]

    def of_kind(self, *kinds):
        return [machine for machine in self.machines if machine.kind in kinds]

    def service_sid(self, name):
        return f"{DOMAIN_SID}-{2100 + self.service_accounts.index(name)}"

    def listed(self):
        """The list of people and machines that an administrator would keep."""
        rows = ["upn;sam;sid;okta_id;entra_id;host;fqdn;address;vm;tier"]
        tiers = {"help-desk": "help-desk", "admin": "admin", "vip": "vip"}
        for who in self.people:
            rows.append(f"{who.upn};{SHORT}\\{who.sam};{who.sid};{who.okta};{who.entra};;;;;{tiers.get(who.role, '')}")
        kinds = {"dc": "domain-controller", "vcenter": "vcenter", "esxi": "esxi", "backup": "backup"}
        for machine in self.machines:
            virtual = "" if machine.kind in ("esxi", "desk") else machine.name.lower()
            rows.append(f";;;;;{machine.name};{machine.fqdn};{machine.address};{virtual};{kinds.get(machine.kind, '')}")
        return "\n".join(rows) + "\n"


def machines():
    """Sixty of them."""
    kinds = [("DC", "dc", 2), ("FS", "file", 4), ("SQL", "sql", 4), ("APP", "app", 12), ("BKP", "backup", 1), ("JMP", "jump", 2)]
    kinds += [("web", "web", 4), ("lnx", "linux", 8), ("esx", "esxi", 4), ("vcsa", "vcenter", 1), ("ITD", "desk", 18)]
    made = []
    for name, kind, count in kinds:
        for number in range(1, count + 1):
            network = {"esxi": 30, "vcenter": 30, "desk": 40}.get(kind, 20)
            made.append(Machine(f"{name}{number:02d}", kind, f"10.20.{network}.{10 + len(made)}"))
    return made


def person(number, chance):
    given, family = GIVEN[number * 7 % len(GIVEN)], FAMILY[(number * 13 + number // len(FAMILY)) % len(FAMILY)]
    role = "admin" if number < 8 else "help-desk" if number < 16 else "vip" if number < 22 else "staff"
    place = chance.choice(CITIES)
    return Person(
        number=number,
        name=f"{given.title()} {family.title()}",
        sam=f"{given[0]}.{family}{number if number >= 78 else ''}",
        role=role,
        department="IT" if number < 16 else "Board" if number < 22 else chance.choice(DEPARTMENTS),
        place=place,
        address=place[4].format(chance.randrange(1, 250), chance.randrange(1, 250)),
        office=f"10.20.{100 + number // 120}.{10 + number % 120}",
        browser=chance.choice(BROWSERS),
    )
