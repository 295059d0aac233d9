"""Values of every class, made from the standards' definitions: python-stdnum says what is valid, Faker and phonenumbers what is common.

Nothing here knows the finder. Every function takes the random generator and gives (label, value): what the value may be called in a
document, and how somebody wrote it.
"""

import base64
import datetime
import hashlib
import json
import string
import zlib

import phonenumbers
from faker import Faker
from stdnum import iban, luhn
from stdnum.at import vnr
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.ch import ssn as ahv
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import nif
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.si import emso
from stdnum.us import itin, ssn

LOCALES = ["en_GB", "en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "sv_SE", "da_DK", "fi_FI", "pt_PT", "cs_CZ", "en_IE", "de_AT"]
FAKERS = {locale: Faker(locale) for locale in LOCALES}
REGIONS = ["GB", "US", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "DK", "FI", "PT", "CZ", "IE", "AT", "BE", "CH", "NO", "GR", "IN", "AU", "BR"]
DIGITS = string.digits


def seed(number):
    for index, faker in enumerate(FAKERS.values()):
        faker.seed_instance(number + index)


def digits(chance, count):
    return "".join(chance.choice(DIGITS) for _ in range(count))


def birthday(chance):
    return datetime.date(1925, 1, 1) + datetime.timedelta(days=chance.randrange(90 * 365))


def until(make, is_valid):
    """The first of many random values that is valid."""
    while True:
        value = make()
        if is_valid(value):
            return value


def last_digits(chance, head, count, is_valid, alphabet=DIGITS):
    """A value that begins with `head`, goes on at random, and is valid."""
    return until(lambda: head() + "".join(chance.choice(alphabet) for _ in range(count)), is_valid)


def day(chance, pattern):
    return birthday(chance).strftime(pattern)


def spaced(value, *lengths, by=" "):
    parts, position = [], 0
    for length in lengths:
        parts.append(value[position : position + length])
        position += length
    return by.join(parts)


def codice(chance):
    def letters(count):
        return "".join(chance.choice("BCDFGLMNPRSTV") for _ in range(count))

    born = birthday(chance)
    body = letters(6) + born.strftime("%y") + "ABCDEHLMPRST"[born.month - 1] + f"{born.day + chance.choice([0, 40]):02}" + chance.choice("ABCDFGHL") + digits(chance, 3)
    return body + codicefiscale.calc_check_digit(body)


def nino(chance):
    first, second = chance.choice("ABCEGHJKLMNOPRSTWXYZ"), chance.choice("ABCEGHJKLMNPRSTWXYZ")
    if first + second in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
        return nino(chance)
    value = first + second + digits(chance, 6) + chance.choice("ABCD")
    return chance.choice([value, spaced(value, 2, 2, 2, 2, 1), spaced(value, 2, 6, 1), value])


def hungarian(chance):
    body = "8" + digits(chance, 8)
    rest = sum((place + 1) * int(digit) for place, digit in enumerate(body)) % 11
    return body + str(rest) if rest < 10 else hungarian(chance)


def hyphen_or_not(chance, value, position, by="-"):
    return chance.choice([value, value[:position] + by + value[position:]])


def identifiers(chance):
    """Class, labels, and a value, per national identifier."""
    yymmdd, ddmmyy = (lambda: day(chance, "%y%m%d")), (lambda: day(chance, "%d%m%y"))
    return {
        "uk-nino": (["National Insurance number", "NI no", "NINO"], lambda: nino(chance)),
        "uk-nhs-number": (["NHS number", "NHS No."], lambda: chance.choice([str, lambda v: spaced(v, 3, 3, 4)])(last_digits(chance, lambda: "", 10, nhs.is_valid))),
        "us-ssn": (["SSN", "Social Security Number", "Social security no."], lambda: chance.choice([ssn.format, str, ssn.format])(last_digits(chance, lambda: "", 9, ssn.is_valid))),
        "us-itin": (["ITIN", "Taxpayer ID"], lambda: itin.format(last_digits(chance, lambda: "9", 8, itin.is_valid))),
        "at-svnr": (["SVNR", "Sozialversicherungsnummer"], lambda: hyphen_or_not(chance, until(lambda: digits(chance, 4) + ddmmyy(), vnr.is_valid), 4, " ")),
        "be-national-number": (["Rijksregisternummer", "Numero national", "INSZ"], lambda: chance.choice([str, nn.format])(last_digits(chance, yymmdd, 5, nn.is_valid))),
        "bg-egn": (["EGN", "\u0415\u0413\u041d"], lambda: last_digits(chance, yymmdd, 4, egn.is_valid)),
        "ch-ahv": (["AHV-Nr.", "No AVS"], lambda: chance.choice([str, ahv.format])(last_digits(chance, lambda: "756", 10, ahv.is_valid))),
        "cz-rodne-cislo": (["Rodn\u00e9 \u010d\u00edslo", "r.\u010d."], lambda: hyphen_or_not(chance, last_digits(chance, yymmdd, 4, rc.is_valid), 6, "/")),
        "de-steuer-id": (["Steuer-ID", "Steueridentifikationsnummer", "IdNr."], lambda: chance.choice([str, lambda v: spaced(v, 2, 3, 3, 3)])(last_digits(chance, lambda: "", 11, idnr.is_valid))),
        "dk-cpr": (["CPR-nr.", "CPR nummer"], lambda: hyphen_or_not(chance, last_digits(chance, ddmmyy, 4, cpr.is_valid), 6)),
        "ee-personal-code": (["Isikukood", "Asmens kodas"], lambda: last_digits(chance, lambda: chance.choice("3456") + yymmdd(), 4, ik.is_valid)),
        "es-dni": (["DNI", "NIF"], lambda: until(lambda: digits(chance, 8) + chance.choice(string.ascii_uppercase), dni.is_valid)),
        "es-nie": (["NIE", "N.I.E."], lambda: until(lambda: chance.choice("XYZ") + digits(chance, 7) + chance.choice(string.ascii_uppercase), nie.is_valid)),
        "fi-hetu": (["Henkil\u00f6tunnus", "hetu"], lambda: until(lambda: ddmmyy() + "-" + digits(chance, 3) + chance.choice("0123456789ABCDEFHJKLMNPRSTUVWXY"), hetu.is_valid)),
        "fr-nir": (["N\u00b0 de s\u00e9curit\u00e9 sociale", "NIR"], lambda: chance.choice([str, nir.format])(last_digits(chance, lambda: chance.choice("12") + day(chance, "%y%m") + f"{chance.randint(1, 95):02}", 8, nir.is_valid))),
        "gr-amka": (["AMKA", "\u0391\u039c\u039a\u0391"], lambda: last_digits(chance, ddmmyy, 5, amka.is_valid)),
        "hr-oib": (["OIB", "osobni identifikacijski broj"], lambda: last_digits(chance, lambda: "", 11, oib.is_valid)),
        "hu-tax-id": (["Ad\u00f3azonos\u00edt\u00f3 jel", "ad\u00f3azonos\u00edt\u00f3"], lambda: hungarian(chance)),
        "ie-ppsn": (["PPS No.", "PPSN"], lambda: until(lambda: digits(chance, 7) + chance.choice(string.ascii_uppercase) + chance.choice(["", "A", "B"]), pps.is_valid)),
        "it-codice-fiscale": (["Codice fiscale", "C.F."], lambda: codice(chance)),
        "nl-bsn": (["BSN", "Burgerservicenummer"], lambda: last_digits(chance, lambda: "", 9, bsn.is_valid)),
        "no-fodselsnummer": (["F\u00f8dselsnummer", "Fnr"], lambda: hyphen_or_not(chance, last_digits(chance, ddmmyy, 5, fodselsnummer.is_valid), 6, " ")),
        "pl-pesel": (["PESEL", "nr PESEL"], lambda: last_digits(chance, yymmdd, 5, pesel.is_valid)),
        "pt-nif": (["NIF", "Contribuinte"], lambda: last_digits(chance, lambda: chance.choice("12"), 8, nif.is_valid)),
        "ro-cnp": (["CNP", "Cod numeric personal"], lambda: last_digits(chance, lambda: chance.choice("1256") + yymmdd() + f"{chance.randint(1, 46):02}", 4, cnp.is_valid)),
        "se-personnummer": (["Personnummer", "Pers.nr"], lambda: until(lambda: chance.choice([yymmdd(), day(chance, "%Y%m%d")]) + chance.choice(["-", "-", ""]) + digits(chance, 4), personnummer.is_valid)),
        "si-emso": (["EM\u0160O"], lambda: last_digits(chance, lambda: day(chance, "%d%m9%y") + "50", 4, emso.is_valid)),
    }


def phone(chance):
    if chance.random() < 0.4:
        return FAKERS[chance.choice(LOCALES)].phone_number()
    region = chance.choice(REGIONS)
    example = phonenumbers.example_number_for_type(region, chance.choice([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]))
    text = str(example.national_number)
    for _ in range(200):
        number = phonenumbers.PhoneNumber(country_code=example.country_code, national_number=int(text[:-5] + digits(chance, 5)), italian_leading_zero=example.italian_leading_zero)
        if phonenumbers.is_valid_number(number):
            break
    formats = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, chance.choice([formats.INTERNATIONAL, formats.INTERNATIONAL, formats.E164, formats.NATIONAL]))


