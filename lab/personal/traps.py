"""What looks like personal data and isn't: (label, value) pairs of the trades in which such numbers are common."""

import datetime
import string
import uuid

from people import base64url, digits, random_text, spaced
from stdnum import ean, imei, isbn, luhn


def luhn_number(chance, head, length):
    body = head + digits(chance, length - 1 - len(head))
    return body + luhn.calc_check_digit(body)


def order(chance):
    return chance.choice(["Order no.", "Order number", "order_id", "Bestellnummer", "Commande", "Invoice", "Rechnung"]), luhn_number(chance, chance.choice(["4", "51", "37"]), 16)


def parcel(chance):
    return chance.choice(["Tracking number", "Sendungsnummer", "Parcel", "Waybill"]), chance.choice([
        lambda: "1Z" + random_text(chance, string.ascii_uppercase + string.digits, 16),
        lambda: luhn_number(chance, "4", 16),
        lambda: spaced(luhn_number(chance, "4", 16), 4, 4, 4, 4),
        lambda: digits(chance, 12),
        lambda: digits(chance, 20),
    ])()


def phone_like(chance):
    return chance.choice(["Part no.", "SKU", "Drawing", "Article"]), chance.choice([
        lambda: f"{digits(chance, 3)}-{digits(chance, 4)}-{digits(chance, 2)}",
        lambda: f"0{digits(chance, 3)}-{digits(chance, 6)}",
        lambda: f"{digits(chance, 2)}.{digits(chance, 3)}.{digits(chance, 4)}",
        lambda: f"({digits(chance, 3)}) {digits(chance, 2)}/{digits(chance, 4)}",
    ])()


def broken(chance):
    """A card or IBAN that was mistyped: its check digit is wrong."""
    card = luhn_number(chance, "4", 16)
    wrong = card[:-1] + str((int(card[-1]) + chance.randint(1, 9)) % 10)
    return chance.choice([("Card number", wrong), ("IBAN", f"DE{digits(chance, 2)}{digits(chance, 17)}X")])


def event(chance):
    when = datetime.date(2015, 1, 1) + datetime.timedelta(days=chance.randrange(4000))
    return chance.choice(["Invoice date", "Valid until", "Created", "Hired", "Lieferdatum", "Date d'embauche", "Signed on", "Last login"]), when.strftime(chance.choice(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%B %d, %Y"]))


def code(chance):
    """Uses of the sign of e-mail addresses."""
    return chance.choice(["log", "dependency", "remote", "unit", "asset"]), chance.choice([
        "@angular/core@17.3.1", "git@github.com:acme/tools.git", "getty@tty1.service", "icon@2x.png", "root@localhost", "deploy@web01",
        "react@18.2.0", "user@1000.service", "logo@3x.jpg", "actions/checkout@v4", "lodash@^4.17.21", "postgres@localhost:5432",
        "backup@nas.local", "ssh admin@srv-db-02", "@Override", "a@b",
    ])


def secret_like(chance):
    """What settings, code and help pages say instead of a password."""
    return "config", chance.choice([
        "password: ${DB_PASSWORD}", "password = os.environ['PW']", "password: string", "PASSWORD=********", "pwd = getpass.getpass()",
        "password: {{ vault_password }}", "const password = req.body.password;", "Your password must be at least 12 characters.",
        "Forgot your password? Reset it here.", "password: null", "token: <your token here>", "api_key = config.api_key", "secret: ***",
        "passwordField.setText(value)", "password_policy: strict", "AKIA...", "-----BEGIN RSA PRIVATE KEY----- (see vault)", "ghp_xxxxxxxxxxxx",
    ])


def trap(chance):
    """A label and a value that is nobody's."""
    return chance.choice([
        order, order, parcel, phone_like, broken, event, code, secret_like,
        lambda chance: ("IMEI", until_valid(chance)),
        lambda chance: ("ISBN", isbn.format("978" + digits(chance, 9) + "0")),
        lambda chance: ("EAN", ean_13(chance)),
        lambda chance: ("timestamp", str(1_400_000_000_000 + chance.randrange(400_000_000_000))),
        lambda chance: ("time", datetime.datetime.fromtimestamp(chance.randrange(1_700_000_000)).isoformat()),
        lambda chance: ("request", str(uuid.UUID(bytes=chance.randbytes(16)))),
        lambda chance: ("sha256", chance.randbytes(32).hex()),
        lambda chance: ("commit", chance.randbytes(20).hex()),
        lambda chance: ("session", chance.randbytes(8).hex()),
        lambda chance: ("blob", base64url(chance.randbytes(60))),
        lambda chance: ("version", f"{chance.randint(0, 20)}.{chance.randint(0, 99)}.{digits(chance, 5)}"),
        lambda chance: ("host", ".".join(str(chance.randrange(256)) for _ in range(4))),
        lambda chance: ("amount", f"{chance.randrange(10**7):,}.{digits(chance, 2)}"),
        lambda chance: ("position", f"{chance.uniform(-90, 90):.7f}, {chance.uniform(-180, 180):.7f}"),
        lambda chance: ("VAT no.", "DE" + digits(chance, 9)),
        lambda chance: ("serial", digits(chance, chance.choice([9, 10, 11, 12, 13, 15, 16]))),
        lambda chance: ("count", digits(chance, chance.choice([7, 8, 9, 10, 11]))),
        lambda chance: ("Kundennummer", digits(chance, 10)),
        lambda chance: ("doi", f"10.{digits(chance, 4)}/{digits(chance, 9)}"),
    ])(chance)


def until_valid(chance):
    while True:
        value = luhn_number(chance, "35", 15)
        if imei.is_valid(value):
            return value


def ean_13(chance):
    body = chance.choice(["400", "501", "978"]) + digits(chance, 9)
    return body + ean.calc_check_digit(body)
