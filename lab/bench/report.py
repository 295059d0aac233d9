"""Medians and tables from the runs."""

import statistics


def median(values):
    return statistics.median(values) if values else None


def medians(runs):
    """{(transport, row, peer): {measure: median over the rounds}}."""
    grouped = {}
    for run in runs:
        grouped.setdefault((run["transport"], run["row"], run["peer"]), []).append(run)
    measures = ("iops", "megabytes_per_second", "cpu_us_per_request", "write_amplification", "latency_us_p50", "latency_us_p99")
    return {
        key: {name: median([run[name] for run in group if run[name] is not None]) for name in measures}
        for key, group in grouped.items()
    }


def speed_of(row, cell):
    return cell["megabytes_per_second"] if row.unit == "MB/s" else cell["iops"]


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(value, base):
    return "-" if not value or not base else f"{value / base:.2f}"


def table(title, header, lines):
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    pad = lambda line: "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([f"### {title}", "", pad(header), rule, *map(pad, lines), ""])


def speed_table(transport, rows, peers, cells):
    lines = []
    for row in rows:
        line = [f"{row.name} ({row.unit})"]
        line += [number(speed_of(row, cells[transport, row.name, peer]) if (transport, row.name, peer) in cells else None)
                 for peer in peers]
        lines.append(line)
    return table(f"Speed, {transport}", ["row", *peers], lines)


def ratio_table(transport, rows, peers, cells):
    """Holdfast against the peer to beat in every row, and against qemu-nbd."""
    ours = [peer for peer in peers if peer.startswith("Holdfast")]
    bases = [peer for peer in ("nbdkit file", "qemu-nbd raw writeback") if peer in peers]
    header = ["row", *(f"{our} / {base}" for our in ours for base in bases)]
    lines = []
    for row in rows:
        speed = {peer: speed_of(row, cells[transport, row.name, peer]) for peer in peers if (transport, row.name, peer) in cells}
        lines.append([row.name, *(ratio(speed.get(our), speed.get(base)) for our in ours for base in bases)])
    return table(f"Ratio of speeds, {transport} (more than 1: Holdfast is faster)", header, lines)


GUARDED, UNGUARDED = "Holdfast", "Holdfast unguarded"
GUARD_GOAL = 0.97


def guard_table(transport, rows, runs):
    """What the guard costs: ratios within a round, whose two runs follow one another closely, then their median and range. Processor
    time beside it, which other programs disturb less.
    """
    lines = []
    for row in rows:
        rounds = {}
        for run in runs:
            if (run["transport"], run["row"]) == (transport, row.name):
                rounds.setdefault(run["round"], {})[run["peer"]] = run
        pairs = [(found[GUARDED], found[UNGUARDED]) for found in rounds.values() if GUARDED in found and UNGUARDED in found]
        ratios = [speed_of(row, guarded) / speed_of(row, other) for guarded, other in pairs if speed_of(row, other)]
        if ratios:
            middle = median(ratios)
            processor = median([guarded["cpu_us_per_request"] / other["cpu_us_per_request"] for guarded, other in pairs])
            verdict = "met" if middle >= GUARD_GOAL else "MISSED"
            spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
            lines.append([row.name, f"{middle:.3f}", spread, str(len(ratios)), verdict, f"{processor:.3f}"])
    title = f"Guard on / guard off, {transport}"
    return table(title, ["row", "speed", "range", "rounds", f"goal {GUARD_GOAL}", "processor time"], lines)


def cost_table(transport, rows, peers, cells, measure, title, digits):
    lines = []
    for row in rows:
        found = [cells.get((transport, row.name, peer), {}).get(measure) for peer in peers]
        if any(value is not None for value in found):
            lines.append([row.name, *(number(value, digits) for value in found)])
    return table(f"{title}, {transport}", ["row", *peers], lines)


def render(runs, rows, peers, transports):
    cells = medians(runs)
    parts = []
    for transport in transports:
        parts.append(speed_table(transport, rows, peers, cells))
        if any(peer.startswith("Holdfast") for peer in peers):
            parts.append(ratio_table(transport, rows, peers, cells))
        if GUARDED in peers and UNGUARDED in peers:
            parts.append(guard_table(transport, rows, runs))
        parts.append(cost_table(transport, rows, peers, cells, "cpu_us_per_request", "Server's processor time per request in us", 1))
        parts.append(cost_table(transport, rows, peers, cells, "latency_us_p99", "99th percentile of latency in us", 0))
        title = "Bytes written to the device per byte written by the client"
        parts.append(cost_table(transport, rows, peers, cells, "write_amplification", title, 2))
    return "\n".join(parts)
