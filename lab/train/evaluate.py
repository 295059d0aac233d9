"""What a model does to every attack and to all ordinary work: JSON with everything, Markdown tables, plots."""

import collections
import json
import statistics

import charts
import numpy
import suspicion

LOGIT = 1024


def report(options, data, scores, limits, grid, importances):
    """Writes detection.{json,md} and the plots into the folder of results. Returns the tables."""
    found = {name: suspicion.outcomes(data, values, limits) for name, values in scores.items()}
    figures = {
        "model_version": options.version,
        "limits_in_logits": {name: getattr(limits, name) / LOGIT for name in ("drift", "bookmark", "fence")},
        "traces": len(data.traces),
        "rows": len(data.rows),
        "summary": {name: suspicion.summary(outcomes) for name, outcomes in found.items()},
        "by_behaviour": by_attack(data, found, lambda trace: trace["case"]),
        "by_volume": by_attack(data, found, volume),
        "attacks": attacks(data, found),
        "ordinary": ordinary(data, scores, limits),
        "importances": importances[:40],
        "grid": [[entry.drift / LOGIT, entry.fence / LOGIT, values] for entry, values in grid],
    }
    (options.results / "detection.json").write_text(json.dumps(figures, indent=1) + "\n")
    text = markdown(figures)
    (options.results / "detection.md").write_text(text)
    names = [(name, share) for name, share in importances[:24]]
    (options.results / "importances.svg").write_text(charts.bars("What the model looks at: share of the gain", names, "{:.1%}"))
    worst = [(row["case"], row["final"]["suspicion"], row.get("behaviour", row["final"])["suspicion"]) for row in figures["ordinary"]]
    title = "Ordinary work: most suspicion, in logits (bar: shipped model; mark: behaviour left out; line: fence)"
    (options.results / "ordinary.svg").write_text(charts.bars(title, worst, "{:.1f}", line=limits.fence / LOGIT))
    spread = {row["name"]: row["behaviour"]["fence_mib"] for row in figures["by_behaviour"]}
    title = "Attacks: MiB written before the fence, behaviour left out (one mark a stream; right edge: missed)"
    (options.results / "attacks.svg").write_text(charts.dots(title, spread))
    return text


def volume(trace):
    """File system and state; `derived` if the trace was recorded without the encryption that it is replayed with."""
    return f"{trace['file_system']} {trace['state']}" + (", derived" if trace["is_veiled"] else "")


def median(values):
    return round(statistics.median(values), 2) if values else None


def group(outcomes):
    """Figures of some outcomes of attacks."""
    fenced = [outcome.fence for outcome in outcomes if outcome.fence and outcome.is_at_pace]
    marked = [outcome.bookmark for outcome in outcomes if outcome.bookmark and outcome.is_at_pace]
    return {
        "streams": len(outcomes),
        "fenced": sum(bool(outcome.fence) for outcome in outcomes),
        "bookmarked": sum(bool(outcome.bookmark) for outcome in outcomes),
        "bookmark_median": [median([mib for mib, _ in marked]), median([seconds for _, seconds in marked])],
        "fence_median": [median([mib for mib, _ in fenced]), median([seconds for _, seconds in fenced])],
        "fence_mib": [round(outcome.fence[0], 2) if outcome.fence else None for outcome in outcomes if outcome.is_at_pace],
    }


def by_attack(data, found, key):
    """Outcomes of attacks, by a key of their traces, for every kind of scores."""
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for name, outcomes in found.items():
        for outcome in outcomes:
            if outcome.attack >= 0:
                groups[key(data.traces[outcome.attack])][name].append(outcome)
    return [{"name": label, **{name: group(outcomes) for name, outcomes in kinds.items()}} for label, kinds in sorted(groups.items())]


def attacks(data, found):
    """One entry for every trace of an attack."""
    return by_attack(data, found, lambda trace: f"{trace['case']} | {volume(trace)}")


def ordinary(data, scores, limits):
    """One entry for every ordinary case: amounts, the most suspicion, bookmarks and fences under each kind of scores."""
    entries = []
    calm = data.rows["attack_micros"] < 0
    suspicions = {}
    for name, values in scores.items():
        suspicions[name] = numpy.concatenate([suspicion.cumulate(values[start:end], limits.drift) for start, end in data.bounds.values()])
    for case in sorted({trace["case"] for trace in data.traces if not trace["is_attack"]}):
        rows = numpy.flatnonzero(calm & (data.case == case))
        traces = [trace for trace in data.traces if trace["case"] == case]
        entry = {"case": case, "traces": len(traces), "mib": round(sum(trace["written"] for trace in traces) / 256), "hours": round(sum(trace["micros"] for trace in traces) / 3.6e9, 3), "rows": len(rows)}
        for name, values in suspicions.items():
            entry[name] = {
                "suspicion": round(float(values[rows].max(initial=0)) / LOGIT, 2),
                "bookmarks": rises(data, values, rows, limits.bookmark),
                "fences": rises(data, values, rows, limits.fence),
            }
        entries.append(entry)
    return entries


