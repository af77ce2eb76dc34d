"""What a review prints: a summary, no walls of tracebacks, and nothing that a stored text put there."""

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
# As many as the stores' vectors have dimensions.
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
    """The summary says verdict, store, sample, reviewer, criteria, where the report lies and the exit code."""
    assert review(*store.options).summary == snapshot


def test_summary_of_drift(review: Review, doubtful: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The summary of a CRITICAL run lists the disagreements."""
    assert review(*doubtful.options, *LOW_CONFIDENCE).summary == snapshot


def test_summary_of_a_warning(review: Review, doubtful: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The summary of a WARNING says what was wanted."""
    thresholds = ("--drift-warn=0.9", "--drift-critical=0.5")
    assert review(*doubtful.options, *LOW_CONFIDENCE, *thresholds).summary == snapshot


def test_summary_of_an_outage(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The summary of an INCONCLUSIVE run says why, and gives no rate."""
    without_vectors(store, list(range(1, 121)))
    assert review(*store.options, *SMALL, "-k", "test_agreement.py").summary == snapshot


def test_summary_of_damage(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The summary names the damaged records and what is wrong with them."""
    store.execute(f"update {NAME} set confidence = 7, timestamp = 'soon' where id = 4")
    store.execute(f"delete from {NAME} where id = 120")
    assert review(*store.options, "--drift-records=4,8").summary == snapshot


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuiltStore:
    """A store in which every category is hostile, in SQLite and in Chroma, and every record is damaged."""
    monkeypatch.setattr("tests.support.stores.CATEGORIES", HOSTILE)
    store = build_store(tmp_path / "hostile", count=24, disagreeing=range(1, 25, 3))
    store.execute(f"update {NAME} set confidence = 2, timestamp = category")
    return store


@pytest.mark.parametrize("options", [("-v",), ("-vv", "-ra"), ("-q", "--tb=long"), ("-rA", "-l"), ("--durations=3",)])
def test_hostile_categories_never_reach_the_terminal(
    review: Review, hostile: BuiltStore, options: tuple[str, ...]
) -> None:
    """Categories with control characters, in both stores, are made printable."""
    found = review(*hostile.options, *options)
    assert (UNPRINTABLE.findall(found.out), max(map(len, found.out.splitlines())) < 500) == ([], True)


@pytest.fixture
def hostile_ids(store: BuiltStore) -> BuiltStore:
    """A store whose few ids are hostile, in a table `notes`; every record is damaged."""
    other_schema(store, {name: name for name in ("id", "text", "category", "chroma_id", "confidence")})
    for number, text in enumerate(HOSTILE, start=1):
        store.execute("update notes set id = 'N' || ?, confidence = 3 where id = ?", text, number)
    store.execute("delete from notes where id not like 'N%'")
    return store


def test_hostile_ids_never_reach_the_terminal(review: Review, hostile_ids: BuiltStore) -> None:
    """Ids with control characters are made printable, in node ids too."""
    found = review(*hostile_ids.options, "--drift-table=notes", "-v", "-ra")
    assert UNPRINTABLE.findall(found.out) == []


def test_ids_of_any_length_fill_no_screen(review: Review, hostile_ids: BuiltStore) -> None:
    """An id of 10,000 characters is cut, in node ids too."""
    found = review(*hostile_ids.options, "--drift-table=notes", "-v", "-ra")
    assert [line[:80] for line in found.out.splitlines() if len(line) > 500] == []


def test_hostile_values_break_no_node_ids(review: Review, hostile: BuiltStore) -> None:
    """A node id is one word that can be given to pytest again."""
    names = [test["nodeid"].partition("::")[2] for test in review(*hostile.options).document["tests"]]
    assert [name for name in names if not re.fullmatch(r"test_\w+(\[[\w.]+[-=]?[^\s:\[\]/]*\])?", name)] == []


def test_hostile_node_id_runs_again(review: Review, hostile: BuiltStore) -> None:
    """The printed name of an item selects it."""
    item = "drift_checks/criteria/test_agreement.py::test_agreement[2-a_b_c_d-e_]"
    found = review.checkout(*hostile.options, item)
    assert len(found.document["tests"]) == 1


def test_long_ids_stand_whole_in_node_ids(review: Review, store: BuiltStore) -> None:
    """An id as long as a digest is the record's own in a node id, not one that others begin with too."""
    other_schema(store, {name: name for name in ("id", "text", "category", "chroma_id", "confidence")})
    long = "f" * 60
    store.execute("update notes set id = ? || substr('000' || id, -4)", long)
    document = review(*store.options, "--drift-table=notes", *SMALL, "-k", "integrity").document
    assert [test["nodeid"] for test in document["tests"] if f"[{long}0" not in test["nodeid"]] == []


@pytest.mark.parametrize("options", [(), ("-v",), ("-q",), ("--tb=long",), ("-rA",)])
def test_no_walls_of_tracebacks(review: Review, doubtful: BuiltStore, options: tuple[str, ...]) -> None:
    """Records that fail a criterion print no source and no traceback."""
    printed = review(*doubtful.options, "--drift-records=4,8,1", *options).text
    assert not re.search(r"Traceback|^>  |^E  |def test_", printed, re.MULTILINE)


@pytest.mark.parametrize("options", [("-q",), ("-qq",), ("-v",), ("--tb=no",)])
def test_summary_is_printed_at_every_verbosity(review: Review, store: BuiltStore, options: tuple[str, ...]) -> None:
    """Less or more of pytest's own output leaves the summary."""
    assert "OK · 4 of 4 agree" in review(*store.options, *SMALL, *options).out


def test_verbose_names_findings(review: Review, doubtful: BuiltStore) -> None:
    """With -v a record that disagrees is a finding, not a failure."""
    found = review(*doubtful.options, "--drift-records=4,1", "-v", "-k", "test_agreement.py")
    assert ("test_agreement[4-operational] FINDING" in found.out, "FAILED" in found.out) == (True, False)


def test_summary_begins_below_its_title(review: Review, store: BuiltStore) -> None:
    """The verdict is the first line of the summary."""
    assert review(*store.options, *SMALL, "-q").summary.splitlines()[1].startswith("OK · ")


def test_summary_begins_below_its_title_beside_progress(review: Review, store: BuiltStore) -> None:
    """The verdict is the first line of the summary at the default verbosity too."""
    assert review(*store.options, *SMALL).summary.splitlines()[1].startswith("OK · ")


def test_broken_criterion_shows_its_traceback(review: Review, store: BuiltStore) -> None:
    """A fault of a criterion's own is shown as pytest shows errors."""
    own = write_criterion(review.folder / "own", "broken", "def test_broken(record):\n    {}['missing']")
    assert "KeyError: 'missing'" in review(*store.options, *SMALL, own).out


def test_no_progress_bar_without_a_terminal(review: Review, store: BuiltStore) -> None:
    """A log file gets no progress bar."""
    assert "reviewing" not in review(*store.options, *SMALL).text


def test_progress_bar_on_a_terminal(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar counts the reviews, and is gone at the end."""
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
    """Return all that is written to a pseudo-terminal until its other end is closed."""
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
