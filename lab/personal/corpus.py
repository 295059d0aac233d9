"""A folder of labelled documents, and large files by which speed is measured."""

import json

import documents
import people
import traps


def make(chance, folder, count, seed):
    """Writes documents, and `truth.jsonl` beside them."""
    people.seed(seed)
    truth = [documents.write(chance, folder, number) for number in range(count)]
    lines = [json.dumps({key: one[key] for key in ("path", "values", "bare")}) for one in truth]
    (folder / "truth.jsonl").write_text("\n".join(lines) + "\n")
    return truth


def make_large(chance, folder, size):
    """Files that are repeated parts of a few MB: prose with few numbers, a log, a table of people, and lines of settings."""
    folder.mkdir()
    kinds = {"prose.txt": prose, "access.log": log_line, "people.csv": person, "dump.json": record}
    for name, line in kinds.items():
        part = "".join(line(chance) for _ in range(4000)).encode()
        with open(folder / name, "wb") as file:
            for _ in range(size // len(part) + 1):
                file.write(part)


def prose(chance):
    faker = people.FAKERS[chance.choice(["en_GB", "de_DE", "fr_FR"])]
    return faker.paragraph(nb_sentences=6) + (f" {chance.choice(documents.FILLER)}\n" if chance.random() < 0.5 else "\n")


def log_line(chance):
    host = ".".join(str(chance.randrange(256)) for _ in range(4))
    return f'{host} - - [12/Mar/2024:10:{chance.randrange(60):02}:11 +0100] "GET /item/{people.digits(chance, 6)}?s={chance.randbytes(8).hex()} HTTP/1.1" 200 {people.digits(chance, 5)} "-" "Mozilla/5.0"\n'


def person(chance):
    label, order = traps.order(chance)
    return f"{documents.name(chance).replace(',', ' ')},{people.address(chance)},{people.birth(chance).replace(',', ' ')},{people.phone(chance).replace(',', ' ')},{people.account(chance)},{order}\n"


def record(chance):
    return json.dumps({"email": people.address(chance), "phone": people.phone(chance), "order_no": traps.order(chance)[1], "note": chance.choice(documents.FILLER), "at": traps.event(chance)[1]}) + "\n"
