"""The pages of the console, by what they are called here, and whether everybody can use them."""

PAGES = {
    "overview": "/",
    "disks": "/disks",
    "new disk": "/disks/new",
    "disk": "/disks/disk",
    "history": "/disks/disk/history?at=-1s",
    "files": "/disks/disk/files",
    "guard": "/disks/disk/guard",
    "manage": "/disks/disk/manage",
    "restore": "/disks/disk/restore?at=-1s",
    "undo": "/disks/disk/undo",
    "after a restore": "/disks/disk/restored",
    "delete": "/disks/disk/delete",
    "drill of a disk": "/disks/disk/drill",
    "investigation": "/disks/disk/investigation",
    "incidents": "/incidents",
    "alerts": "/incidents/alerts",
    "drills": "/drills",
    "exposure": "/exposure",
    "policies": "/policies",
    "approvals": "/approvals",
    "rules": "/approvals/rules",
    "audit": "/audit",
    "settings": "/settings",
    "people": "/settings/people",
    "tokens": "/settings/tokens",
    "notices": "/settings/notices",
    "configuration": "/settings/configuration",
    "nothing there": "/nothing",
    "no such disk": "/disks/none",
}

# What there is only while a disk is fenced.
IN_AN_INCIDENT = {
    "release": "/disks/disk/release",
    "incident": "/incidents/1",
    "close": "/incidents/1/close",
    "incident file": "/incidents/1/file",
    "alert": "/incidents/alerts/1",
}
# What there is once it was dealt with by two people.
AFTERWARDS = {
    "incident": "/incidents/1",
    "draft": "/incidents/1/file/drafts/1",
    "request": "/approvals/1",
    "person": "/settings/people/2",
}


def sign_up(page, link, name):
    """The first account, with a passkey."""
    page.goto(link)
    page.fill("#name", name)
    page.fill("#display_name", "Anna Arden")
    page.click("[data-new-passkey]")
    page.arrive("/")


def visited(page, pages=None):
    """Opens one page after the other, and says which."""
    for name, path in (pages or PAGES).items():
        page.goto(path)
        yield name


def barriers(page, name):
    """What axe-core finds on the page as it is, in both themes, a line each."""
    found = []
    for theme in ("light", "dark"):
        page.ask("theme", theme=theme)
        for problem in page.ask("axe"):
            found.append(f"{name}, {theme}: {problem['id']}: {problem['help']}\n  " + "\n  ".join(problem["nodes"]))
    page.ask("theme", theme="light")
    return found
