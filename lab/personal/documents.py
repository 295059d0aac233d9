"""Documents with known values, in many formats, written by the libraries that people use."""

import csv
import email.message
import email.utils
import gzip
import html
import io
import json
import sqlite3
import tarfile
import zipfile

import docx
import odf.opendocument
import odf.table
import odf.text
import openpyxl
import people
import pptx
import traps
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

SIMPLE = ["email-address", "phone-number", "date-of-birth", "payment-card", "iban"]
SECRETS = ["password", "password-hash", "private-key", "access-key", "web-token"]
SENTENCES = [
    "Dear {name}, our file has {label}: {value}. Thank you.", "{label} {value} was given by {name} on the form.", "Please check the {label} ({value}) before noon.",
    "{name}, {label}: {value}, moved last spring.", "We noted {label} = {value} for {name}.", "Sehr geehrte Damen und Herren, {label}: {value}.",
    "Bonjour, {label} : {value}. Merci.", "{name} wrote: my {label} is {value}, thanks", "Re {label}\n{value}\nas agreed with {name}.",
]
BARE = ["{name} can be found under {value} from Monday.", "{value} ({name})", "Please use {value} from now on.", "Forwarded by {name}: {value}"]
FILLER = [
    "The meeting was moved to room 14 on the 3rd floor.", "All 27 participants agreed, 3 abstained.", "Budget 2024: 1,250,000.00 (plus 19 % VAT).",
    "See chapter 4.2.1, page 112.", "Temperatures between -4 and 23.5 degrees are expected.", "Der Vertrag verl\u00e4ngert sich um 12 Monate.",
    "Le r\u00e9sultat d\u00e9passe les attentes de 15 %.", "Opening hours 9:00-17:30, Mon-Fri.", "Throughput rose from 1200 to 1850 requests/s.",
]


class Page:
    """What a document says: lines, or a table, and which values of which class are in it."""

    def __init__(self, layout):
        self.layout = layout
        self.lines = []
        self.heading = []
        self.rows = []
        self.values = {}
        self.bare = {}

    def add(self, kind, value, is_bare=False):
        (self.bare if is_bare else self.values).setdefault(kind, []).append(value)


def kinds(chance):
    return chance.choice([lambda: chance.choice(SIMPLE), lambda: chance.choice(SIMPLE), lambda: chance.choice(list(people.identifiers(chance)))])()


def name(chance):
    return people.FAKERS[chance.choice(people.LOCALES)].name()


def compose(chance):
    layout = chance.choices(["prose", "form", "table", "settings"], [4, 3, 4, 1])[0]
    page = Page(layout)
    {"prose": prose, "form": form, "table": table, "settings": settings}[layout](chance, page)
    return page


def prose(chance, page):
    for _ in range(chance.randint(3, 14)):
        roll = chance.random()
        if roll < 0.3:
            page.lines.append(chance.choice(FILLER))
        elif roll < 0.6:
            label, value = traps.trap(chance)
            page.lines.append(chance.choice(SENTENCES).format(name=name(chance), label=label, value=value))
        else:
            kind = kinds(chance)
            label, value = people.facts(chance, kind)
            is_bare = chance.random() < 0.12
            page.lines.append(chance.choice(BARE if is_bare else SENTENCES).format(name=name(chance), label=label, value=value))
            page.add(kind, value, is_bare)


def form(chance, page):
    separator = chance.choice([": ", ":\t", " = ", ":\n    ", " - ", ": "])
    page.lines.append(f"Name{separator}{name(chance)}")
    for _ in range(chance.randint(3, 12)):
        if chance.random() < 0.45:
            label, value = traps.trap(chance)
        else:
            kind = kinds(chance)
            label, value = people.facts(chance, kind)
            page.add(kind, value)
        page.lines.append(f"{label}{separator}{value}")


def table(chance, page):
    columns, taken = [("name", None, name)], set()
    for _ in range(chance.randint(2, 6)):
        if chance.random() < 0.45:
            label, _ = traps.trap(chance)
            columns.append((label, None, lambda chance, label=label: same_label(chance, label)))
        else:
            kind = kinds(chance)
            label, _ = people.facts(chance, kind)
            if kind in taken or label in {column[0] for column in columns}:
                continue
            taken.add(kind)
            columns.append((label, kind, lambda chance, kind=kind: people.facts(chance, kind)[1]))
    page.heading = [label for label, _, _ in columns]
    for _ in range(chance.randint(3, 60)):
        row = []
        for _, kind, make in columns:
            value = "" if kind and chance.random() < 0.05 else make(chance)
            row.append(value)
            if kind and value:
                page.add(kind, value)
        page.rows.append(row)


def same_label(chance, label):
    """Another trap of the same kind: a column holds one kind of numbers."""
    for _ in range(2000):
        found, value = traps.trap(chance)
        if found == label:
            return value
    return ""


