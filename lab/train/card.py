"""Fills the tables of the model card, docs/detection.md, between its markers."""

import re


def fill(root, name, text):
    """Puts text between `<!-- begin NAME -->` and `<!-- end NAME -->`."""
    path = root / "docs" / "detection.md"
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    whole = path.read_text()
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(whole):
        raise ValueError(f"{path} has no part that is called `{name}`")
    path.write_text(pattern.sub(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", whole))


def chapter(text, title):
    """What stands below a heading of a text in Markdown."""
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
