"""A small corpus: leaked passwords, breaches of every kind, stealer logs and a paste. Made once by the real program, then copied."""

import atexit
import hashlib
import pathlib
import shutil
import tempfile

import monitor

# Rows of one range: more than padding fills up to.
CROWDED = "5BAA6"
CROWDED_ROWS = 1500
NTLM_OF_PASSWORD = "8846F7EAEE8FB117AD06BDD830B7586C"

PEOPLE = {
    "Shop": ["ann@corp.example", "Bob@Corp.example", "jane.doe@corp.example", "eve@other.example"],
    "Clinic": ["jane.doe@corp.example", "dora@corp.example"],
    "Taken": ["ann@corp.example", "gone@corp.example"],
    "Rumour": ["bob@corp.example"],
    "Offers": ["spam@corp.example", "ann@corp.example"],
}
ABOUT = {
    "Shop": 'title = "zShop"\ndomain = "shop.example"\nbreach_date = "2025-01-02"\nadded_date = "2025-02-03T04:05:06Z"\n'
    'description = "A shop & <em>its</em> customers."\ndata_classes = ["Email addresses", "Passwords"]\n',
    "Clinic": 'title = "Clinic"\ndomain = "clinic.example"\nsensitive = true\nadded_date = "2025-03-03T00:00:00Z"\n'
    'data_classes = ["Email addresses", "Health records"]\n',
    "Taken": 'title = "A Taken one"\nretired = true\nadded_date = "2024-01-01T00:00:00Z"\n',
    "Rumour": 'title = "Rumour"\nverified = false\ndomain = "shop.example"\nadded_date = "2024-02-01T00:00:00Z"\n',
    "Offers": 'title = "Offers"\nspam_list = true\nadded_date = "2024-03-01T00:00:00Z"\n',
}
LOGS = """URL: https://mail.corp.example/login
Username: ann@corp.example
Password: hunter2

URL: https://netflix.example/
Username: ann@corp.example
Password: hunter2

URL: https://mail.corp.example/login
Username: eve@other.example
Password: hunter2
"""

_made = None


def suffixes():
    """The rows of the crowded range: suffix and count, in order."""
    rows = {hashlib.sha1(b"%d" % number).hexdigest().upper()[5:]: number % 997 + 1 for number in range(CROWDED_ROWS - 1)}
    rows[hashlib.sha1(b"password").hexdigest().upper()[5:]] = 10_434_004
    return sorted(rows.items())


def into(watched):
    """Puts the corpus into the data folder of a monitor."""
    global _made
    if _made is None:
        folder = watched.folder / "corpus"
        folder.mkdir()
        make(watched, folder)
        made = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        shutil.copytree(watched.data, made / "data")
        _made = made
        return
    shutil.copytree(_made / "data", watched.data)


def make(watched, folder):
    lines = [f"{CROWDED}{suffix}:{count}" for suffix, count in suffixes()]
    lines += [f"{hashlib.sha1(b'hunter2').hexdigest().upper()}:17058"]
    hashes = monitor.write(folder, "sha1.txt", "\n".join(lines) + "\n")
    watched.holdfast("import", "passwords", hashes)
    ntlm = monitor.write(folder, "ntlm.txt", f"{NTLM_OF_PASSWORD}:77\n")
    watched.holdfast("import", "passwords", ntlm, "--kind", "ntlm")
    for name, people in PEOPLE.items():
        import_breach(watched, folder, name, "\n".join(people), ABOUT[name])
    about = 'title = "Logs"\nmalware = true\nstealer_log = true\nadded_date = "2024-04-01T00:00:00Z"\n'
    import_breach(watched, folder, "Logs", LOGS, about)


def import_breach(watched, folder, name, content, about):
    content = monitor.write(folder, f"{name}.txt", content + "\n")
    # The domains of examples aren't among those that the world has.
    about = monitor.write(folder, f"{name}.toml", f'name = "{name}"\ntop_level_domains = ["example"]\n{about}')
    watched.holdfast("import", "breach", content, "--about", about)