def rises(data, values, rows, limit):
    """How often the suspicion rises to the limit in some rows."""
    if not len(rows):
        return 0
    is_first = numpy.diff(data.rows["stream"][rows], prepend=-1) != 0
    before = numpy.where(is_first, 0, values[numpy.maximum(rows - 1, 0)])
    return int(((values[rows] >= limit) & (before < limit)).sum())


def misses(figures):
    """Sentences about attacks that weren't fenced, by the shipped model and by those that had not seen the behaviour."""

    def list_of(kind):
        rows = [(row["name"], row[kind]) for row in figures["attacks"] if row[kind]["fenced"] < row[kind]["streams"]]
        marked = [f"{name.replace(' | ', ', ')} ({row['fenced']} of {row['streams']} streams fenced, {row['bookmarked']} bookmarked)" for name, row in rows]
        return "; ".join(marked) + "." if marked else "none."

    by_case = [(row["name"], row["behaviour"]) for row in figures["by_behaviour"] if row["behaviour"]["fenced"] < row["behaviour"]["streams"]]
    unseen = "; ".join(f"{name} ({row['fenced']} of {row['streams']})" for name, row in by_case)
    return ["Not always fenced by the shipped model: " + list_of("final"), "", f"Not always fenced by models that had not seen the behaviour: {unseen or 'none'}."]


def alarms(figures):
    """Sentences about ordinary work that was fenced."""

    def list_of(kind):
        rows = [f"{row['case']} ({row[kind]['fences']})" for row in figures["ordinary"] if row[kind]["fences"]]
        return "; ".join(rows) + "." if rows else "none."

    return ["Fenced by the shipped model: " + list_of("final"), "", "Fenced by models that had not seen the behaviour (how often): " + list_of("behaviour")]


def cells(*values):
    return "| " + " | ".join("-" if value is None else str(value) for value in values) + " |"


def markdown(figures):
    kinds = list(figures["summary"])
    limits = figures["limits_in_logits"]
    out = [
        "Made by `lab/train/run`: don't edit. \"final\" is the shipped model on the traces it was trained on; the others are models that never saw the row's",
        "behaviour, file system or volume state. MiB and seconds count from the attack's beginning; medians over streams.",
        "",
        f"Model {figures['model_version']}: {figures['traces']} traces, {figures['rows']} assessments. Drift {limits['drift']:.2f}, bookmark from {limits['bookmark']:.1f}, fence from {limits['fence']:.1f} logits.",
        "",
        "## In short",
        "",
        cells("left out", "attack streams", "not fenced", "not even bookmarked", "median MiB", "90 % within MiB", "median s", "all streams", "false fences", "false bookmarks"),
        cells(*["---"] + ["---:"] * 9),
    ]
    for name, row in figures["summary"].items():
        numbers = [row["median_mib"], row["p90_mib"], row["median_seconds"]]
        numbers = [None if number is None else round(number, 2) for number in numbers]
        label = "nothing (final)" if name == "final" else name
        out.append(cells(label, row["attack_streams"], row["missed"], row["missed_bookmark"], *numbers, row["streams"], row["false_fences"], row["false_bookmarks"]))
    for title, key in (("Attacks by behaviour", "by_behaviour"), ("Attacks by volume", "by_volume"), ("Every attack", "attacks")):
        out += ["", f"## {title}", "", "Fenced of streams; median MiB and seconds to the fence.", ""]
        head = [text for kind in kinds for text in (kind, "MiB", "s")]
        out += [cells("attack", *head, "bookmark MiB", "s"), cells(*["---"] + ["---:"] * (len(head) + 2))]
        for row in figures[key]:
            parts = [value for kind in kinds for value in (f"{row[kind]['fenced']}/{row[kind]['streams']}", *row[kind]["fence_median"])]
            out.append(cells(row["name"].replace(" | ", ", "), *parts, *row["final"]["bookmark_median"]))
    out += ["", "## Ordinary work", "", "Most suspicion in logits, bookmarks and fences.", ""]
    head = [text for kind in kinds for text in (kind, "bookmarks", "fences")]
    out += [cells("case", "traces", "MiB", "hours", *head), cells(*["---"] + ["---:"] * (len(head) + 3))]
    for row in figures["ordinary"]:
        parts = [value for kind in kinds for value in (row[kind]["suspicion"], row[kind]["bookmarks"], row[kind]["fences"])]
        out.append(cells(row["case"], row["traces"], row["mib"], row["hours"], *parts))
    out += ["", "## Known misses", "", *misses(figures), "", "## Known false alarms", "", *alarms(figures)]
    out += ["", "## What the model looks at", "", cells("feature", "share of the gain"), cells("---", "---:")]
    out += [cells(name, f"{share:.1%}") for name, share in figures["importances"][:24]]
    return "\n".join(out) + "\n"
