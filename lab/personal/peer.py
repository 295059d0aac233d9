"""Microsoft Presidio on the text of the same documents: its recognisers of patterns, without a model of language.

Presidio takes text, not documents, and so sees the text that the document was written from.
"""

import importlib.metadata
import re
import time

import figures
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as known
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

# Its entities, and our classes.
CLASSES = {
    "EMAIL_ADDRESS": "email-address", "PHONE_NUMBER": "phone-number", "CREDIT_CARD": "payment-card", "IBAN_CODE": "iban", "UK_NHS": "uk-nhs-number",
    "UK_NINO": "uk-nino", "US_SSN": "us-ssn", "US_ITIN": "us-itin", "ES_NIF": "es-dni", "ES_NIE": "es-nie", "IT_FISCAL_CODE": "it-codice-fiscale",
    "PL_PESEL": "pl-pesel", "FI_PERSONAL_IDENTITY_CODE": "fi-hetu", "DE_TAX_ID": "de-steuer-id", "SE_PERSONNUMMER": "se-personnummer",
}
RECOGNIZERS = [
    "EmailRecognizer", "PhoneRecognizer", "CreditCardRecognizer", "IbanRecognizer", "NhsRecognizer", "UkNinoRecognizer", "UsSsnRecognizer",
    "UsItinRecognizer", "EsNifRecognizer", "EsNieRecognizer", "ItFiscalCodeRecognizer", "PlPeselRecognizer", "FiPersonalIdentityCodeRecognizer",
    "DeTaxIdRecognizer", "SePersonnummerRecognizer",
]
SCORE = 0.4
TEXTS = {"txt", "csv", "json", "jsonl", "xml", "html", "eml", "mbox", "txt.gz"}
# Its words of context are compared in small letters: a tokeniser and that is all they need.
REGIONS = ["GB", "US", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "DK", "FI", "PT", "CZ", "IE", "AT", "BE", "CH", "NO", "GR", "IN", "AU", "BR"]


class Tokens(NlpEngine):
    """spaCy's blank English: tokens, and their small letters in the place of lemmas."""

    def __init__(self):
        self.nlp = spacy.blank("en")

    def load(self):
        pass

    def is_loaded(self):
        return True

    def process_text(self, text, language):
        document = self.nlp(text)
        return NlpArtifacts([], document, [token.idx for token in document], [token.lower_ for token in document], self, language)

    def process_batch(self, texts, language, **_):
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word, language):
        return self.nlp.vocab[word].is_stop

    def is_punct(self, word, language):
        return self.nlp.vocab[word].is_punct

    def get_supported_entities(self):
        return []

    def get_supported_languages(self):
        return ["en"]


def engine():
    registry = RecognizerRegistry(supported_languages=["en"])
    for name in RECOGNIZERS:
        options = {"supported_regions": REGIONS} if name == "PhoneRecognizer" else {}
        registry.add_recognizer(getattr(known, name)(supported_language="en", **options))
    return AnalyzerEngine(registry=registry, nlp_engine=Tokens(), supported_languages=["en"], default_score_threshold=SCORE)


def canonical(kind, text):
    return text.lower() if kind == "email-address" else re.sub(r"[^0-9A-Za-z]", "", text).upper()


def measure(truth, log):
    analyzer = engine()
    chosen = [one for one in truth if one["format"] in TEXTS and one["layout"] != "settings"]
    shown, size, start = [], 0, time.monotonic()
    for document in chosen:
        found = {}
        for one in analyzer.analyze(document["text"], language="en", entities=list(CLASSES)):
            kind = CLASSES[one.entity_type]
            found.setdefault(kind, set()).add(canonical(kind, document["text"][one.start : one.end]))
        size += len(document["text"].encode())
        shown.append(compared(document, found))
    seconds = time.monotonic() - start
    log(f"peer: {len(chosen)} documents in {seconds:.0f} s")
    judged = figures.judge(chosen, shown)["classes"]
    version = importlib.metadata.version("presidio-analyzer")
    settings = f"presidio-analyzer {version}, spaCy {spacy.__version__} blank English (no model of language: none is on PyPI), {len(RECOGNIZERS)} recognisers of patterns, phone numbers of {len(REGIONS)} regions, score from {SCORE}. It is given the text, without a format around it."
    return {
        "name": f"Presidio {version}", "settings": settings, "documents": len(chosen), "seconds": seconds, "megabytes": size / 1e6,
        "classes": {kind: row for kind, row in judged.items() if kind in CLASSES.values()}, "chosen": [one["path"] for one in chosen],
    }


def compared(document, found):
    def counted(values):
        counts = {}
        for kind, texts in values.items():
            different = {canonical(kind, text) for text in texts}
            right = len(different & found.get(kind, set()))
            counts[kind] = [right, len(different) - right]
        return counts

    # Senders and receivers of mails stand in headers, which aren't part of the text that it is given.
    values = {kind: [text for text in texts if not text.endswith((".example.org",))] for kind, texts in document["values"].items()}
    return {"path": document["path"], "values": counted(values), "bare": counted(document["bare"]), "distinct": {kind: len(texts) for kind, texts in found.items()}}