def settings(chance, page):
    for _ in range(chance.randint(3, 10)):
        if chance.random() < 0.4:
            page.lines.append(traps.secret_like(chance)[1])
            continue
        kind = chance.choice(SECRETS)
        if kind == "password":
            value = people.password(chance)
            page.lines.append(chance.choice([
                f"password={value}", f"db_password: \"{value}\"", f"  \"password\": \"{value}\",", f"PASSWORD='{value}'", f"Server=db;User Id=sa;Password={value};",
                f"postgres://app:{value}@db.example/x", f"Passwort: {value}", f"login jane password {value}", f"mysql -u root -p{value}", f"<password>{value}</password>",
            ]))
        elif kind == "private-key":
            value = people.private_key(chance)
            page.lines.append(value)
        else:
            label, value = people.facts(chance, kind)
            page.lines.append(chance.choice([f"{label}={value}", f"export TOKEN={value}", f"{label}: {value}", f"user:{value}:19000:0"]) if kind != "web-token" else f"Authorization: Bearer {value}")
        page.add(kind, value)


def text(page):
    rows = ["\t".join(row) for row in [page.heading, *page.rows] if row]
    return "\n".join(page.lines + rows) + "\n"


def write_text(chance, page):
    return text(page).encode(chance.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-8"]), "replace")


def write_csv(chance, page):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=chance.choice([",", ";", "\t", "|"]), quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerows([page.heading, *page.rows] if page.rows else [["field", "text"], *[[str(number), line] for number, line in enumerate(page.lines)]])
    return buffer.getvalue().encode(chance.choice(["utf-8", "cp1252", "utf-16"]), "replace")


def records(page):
    if page.rows:
        return [dict(zip(page.heading, row)) for row in page.rows]
    return [{"text": line} for line in page.lines]


def write_json(chance, page):
    return json.dumps(records(page), ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 2])).encode()


def write_json_lines(chance, page):
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records(page)).encode()


def element(label):
    kept = "".join(letter if letter.isalnum() else "_" for letter in label)
    return "f" + kept if kept[:1].isdigit() else kept


def write_xml(chance, page):
    body = "".join("<record>" + "".join(f"<{element(label)}>{html.escape(value)}</{element(label)}>" for label, value in record.items()) + "</record>\n" for record in records(page))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<records>\n{body}</records>\n'.encode()


def write_html(chance, page):
    lines = "".join(f"<p>{html.escape(line)}</p>\n" for line in page.lines)
    cells = "".join("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>\n" for tag, row in [("th", page.heading), *[("td", row) for row in page.rows]] if row)
    return f"<!DOCTYPE html><html><head><style>p {{ margin: 4px }}</style></head><body>{lines}<table>{cells}</table></body></html>".encode()


def write_sqlite(chance, page):
    database = sqlite3.connect(":memory:")
    if chance.random() < 0.2:
        database.execute("PRAGMA encoding='UTF-16le'")
    if page.rows:
        columns = ", ".join(f'"{label} {number}" TEXT' for number, label in enumerate(page.heading))
        database.execute(f"CREATE TABLE records ({columns})")
        database.executemany(f"INSERT INTO records VALUES ({', '.join('?' * len(page.heading))})", page.rows)
    else:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
        database.executemany("INSERT INTO notes (body) VALUES (?)", [[line] for line in page.lines])
    database.commit()
    return database.serialize()


def write_docx(chance, page):
    document = docx.Document()
    for line in page.lines:
        document.add_paragraph(line)
    if page.rows:
        grid = document.add_table(rows=0, cols=len(page.heading))
        for row in [page.heading, *page.rows[:20]]:
            for cell, value in zip(grid.add_row().cells, row):
                cell.text = value
    return saved(document.save)


def write_xlsx(chance, page):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [page.heading, *page.rows] if page.rows else [[line] for line in page.lines]:
        sheet.append([int(cell) if cell.isdigit() and len(cell) < 16 and not cell.startswith("0") and chance.random() < 0.5 else cell for cell in row])
    return saved(book.save)


def write_pptx(chance, page):
    deck = pptx.Presentation()
    for start in range(0, max(len(page.lines), 1), 6):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = "Status"
        slide.placeholders[1].text = "\n".join(page.lines[start : start + 6])
    if page.rows:
        rows = [page.heading, *page.rows[:20]]
        grid = deck.slides[0].shapes.add_table(len(rows), len(page.heading), 0, 0, 9000000, 3000000).table
        for row_number, row in enumerate(rows):
            for column, value in enumerate(row):
                grid.cell(row_number, column).text = value
    return saved(deck.save)


def write_odt(chance, page):
    document = odf.opendocument.OpenDocumentText()
    for line in page.lines:
        for part in line.split("\n"):
            document.text.addElement(odf.text.P(text=part))
    add_odf_table(document.text, page)
    return saved(document.write)


def write_ods(chance, page):
    document = odf.opendocument.OpenDocumentSpreadsheet()
    add_odf_table(document.spreadsheet, page)
    return saved(document.write)


