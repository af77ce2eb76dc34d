"""A classifier and a criterion that echo the secrets in their environment in every way they can."""

from __future__ import annotations

# The variable NAMES lists the secrets' names, as JSON.
ECHOING = """
import base64, html, json, os, sys, urllib.parse, warnings
import pytest

WORDS = " ".join(os.environ[name] for name in json.loads(os.environ["NAMES"]))
PASSWORD = urllib.parse.unquote(urllib.parse.urlsplit(os.environ["DRIFT_SMTP_URL"]).password)
FORMS = [WORDS, PASSWORD, urllib.parse.quote(WORDS, safe=""), json.dumps(WORDS), html.escape(WORDS)]
FORMS += [base64.b64encode(os.environ["DRIFT_LLM_API_KEY"].encode()).decode()]
ECHO = " ".join(FORMS)
asked = 0

def classify(text):
    global asked
    asked += 1
    warnings.warn(ECHO)
    print(ECHO)
    print(ECHO, file=sys.stderr)
    if asked % 7 == 0:
        raise ValueError(ECHO + text)
    return {"category": ECHO if asked % 3 else "financial", "confidence": 0.9, "rationale": ECHO, "evidence": ECHO,
            "model": ECHO}

pytestmark = pytest.mark.drift_criterion(question="Is it quiet?", failing="are loud")

def test_loud(record):
    print(ECHO)
    assert record.id % 5, ECHO

def test_broken(record):
    raise RuntimeError(ECHO)
"""
