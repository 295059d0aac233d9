"""Simulated volume-months of ordinary work under the shipped model: `lab month`, summed up by case."""

import collections
import json
import subprocess

from evaluate import cells


def replay(lab, options, days=30):
    """One month for every kind of volume that there are ordinary traces of."""
    command = [lab, "month", str(options.traces), "--model", str(options.model), "--days", str(days), "--seed", str(options.seed)]
    volumes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    (options.results / "month.json").write_text(json.dumps(volumes, indent=1) + "\n")
    text = markdown(volumes, days)
    (options.results / "month.md").write_text(text)
    return text


def markdown(volumes, days):
    cases = collections.defaultdict(collections.Counter)
    for volume in volumes:
        for name, case in volume["cases"].items():
            highest = max(cases[name]["suspicion_max"], case["suspicion_max"])
            cases[name].update(case)
            cases[name]["suspicion_max"] = highest
    whole = collections.Counter()
    for case in cases.values():
        whole.update(case)
    bookmarks = sum(volume["bookmarks"] for volume in volumes)
    fences = sum(volume["fences"] for volume in volumes)
    volume_days = len(volumes) * days
    out = [
        f"{len(volumes)} volumes (file system and state; half of them encrypted by the guest) of {days} days each: {volume_days} volume-days, in which work ran for "
        f"{whole['hours']:,.0f} hours, wrote {whole['written_mib'] / 1024:,.0f} GiB and read {whole['read_mib'] / 1024:,.0f} GiB.",
        "",
        f"**False fences: {fences}. False bookmarks: {bookmarks}, {bookmarks / volume_days:.2f} a day and volume.**",
        "",
        cells("case", "runs", "hours", "GiB written", "GiB read", "bookmarks", "fences", "most suspicion"),
        cells(*["---"] + ["---:"] * 7),
    ]
    for name, case in sorted(cases.items()):
        amounts = [f"{case['hours']:.1f}", f"{case['written_mib'] / 1024:.1f}", f"{case['read_mib'] / 1024:.1f}"]
        out.append(cells(name, case["runs"], *amounts, case["bookmarks"], case["fences"], f"{case['suspicion_max']:.1f}"))
    return "\n".join(out) + "\n"
