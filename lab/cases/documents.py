"""Single files of the corpus, each in its real format."""

import base64
import io
import subprocess
import tarfile
import zipfile
import zlib
from xml.sax.saxutils import escape

EPOCH = (2026, 1, 1, 0, 0, 0)
TAR_MODES = {".tar.gz": "w:gz", ".tar.xz": "w:xz"}
TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"></Types>'
BODIES = {"docx": "word/document.xml", "xlsx": "xl/worksheets/sheet1.xml", "pptx": "ppt/slides/slide1.xml", "odt": "content.xml"}
SCENES = [
    "mandelbrot=s=1024x768:rate=2",
    "gradients=s=1024x768:r=2:speed=0.2:n=6",
    "cellauto=s=640x480:r=2:rule=110",
    "testsrc2=s=1280x960:r=2",
    "life=s=800x600:r=2:mold=10:ratio=0.3:seed=7",
]


def office(kind, text, pictures, rng):
    """A zip of XML, as office programs save it: `pictures` are stored, the text is deflated."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        add(package, "mimetype" if kind == "odt" else "[Content_Types].xml", f"application/{kind}" if kind == "odt" else TYPES)
        add(package, BODIES[kind], cells(text) if kind == "xlsx" else paragraphs(text))
        add(package, "styles.xml", paragraphs(text[:3000]))
        for number, picture in enumerate(pictures):
            package.writestr(zipfile.ZipInfo(f"media/image{number}.jpeg", EPOCH), picture, zipfile.ZIP_STORED)
        add(package, "docProps/core.xml", f"<revision>{rng.randint(1, 99)}</revision>")
    return target.getvalue()


def add(package, name, text):
    package.writestr(zipfile.ZipInfo(name, EPOCH), text.encode(), zipfile.ZIP_DEFLATED)


def paragraphs(text):
    lines = (f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in text.split("\n"))
    return '<?xml version="1.0" encoding="UTF-8"?><w:document><w:body>' + "".join(lines) + "</w:body></w:document>"


def cells(text):
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        row = "".join(
            f'<c r="{chr(65 + column % 26)}{number}"><v>{escape(word)}</v></c>' for column, word in enumerate(line.split())
        )
        rows.append(f'<row r="{number}">{row}</row>')
    return "<worksheet><sheetData>" + "".join(rows) + "</sheetData></worksheet>"


def pdf(text, pictures):
    """Pages of deflated text, and pictures as JPEG streams, with a valid table of references."""
    pages = [text[start : start + 3000] for start in range(0, len(text), 3000)]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        lines = "".join(f"({line.translate({40: None, 41: None, 92: None})}) Tj T*\n" for line in page.split("\n"))
        objects.append(
            stream(b"/Filter /FlateDecode", zlib.compress(f"BT /F1 10 Tf 40 800 Td\n{lines}ET".encode("latin-1", "replace")))
        )
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R >>" % len(objects))
        kids.append(len(objects))
    for picture in pictures:
        objects.append(stream(b"/Type /XObject /Subtype /Image /Filter /DCTDecode", picture))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    out, offsets = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(
        b"%010d 00000 n \n" % offset for offset in offsets
    )
    return bytes(out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


def stream(entries, data):
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def mailbox(text, photos, size_bytes, rng):
    """An mbox whose messages carry attachments in Base64 now and then."""
    out = bytearray()
    while len(out) < size_bytes:
        out += f"From office@example.org Thu Jan  1 00:00:00 2026\nFrom: office@example.org\nSubject: {rng.randint(1, 99999)}\n".encode()
        out += b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=part\n\n--part\nContent-Type: text/plain\n\n"
        out += text.draw(rng.randint(300, 6000)).replace("\nFrom ", "\n>From ").encode() + b"\n"
        if rng.random() < 0.15:
            out += b"--part\nContent-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(
                rng.choice(photos)
            )
        out += b"--part--\n\n"
    return bytes(out)


def table(size_bytes, rng):
    lines, length = ["day,customer,article,pieces,price\n"], 0
    while length < size_bytes:
        day = f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        line = f"{day},{rng.randint(10000, 99999)},A{rng.randint(100, 999)},{rng.randint(1, 50)},{rng.random() * 500:.2f}\n"
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()


def log(size_bytes, rng):
    lines, length, second = [], 0, 1_770_000_000
    while length < size_bytes:
        second += rng.randint(0, 5)
        address = ".".join(str(rng.randint(1, 254)) for _ in range(4))
        page, status = rng.randint(1, 400), rng.choice([200, 200, 200, 304, 404])
        line = f'{address} - - [{second}] "GET /page/{page} HTTP/1.1" {status} {rng.randint(100, 90000)}\n'
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()


def archive(target, folder, names):
    """An archive of `names` in `folder`; the format is that of the target's suffix."""
    suffix = next((suffix for suffix in TAR_MODES if target.name.endswith(suffix)), target.suffix)
    if suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
            for name in names:
                package.writestr(zipfile.ZipInfo(name, EPOCH), (folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
    elif suffix in TAR_MODES:
        with tarfile.open(target, TAR_MODES[suffix]) as package:
            for name in names:
                package.add(folder / name, name)
    else:
        subprocess.run(["7z", "a", "-bd", "-y", str(target), *names], cwd=folder, check=True, capture_output=True)


def ffmpeg(*arguments):
    command = [
        "ffmpeg",
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-y",
        "-bitexact",
        "-threads",
        "1",
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` exited {done.returncode}: {done.stderr[-2000:]}")


def photos(folder, count):
    """`count` JPEG files of several scenes and qualities."""
    each = -(-count // len(SCENES))
    for number, scene in enumerate(SCENES):
        pattern = folder / f"{number}-%03d.jpg"
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            scene,
            "-vf",
            f"noise=alls={6 + 5 * number}:allf=t",
            "-frames:v",
            each,
            "-q:v",
            3 + number,
            pattern,
        )


def film(target, number, seconds):
    scene = SCENES[number % len(SCENES)].split(":r")[0]
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        scene,
        "-t",
        seconds,
        "-vf",
        "scale=640:480,noise=alls=8:allf=t",
        "-r",
        15,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-crf",
        26,
        target,
    )


def recording(target, number, seconds):
    tone = f"aevalsrc=0.3*sin({220 + 40 * number}*2*PI*t)*sin(3*t)+0.02*random(0):s=22050"
    ffmpeg("-f", "lavfi", "-i", tone, "-t", seconds, target)
