"""With `--drift-redact` no text of a record leaks; without it, the report shows what an engineer needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.history_files import words_of
from tests.support.secret_stores import leaked, leaking_files, make_secret, secret_options, secret_text
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Run
from tests.support.stores import BuiltStore
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

REDACT = "--drift-redact"
FILES = {"index.html", "label_issues.csv", "report.json", "junit.xml", "reviews.jsonl"}
CLASSIFIERS = """
import logging

def quoting(text):
    logging.getLogger(__name__).warning("asked about %s", text)
    return {
        "category": "regulatory", "confidence": 0.7,
        "evidence": f"the words {text[:30]!r}", "rationale": f"since it says: {text}",
    }

def failing(text):
    if len(text) % 2:
        raise ValueError(f"cannot read {text}")
    return "financial"

def chained(text):
    try:
        raise KeyError(text)
    except KeyError as error:
        if len(text) % 2:
            raise RuntimeError("no such key") from error
    return "financial"
"""
OWN_CRITERIA = {
    "plain_assert": "def test_plain(record):\n    assert record.text == 'expected'\n",
    "with_message": "def test_message(record):\n    assert not record.text, f'the text is {record.text}'\n",
    "pytest_fail": "def test_fails(record):\n    pytest.fail(f'not good: {record.text}')\n",
    "reviewed": "def test_reviewed(record, review):\n    assert review.category == record.text\n",
    "printing": "def test_prints(record):\n    print('seen', record.text)\n    assert record.id % 2\n",
    "logging": (
        "def test_logs(record):\n    import logging\n"
        "    logging.warning('seen %s', record.text)\n    assert record.id % 2\n"
    ),
    "skipping": "def test_skips(record):\n    pytest.skip(f'nothing to say of {record.text}')\n",
}
OURS = ("mine.py", *(f"test_{name}.py" for name in [*OWN_CRITERIA, "broken"]))


@pytest.fixture(scope="module")
def secret(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    """A store of recognisable texts; ten records disagree with their neighbours."""
    folder = tmp_path_factory.mktemp("secret") / "store"
    shutil.copytree(_doubtful_once.folder, folder)
    return make_secret(BuiltStore(folder))


def reviewed(folder: Path, secret: BuiltStore, *more: str | Path) -> Run:
    """Run a review in a folder with the classifiers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.py").write_text(CLASSIFIERS, encoding="utf-8")
    return run_here(folder, *secret_options(secret), *LOW_CONFIDENCE, *more)


@pytest.fixture(scope="module")
def shown(secret: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A review without redaction by a classifier that quotes the text."""
    return reviewed(tmp_path_factory.mktemp("shown"), secret, "--drift-reviewer=mine:quoting")


@pytest.fixture(scope="module")
def redacted(secret: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same review, redacted."""
    return reviewed(tmp_path_factory.mktemp("redacted"), secret, "--drift-reviewer=mine:quoting", REDACT)


REVIEWERS = ("neighbours", "mine:quoting", "mine:failing", "mine:chained")


@pytest.mark.parametrize("reviewer", REVIEWERS)
def test_no_file_and_no_terminal_shows_a_text(secret: BuiltStore, tmp_path: Path, reviewer: str) -> None:
    """Whatever the reviewer answers, and whatever its exceptions say."""
    found = reviewed(tmp_path / "run", secret, f"--drift-reviewer={reviewer}", REDACT, "-v", "-rA")
    assert {path.name for path in found.folder.iterdir()} == FILES
    assert {path.name for path in found.reports.iterdir()} > {"history.sqlite3", "metrics.prom", "index.html"}
    assert (leaking_files(tmp_path / "run", OURS), leaked(found.text)) == ({}, [])


@pytest.mark.parametrize("name", sorted(OWN_CRITERIA))
def test_own_criterion_leaks_no_text(secret: BuiltStore, tmp_path: Path, name: str) -> None:
    """Even if its assertion, reason or output quotes the text."""
    own = write_criterion(tmp_path / "run" / "own", name, OWN_CRITERIA[name])
    found = reviewed(tmp_path / "run", secret, own, REDACT)
    assert name in {item["name"] for item in found.drift["criteria"]}
    assert (leaking_files(tmp_path / "run", OURS), leaked(found.text)) == ({}, [])


def test_broken_criterion_leaves_no_text_in_files(secret: BuiltStore, tmp_path: Path) -> None:
    """Its traceback is only shown on the terminal."""
    broken = "def test_broken(record):\n    raise RuntimeError(f'what is {record.text}')\n"
    own = write_criterion(tmp_path / "run" / "own", "broken", broken)
    found = reviewed(tmp_path / "run", secret, own, REDACT)
    assert (len(found.written), leaking_files(tmp_path / "run", OURS)) == (1, {})


@pytest.mark.slow
def test_workers_leak_no_text(secret: BuiltStore, tmp_path: Path) -> None:
    """With everything at once under `-n 2`."""
    own = [write_criterion(tmp_path / "run" / "own", name, checks) for name, checks in OWN_CRITERIA.items()]
    found = reviewed(tmp_path / "run", secret, *own, "--drift-reviewer=mine:quoting", REDACT, "-n", "2")
    assert len(found.written) == 1
    assert (leaking_files(tmp_path / "run", OURS), leaked(found.text)) == ({}, [])


def test_redacted_run_after_a_plain_one_leaks_no_text(secret: BuiltStore, tmp_path: Path) -> None:
    """Neither its folder nor the list, history and metrics of both; the setting may come from an ini file."""
    reviewed(tmp_path / "run", secret)
    (tmp_path / "run" / "pytest.ini").write_text("[pytest]\ndrift_redact = true\n", encoding="utf-8")
    found = reviewed(tmp_path / "run", secret)
    common = [path for path in found.reports.iterdir() if path.is_file()]
    leaks = {path.name: leaked(path.read_bytes().decode("utf-8", "replace")) for path in common}
    assert (leaking_files(found.folder), {name: places for name, places in leaks.items() if places}) == ({}, {})


def test_verdict_and_figures_stay(shown: Run, redacted: Run) -> None:
    """Exit code, agreement, criteria and disagreements are the same."""
    keys = ("verdict", "exit_code", "agreement", "disagreements")
    assert [redacted.drift[key] for key in keys] == [shown.drift[key] for key in keys]
    assert redacted.verdicts() == shown.verdicts()


def test_page_and_terminal_still_name_the_records(redacted: Run) -> None:
    """With ids, categories and confidences."""
    words = words_of(redacted.folder / "index.html")
    for item in redacted.drift["disagreements"]:
        assert f"{item['record_id']} {item['stored']} → {item['reviewed']}" in words
    assert "confidence 0.60 → 0.70" in words
    ids = [line.split()[0] for line in redacted.out.splitlines() if "→ regulatory" in line]
    assert ids == [str(item["record_id"]) for item in redacted.drift["disagreements"]]


def test_page_shows_the_texts_unredacted(shown: Run) -> None:
    """With both sets of reasons, and the neighbours' texts: so these tests can find a leak."""
    assert "index.html" in leaking_files(shown.folder)
    words = words_of(shown.folder / "index.html")
    for item in shown.drift["disagreements"]:
        text = secret_text(item["record_id"])
        wanted = (text, f"it says {text[:40]}", f"since {text[12:].strip()} means so", f"the words {text[:30]!r}")
        assert [part for part in (*wanted, f"since it says: {text}") if part not in words] == []
    disagreeing = {item["record_id"] for item in shown.drift["disagreements"]}
    assert [number for number in range(1, 121) if number not in disagreeing and secret_text(number) in words]
