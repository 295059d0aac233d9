"""Behaviours of Python packages: a line of JSON for each, [what, whether it was so]. The package is the only argument."""

import asyncio
import json
import os
import sys

BASE, KEY, SLOW_KEY = (os.environ[name] for name in ("BASE", "KEY", "SLOW_KEY"))
LEAKED, COUNT, OTHER = "password", 10_434_004, "not leaked at all"


def pyhibp():
    import pyhibp as client
    from pyhibp import pwnedpasswords

    client.HIBP_API_BASE_URI = f"{BASE}/api/v3/"
    pwnedpasswords.PWNED_PASSWORDS_API_BASE_URI = f"{BASE}/"
    client.set_user_agent("tests")
    client.set_api_key(KEY)

    def names(account, **options):
        return [breach["Name"] for breach in client.get_account_breaches(account, **options)]

    yield "breaches of an account, verified ones", lambda: names("bob@corp.example") == ["Shop"]
    yield "unverified ones too", lambda: names("bob@corp.example", include_unverified=True, truncate_response=True) == ["Rumour", "Shop"]
    yield "of one domain", lambda: names("ann@corp.example", domain="shop.example") == ["Shop"]
    yield "none", lambda: client.get_account_breaches("nobody@corp.example") == []
    yield "a wrong key is told", lambda: "401" in failure(lambda: with_key(client, "f" * 32))
    yield "a rate limit is told with its seconds", lambda: "Retry-After header was: " in failure(lambda: [with_key(client, SLOW_KEY) for _ in range(3)])
    yield "all breaches", lambda: len(client.get_all_breaches()) == 6
    yield "one breach", lambda: client.get_single_breach("Shop")["Title"] == "zShop" and client.get_single_breach("None") == {}
    yield "data classes", lambda: "Health records" in client.get_data_classes()
    yield "pastes", lambda: len(client.get_pastes("account-exists@hibp-integration-tests.com")) == 1
    yield "a leaked password", lambda: pwnedpasswords.is_password_breached(LEAKED) == COUNT
    yield "the same with padding", lambda: pwnedpasswords.is_password_breached(LEAKED, add_padding=True) == COUNT
    yield "another password", lambda: pwnedpasswords.is_password_breached(OTHER) == 0
    yield "a range", lambda: len(pwnedpasswords.suffix_search("5BAA6")) == 1500


def with_key(client, key):
    client.set_api_key(key)
    try:
        return client.get_account_breaches("ann@corp.example")
    finally:
        client.set_api_key(KEY)


def failure(question):
    try:
        question()
    except Exception as error:
        return str(error)
    return ""


def django():
    import django as framework
    from django.conf import settings

    # Its validator knows the model of a user, which is an application's.
    settings.configure(USE_I18N=False, INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
    framework.setup()
    from pwned_passwords_django import api, validators

    api.PwnedPasswords.api_endpoint = f"{BASE}/range/"
    yield "a leaked password, padded", lambda: api.PwnedPasswords().check_password(LEAKED) == COUNT
    yield "another password", lambda: api.PwnedPasswords().check_password(OTHER) == 0
    yield "asked asynchronously", lambda: asyncio.run(api.PwnedPasswords().check_password_async(LEAKED)) == COUNT
    yield "its validator refuses", lambda: bool(failure(lambda: validators.PwnedPasswordsValidator().validate(LEAKED)))
    yield "its validator accepts", lambda: not failure(lambda: validators.PwnedPasswordsValidator().validate(OTHER))


def pwnedpasswords():
    import pwnedpasswords as client
    from pwnedpasswords import pwnedpasswords as module

    module.PwnedPasswordsAPI.url = staticmethod(lambda *components, **_: f"{BASE}/{'/'.join(components)}")
    yield "a leaked password", lambda: client.check(LEAKED) == COUNT
    yield "a range", lambda: len(module.Password(LEAKED).range()) == 1500
    yield "a leaked hash", lambda: client.check("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8") == COUNT
    yield "another password of the range", lambda: client.check("5BAA6" + "0" * 35) == 0


def pwnedapi():
    from pwnedapi import Password

    Password.API_URL = f"{BASE}/range/"

    def other():
        password = Password(OTHER)
        password.hashed_password = "5BAA6" + "0" * 35
        return password

    leaked = Password(LEAKED)
    yield "a leaked password", lambda: leaked.is_pwned() and leaked.pwned_count == COUNT
    yield "another password of the range", lambda: not other().is_pwned()


def main():
    for what, question in {"pyhibp": pyhibp, "django": django, "pwnedpasswords": pwnedpasswords, "pwnedapi": pwnedapi}[sys.argv[1]]():
        try:
            line = [what, bool(question()), None]
        except Exception as error:
            line = [what, False, repr(error)]
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
