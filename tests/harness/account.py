"""The first account of a console, as somebody makes it who follows the set-up link: over HTTP, without a browser."""

import json

from harness.codes import totp

PASSWORD = "a sentence that nobody guesses"


def sign_up(connection, link, name="anna"):
    """Makes the account of a set-up link, with a password and an app, over an open connection. Gives the cookie of its session."""
    secret = link.rsplit("/", 1)[1]
    offer, cookies = ask(connection, "begin", {"link": secret, "name": name, "display_name": name.title()})
    new = {"password": PASSWORD, "code": totp(offer["secret"])}
    _, cookies = ask(connection, "finish", new, "; ".join(cookies))
    [session] = [cookie for cookie in cookies if cookie.split("=")[0].endswith("holdfast")]
    return session


def ask(connection, step, body, cookie=""):
    """One step of setting a password up: the answer, and the cookies that it sets."""
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    connection.request("POST", f"/api/v1/set-up/password/{step}", json.dumps(body), headers)
    answer = connection.getresponse()
    told = answer.read()
    assert answer.status == 200, (step, answer.status, told)
    return json.loads(told), [cookie.split(";")[0] for cookie in answer.headers.get_all("set-cookie", [])]