def card(chance):
    head, length = chance.choice([("4", 16)] * 4 + [("5" + chance.choice("12345"), 16)] * 3 + [("2" + str(chance.randint(221, 720)), 16), ("3" + chance.choice("47"), 15), ("6011", 16), ("36", 14), ("35" + str(chance.randint(28, 89)), 16), ("62", 16)])
    body = head + digits(chance, length - 1 - len(head))
    value = body + luhn.calc_check_digit(body)
    groups = (4, 6, 5) if length == 15 else (4, 6, 4) if length == 14 else (4, 4, 4, 4)
    return chance.choice([value, value, spaced(value, *groups), spaced(value, *groups), spaced(value, *groups, by="-")])


def account(chance):
    value = FAKERS[chance.choice([name for name in LOCALES if name != "en_US"])].iban()
    return chance.choice([iban.format(value), value]) if iban.is_valid(value) else account(chance)


def birth(chance):
    born = birthday(chance)
    pattern = chance.choice(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%d-%m-%Y", "%d %b %Y", "%d/%m/%y", "%Y%m%d", "%d.%m.%y"])
    return born.strftime(pattern)


def address(chance):
    faker = FAKERS[chance.choice(LOCALES)]
    return chance.choice([faker.ascii_email, faker.ascii_free_email, faker.ascii_company_email])()


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def random_text(chance, alphabet, length):
    return "".join(chance.choice(alphabet) for _ in range(length))


def key(chance):
    """A token of a service, in the shape that the service documents."""
    letters = string.ascii_letters + DIGITS
    kind = chance.randrange(6)
    if kind == 0:
        return "AKIA" + random_text(chance, string.ascii_uppercase + "234567", 16)
    if kind == 1:
        body, checksum = random_text(chance, letters, 30), ""
        rest = zlib.crc32(body.encode())
        while len(checksum) < 6:
            checksum, rest = (DIGITS + string.ascii_uppercase + string.ascii_lowercase)[rest % 62] + checksum, rest // 62
        return "ghp_" + body + checksum
    if kind == 2:
        return f"xoxb-{digits(chance, 12)}-{digits(chance, 13)}-{random_text(chance, letters, 24)}"
    if kind == 3:
        return "sk_live_" + random_text(chance, letters, 24) + "1"
    if kind == 4:
        return "AIza" + random_text(chance, letters + "-_", 34) + "7"
    return "glpat-" + random_text(chance, letters, 19) + "3"


def web_token(chance):
    header = base64url(json.dumps({"alg": chance.choice(["HS256", "RS256"]), "typ": "JWT"}).encode())
    payload = base64url(json.dumps({"sub": digits(chance, 10), "iat": 1_700_000_000}).encode())
    return f"{header}.{payload}.{base64url(chance.randbytes(32))}"


def password(chance):
    words = ["sunshine", "Dragon", "letmein", "Tiger", "qwerty", "Winter", "football", "Passw0rd", "Kaffee", "bonjour"]
    return chance.choice([lambda: chance.choice(words) + digits(chance, 3), lambda: random_text(chance, string.ascii_letters + DIGITS + "!#%+?", 12) + "4x", lambda: chance.choice(words) + "!" + digits(chance, 2)])()


def password_hash(chance):
    alphabet = "./" + string.ascii_letters + DIGITS
    return chance.choice([
        lambda: f"$2b$12${random_text(chance, alphabet, 53)}",
        lambda: f"$6${random_text(chance, alphabet, 8)}${random_text(chance, alphabet, 86)}",
        lambda: f"$argon2id$v=19$m=65536,t=3,p=4${random_text(chance, alphabet, 22)}${random_text(chance, alphabet, 43)}",
    ])()


def private_key(chance):
    body = base64.b64encode(chance.randbytes(900)).decode()
    kind = chance.choice(["RSA ", "", "EC ", "OPENSSH "])
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


BIRTH_LABELS = ["Date of birth", "DOB", "Born", "Geburtsdatum", "geb.", "N\u00e9 le", "Fecha de nacimiento", "Data di nascita", "Geboortedatum", "birth_date"]
PHONE_LABELS = ["Phone", "Tel.", "Mobile", "Telefon", "T\u00e9l.", "Tel\u00e9fono", "Cell", "Mobil", "phone_number", "Contact"]
CARD_LABELS = ["Card number", "Credit card", "Kreditkarte", "Carte bancaire", "card_no", "Visa/MC"]


def facts(chance, kind):
    """A label and a value of a class."""
    simple = {
        "email-address": (["E-mail", "Email", "Mail", "Kontakt", "Courriel", "contact"], address),
        "phone-number": (PHONE_LABELS, phone),
        "date-of-birth": (BIRTH_LABELS, birth),
        "payment-card": (CARD_LABELS, card),
        "iban": (["IBAN", "Bank account", "Konto", "Compte"], account),
        "access-key": (["key", "access key", "token", "api_key"], key),
        "web-token": (["token", "Authorization", "session"], web_token),
        "password-hash": (["hash", "password_hash", "pw"], password_hash),
    }
    if kind in simple:
        labels, make = simple[kind]
        return chance.choice(labels), make(chance)
    labels, make = identifiers(chance)[kind]
    return chance.choice(labels), make()


def fingerprint(text):
    return hashlib.sha256(text.encode()).hexdigest()
