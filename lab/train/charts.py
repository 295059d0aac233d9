"""Plots as SVG, written by hand: bars, and dots on a logarithmic scale. No plotting library is worth its weight here."""

import html
import math

ROW = 18
LEFT = 330
WIDTH = 980
INK, FILL, MARK, LINE = "#222", "#7a9cc6", "#c0392b", "#c0392b"


def document(title, rows, body):
    height = ROW * rows + 70
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12" fill="{INK}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n<text x="10" y="22" font-size="14">{html.escape(title)}</text>\n' + "\n".join(body) + "\n</svg>\n"
    )


def label(index, text):
    return f'<text x="{LEFT - 8}" y="{ROW * index + 53}" text-anchor="end">{html.escape(text)}</text>'


def bars(title, entries, form, line=None):
    """Entries are (name, length) or (name, length, mark)."""
    most = max([value for entry in entries for value in entry[1:]] + [line or 0, 1e-9])
    room = WIDTH - LEFT - 70
    body = []
    for index, (name, length, *marks) in enumerate(entries):
        top = ROW * index + 42
        body.append(label(index, name))
        body.append(f'<rect x="{LEFT}" y="{top}" width="{room * length / most:.1f}" height="{ROW - 5}" fill="{FILL}"/>')
        body += [f'<circle cx="{LEFT + room * mark / most:.1f}" cy="{top + 6}" r="4" fill="{MARK}"/>' for mark in marks]
        end = LEFT + room * max([length, *marks]) / most + 8
        body.append(f'<text x="{end:.1f}" y="{top + 11}">{form.format(length)}</text>')
    if line is not None:
        across = LEFT + room * line / most
        body.append(f'<line x1="{across:.1f}" x2="{across:.1f}" y1="36" y2="{ROW * len(entries) + 42}" stroke="{LINE}" stroke-dasharray="4 3"/>')
    return document(title, len(entries), body)


def dots(title, entries):
    """Entries are name -> list of numbers; None lies at the right edge."""
    low, high = 0.25, 1024.0
    room = WIDTH - LEFT - 60

    def across(value):
        if value is None:
            return LEFT + room + 30
        return LEFT + room * math.log(min(max(value, low), high) / low) / math.log(high / low)

    body = []
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
        place = across(tick)
        body.append(f'<line x1="{place:.1f}" x2="{place:.1f}" y1="36" y2="{ROW * len(entries) + 42}" stroke="#ddd"/>')
        body.append(f'<text x="{place:.1f}" y="{ROW * len(entries) + 58}" text-anchor="middle">{tick:g}</text>')
    for index, (name, values) in enumerate(entries.items()):
        body.append(label(index, name))
        for value in values:
            color = MARK if value is None else FILL
            body.append(f'<circle cx="{across(value):.1f}" cy="{ROW * index + 49}" r="4" fill="{color}" fill-opacity="0.6"/>')
    return document(title, len(entries), body)