def add_odf_table(parent, page):
    grid = odf.table.Table(name="Sheet1")
    for row in [page.heading, *page.rows] if page.rows else [[line] for line in page.lines if parent.qname[1] == "spreadsheet"]:
        line = odf.table.TableRow()
        for value in row:
            cell = odf.table.TableCell(valuetype="string")
            cell.addElement(odf.text.P(text=value))
            line.addElement(cell)
        grid.addElement(line)
    parent.addElement(grid)


def write_pdf(chance, page):
    font = chance.choice(["Helvetica", "Vera"])
    if font == "Vera":
        pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    buffer = io.BytesIO()
    pdf = canvas.Canvas(buffer, pagesize=(max(A4[0], 60 + 200 * len(page.heading)), A4[1]), pageCompression=chance.randint(0, 1))
    height = 0
    for line in text(page).split("\n"):
        if height < 40:
            if height:
                pdf.showPage()
            pdf.setFont(font, 8)
            height = 800
        # Tables are drawn cell by cell, as reports do.
        for column, part in enumerate(line.split("\t")):
            pdf.drawString(40 + column * 200, height, part)
        height -= 12
    pdf.save()
    return buffer.getvalue()


def message(chance, page):
    mail = email.message.EmailMessage()
    mail["Subject"] = "Records"
    mail["From"] = "Office <office@sender.example.org>"
    mail["To"] = "archive@receiver.example.org"
    mail["Date"] = email.utils.formatdate(1_700_000_000)
    mail["Message-ID"] = f"<{people.digits(chance, 14)}.{people.digits(chance, 6)}@mail.example.org>"
    mail["MIME-Version"] = "1.0"
    mail["Received"] = "from relay.example.org by mx.example.org with ESMTPS id 4XyZ12345678"
    for value in ("office@sender.example.org", "archive@receiver.example.org"):
        page.add("email-address", value)
    return mail


def write_mail(chance, page):
    mail = message(chance, page)
    if chance.random() < 0.5:
        mail.set_content(text(page), cte=chance.choice(["quoted-printable", "base64"]))
    else:
        mail.set_content("See attachment.")
        maker, ending = chance.choice([(write_csv, "csv"), (write_docx, "docx"), (write_pdf, "pdf"), (write_xlsx, "xlsx")])
        page.rows = page.rows[:20]
        mail.add_attachment(maker(chance, page), maintype="application", subtype="octet-stream", filename=f"records.{ending}")
    return mail.as_bytes()


def write_mailbox(chance, page):
    mail = message(chance, page)
    mail.set_content(text(page))
    lines = [b"From office@sender.example.org Tue Nov 14 22:13:20 2023", *mail.as_bytes().splitlines()]
    quoted = [lines[0], *[b">" + line if line.startswith(b"From ") else line for line in lines[1:]]]
    return b"\n".join(quoted) + b"\n\n"


def write_zip(chance, page):
    buffer = io.BytesIO()
    maker, ending = chance.choice([(write_text, "txt"), (write_docx, "docx"), (write_csv, "csv")])
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"records/file.{ending}", maker(chance, page))
    return buffer.getvalue()


def write_tar(chance, page):
    buffer = io.BytesIO()
    content = write_text(chance, page)
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("records/file.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_gzip(chance, page):
    return gzip.compress(write_text(chance, page))


def saved(save):
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


FORMATS = {
    "txt": write_text, "csv": write_csv, "json": write_json, "jsonl": write_json_lines, "xml": write_xml, "html": write_html, "sqlite": write_sqlite,
    "docx": write_docx, "xlsx": write_xlsx, "pptx": write_pptx, "odt": write_odt, "ods": write_ods, "pdf": write_pdf, "eml": write_mail, "mbox": write_mailbox,
    "zip": write_zip, "tar.gz": write_tar, "txt.gz": write_gzip,
}
# Formats that show only the beginning of a long table, to stay small.
SHORT = {"docx", "pptx", "eml", "zip", "pdf"}
# Settings are found in files of text.
OF_SETTINGS = ["txt", "txt", "json", "zip", "tar.gz", "mbox"]


def write(chance, folder, number):
    """Writes a document. Tells where it is and what is in it."""
    page = compose(chance)
    ending = chance.choice(OF_SETTINGS if page.layout == "settings" else list(FORMATS))
    if ending in SHORT and len(page.rows) > 20:
        kept = Page(page.layout)
        kept.heading, kept.rows, kept.lines = page.heading, page.rows[:20], page.lines
        shown = {cell for row in kept.rows for cell in row}
        kept.values = {kind: [value for value in values if value in shown] for kind, values in page.values.items()}
        page = kept
    if ending == "json" and page.layout == "settings":
        ending = "txt"
    content = FORMATS[ending](chance, page)
    path = folder / f"{number:05}.{ending}"
    path.write_bytes(content)
    return {"path": path.name, "format": ending, "layout": page.layout, "values": page.values, "bare": page.bare, "text": text(page), "bytes": len(content)}
