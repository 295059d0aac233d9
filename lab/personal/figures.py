"""From what was found and what is there to precision and recall."""


def judge(truth, scanned):
    """By class: right (with a label, and bare), missed, wrong. A value that comes twice in a document counts once."""
    found = {one["path"]: one for one in scanned}
    classes = {}
    for document in truth:
        one = found[document["path"]]
        for kind in {*document["values"], *document["bare"], *one["distinct"]}:
            row = classes.setdefault(kind, {"right": 0, "missed": 0, "wrong": 0, "bare_right": 0, "bare_missed": 0})
            right, missed = one["values"].get(kind, [0, 0])
            bare_right, bare_missed = one["bare"].get(kind, [0, 0])
            row["right"] += right
            row["missed"] += missed
            row["bare_right"] += bare_right
            row["bare_missed"] += bare_missed
            row["wrong"] += max(0, one["distinct"].get(kind, 0) - right - bare_right)
    for row in classes.values():
        complete(row)
    total = {key: sum(row[key] for row in classes.values()) for key in ("right", "missed", "wrong", "bare_right", "bare_missed")}
    complete(total)
    by_format = {}
    for document in truth:
        one = found[document["path"]]
        row = by_format.setdefault(document["format"], {"right": 0, "missed": 0})
        row["right"] += sum(right for right, _ in one["values"].values())
        row["missed"] += sum(missed for _, missed in one["values"].values())
    for row in by_format.values():
        row["recall"] = ratio(row["right"], row["right"] + row["missed"])
    return {"classes": dict(sorted(classes.items())), "all": total, "formats": dict(sorted(by_format.items()))}


def complete(row):
    found = row["right"] + row["bare_right"]
    row["precision"] = ratio(found, found + row["wrong"])
    row["recall"] = ratio(row["right"], row["right"] + row["missed"])
    row["bare_recall"] = ratio(row["bare_right"], row["bare_right"] + row["bare_missed"])


def ratio(part, whole):
    return round(part / whole, 4) if whole else None


def percent(value):
    return "-" if value is None else f"{value * 100:.1f} %"


def rows(judged):
    lines = ["| class | labelled values | recall | bare values | recall of bare | wrong | precision |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for kind, row in [*judged["classes"].items(), ("**all**", judged["all"])]:
        labelled, bare = row["right"] + row["missed"], row["bare_right"] + row["bare_missed"]
        lines.append(f"| {kind} | {labelled} | {percent(row['recall'])} | {bare} | {percent(row['bare_recall'])} | {row['wrong']} | {percent(row['precision'])} |")
    return lines


def table(result):
    lines = [f"# Personal data: what is found\n\n{result['documents']} documents, seed {result['seed']}. Different values per document; a bare value stands in running text without a word that names it.\n"]
    lines += rows(result["finder"])
    lines += ["\nRecall of labelled values by format:\n", "| format | values | recall |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {row['right'] + row['missed']} | {percent(row['recall'])} |" for name, row in result["finder"]["formats"].items()]
    lines += ["\nSpeed, one core:\n", "| file | MB/s |", "| --- | ---: |"]
    lines += [f"| {name} | {speed:.0f} |" for name, speed in result["speed"].items()]
    if "peer" in result:
        peer = result["peer"]
        lines += [f"\n## Beside it: {peer['name']}\n", peer["settings"], f"\n{peer['documents']} documents that are text, {peer['megabytes']:.2f} MB in {peer['seconds']:.0f} s: {peer['megabytes'] / peer['seconds']:.3f} MB/s.\n", "Only classes that it has.\n"]
        lines += ["| class | recall (labelled) | precision | recall, ours | precision, ours |", "| --- | ---: | ---: | ---: | ---: |"]
        for kind, row in peer["classes"].items():
            ours = peer["finder"]["classes"].get(kind, {})
            lines.append(f"| {kind} | {percent(row['recall'])} | {percent(row['precision'])} | {percent(ours.get('recall'))} | {percent(ours.get('precision'))} |")
    return "\n".join(lines) + "\n"
