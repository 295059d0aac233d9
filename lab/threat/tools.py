"""The tools that are measured side by side: where they lie in a folder, their versions, how each is run, and how its findings are read.

A tool's `runs` are pairs of a name and a command; `{logs}` and `{out}` in a command stand for the folder of logs and the file for the
result. All are told to give every level, and to write findings with the file that each is from.
"""

import json
import re
import subprocess

import labels

LEVELS = {"info": "informational", "med": "medium", "crit": "critical"}


def level(word):
    word = str(word).lower()
    return LEVELS.get(word, word)


def first_version(*command, cwd=None):
    """The first word with dots and digits that a command prints."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd)
    found = re.search(r"\d+\.\d+\.\d+\S*", done.stdout + done.stderr)
    return found.group() if found else "unknown"


def missing_of(folder, *names):
    """What of a tool isn't in the folder of all tools."""
    return next((f"`{name}` isn't in the folder of tools" for name in names if not (folder / name).exists()), None)


def commit(folder):
    done = subprocess.run(["git", "-C", str(folder), "log", "-1", "--format=%h of %cs"], capture_output=True, text=True)
    return done.stdout.strip() or "no checkout"


class Holdfast:
    name = "Holdfast"
    cwd = None

    def __init__(self, program, _folder, _scratch):
        self.program = program

    def missing(self):
        return None if self.program.is_file() else f"{self.program} isn't there: cargo build --release -p holdfast"

    def version(self):
        return first_version(self.program, "--version")

    def runs(self, rules):
        scan = [self.program, "threat", "scan", "{logs}", "--level", "informational", "--format", "json", "--output", "{out}"]
        return {
            "SigmaHQ's rules": [*scan, "--without-own", "--rules", rules],
            "own default": scan,
            "own default and SigmaHQ's": [*scan, "--rules", rules],
        }

    def findings(self, out):
        found = json.loads(out.read_text())
        if found["alerts_not_kept"]:
            raise SystemExit(f"Holdfast kept {len(found['alerts'])} alerts and counted {found['alerts_not_kept']} more: judge fewer logs at once")
        for alert in found["alerts"]:
            files = tuple({record["source"] for record in alert["evidence"]})
            yield labels.Finding(files, level(alert["level"]), " ".join(alert["attack"]))

    def events(self, out):
        return json.loads(out.read_text())["read"]["events"]


def json_lines(out):
    """The objects of a file with one a line. Names may have what Python takes for further ends of lines; what has no end isn't a line:
    Chainsaw leaves what it had buffered last."""
    *lines, _ = out.read_text().split("\n")
    return [json.loads(line) for line in lines]


class Hayabusa:
    name = "Hayabusa"
    cwd = None

    def __init__(self, _program, folder, _scratch):
        self.folder = folder
        self.program = folder / "bin" / "hayabusa"
        self.all_rules = folder / "hayabusa-rules"

    def missing(self):
        return missing_of(self.folder, "bin/hayabusa", "hayabusa-rules/sigma")

    def version(self):
        return f"{first_version(self.program, 'help')}, rules {commit(self.all_rules)}"

    def runs(self, _rules):
        # It can't load SigmaHQ's files as they are; its rules' folder `sigma` is their conversion by its authors.
        scan = [self.program, "dfir-timeline", "--directory", "{logs}", "--output", "{out}", "--output-type", "jsonl", "--clobber"]
        scan += ["--profile", "verbose", "--no-wizard", "--no-summary", "--quiet", "--no-color", "--quiet-errors", "--disable-abbreviations"]
        scan += ["--rules-config", self.all_rules / "config"]
        return {"SigmaHQ's rules": [*scan, "--rules", self.all_rules / "sigma"], "own default": [*scan, "--rules", self.all_rules]}

    def findings(self, out):
        for alert in json_lines(out):
            yield labels.Finding((alert["EvtxFile"],), level(alert["Level"]), json.dumps(alert.get("MitreTags", "")))


class Chainsaw:
    name = "Chainsaw"
    cwd = None

    def __init__(self, _program, folder, _scratch):
        self.folder = folder
        self.program = folder / "bin" / "chainsaw"
        self.checkout = folder / "chainsaw"

    def missing(self):
        return missing_of(self.folder, "bin/chainsaw", "chainsaw/mappings")

    def version(self):
        return f"{first_version(self.program, '--version')}, rules {commit(self.checkout)}"

    def runs(self, rules):
        mapping = self.checkout / "mappings" / "sigma-event-logs-all.yml"
        hunt = [self.program, "hunt", "{logs}", "--jsonl", "--output", "{out}", "--skip-errors", "-q", "--sigma", rules, "--mapping", mapping]
        # Its manual's first example is its own rules together with SigmaHQ's.
        return {"SigmaHQ's rules": hunt, "own default": [*hunt, "--rule", self.checkout / "rules" / "evtx"]}

    def findings(self, out):
        for alert in json_lines(out):
            documents = alert.get("documents") or [alert["document"]]
            yield labels.Finding(tuple({each["path"] for each in documents}), level(alert["level"]), " ".join(alert.get("tags") or ()))


class Zircolite:
    name = "Zircolite"

    def __init__(self, _program, folder, scratch):
        self.folder = folder
        self.cwd = folder / "zircolite"
        self.python = folder / "zircolite-venv" / "bin" / "python"
        self.scratch = scratch
        self.converted = None

    def missing(self):
        return missing_of(self.folder, "zircolite-venv/bin/python", "zircolite/zircolite.py")

    def version(self):
        packages = subprocess.run([self.python, "-m", "pip", "freeze"], capture_output=True, text=True).stdout
        pysigma = re.search(r"(?im)^pysigma==(\S+)", packages)
        version = first_version(self.python, "zircolite.py", "--version", cwd=self.cwd)
        return f"{version}, {commit(self.cwd)}, pySigma {pysigma.group(1) if pysigma else 'unknown'}"

    def runs(self, rules):
        scan = [self.python, "zircolite.py", "--quiet", "--evtx", "{logs}", "--outfile", "{out}", "--logfile", self.scratch / "zircolite.log"]
        if self.converted is None:
            self.converted = self.convert(rules)
        return {"SigmaHQ's rules": [*scan, "--ruleset", self.converted], "own default": scan}

    def convert(self, rules):
        """SigmaHQ's rules for Sysmon and for the Security log together, as in its merged rules. Done once, and not counted as its time."""
        merged = {}
        # It wants a log even where it only has to convert.
        nothing = self.scratch / "nothing.evtx"
        nothing.touch()
        for pipeline in ("sysmon", "windows-audit"):
            folder = self.scratch / pipeline
            folder.mkdir()
            command = [self.python, self.cwd / "zircolite.py", "--quiet", "--evtx", nothing, "--ruleset", rules, "--save-ruleset"]
            command += ["--pipeline", pipeline, "--pipeline", "windows-logsources", "--config", self.cwd / "config" / "config.yaml"]
            subprocess.run([*command, "--nolog"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for path in folder.glob("ruleset-*.json"):
                for rule in json.loads(path.read_text()):
                    merged.setdefault((rule["id"], json.dumps(rule["rule"])), rule)
        if not merged:
            raise SystemExit(f"Zircolite converted no rule of {rules}")
        out = self.scratch / "sigma.json"
        out.write_text(json.dumps(list(merged.values())))
        return out

    def findings(self, out):
        for rule in json.loads(out.read_text()):
            for match in rule["matches"]:
                yield labels.Finding((match["OriginalLogfile"],), level(rule["rule_level"]), " ".join(rule.get("tags") or ()))


ALL = (Holdfast, Hayabusa, Chainsaw, Zircolite)
