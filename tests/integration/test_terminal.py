"""What a review prints: a summary without tracebacks, in which no stored text controls the terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_criteria import write_criterion
from tests.support.session_damage import other_schema, without_vectors
from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore, build_store

LOW_CONFIDENCE = ("--drift-sample-size=30", "--drift-low-confidence-share=1", "--drift-baseline=0")
# One per dimension of the stores' vectors.
HOSTILE = (
    "\x1b[2J\x1b[31mred \x1b]0;owned\x07",
    "one\ntwo\r\nthree\u2028four",
    "a[b]::c[d-e]",
    "x" * 10_000,
    "abc\u202edef\u2066ghi",
    "a\x00b\x9b31mc\x85d",
    "../../etc/passwd",
    "[bold red]loud[/bold red]",
)
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def test_summary_of_a_sound_store(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """It has the verdict, store, sample, reviewer, criteria, report and exit code."""
    assert review(*store.options).summary == snapshot


def test_summary_of_drift(review: Review, doubtful: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """It lists the disagreements."""
    assert review(*doubtful.options, *LOW_CONFIDENCE).summary == snapshot


def test_summary_of_a_warning(review: Review, doubtful: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """It names the missed threshold."""
    thresholds = ("--drift-warn=0.9", "--drift-critical=0.5")
    assert review(*doubtful.options, *LOW_CONFIDENCE, *thresholds).summary == snapshot


def test_summary_of_an_outage(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """It says why the run is INCONCLUSIVE, and gives no rate."""
    without_vectors(store, list(range(1, 120)))
    assert review(*store.options, *SMALL, "-k", "test_agreement.py").summary == snapshot


def test_summary_of_damage(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The headline names the criterion that decided, and the damaged records are listed."""
    store.execute(f"update {NAME} set confidence = 7, timestamp = 'soon' where id = 4")
    store.execute(f"delete from {NAME} where id = 120")
    assert review(*store.options, "--drift-records=4,8").summary == snapshot


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuiltStore:
    """A store with hostile categories in SQLite and Chroma, in which every record is damaged."""
    monkeypatch.setattr("tests.support.stores.CATEGORIES", HOSTILE)
    store = build_store(tmp_path / "hostile", count=24, disagreeing=range(1, 25, 3))
    store.execute(f"update {NAME} set confidence = 2, timestamp = category")
    return store


@pytest.mark.parametrize("options", [("-vv", "-ra"), ("-q", "--tb=long"), ("-rA", "-l")])
def test_hostile_categories_never_reach_the_terminal(
    review: Review, hostile: BuiltStore, options: tuple[str, ...]
) -> None:
    """They are made printable and cut."""
    found = review(*hostile.options, *options)
    assert (UNPRINTABLE.findall(found.out), max(map(len, found.out.splitlines())) < 500) == ([], True)


@pytest.fixture
def hostile_ids(store: BuiltStore) -> BuiltStore:
    """A store with a few hostile ids in a table `notes`, in which every record is damaged."""
    other_schema(store, {name: name for name in ("id", "text", "category", "chroma_id", "confidence")})
    for number, text in enumerate(HOSTILE, start=1):
        store.execute("update notes set id = 'N' || ?, confidence = 3 where id = ?", text, number)
    store.execute("delete from notes where id not like 'N%'")
    return store


def test_hostile_ids_never_reach_the_terminal(review: Review, hostile_ids: BuiltStore) -> None:
    """They are made printable and cut, in node ids too."""
    found = review(*hostile_ids.options, "--drift-table=notes", "-v", "-ra")
    assert (UNPRINTABLE.findall(found.out), max(map(len, found.out.splitlines())) < 500) == ([], True)


def test_hostile_values_break_no_node_ids(review: Review, hostile: BuiltStore) -> None:
    """A node id is one word that pytest accepts again."""
    names = [test["nodeid"].partition("::")[2] for test in review(*hostile.options).document["tests"]]
    assert [name for name in names if not re.fullmatch(r"test_\w+(\[[\w.]+[-=]?[^\s:\[\]/]*\])?", name)] == []


def test_hostile_node_id_runs_again(review: Review, hostile: BuiltStore) -> None:
    """The printed name of an item selects it."""
    item = "drift_checks/criteria/test_agreement.py::test_agreement[2-a_b_c_d-e_]"
    found = review.checkout(*hostile.options, item)
    assert len(found.document["tests"]) == 1


def test_long_ids_are_complete_in_node_ids(review: Review, store: BuiltStore) -> None:
    """An id as long as a digest is not cut, so that it stays unique."""
    other_schema(store, {name: name for name in ("id", "text", "category", "chroma_id", "confidence")})
    long = "f" * 60
    store.execute("update notes set id = ? || substr('000' || id, -4)", long)
    document = review(*store.options, "--drift-table=notes", *SMALL, "-k", "integrity").document
    assert [test["nodeid"] for test in document["tests"] if f"[{long}0" not in test["nodeid"]] == []


@pytest.mark.parametrize("options", [(), ("-v",), ("--tb=long", "-rA")])
def test_no_walls_of_tracebacks(review: Review, doubtful: BuiltStore, options: tuple[str, ...]) -> None:
    """Records that fail a criterion print no source and no traceback."""
    printed = review(*doubtful.options, "--drift-records=4,8,1", *options).text
    assert not re.search(r"Traceback|^>  |^E  |def test_", printed, re.MULTILINE)


@pytest.mark.parametrize("options", [(), ("-qq",), ("-v",), ("--tb=no",)])
def test_the_verdict_is_the_first_line_of_the_summary(
    review: Review, store: BuiltStore, options: tuple[str, ...]
) -> None:
    """At every verbosity."""
    lines = review(*store.options, *SMALL, *options).summary.splitlines()
    assert lines[1].startswith("OK · an estimated ")
    assert " of the whole store agree" in lines[1]


def test_verbose_names_findings(review: Review, doubtful: BuiltStore) -> None:
    """With -v a disagreement is a finding; what failed is the criterion."""
    found = review(*doubtful.options, "--drift-records=4,1", "-v", "-k", "test_agreement.py")
    named = [name in found.out for name in ("[4-operational] FINDING", "[4-operational] FAILED", "::agreement FAILED")]
    assert named == [True, False, True]


def test_broken_criterion_shows_its_traceback(review: Review, store: BuiltStore) -> None:
    """A bug in a criterion is shown as pytest shows errors."""
    own = write_criterion(review.folder / "own", "broken", "def test_broken(record):\n    {}['missing']")
    found = review(*store.options, *SMALL, own)
    # Without a terminal there is no progress bar either.
    assert ("KeyError: 'missing'" in found.out, "reviewing" in found.text) == (True, False)


def test_progress_bar_on_a_terminal(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts the reviews and is gone at the end."""
    monkeypatch.setenv("TERM", "xterm")
    command = [sys.executable, "-m", "pytest", "--pyargs", "drift_checks", *store.options, *SMALL]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        printed = read_all(ours)
        process.wait()
    bar = printed.index("reviewing")
    assert (process.returncode, "\x1b[2K" in printed[bar:]) == (0, True)


def read_all(descriptor: int) -> str:
    """Return what is written to a pseudo-terminal until its other end is closed."""
    printed = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            part = b""
        if not part:
            os.close(descriptor)
            return printed.decode("utf-8", errors="replace")
        printed += part
