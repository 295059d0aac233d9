"""Tables that a command of the lab leaves behind: Markdown to read, JSON to go on with."""

import dataclasses
import json
import pathlib
import subprocess
import time


def leave(folder, kind, title, summary, columns, rows, outcomes):
    """Writes `KIND-TIME.md` and `.json` into `folder`, and prints the summary and where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{time.strftime('%Y-%m-%dT%H%M%S')}"
    commit = subprocess.run(
        ["git", "-C", str(pathlib.Path(__file__).parent), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    table = [columns, ["---"] * len(columns), *rows]
    lines = [f"# {title}, commit {commit}", "", summary, "", *(f"| {' | '.join(cells)} |" for cells in table)]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(json.dumps([dataclasses.asdict(outcome) for outcome in outcomes], indent=1))
    print(f"{summary}\ntables: {path}.md, {path}.json")
